"""The agent's clock without an RTC: jumps of a year, times before this software existed, and who vouches."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.clock import EARLIEST_MS, AgentClock, Trust, clock_offset_ms, is_ntp_synchronised, voucher
from edge_agent.control.controller import GRACE_S, Control
from edge_agent.errors import Fatal
from edge_agent.hardware_clock import HardwareClock
from tests.edge_agent.stub_meters import StubMeters, lamp_layout

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


@pytest.mark.parametrize("last_known_ms", [NOW_MS, 0])
def test_a_time_of_another_century_that_nobody_vouches_for_dates_no_record(last_known_ms):
    machine = Machine(4_070_908_800_000, is_vouched=False)  # 2099: an RTC that started anywhere
    clock = machine.clock(last_known_ms=last_known_ms)
    machine.now_s += 60
    assert (clock.now_ms(), clock.trust()) == ((last_known_ms or EARLIEST_MS) + 60_000, Trust.GUESS)
    machine.step_ms, machine.is_vouched = NOW_MS + YEAR_MS, True
    assert NOW_MS + YEAR_MS <= clock.now_ms() < NOW_MS + YEAR_MS + 86_400_000


def test_an_agent_that_was_off_for_a_year_believes_the_time():
    assert Machine(NOW_MS + YEAR_MS, is_vouched=False).clock(NOW_MS).now_ms() == NOW_MS + YEAR_MS


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


def test_a_steady_clock_asks_for_its_voucher_once_a_second_and_a_step_at_once():
    machine = Machine(NOW_MS, is_vouched=True)
    answers: list[bool] = []

    def is_vouched() -> bool:
        answers.append(machine.is_vouched)
        return machine.is_vouched

    clock = AgentClock(
        lambda: machine.step_ms + int(1000 * (machine.now_s - 100)), lambda: machine.now_s, is_vouched, 0, 1.0
    )
    for _ in range(100):
        machine.now_s += 0.1
        assert (clock.now_ms(), clock.trust())[1] is Trust.SYNCHRONISED
    assert 10 <= len(answers) <= 12, "two looks each tenth of a second"
    n_before, before_ms = len(answers), clock.now_ms()
    machine.is_vouched = False
    machine.step_ms += 2_000  # somebody sets the time by hand, which ends what NTP says of it
    assert clock.now_ms() == before_ms
    assert len(answers) == n_before + 1


class Board:
    """A Raspberry Pi with an RTC module, over several boots; `rtc_ms` is what the module shows, None = no module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.system_ms = NOW_MS
        self.rtc_ms: int | None = NOW_MS
        self.has_ntp = False
        self.now_s = 0.0

    def boot(self, machine: str = "aarch64") -> Callable[[], bool]:
        rtc = self.folder / "rtc" / "rtc0"
        shutil.rmtree(self.folder / "rtc", ignore_errors=True)
        if self.rtc_ms is not None:
            rtc.mkdir(parents=True)
            (rtc / "hctosys").write_text("1\n")
            (rtc / "since_epoch").write_text(f"{self.rtc_ms // 1000}\n")
        hardware = HardwareClock(
            self.folder / "rtc.json", lambda: self.system_ms, lambda: self.now_s, self.folder / "rtc"
        )
        return voucher(hardware, machine, lambda: self.has_ntp)


@pytest.fixture
def board(tmp_path) -> Board:
    return Board(tmp_path)


def test_rtc_alone_is_no_evidence_and_ntp_is(board):
    assert not board.boot()()
    board.rtc_ms = None
    assert not board.boot()()
    board.has_ntp = True
    assert board.boot()()


def test_rtc_that_agreed_with_ntp_is_believed_at_the_next_starts_without_network(board):
    board.has_ntp = True
    assert board.boot()()
    board.has_ntp = False
    board.system_ms = board.rtc_ms = NOW_MS + 8 * 3_600_000
    assert board.boot()()
    board.system_ms = board.rtc_ms = NOW_MS + 29 * 86_400_000
    assert board.boot()()
    board.system_ms = board.rtc_ms = NOW_MS + 31 * 86_400_000
    assert not board.boot()(), "nobody has compared it for longer than a month"


def test_rtc_that_lost_its_time_is_not_believed_even_after_it_was_set_from_the_wrong_time(board):
    board.has_ntp = True
    board.boot()()
    board.has_ntp = False
    board.rtc_ms = 946_684_800_000  # 2000-01-01; the system goes on from its last shutdown, 8 h ago
    board.system_ms = NOW_MS + 60_000
    assert not board.boot()()
    board.rtc_ms = board.system_ms = NOW_MS + 120_000  # `hwclock --systohc` at shutdown
    assert not board.boot()()


def test_rtc_that_keeps_local_time_is_not_believed(board):
    board.rtc_ms = NOW_MS + 7 * 3_600_000
    board.has_ntp = True
    assert board.boot()()  # NTP has set the system
    board.has_ntp = False
    board.system_ms = board.rtc_ms = NOW_MS + 8 * 3_600_000
    assert not board.boot()()


def test_note_of_another_time_or_without_sense_is_no_evidence(board):
    for text in (
        "",
        "{}",
        "[" * 900,
        '{"agreed_ms": "now"}',
        '{"agreed_ms": true}',
        f'{{"agreed_ms": {NOW_MS + 10**9}}}',
    ):
        (board.folder / "rtc.json").write_text(text)
        assert not board.boot()()


def test_clock_of_a_pc_counts_unless_it_shows_another_time_than_the_system(board):
    assert board.boot("x86_64")()
    board.rtc_ms = None
    assert board.boot("x86_64")()
    board.rtc_ms = NOW_MS + 7 * 3_600_000
    assert not board.boot("x86_64")()
    board.has_ntp = True
    assert board.boot("x86_64")()


def test_kernel_is_asked_for_ntp():
    assert is_ntp_synchronised() in {True, False}


def test_full_light_begins_when_only_an_rtc_without_evidence_gives_the_time(board, tmp_path):
    noon_ms = 1_795_060_800_000  # 2026-11-19 04:00 UTC, 11:00 in Jakarta
    board.system_ms = board.rtc_ms = noon_ms
    clock = AgentClock(lambda: board.system_ms, lambda: board.now_s, board.boot(), 0)
    layout = lamp_layout(2, has_contactor=True)
    meters = StubMeters(2, clock.now_ms)
    control = Control(layout, (-6.2, 106.8, "Asia/Jakarta"), meters, clock, lambda: board.now_s, tmp_path / "orders")
    assert list(control.levels()) == [0, 0]
    board.now_s += GRACE_S + 1
    board.system_ms += int(1000 * (GRACE_S + 1))
    assert clock.trust() is Trust.GUESS
    assert list(control.levels()) == [100, 100]
    control.carry_out()
    assert meters.is_closed


def test_an_offset_is_a_number_of_seconds():
    assert clock_offset_ms({}) == 0
    assert clock_offset_ms({"TERANG_CLOCK_OFFSET_S": "-1.5"}) == -1500
    for bad in ("", "noon", "nan", "inf", "1e12"):
        with pytest.raises(Fatal, match="TERANG_CLOCK_OFFSET_S"):
            clock_offset_ms({"TERANG_CLOCK_OFFSET_S": bad})
