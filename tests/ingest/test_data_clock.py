"""Data time: the median of the newest records, and never ahead of controllers whose records wait."""

from types import SimpleNamespace

import numpy as np
import pytest

from ingest.pipeline.clock import DataClock
from ingest.sparkplug.clock_offsets import ClockOffsets
from ingest.sparkplug.fair_queue import FairQueue

MINUTE_US = 60_000_000
T0 = 1_795_438_800_000_000


def heard(clock, times, *, is_synchronised=True):
    who = np.array(sorted(times), np.int64)
    batch = SimpleNamespace(
        controller=who,
        at_us=np.array([T0 + times[c] * MINUTE_US for c in who.tolist()], np.int64),
        is_historical=np.zeros(len(who), bool),
        is_clock_synchronised=np.full(len(who), is_synchronised),
    )
    clock.hear(batch)
    return (clock.now_us() - T0) / MINUTE_US


def test_data_time_is_the_median_and_one_wrong_clock_moves_it_nowhere():
    clock = DataClock(3)
    assert heard(clock, {0: 10, 1: 10, 2: 500}) == 10


def test_data_time_does_not_run_ahead_of_a_controller_whose_records_wait():
    """Two controllers sweep every five minutes and one every minute: in as many messages they are hours ahead."""
    clock = DataClock(3)
    assert heard(clock, {0: 0, 1: 0, 2: 0}) == 0
    clock.wait_for({2})
    for step in range(1, 30):
        assert heard(clock, {0: 5 * step, 1: 5 * step, 2: step}) == step
    clock.wait_for(set())
    assert heard(clock, {0: 150, 1: 150, 2: 149}) == 150


def test_a_waiting_controller_whose_clock_is_always_late_holds_nobody_back():
    clock = DataClock(3)
    for minute in range(3):
        heard(clock, {0: minute, 1: minute, 2: minute - 180})
    clock.wait_for({2})
    assert heard(clock, {0: 3, 1: 3, 2: -177}) == 3


def test_a_controller_that_was_never_heard_holds_nobody_back():
    clock = DataClock(3)
    clock.wait_for({2})
    assert heard(clock, {0: 3, 1: 3}) == 3


def test_the_queue_names_the_controllers_whose_messages_wait():
    queue = FairQueue(lambda *_: None, n_each=2)
    queue.add([("spBv1.0/g/NDATA/PJU-1", b"x")] * 3 + [("spBv1.0/g/NDATA/PJU-2", b"x")])
    assert len(queue.take(1 << 20)) == 3
    assert queue.nodes() == {"PJU-1"}


