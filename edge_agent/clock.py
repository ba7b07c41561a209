"""The agent's clock, on a machine without a hardware clock.

Owns the difference between the system's time and the agent's best guess. A Raspberry Pi has no RTC: after a power cut
it wakes up in the past until NTP answers. Nothing is published with a time before this software was built, and a system
time that jumps while nobody confirms it is not followed. Sources: adjtimex(2), systemd-timesyncd.service(8).
"""

from __future__ import annotations

import ctypes
import math
import platform
import threading
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final

from edge_agent.errors import Fatal
from edge_agent.hardware_clock import HardwareClock
from languages.message import Message, Plain

OFFSET_VARIABLE: Final = "TERANG_CLOCK_OFFSET_S"
EARLIEST_MS: Final = 1_767_225_600_000  # 2026-01-01T00:00Z: this software did not exist before
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01T00:00Z
LONGEST_OFF_MS: Final = 400 * 86_400_000  # after the newest record; later than that, the time is an empty RTC's
LONGEST_SHELF_MS: Final = 15 * 365 * 86_400_000  # from this software's first day to a new agent's
KEPT_S: Final = 7 * 86400.0  # a crystal of 100 ppm is a minute off after a week without NTP
STEP_S: Final = 60.0  # a larger difference from the monotonic clock is a jump
BELIEF_S: Final = 300.0  # a jump of a clock that was right is believed when it has lasted so long
ASK_EVERY_S: Final = 1.0  # what confirms the time is asked no more often while the time runs steadily
STEADY_S: Final = 0.5  # a smaller difference from the monotonic clock is no step
COMPUTERS: Final = frozenset({"x86_64", "AMD64", "i686", "i386", "s390x"})
_STA_UNSYNC: Final = 0x0040
_TIMESYNC: Final = Path("/run/systemd/timesync/synchronized")


class Trust(Enum):
    """How reliable the time is."""

    SYNCHRONISED = "synchronised"  # NTP or a hardware clock confirms it, now or within a week
    KEPT = "kept"  # it was right once since start, longer than a week ago: good for the schedule
    GUESS = "guess"  # nobody knows how long the power was off


class AgentClock:
    """The best available time; steady while the system's clock is not synchronised."""

    def __init__(
        self,
        system_ms: Callable[[], int],
        monotonic: Callable[[], float],
        is_vouched: Callable[[], bool],
        last_known_ms: int,
        ask_every_s: float = 0.0,
    ) -> None:
        """Start from the later of the system's time and the newest record's; one that is years later is not believed.

        Args:
            system_ms: the system's Unix time.
            monotonic: a clock that never jumps [s].
            is_vouched: whether NTP or a hardware clock stands behind the system's time.
            last_known_ms: time of the newest record; 0 = none.
            ask_every_s: how long an answer of ``is_vouched``, which costs system calls, holds while the system's time
                runs as the monotonic clock does [s].
        """
        self._system_ms = system_ms
        self._monotonic = monotonic
        self._is_vouched = is_vouched
        self._ask_every_s = ask_every_s
        self._answer = False
        self._asked_s = -math.inf
        self._floor_ms = max(EARLIEST_MS, last_known_ms if last_known_ms < LATEST_MS else 0)
        self._vouched_s: float | None = None
        self._jumped_s: float | None = None
        farthest_ms = self._floor_ms + (LONGEST_OFF_MS if last_known_ms else LONGEST_SHELF_MS)
        start_ms = system_ms()
        self._offset_ms = (
            start_ms if self._floor_ms <= start_ms < farthest_ms else self._floor_ms
        ) - 1000 * monotonic()
        self._lock = threading.Lock()
        self._look()

    def now_ms(self) -> int:
        """Best guess, Unix time; from any thread."""
        with self._lock:
            self._look()
            return int(self._offset_ms + 1000 * self._monotonic())

    def trust(self) -> Trust:
        """How far `now_ms` may be believed; from any thread."""
        with self._lock:
            self._look()
            if self._vouched_s is None:
                return Trust.GUESS
            if self._jumped_s is None and self._monotonic() - self._vouched_s <= KEPT_S:
                return Trust.SYNCHRONISED
            return Trust.KEPT

    def _look(self) -> None:
        now_s = self._monotonic()
        system_ms = self._system_ms()
        step_s = abs(system_ms - (self._offset_ms + 1000 * now_s)) / 1000
        if step_s > STEADY_S or now_s - self._asked_s >= self._ask_every_s:
            self._answer = self._is_vouched()
            self._asked_s = now_s
        if not self._answer or not EARLIEST_MS <= system_ms < LATEST_MS:
            self._jumped_s = None
            return
        if self._vouched_s is not None and step_s > STEP_S:
            if self._jumped_s is None:
                self._jumped_s = now_s
            if now_s - self._jumped_s < BELIEF_S:
                return
        self._jumped_s = None
        self._vouched_s = now_s
        self._offset_ms = system_ms - 1000 * now_s


def clock_offset_ms(environment: Mapping[str, str]) -> int:
    """What ``TERANG_CLOCK_OFFSET_S`` adds to the system's time: a demonstration plays its night at any hour.

    Raises:
        Fatal: it is no finite number of seconds within a century.
    """
    text = environment.get(OFFSET_VARIABLE)
    if text is None:
        return 0
    try:
        offset_s = float(text)
    except ValueError:
        offset_s = math.nan
    if not abs(offset_s) < 100 * 365 * 86400:
        raise Fatal(Message("agent.error.clock_offset", offset_variable=Plain(OFFSET_VARIABLE), text=text))
    return round(1000 * offset_s)


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2), as far as its status; the rest is room."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 512),
    ]


@cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def is_ntp_synchronised() -> bool:
    """Whether the kernel says that NTP disciplines its clock, or timesyncd has set it since boot."""
    try:
        state = _Timex()
        result = _c_library().adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        return _TIMESYNC.exists()
    return (result >= 0 and not state.status & _STA_UNSYNC) or _TIMESYNC.exists()


def voucher(
    hardware: HardwareClock, machine: str | None = None, is_synchronised: Callable[[], bool] = is_ntp_synchronised
) -> Callable[[], bool]:
    """What confirms the system's time on this machine: NTP, or a hardware clock with evidence.

    A board's RTC needs the evidence of `HardwareClock`. The clock of a PC or a server, which runs without power and is
    kept by its firmware or its host, counts unless it shows another time than the system does.

    Args:
        hardware: the RTC.
        machine: as `platform.machine` calls it; None = this one.
        is_synchronised: whether NTP disciplines the system's time.
    """
    is_computer = (machine or platform.machine()) in COMPUTERS

    def is_vouched() -> bool:
        if is_synchronised():
            hardware.confirm()
            return True
        return hardware.is_proven or (is_computer and hardware.agrees() is not False)

    return is_vouched
