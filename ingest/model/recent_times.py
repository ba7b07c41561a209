"""The times of the records that came last under their numbers: another time under a number is another record.

Bounded: 300 bytes for each controller. Pure, no I/O.
"""

from __future__ import annotations

from array import array
from typing import Final

_N_RECENT: Final = 8  # records that came in order
_N_AHEAD: Final = 16  # records that did not: the genuine ones of numbers that are far ahead come much later


class RecentTimes:
    """Of one epoch of one controller."""

    __slots__ = ("_at_us", "_next_ahead", "_next_recent", "_numbers")

    def __init__(self) -> None:
        """Nothing came yet."""
        self._numbers = array("q", [0]) * (_N_RECENT + _N_AHEAD)
        self._at_us = array("q", [0]) * (_N_RECENT + _N_AHEAD)
        self._next_recent = self._next_ahead = 0

    def note(self, sequence: int, at_us: int, *, is_ahead: bool) -> None:
        """A record was taken; ``is_ahead``: it did not follow the one before."""
        if is_ahead:
            place = _N_RECENT + self._next_ahead
            self._next_ahead = (self._next_ahead + 1) % _N_AHEAD
        else:
            place = self._next_recent
            self._next_recent = (self._next_recent + 1) % _N_RECENT
        self._numbers[place], self._at_us[place] = sequence, at_us

    def is_other(self, sequence: int, at_us: int) -> bool:
        """Whether a record of this number is known, and none of them has this time."""
        times = [time for number, time in zip(self._numbers, self._at_us, strict=True) if number == sequence]
        return bool(times) and at_us not in times
