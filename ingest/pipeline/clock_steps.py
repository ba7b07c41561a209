"""Notices that somebody set the system's clock: silence is then counted anew, or all controllers would be offline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from ingest.pipeline.clock import Clock

_STEP_S: Final = 30.0  # against the monotonic clock, between two looks; NTP slews smaller errors


class ClockSteps:
    """Compares a clock with the monotonic one."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float]) -> None:
        """Nothing has been compared yet."""
        self._clock = clock
        self._monotonic = monotonic
        self._offset_s: float | None = None
        self._log = structlog.get_logger("ingest")

    def look(self) -> bool:
        """Whether the system's clock was set since the last look; never if the time is that of the data."""
        latest_us = self._clock.latest_us()
        if latest_us is None:
            return False
        before_s, self._offset_s = self._offset_s, latest_us / 1e6 - self._monotonic()
        if before_s is None or abs(self._offset_s - before_s) < _STEP_S:
            return False
        self._log.warning("the system's clock was set", ahead_s=round(self._offset_s - before_s))
        return True
