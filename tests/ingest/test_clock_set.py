"""The server's clock is set forward or back while ingest runs: nothing is lost, nothing opens or stays open for it."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from edge_agent.wire import Metric, Payload, encode_payload
from ingest.detection.cabinet.offline import Presence
from ingest.detection.memory.limit_table import LimitTable
from ingest.faultbook.rules import EVIDENCE_INTERVAL_US
from ingest.metrics import Metrics
from ingest.model.finding import Cleared, Key, Place, Raised
from ingest.pipeline.clock import DataClock, WallClock
from ingest.pipeline.clock_steps import ClockSteps
from ingest.telemetry.compaction import Compaction, Policy
from tests.ingest.name_stand import AT_MS, NameStand
from tests.ingest.test_faultbook import HOUR, MINUTE, T0, BookFixture
from tests.ingest.test_poison_messages import ALIAS, BIRTH, DATA, birth

KEY = Key("lampFailure", Place(lamp_id="L-1"))
STEPS_US = [8 * HOUR, -8 * HOUR, -2 * MINUTE]


def raised(at_us):
    return Raised(KEY, at_us, at_us - 10 * MINUTE, ("L-1",), {"power_w": 0.4})


@pytest.fixture
def fixture(tmp_path):
    return BookFixture(f"sqlite:///{tmp_path / 'terang.db'}")


@pytest.mark.parametrize("back_us", [8 * HOUR, 2 * MINUTE, 3 * 24 * HOUR])
def test_a_fault_is_cleared_although_the_clock_was_set_back_since_it_was_raised(fixture, back_us):
    fixture.book.apply([raised(T0)], T0)
    now_us = T0 - back_us + MINUTE
    fixture.book.apply([Cleared(KEY, now_us, is_proof=True)], now_us)
    assert fixture.row().state == "closed"
    assert fixture.row().opened_at_us <= fixture.row().closed_at_us == now_us


def test_a_closed_fault_opens_again_although_the_clock_was_set_back(fixture):
    fixture.book.apply([raised(T0)], T0)
    fixture.book.apply([Cleared(KEY, T0 + MINUTE, is_proof=True)], T0 + MINUTE)
    now_us = T0 - 8 * HOUR
    fixture.book.apply([raised(now_us)], now_us)
    assert fixture.row().state == "open"
    assert fixture.row().opened_at_us <= now_us


def test_what_is_said_again_after_a_restart_still_changes_nothing(fixture):
    fixture.book.apply([raised(T0)], T0)
    fixture.book.apply([Cleared(KEY, T0 + MINUTE, is_proof=True)], T0 + MINUTE)
    fixture.open_book(T0 + 2 * MINUTE)
    fixture.book.apply([raised(T0)], T0 + 2 * MINUTE)
    assert fixture.row().state == "closed"


def test_no_open_fault_stays_in_the_future(fixture):
    fixture.book.apply([raised(T0)], T0)
    now_us = T0 - 8 * HOUR
    assert fixture.book.set_back(now_us) == 1
    assert fixture.row().opened_at_us == fixture.row().updated_at_us == now_us
    assert fixture.kinds() == ["opened", "changed"]
    assert fixture.book.set_back(now_us) == 0
    later_us = now_us + EVIDENCE_INTERVAL_US
    fixture.book.apply([Cleared(KEY, later_us, is_proof=True)], later_us)
    assert fixture.row().state == "closed"


@pytest.mark.parametrize("step_us", STEPS_US)
def test_a_step_of_the_clock_makes_nobody_offline_and_silence_is_still_noticed(step_us):
    presence, everyone, interval_s = (
        Presence(2, LimitTable(city_of().parsed_limits())),
        np.arange(2),
        np.array([60, 60]),
    )
    presence.listen(T0 - HOUR)
    presence.hear(everyone, everyone, T0)
    now_us = T0 + step_us
    presence.listen(now_us)
    assert presence.tick(now_us, interval_s).tolist() == []
    presence.hear(everyone[:1], everyone[:1], now_us + 5 * MINUTE)
    assert presence.tick(now_us + 6 * MINUTE, interval_s).tolist() == [1]


@pytest.mark.parametrize("step_us", STEPS_US)
def test_a_step_of_the_systems_clock_is_noticed_once(step_us):
    time_us, monotonic_s = [T0], [100.0]
    steps = ClockSteps(WallClock(lambda: time_us[0]), lambda: monotonic_s[0])
    noticed = []
    for turn in range(6):
        time_us[0] += 1_000_000 + (step_us if turn == 3 else 0)
        monotonic_s[0] += 1.0
        noticed.append(steps.look())
    assert noticed == [False, False, False, True, False, False]


def test_the_time_of_a_recording_may_step():
    assert not ClockSteps(DataClock(3), lambda: 0.0).look()


def record(sequence, at_ms):
    numbers = {"Outbox/Epoch": 7, "Outbox/Sequence": sequence, "Outbox/Pending": 1}
    metrics = [Metric(value, alias=ALIAS[name], datatype=8, timestamp_ms=at_ms) for name, value in numbers.items()]
    return encode_payload(Payload(at_ms, sequence % 256, tuple(metrics)))


@pytest.mark.parametrize(
    "wrong_us",
    [0, 946_684_800_000_000, AT_MS * 1000 - 2 * 24 * HOUR, AT_MS * 1000 - 8 * HOUR, AT_MS * 1000 + 8 * HOUR],
    ids=["1970", "2000", "two days ago", "eight hours ago", "in eight hours"],
)
def test_no_record_is_refused_for_a_clock_of_the_servers_own_that_was_set(tmp_path, wrong_us):
    stand = NameStand(tmp_path)
    stored = []
    for sequence, now_us in enumerate([AT_MS * 1000, wrong_us, wrong_us + MINUTE, AT_MS * 1000 + MINUTE]):
        messages = [(DATA, record(sequence, AT_MS + sequence))] if sequence else [(BIRTH, birth())]
        result = stand.host.receive(messages, now_us or 1)
        stored += [one.sequence for records in result.rounds for one in records]
    assert stored == [1, 2, 3]
    assert not stand.complaints("time")


def test_a_record_of_the_future_is_still_refused(tmp_path):
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth()), (DATA, record(1, AT_MS + 2 * 86_400_000))], AT_MS * 1000)
    assert stand.complaints("time") == 1


def test_a_clock_that_shows_another_century_deletes_no_readings(tmp_path):
    root = tmp_path / "telemetry"
    for day in ("2026-09-20", "2026-09-21"):
        (root / f"day={day}").mkdir(parents=True)
    before = sorted(path.name for path in root.iterdir())
    compaction = Compaction(root, Policy(keep_days=730, full_days=90), staging=tmp_path / "staging")
    for _ in range(10):
        compaction.run(4_070_908_800_000_000, 1)
    assert sorted(path.name for path in root.iterdir()) == before


def test_the_age_of_the_newest_record_grows_after_the_clock_was_set_back(monkeypatch):
    now_s = [1_000_000.0]
    monkeypatch.setattr("ingest.metrics.time", type("time", (), {"time": lambda: now_s[0]}))
    metrics = Metrics()
    now_s[0] += 8 * 3600
    metrics.stored(int(now_s[0] * 1e6))
    now_s[0] -= 8 * 3600
    metrics.stored(int(now_s[0] * 1e6))
    now_s[0] += 300
    assert metrics.registry.get_sample_value("terang_ingest_newest_record_age_seconds") == 300
