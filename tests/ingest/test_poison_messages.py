"""Messages and jobs that would break ingest for everybody: each is set aside, counted and named; the rest goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_agent.wire import Metric, Payload, decode_payload, encode_payload, pack_strings
from edge_agent.wire.sparkplug_pb2 import Payload as PayloadMessage
from ingest.decode.birth import parse_birth
from ingest.decode.bounds import MAX_INTERVAL_S
from ingest.errors import BirthError
from ingest.jobs.schedule_push import ScheduleJob
from ingest.metrics import Metrics
from ingest.model.block import slice_batch
from ingest.pipeline.isolation import IsolatedJudge, build_columns
from ingest.pipeline.job_guard import JobGuard
from ingest.readiness import Readiness
from ingest.schema.city import read_city
from ingest.sparkplug.dead_letters import DeadLetters
from tests.ingest.city_stand import write_city
from tests.ingest.name_stand import AT_MS, LAMPS, NAME, NameStand
from tests.ingest.seeded_blocks import town

BIRTH = f"spBv1.0/terang/NBIRTH/{NAME}"
DATA = f"spBv1.0/terang/NDATA/{NAME}"
ALIAS = {"Outbox/Epoch": 2, "Outbox/Sequence": 3, "Outbox/Pending": 4, "Sweep/Interval": 5}  # in the order of ``birth``


def birth(**changed: Any) -> bytes:
    values: dict[str, Any] = {
        "bdSeq": 0,
        "Outbox/Epoch": 7,
        "Outbox/Sequence": 0,
        "Outbox/Pending": 0,
        "Sweep/Interval": 60,
        "Agent/Version": "1.0",
        "Lamps/Id": pack_strings(LAMPS),
        **changed,
    }
    message = PayloadMessage(timestamp=AT_MS, seq=0)
    for alias, (name, value) in enumerate(values.items(), 1):
        metric = message.metrics.add(name=name, alias=alias)
        if isinstance(value, bytes):
            metric.bytes_value = value
        elif isinstance(value, str):
            metric.string_value = value
        else:
            metric.long_value = value
    return message.SerializeToString()


def data(sequence: int, *, is_historical: bool = False, **changed: int) -> bytes:
    values = {"Outbox/Epoch": 7, "Outbox/Sequence": sequence, "Outbox/Pending": 1, **changed}
    metrics = tuple(
        Metric(value, alias=ALIAS[name], datatype=8, timestamp_ms=AT_MS + sequence % 1000, is_historical=is_historical)
        for name, value in values.items()
    )
    return encode_payload(Payload(AT_MS, sequence % 256, metrics))


REFUSED_BIRTHS: dict[str, dict[str, Any]] = {
    "a sequence of 64 bits": {"Outbox/Sequence": 1 << 63},
    "a pending of 64 bits": {"Outbox/Pending": (1 << 64) - 1},
    "a lamp id of 200 characters": {"Lamps/Id": pack_strings(("x" * 200,))},
    "a control character in a lamp id": {"Lamps/Id": pack_strings(("L-1\x1b[2J",))},
    "a lamp id that is not UTF-8": {"Lamps/Id": b"L-\xed\xa0\x80\0"},
    "a control character in a circuit id": {"Circuits/Id": pack_strings(("1\n",))},
    "70,000 lamps": {"Lamps/Id": b"x\0" * 70_000},
}


@pytest.mark.parametrize("name", REFUSED_BIRTHS)
def test_a_birth_beyond_a_limit_is_refused_and_leaves_nothing_behind(name: str) -> None:
    directory = town(1, len(LAMPS))
    before = len(directory.lamps), len(directory.circuit_names), len(directory.controllers)
    with pytest.raises(BirthError):
        parse_birth("PJU-stranger", birth(**REFUSED_BIRTHS[name]), directory)
    assert (len(directory.lamps), len(directory.circuit_names), len(directory.controllers)) == before


def test_a_birth_with_a_metric_twice_or_two_metrics_of_one_alias_is_refused() -> None:
    for double in ({"name": "Outbox/Epoch", "alias": 99}, {"name": "Lamps/Power", "alias": 1}):
        message = PayloadMessage.FromString(birth(**{"Lamps/Voltage": b""}))
        message.metrics[0].name = "Lamps/Current"
        message.metrics.add(**double)
        with pytest.raises(BirthError):
            parse_birth(NAME, message.SerializeToString(), town(1, len(LAMPS)))


@pytest.mark.parametrize("interval_s", [1 << 63, (1 << 64) - 1, 1 << 31, MAX_INTERVAL_S + 1])
def test_an_interval_that_cannot_be_is_none(tmp_path: Path, interval_s: int) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth(**{"Sweep/Interval": interval_s}))], AT_MS * 1000)
    session = stand.host.sessions[NAME]
    assert session.interval_s == 0
    stand.host.receive([(DATA, data(1, **{"Sweep/Interval": 60}))], AT_MS * 1000)
    stand.host.receive([(DATA, data(2, **{"Sweep/Interval": interval_s}))], AT_MS * 1000)
    assert session.interval_s == 60
    many = [(DATA, data(n, **{"Sweep/Interval": interval_s})) for n in range(100, 120)]  # read together
    stand.host.receive(many, AT_MS * 1000)
    assert session.interval_s == 60


@pytest.mark.parametrize("text", ["1.0\0", "\x1b[2J1.0", "9" * 1_000_000, "1\n2"])
def test_a_version_is_a_short_text_without_control_characters(text: str) -> None:
    version = parse_birth(NAME, birth(**{"Agent/Version": text}), town(1, 8)).agent_version
    assert version is not None
    assert len(version) <= 64
    assert version.isprintable()


def test_a_version_that_is_not_utf_8_is_none() -> None:
    broken = birth(**{"Agent/Version": "1.0#"}).replace(b"1.0#", b"1.0\xff")
    try:
        assert parse_birth(NAME, broken, town(1, 8)).agent_version is None
    except BirthError:
        return  # which of the two is the protobuf library's choice


def test_a_payload_of_a_million_metrics_is_refused_unparsed(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth() + b"\x12\x00" * 1_000_000)], AT_MS * 1000)
    assert NAME not in stand.host.sessions
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    stand.host.receive([(DATA, data(1) + b"\x12\x00" * 1_000_000)], AT_MS * 1000)
    assert stand.complaints("size") == 1


@pytest.mark.parametrize("first", [1 << 63, (1 << 64) - 20])
def test_a_number_beyond_its_range_is_refused_one_by_one_and_together(tmp_path: Path, first: int) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    for count in (1, 20):
        intake = stand.host.receive([(DATA, data(first + i)) for i in range(count)], AT_MS * 1000)
        assert intake.n_records == 0
    assert stand.complaints("number") == 21
    assert stand.host.receive([(DATA, data(1))], AT_MS * 1000).n_records == 1


@pytest.mark.parametrize("node", ["x" * 200, "PJU\x01", "\x7f"])
def test_a_name_that_can_be_no_id_is_not_remembered(tmp_path: Path, node: str) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(f"spBv1.0/terang/{kind}/{node}", birth()) for kind in ("NBIRTH", "NDATA")], AT_MS * 1000)
    assert not stand.host.sessions
    assert not stand.host.commands.outgoing({})
    assert stand.complaints("topic") == 2


def test_a_message_that_breaks_ingest_is_set_aside_and_the_others_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    real = stand.host._take

    def take(session: Any, record: Any, payload: bytes, intake: Any) -> bool:
        if record.sequence == 2:
            raise RecursionError("as deep as it goes")
        return real(session, record, payload, intake)

    monkeypatch.setattr(stand.host, "_take", take)
    intake = stand.host.receive([(DATA, data(n)) for n in (1, 2, 3)], AT_MS * 1000)
    assert [record.sequence for batch in intake.rounds for record in batch] == [1, 3]
    assert stand.complaints("broke_down") == 1


def test_a_record_that_has_no_columns_is_set_aside_and_the_others_are_built(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    intake = stand.host.receive([(DATA, data(n)) for n in (1, 2, 3)], AT_MS * 1000)
    intake.rounds[1][0] = intake.rounds[1][0]._replace(at_us=1 << 70)
    dead_letters = DeadLetters(tmp_path)
    tick = build_columns(intake, stand.host, stand.host.complaints, dead_letters)
    assert tick.block.batch.sequence.tolist() == [1, 3]
    assert intake.n_records == 2
    (line,) = dead_letters.take()
    assert NAME in json.loads(line)["text"]


class PoisonedJudge:
    """Detection that cannot stand the records with some numbers."""

    def __init__(self, poison: set[int]) -> None:
        self.poison = poison
        self.judged: list[int] = []

    def judge(self, batch: Any, _now_us: int) -> list[Any]:
        numbers = batch.sequence.tolist()
        if self.poison & set(numbers):
            raise OverflowError("int too large")
        self.judged += numbers
        return []

    def tick(self, _now_us: int) -> list[Any]:
        raise ZeroDivisionError


def test_a_record_that_cannot_be_judged_keeps_none_of_the_others_from_it(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    intake = stand.host.receive([(DATA, data(n)) for n in range(1, 9)], AT_MS * 1000)
    batch = build_columns(intake, stand.host, stand.host.complaints, DeadLetters(tmp_path)).block.batch
    inner = PoisonedJudge({3, 7})
    judge = IsolatedJudge(inner, stand.host, stand.host.complaints)  # type: ignore[arg-type]  # only what is called
    judge.judge(slice_batch(batch, 0, 8), 0)
    judge.tick(0)
    assert inner.judged == [1, 2, 4, 5, 6, 8]
    assert stand.complaints("unjudged") == 3


class Failing:
    def __init__(self, error: Exception | None) -> None:
        self.error, self.n_runs = error, 0

    def run(self, _now_us: int) -> None:
        self.n_runs += 1
        if self.error is not None:
            raise self.error


class Working(Failing):
    pass


@pytest.mark.parametrize("error", [OverflowError("too large"), RecursionError(), MemoryError(), KeyError("x")])
def test_a_job_that_raises_is_counted_named_and_tried_again_and_the_others_run(error: Exception) -> None:
    metrics, readiness, now = Metrics(), Readiness(), [0.0]
    guard = JobGuard(metrics, readiness, lambda: now[0])
    failing, working = Failing(error), Working(None)
    for _ in range(100):
        now[0] += 0.1
        guard.run([failing, working], 1)
    assert working.n_runs == 100
    assert 2 <= failing.n_runs <= 6  # it waits longer and longer
    count = metrics.registry.get_sample_value("terang_ingest_job_errors_total", {"job": "Failing"})
    assert count == failing.n_runs
    assert type(error).__name__ in str(readiness.warnings()["job Failing"])
    failing.error, now[0] = None, 1000.0
    guard.run([failing, working], 1)
    assert not readiness.warnings()


def test_one_agents_schedule_cannot_use_up_the_versions(tmp_path: Path) -> None:
    city = read_city(write_city(tmp_path / "city", n_controllers=1, n_lamps=8, broker_port=1), {})
    city.data_folder.mkdir(parents=True, exist_ok=True)
    stand = NameStand(tmp_path)
    job = ScheduleJob(city, stand.host)
    for version in ((1 << 31) - 1, (1 << 31) - 2, 1_000_000_000):
        held = json.dumps({"version": version, "timezone": "UTC", "on": "sunset", "off": "sunrise", "dim": []})
        stand.host.receive([(BIRTH, birth(**{"Schedule/Document": held}))], AT_MS * 1000)
        job.run(0)
    nested = "[" * 30_000
    stand.host.receive([(BIRTH, birth(**{"Schedule/Document": nested}))], AT_MS * 1000)
    job.run(0)
    sent = [decode_payload(payload) for _, payload in stand.host.commands.outgoing(stand.host.sessions)]
    versions = [
        json.loads(str(metric.value))["version"]
        for payload in sent
        for metric in payload.metrics
        if metric.name == "Schedule/Document"
    ]
    assert versions == [1, 1, 1, 1]
    assert stand.complaints("schedule") == 3
