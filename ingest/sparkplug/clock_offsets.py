"""Clock offsets of agents of a minute or more; records are judged at their corrected times."""

from __future__ import annotations

from typing import Final

from ingest.decode.birth import Session

_DRIFT: Final = 500  # ticks until a smaller error of a clock is believed
_WRONG_US: Final = 60_000_000


class ClockOffsets:
    """The clock offsets of one group's agents."""

    def __init__(self) -> None:
        """Start without offsets."""
        self._measured_us: dict[str, int] = {}
        self._ahead_us: dict[str, int] = {}

    def ahead_us(self, node: str) -> int:
        """How far a controller's clock is ahead, microseconds; negative = behind, 0 = right to a minute or a sweep."""
        return self._ahead_us.get(node, 0)

    def forget(self, node: str) -> None:
        """Remove a controller."""
        self._measured_us.pop(node, None)
        self._ahead_us.pop(node, None)

    def measure(self, session: Session, at_us: int, now_us: int | None, lag_us: int = 0) -> None:
        """Compare a clock with "now" at the first record of a tick; one that has just come back says nothing.

        ``lag_us``: how far "now" itself may be behind; a clock that seems to be ahead by less than that keeps the
        offset that is known of it.
        """
        interval_us = session.interval_s * 1_000_000
        if now_us is None or not 0 < at_us - session.last_at_us <= 2 * interval_us:
            return
        node, ahead_us = session.controller_id, at_us - now_us
        if interval_us + _WRONG_US < ahead_us <= lag_us:
            return
        if -_WRONG_US <= ahead_us <= interval_us + lag_us + _WRONG_US:
            ahead_us = 0
        before_us, self._measured_us[node] = self._measured_us.get(node, 0), ahead_us
        # Believed when found twice, and rather too far behind than too far ahead: "now" itself lags by up to a sweep,
        # and a record that is placed too early makes its controller seem to be silent since.
        believed_us = self._ahead_us.get(node, 0) or ahead_us
        drifted_us = believed_us + (ahead_us - believed_us) // _DRIFT
        self._ahead_us[node] = min(ahead_us, drifted_us) if before_us * ahead_us > 0 else 0
