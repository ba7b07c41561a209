"""Schedules and commands signed by the city and checked by the agent: what passes, what does not, and the ways back."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_pki.errors import PkiError
from city_pki.order_keys import OrderSigner, create_keys, read_public, rotate_keys
from edge_agent.clock import Trust
from edge_agent.control.command import BadCommand, Command, parse_command
from edge_agent.control.order_gate import MAX_AGE_MS, OrderGate
from edge_agent.settings import KeysConfig
from edge_agent.wire import DataType, Metric, Payload, WireError, encode_payload
from edge_agent.wire.signed_order import order_bytes, parse_rotation, parse_signature
from ingest.metrics import Metrics
from ingest.sparkplug.command_queue import CommandQueue
from tests.edge_agent.played_session import Played

NOW_MS = 1_795_000_000_000
SCHEDULE = json.dumps({"version": 1, "timezone": "Asia/Jakarta", "on": "sunset", "off": "sunrise"})
LEVELS = bytes([0] * 4)


class Stand:
    """A city that signs and one controller that checks."""

    def __init__(self, folder: Path, *, group: str = "terang", controller: str = "A", is_signing: bool = True) -> None:
        self.group = group
        self.now_ms = NOW_MS
        self.trust = Trust.SYNCHRONISED
        self.folder, self.recovery = folder / "pki", folder / "stick" / "recovery.key"
        self.recovery.parent.mkdir(parents=True)
        self.keys = create_keys(self.folder, self.recovery)
        self.controller = controller
        self.host_ms = 0
        self.queue = CommandQueue(group, Metrics(), monotonic=lambda: 0.0, wall_ms=lambda: self.now_ms + self.host_ms)
        if is_signing:
            self.sign_anew()
        self.keys_file = folder / "outbox.db.keys.json"
        self.start()

    def sign_anew(self) -> None:
        counter = self.folder.parent / "order_counter"
        self.queue.signer = OrderSigner(self.folder / "orders.key", counter, lambda: self.now_ms + self.host_ms)

    def start(self, keys: KeysConfig | None = None) -> None:
        pinned = keys or KeysConfig(self.keys.working, self.keys.recovery)
        self.gate = OrderGate(
            pinned, self.group, self.controller, self.keys_file, lambda: self.now_ms, lambda: self.trust
        )

    def schedule(self, node: str = "A", text: str = SCHEDULE) -> Command:
        return self._sent(node, Metric(text, name="Schedule/Document", datatype=DataType.STRING))

    def dim(self, node: str = "A", levels: bytes = LEVELS, until_ms: int = NOW_MS + 3_600_000) -> Command:
        metrics = (
            Metric(levels, name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY),
            Metric(until_ms, name="Lamps/Dim Until", datatype=DataType.DATE_TIME),
        )
        return self._sent(node, *metrics)

    def rotation(self) -> Command:
        text = str(read_public(self.folder).rotation)
        return self._sent("A", Metric(text, name="Keys/Rotation", datatype=DataType.STRING))

    def _sent(self, node: str, *metrics: Metric) -> Command:
        self.queue.add(node, metrics)
        [(_, payload)] = self.queue.outgoing(())
        return parse_command(payload, 4)


@pytest.fixture
def stand(tmp_path):
    return Stand(tmp_path)


def refused(stand: Stand, command: Command, reason: str) -> None:
    with pytest.raises(BadCommand, match=reason):
        stand.gate.admit(command)


@pytest.mark.parametrize("kind", ["schedule", "dim"])
def test_an_order_of_the_city_passes_once(stand: Stand, kind: str) -> None:
    order = getattr(stand, kind)()
    stand.gate.admit(order)
    refused(stand, order, "again")
    stand.gate.admit(getattr(stand, kind)())
    refused(stand, order, "again")


@pytest.mark.parametrize("kind", ["schedule", "dim"])
def test_an_unsigned_order_is_refused(tmp_path, kind: str) -> None:
    stand = Stand(tmp_path, is_signing=False)
    refused(stand, getattr(stand, kind)(), "not signed")


def test_what_is_no_order_needs_no_signature(tmp_path) -> None:
    stand = Stand(tmp_path, is_signing=False)
    stand.gate.admit(Command(wants_rebirth=True, acknowledged=(1, 2)))


@pytest.mark.parametrize("kind", ["schedule", "dim"])
def test_an_order_to_another_controller_or_group_is_refused(tmp_path, kind: str) -> None:
    stand = Stand(tmp_path)
    refused(stand, getattr(stand, kind)("B"), "not of this order to this controller")
    stand.queue._group = "other"
    refused(stand, getattr(stand, kind)("A"), "not of this order to this controller")


def test_a_changed_order_is_refused(stand: Stand) -> None:
    refused(stand, replace(stand.schedule(), schedule=SCHEDULE + " "), "not of this order")
    command = stand.dim()
    assert command.dim_bytes is not None
    for position in range(len(command.dim_bytes)):
        changed = bytearray(command.dim_bytes)
        changed[position] ^= 1
        refused(stand, replace(command, dim_bytes=bytes(changed)), "not of this order")
    stand.gate.admit(command)


def test_a_schedules_signature_is_no_commands(stand: Stand) -> None:
    schedule, dim = stand.schedule(), stand.dim()
    refused(stand, replace(dim, command_signature=schedule.schedule_signature), "not of this order")
    forged = replace(dim, command_signature=None, schedule_signature=schedule.schedule_signature)
    refused(stand, forged, "not signed")


def test_one_bad_order_refuses_the_whole_command_and_uses_no_number(stand: Stand) -> None:
    schedule, dim = stand.schedule(), stand.dim()
    both = replace(dim, schedule=schedule.schedule, schedule_signature=schedule.schedule_signature)
    refused(stand, replace(both, command_signature=None), "not signed")
    stand.gate.admit(both)


@pytest.mark.parametrize("part", range(5))
def test_a_signature_with_another_part_is_refused(stand: Stand, part: int) -> None:
    command, other = stand.schedule(), stand.schedule()
    assert command.schedule_signature is not None
    assert other.schedule_signature is not None
    parts = command.schedule_signature.split(".")
    parts[part] = {0: "v2", 1: "00000000", 2: str(int(parts[2]) + 9), 3: str(int(parts[3]) + 9)}.get(
        part, other.schedule_signature.split(".")[4]
    )
    refused(stand, replace(command, schedule_signature=".".join(parts)), "signature|signed with")


@settings(max_examples=200)
@given(
    st.one_of(
        st.text(max_size=300), st.from_regex(r"v1\.[0-9a-f]{8}\.\d{1,20}\.\d{1,20}\.[\w-]{80,90}", fullmatch=True)
    )
)
def test_any_text_is_a_signature_of_one_spelling_or_refused(text: str) -> None:
    for parse in (parse_signature, parse_rotation):
        with suppress(WireError):
            assert str(parse(text)) == text


def test_no_two_orders_have_the_same_bytes() -> None:
    assert order_bytes("schedule", "a", "b", 1, 2, b"") != order_bytes("schedule", "ab", "", 1, 2, b"")
    assert order_bytes("schedule", "a", "b", 1, 23, b"") != order_bytes("schedule", "a", "b", 12, 3, b"")
    assert order_bytes("schedule", "a", "b", 1, 2, b"3") != order_bytes("schedule", "a", "b", 1, 23, b"")


def test_a_restart_does_not_let_an_old_order_pass(stand: Stand) -> None:
    order = stand.dim()
    stand.gate.admit(order)
    stand.start()
    refused(stand, order, "again")
    stand.gate.admit(stand.dim())


@pytest.mark.parametrize("shift_ms", [-MAX_AGE_MS - 1, MAX_AGE_MS + 1])
def test_an_order_held_back_is_refused_where_the_clock_is_to_be_trusted_and_only_there(
    stand: Stand, shift_ms: int
) -> None:
    order = stand.dim()
    stand.now_ms += shift_ms
    refused(stand, order, "by this controller's clock")
    for trust in (Trust.GUESS, Trust.KEPT):
        stand.trust = trust
        stand.gate.admit(order if trust is Trust.GUESS else stand.dim())
        refused(stand, order, "again")


def test_the_counter_grows_over_restarts_a_lost_file_and_a_clock_that_goes_back(stand: Stand) -> None:
    counters = []

    def take() -> None:
        signature = parse_signature(stand.dim().command_signature)
        counters.append(signature.counter)

    take()
    stand.sign_anew()
    take()
    stand.host_ms = -86_400_000
    stand.sign_anew()
    take()
    stand.host_ms = 60_000
    (stand.folder.parent / "order_counter").unlink()
    stand.sign_anew()
    take()
    assert counters == sorted(set(counters))


def test_a_counter_that_cannot_be_kept_still_signs_and_says_so(stand: Stand) -> None:
    counter = stand.folder.parent / "order_counter"
    counter.mkdir()
    stand.sign_anew()
    stand.gate.admit(stand.dim())
    stand.gate.admit(stand.dim())
    assert isinstance(stand.queue.signer, OrderSigner)
    assert str(counter) in (stand.queue.signer.trouble or "")


def test_a_new_working_key_comes_in_by_the_recovery_key_alone(stand: Stand) -> None:
    stand.gate.admit(stand.dim())
    old_signer = stand.queue.signer
    rotate_keys(stand.folder, stand.recovery, "terang")
    stand.sign_anew()
    refused(stand, stand.dim(), "signed with key")
    stand.gate.admit(stand.rotation())
    stand.gate.admit(stand.rotation())  # it comes with every birth
    stand.gate.admit(stand.dim())
    stand.start()
    stand.gate.admit(stand.dim())
    stand.queue.signer = old_signer
    refused(stand, stand.dim(), "signed with key")


def test_an_older_change_of_key_does_not_come_back(stand: Stand) -> None:
    rotate_keys(stand.folder, stand.recovery, "terang")
    first = stand.rotation()
    keys = rotate_keys(stand.folder, stand.recovery, "terang")
    assert keys.rotation is not None
    stand.gate.admit(stand.rotation())
    in_force = stand.gate.key_id
    stand.gate.admit(first)
    assert stand.gate.key_id == in_force
    stand.keys_file.unlink()
    stand.start(KeysConfig(keys.working, keys.recovery, keys.rotation.number))
    stand.gate.admit(first)
    assert stand.gate.key_id == in_force, "also for a controller that was made after it"


def test_a_change_of_key_that_the_recovery_key_did_not_sign_is_refused(stand: Stand, tmp_path) -> None:
    other = Stand(tmp_path / "other")
    rotate_keys(other.folder, other.recovery, "terang")
    refused(stand, other.rotation(), "not signed with the recovery key")
    rotate_keys(stand.folder, stand.recovery, "elsewhere")
    refused(stand, stand.rotation(), "not signed with the recovery key")


def test_a_lost_working_key_has_a_way_back(stand: Stand) -> None:
    (stand.folder / "orders.key").unlink()
    rotate_keys(stand.folder, stand.recovery, "terang")
    stand.sign_anew()
    stand.gate.admit(stand.rotation())
    stand.gate.admit(stand.dim())


def test_another_citys_recovery_key_replaces_nothing(stand: Stand, tmp_path) -> None:
    other = Stand(tmp_path / "other")
    with pytest.raises(PkiError, match="not this city's recovery key"):
        rotate_keys(stand.folder, other.recovery, "terang")


def test_other_keys_in_the_file_are_in_force_at_once(stand: Stand, tmp_path) -> None:
    stand.gate.admit(stand.dim())
    other = Stand(tmp_path / "other")
    stand.start(KeysConfig(other.keys.working, other.keys.recovery))
    refused(stand, stand.dim(), "signed with key")
    stand.gate.admit(other.dim())


@pytest.mark.parametrize(
    "contents",
    [b"", b"{}", b"[" * 5000, b'{"pinned": [1, 2, 3]}', bytes(range(100, 200))],
    ids=["empty", "nothing", "nested", "odd", "bytes"],
)
def test_a_spoilt_card_falls_back_to_the_pinned_keys(stand: Stand, contents: bytes) -> None:
    stand.keys_file.write_bytes(contents)
    stand.start()
    stand.gate.admit(stand.dim())


def test_a_card_that_takes_nothing_leaves_the_street_its_orders(stand: Stand) -> None:
    stand.keys_file.with_name(stand.keys_file.name + ".new").mkdir()
    order = stand.dim()
    stand.gate.admit(order)
    refused(stand, order, "again")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_does_not_sign(stand: Stand, mode: int) -> None:
    key = stand.folder / "orders.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(mode)
    with pytest.raises(PkiError, match="chmod 600") as reported:
        stand.sign_anew()
    assert key.read_text().strip() not in str(reported.value)


def test_keys_are_never_overwritten(stand: Stand) -> None:
    with pytest.raises(PkiError, match="is there already"):
        create_keys(stand.folder, stand.recovery.with_name("another"))


def test_a_city_without_keys_sends_what_it_always_sent(tmp_path) -> None:
    queue = CommandQueue("terang", Metrics(), monotonic=lambda: 0.0, wall_ms=lambda: NOW_MS)
    metric = Metric(SCHEDULE, name="Schedule/Document", datatype=DataType.STRING)
    queue.add("A", (metric,))
    assert queue.outgoing(()) == [("spBv1.0/terang/NCMD/A", encode_payload(Payload(NOW_MS, None, (metric,))))]


@pytest.mark.parametrize("is_signing", [True, False])
def test_a_session_obeys_signed_orders_alone_and_counts_the_others(tmp_path, is_signing: bool) -> None:
    stand = Stand(tmp_path, is_signing=is_signing, group="g", controller="n")
    played = Played(tmp_path)
    played.session._gate = stand.gate
    played.connect()
    for name, value, kind in (
        ("Schedule/Document", SCHEDULE, DataType.STRING),
        ("Lamps/Dim Command", bytes([255] * 4), DataType.UINT8_ARRAY),
    ):
        stand.queue.add("n", (Metric(value, name=name, datatype=kind),))
        [(_, payload)] = stand.queue.outgoing(())
        for _ in range(2):
            played.session.received("spBv1.0/g/NCMD/n", payload, played.now_s)
    assert played.ears.document == (SCHEDULE if is_signing else None)
    assert len(played.ears.dims) == int(is_signing)
    assert played.session.n_refused == (2 if is_signing else 4)
    stand.queue.ask_rebirth("n")
    [(_, payload)] = stand.queue.outgoing(())
    n_refused = played.session.n_refused
    played.session.received("spBv1.0/g/NCMD/n", payload, played.now_s)
    assert played.session.n_refused == n_refused, "asking for a birth needs no signature"
