# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Schedules and commands signed by the city and checked by the agent: what passes, and what does not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_pki.order_keys import OrderSigner
from edge_agent.clock import Trust
from edge_agent.control.command import Command
from edge_agent.control.order_gate import MAX_AGE_MS
from edge_agent.wire import DataType, Metric, Payload, WireError, encode_payload
from edge_agent.wire.signed_order import order_bytes, parse_rotation, parse_signature
from ingest.metrics import Metrics
from ingest.sparkplug.command_queue import CommandQueue
from tests.city_pki.order_stand import NOW_MS, SCHEDULE, Stand, refused, stand  # noqa: F401
from tests.edge_agent.played_session import Played


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
