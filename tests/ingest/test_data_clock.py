"""Data time: the median of the newest records, and never ahead of controllers whose records wait."""

from types import SimpleNamespace

import numpy as np

from ingest.pipeline.clock import DataClock
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
