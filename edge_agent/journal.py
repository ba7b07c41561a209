"""Logging for journald: one line an event, ``key=value`` after the text, with a rate limit.

A cable that is loose for a month must not fill storage. Each kind of message (its unformatted text) may appear a few
times an hour; what is held back is counted, and the count is said with the next one that is let through.
"""

import logging
import sys
from collections.abc import Callable

BURST = 5
WINDOW_S = 3600.0
LONGEST_LINE = 500


class FloodGate(logging.Filter):
    """Limits the rate of each kind of message."""

    def __init__(self, monotonic: Callable[[], float], burst: int = BURST, window_s: float = WINDOW_S) -> None:
        """Allow `burst` messages of a kind within `window_s` [s]."""
        super().__init__()
        self._monotonic = monotonic
        self._burst = burst
        self._window_s = window_s
        self._kinds: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide on one message; `record.held_back` says how many of its kind were not shown."""
        now = self._monotonic()
        kind = (record.name, str(record.msg))
        started, n = self._kinds.get(kind, (now, 0))
        held_back = 0
        if now - started >= self._window_s:
            held_back = max(0, n - self._burst)
            started, n = now, 0
        self._kinds[kind] = (started, n + 1)
        record.held_back = held_back
        return n < self._burst


class LineFormatter(logging.Formatter):
    """``<6>bus A: port opened``: journald's priority prefix, logger, message; no time, the journal has its own."""

    _PRIORITIES = (
        (logging.CRITICAL, 2),
        (logging.ERROR, 3),
        (logging.WARNING, 4),
        (logging.INFO, 6),
        (logging.DEBUG, 7),
    )

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, whatever is in the message."""
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            text += f" error={type(error).__name__}: {error}"
        held_back = getattr(record, "held_back", 0)
        if held_back:
            text += f" held_back={held_back}"
        priority = next((number for level, number in self._PRIORITIES if record.levelno >= level), 7)
        line = f"<{priority}>{record.name.rpartition('.')[2]}: {text}"
        return " ".join(line.split())[:LONGEST_LINE]


def start_journal(monotonic: Callable[[], float], level: int = logging.INFO) -> None:
    """Send the agent's log to standard error, where systemd takes it up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    handler.addFilter(FloodGate(monotonic))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