class Player:
    """Controllers whose records come in the order of their true times, in ticks that end anywhere."""

    def __init__(self, intervals_s, seed, wrong_us=None):
        self.rng = np.random.default_rng(seed)
        self.n, self.intervals_s = len(intervals_s), intervals_s
        self.wrong_us, self.ended_s = wrong_us or {}, {}
        self.clock, self.offsets = DataClock(self.n), ClockOffsets()
        self.sessions = [
            SimpleNamespace(controller_id=f"PJU-{c}", interval_s=interval, last_at_us=0)
            for c, interval in enumerate(intervals_s)
        ]
        self.phases_s = self.rng.uniform(0, intervals_s)
        self.played_s, self.wrong = 0.0, set()

    def play(self, until_s):
        records = []
        for c, interval in enumerate(self.intervals_s):
            times = self.phases_s[c] + interval * np.arange(until_s // interval + 1)
            end = min(until_s, self.ended_s.get(c, until_s))
            records += [(at, c) for at in times[(times > self.played_s) & (times <= end)].tolist()]
        records.sort()
        while records:
            n = int(self.rng.integers(1, 20 * self.n))
            self._tick(records[:n])
            records = records[n:]
        self.played_s = until_s

    def flood(self, until_s, n_each):
        """As ``play``, with ticks that take so many records of each controller and leave the others behind."""
        records = []
        for c, interval in enumerate(self.intervals_s):
            times = self.phases_s[c] + interval * np.arange(until_s // interval + 1)
            records += [(at, c) for at in times[(times > self.played_s) & (times <= until_s)].tolist()]
        records.sort()
        while records:
            taken, left, n_of = [], [], dict.fromkeys(range(self.n), 0)
            for at_s, c in records:
                n_of[c] += 1
                (taken if n_of[c] <= n_each else left).append((at_s, c))
            records = left
            self._tick(taken, {c for _, c in left})
        self.played_s = until_s

    def _tick(self, records, behind=()):
        now_us, lag_us, measured = self.clock.now_us(), self.clock.lag_us(), set()
        self.clock.wait_for(behind)
        for at_s, c in records:
            at_us = T0 + int(at_s * 1e6) + self.wrong_us.get(c, 0)
            if c not in measured:
                self.offsets.measure(self.sessions[c], at_us, now_us, lag_us)
                measured.add(c)
            if self.offsets.ahead_us(f"PJU-{c}"):
                self.wrong.add(c)
            self.sessions[c].last_at_us = at_us
            self.clock.hear(
                SimpleNamespace(
                    controller=np.array([c]),
                    at_us=np.array([at_us]),
                    is_historical=np.array([False]),
                    is_clock_synchronised=np.array([True]),
                )
            )

    @property
    def now_s(self):
        return (self.clock.now_us() - T0) / 1e6


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("intervals_s", [[300] * 9, [60] * 5, [60, 60, 120, 300, 300], [60, 300], [300, 300, 300, 60]])
def test_no_clock_that_is_right_is_held_to_be_wrong_at_any_pace(intervals_s, seed):
    player = Player(intervals_s, seed)
    player.play(12 * 3600)
    assert player.wrong == set()
    assert 0 <= 12 * 3600 - player.now_s <= 2 * max(intervals_s)


@pytest.mark.parametrize("n_each", [3, 8, 20])
@pytest.mark.parametrize("ahead_s", [0, 170])
@pytest.mark.parametrize("intervals_s", [[60, 60, 60, 120, 120], [60, 60, 300], [120, 60, 60, 60, 300, 300]])
def test_a_clock_is_not_held_to_be_wrong_for_being_read_before_the_others(intervals_s, ahead_s, n_each):
    player = Player(intervals_s, 1, {len(intervals_s) - 1: ahead_s * 1_000_000})
    player.play(3600)
    known = set(player.wrong)
    for hour in range(2, 12):
        player.flood(3600 * hour, n_each)
    assert player.wrong == known


@pytest.mark.parametrize("n_each", [3, 20])
def test_what_is_known_of_a_clock_is_kept_while_records_wait(n_each):
    player = Player([60, 60, 60, 120, 120], 1, {4: 1500 * 1_000_000})
    player.play(6 * 3600)
    before_us = player.offsets.ahead_us("PJU-4")
    player.flood(9 * 3600, n_each)
    assert abs(before_us - 1500 * 1_000_000) <= 120_000_000
    assert player.offsets.ahead_us("PJU-4") == pytest.approx(before_us, abs=60_000_000)


@pytest.mark.parametrize("wrong_s", [-1500, 1500])
@pytest.mark.parametrize("intervals_s", [[60] * 5, [300] * 5])
def test_a_clock_that_is_wrong_by_more_than_the_pace_explains_is_found(intervals_s, wrong_s):
    player = Player(intervals_s, 1, {2: wrong_s * 1_000_000})
    player.play(6 * 3600)
    assert player.wrong == {2}


@pytest.mark.parametrize(("n", "n_silent"), [(2, 1), (4, 2), (9, 5), (12, 9)])
@pytest.mark.parametrize("interval_s", [60, 300])
def test_half_a_city_that_falls_silent_does_not_stop_the_time(n, n_silent, interval_s):
    player = Player([interval_s] * n, n)
    player.play(4 * 3600)
    player.ended_s = dict.fromkeys(range(n_silent), 4 * 3600)
    player.play(9 * 3600)
    assert 9 * 3600 - player.now_s <= 2 * interval_s
    player.ended_s = {}
    player.play(14 * 3600)
    assert player.wrong == set()
    assert 14 * 3600 - player.now_s <= 2 * interval_s
