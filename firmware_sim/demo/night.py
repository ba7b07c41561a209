"""The demo's clock: the current time if it is night in the town, else its last evening. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_STEP_US: Final = 5 * 60 * 1_000_000
_DAY_US: Final = 86_400 * 1_000_000
_LIT_FOR_US: Final = 45 * 60 * 1_000_000  # discharge lamps are warm, no switching guard holds
_LIT_STILL_US: Final = 3 * 3600 * 1_000_000  # a reader should not see the dawn within minutes


def clock_offset_s(now_us: int, level: Callable[[int], int]) -> float:
    """Seconds to add to the machine's clock so that the town is in its night; never positive.

    Args:
        now_us: the machine's time, UTC microseconds.
        level: the level that the town's schedule commands at a time [%], 0 = off.
    """

    def is_night(at_us: int) -> bool:
        return min(level(at_us - _LIT_FOR_US), level(at_us), level(at_us + _LIT_STILL_US)) > 0

    if is_night(now_us):
        return 0.0
    # readings of the future would be nonsense, so the night before is played, from its evening on
    candidates = [now_us - steps * _STEP_US for steps in range(1, 2 * _DAY_US // _STEP_US)]
    last = next((at_us for at_us in candidates if is_night(at_us)), now_us)
    while is_night(last - _STEP_US):
        last -= _STEP_US
    return (last - now_us) / 1e6
