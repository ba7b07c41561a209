"""The agent's clock without an RTC: jumps of a year, times before this software existed, and who vouches."""

from __future__ import annotations

import pytest

from edge_agent.clock import EARLIEST_MS, AgentClock, Trust, clock_offset_ms, has_hardware_clock, is_ntp_synchronised
from edge_agent.errors import Fatal

YEAR_MS = 365 * 86_400_000
NOW_MS = 1_795_000_000_000


class Machine:
    """A system clock that can be set, and a monotonic one that cannot."""

    def __init__(self, system_ms: int, *, is_vouched: bool) -> None:
        self.step_ms = system_ms
        self.now_s = 100.0
        self.is_vouched = is_vouched

    def clock(self, last_known_ms: int = 0) -> AgentClock:
        return AgentClock(
            lambda: self.step_ms + int(1000 * (self.now_s - 100)),
            lambda: self.now_s,
            lambda: self.is_vouched,
            last_known_ms,
        )


def test_a_synchronised_clock_is_the_systems():
    machine = Machine(NOW_MS, is_vouched=True)
    clock = machine.clock()
    machine.now_s += 5
    assert (clock.now_ms(), clock.trust()) == (NOW_MS + 5000, Trust.SYNCHRONISED)


@pytest.mark.parametrize("system_ms", [0, 86_400_000, EARLIEST_MS - 1])
def test_after_a_power_cut_time_goes_on_from_the_newest_record(system_ms):
    machine = Machine(system_ms, is_vouched=False)
    clock = machine.clock(last_known_ms=NOW_MS)
    machine.now_s += 60
    assert (clock.now_ms(), clock.trust()) == (NOW_MS + 60_000, Trust.GUESS)


def test_without_any_record_time_begins_when_this_software_was_made():
    assert Machine(0, is_vouched=False).clock().now_ms() >= EARLIEST_MS
    assert Machine(0, is_vouched=True).clock().trust() is Trust.GUESS, "a voucher for 1970 is none"


@pytest.mark.parametrize("jump_ms", [YEAR_MS, -YEAR_MS])
def test_a_jump_of_a_year_that_nobody_vouches_for_is_not_followed(jump_ms):
    machine = Machine(NOW_MS, is_vouched=True)
    clock = machine.clock()
    machine.is_vouched = False
    machine.step_ms += jump_ms
    machine.now_s += 3600
    assert clock.now_ms() == NOW_MS + 3_600_000


@pytest.mark.parametrize("jump_ms", [YEAR_MS, -YEAR_MS // 4])
def test_a_jump_of_a_good_clock_is_marked_and_believed_when_it_lasts(jump_ms):
    machine = Machine(NOW_MS, is_vouched=True)
    clock = machine.clock()
    machine.step_ms += jump_ms
    assert (clock.now_ms(), clock.trust()) == (NOW_MS, Trust.KEPT)
    machine.now_s += 400
    assert (clock.now_ms(), clock.trust()) == (NOW_MS + jump_ms + 400_000, Trust.SYNCHRONISED)
    assert clock.n_jumps == 1


def test_a_jump_that_is_taken_back_leaves_no_trace():
    machine = Machine(NOW_MS, is_vouched=True)
    clock = machine.clock()
    machine.step_ms += YEAR_MS
    assert clock.now_ms() == NOW_MS
    machine.now_s += 100
    machine.step_ms -= YEAR_MS
    assert (clock.now_ms(), clock.trust()) == (NOW_MS + 100_000, Trust.SYNCHRONISED)


def test_ntp_that_comes_late_is_believed_at_once():
    machine = Machine(0, is_vouched=False)
    clock = machine.clock(last_known_ms=NOW_MS)
    assert clock.trust() is Trust.GUESS
    machine.step_ms, machine.is_vouched = NOW_MS + 9 * 3_600_000, True
    assert (clock.now_ms(), clock.trust()) == (NOW_MS + 9 * 3_600_000, Trust.SYNCHRONISED)


def test_without_ntp_a_week_counts_as_synchronised_and_then_still_serves_the_schedule():
    machine = Machine(NOW_MS, is_vouched=True)
    clock = machine.clock()
    machine.is_vouched = False
    machine.now_s += 6 * 86400
    assert clock.trust() is Trust.SYNCHRONISED
    machine.now_s += 90 * 86400
    assert clock.trust() is Trust.KEPT
    assert clock.now_ms() == NOW_MS + 96 * 86_400_000


def test_boards_without_a_clock_are_told_from_those_with_one(tmp_path):
    assert has_hardware_clock("x86_64", tmp_path)
    assert not has_hardware_clock("aarch64", tmp_path)
    (tmp_path / "rtc0").mkdir()
    (tmp_path / "rtc0" / "hctosys").write_text("1\n")
    assert has_hardware_clock("aarch64", tmp_path)
    assert is_ntp_synchronised() in {True, False}


def test_an_offset_is_a_number_of_seconds():
    assert clock_offset_ms({}) == 0
    assert clock_offset_ms({"TERANG_CLOCK_OFFSET_S": "-1.5"}) == -1500
    for bad in ("", "noon", "nan", "inf", "1e12"):
        with pytest.raises(Fatal, match="TERANG_CLOCK_OFFSET_S"):
            clock_offset_ms({"TERANG_CLOCK_OFFSET_S": bad})
