"""The timer of what runs now and then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.periodic import Every


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_it_is_due_at_once_and_then_once_a_period() -> None:
    clock = Clock()
    every = Every(10.0, clock)
    found = []
    for _ in range(31):
        found.append(every.take())
        clock.now_s += 1.0
    assert [i for i, is_due in enumerate(found) if is_due] == [0, 10, 20, 30]


def test_the_first_time_can_come_later() -> None:
    clock = Clock()
    every = Every(10.0, clock, first_s=3.0)
    assert not every.take()
    clock.now_s += 3.0
    assert every.take()


def test_what_was_due_and_not_done_is_due_again() -> None:
    clock = Clock()
    every = Every(10.0, clock)
    assert every.is_due()
    clock.now_s += 1.0
    assert every.is_due()
    every.done()
    clock.now_s += 9.9
    assert not every.is_due()


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.0, 2.0), (0.1, 2.0), (0.5, 5.0), (60.0, 30.0)])
def test_what_takes_long_comes_less_often_within_its_bound(took_s: float, pause_s: float) -> None:
    clock = Clock()
    every = Every(2.0, clock, share=0.1, slowest_s=30.0)
    assert every.is_due()
    began_s = clock.now_s
    clock.now_s += took_s
    every.done()
    clock.now_s = began_s + pause_s - 0.01
    assert not every.is_due()
    clock.now_s = began_s + pause_s
    assert every.is_due()


@given(steps=st.lists(st.floats(0.01, 50), max_size=200), period_s=st.floats(0.1, 20))
def test_two_times_are_never_closer_than_a_period_and_none_is_left_out(steps: list[float], period_s: float) -> None:
    clock = Clock()
    every = Every(period_s, clock)
    last_s = None
    for step_s in steps:
        is_due = every.take()
        assert is_due == (last_s is None or clock.now_s >= last_s + period_s)
        if is_due:
            last_s = clock.now_s
        clock.now_s += step_s
