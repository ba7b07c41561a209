"""A bus's serial adapter: opened, and reopened after it vanished.

Owns the open line and when to try again after it went away. It sends nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from edge_agent.config import BusConfig
from edge_agent.errors import PortGone
from edge_agent.serial.line import Line, LineCounters
from edge_agent.serial.port import Port

FIRST_REOPEN_S = 1.0
LONGEST_REOPEN_S = 10.0  # opening a path that is not there costs nothing


class Adapter:
    """The line of a bus, reopened by its path whenever that helps.

    Attributes:
        n_opened: how often the port was opened.
        error: why it is not open, in words; empty when it is.
    """

    def __init__(
        self,
        config: BusConfig,
        open_port: Callable[[BusConfig], Port],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """Open nothing yet."""
        self._config = config
        self._open_port = open_port
        self._monotonic = monotonic
        self._sleep = sleep
        self._line: Line | None = None
        self._reopen_at = float("-inf")
        self._pause_s = FIRST_REOPEN_S
        self._past = LineCounters()
        self.n_opened = 0
        self.error = "not opened yet"

    @property
    def is_open(self) -> bool:
        """Whether it is there, as far as is known."""
        return self._line is not None

    @property
    def counters(self) -> LineCounters:
        """What happened on the line since start, over all its openings."""
        return self._line.counters.plus(self._past) if self._line else replace(self._past)

    def line(self) -> Line:
        """Return the open line; try to open a lost one, at growing intervals.

        Raises:
            PortGone: it is not there.
        """
        if self._line is not None:
            return self._line
        now = self._monotonic()
        if now < self._reopen_at:
            raise PortGone(self.error)
        try:
            port = self._open_port(self._config)
        except PortGone as error:
            self.error = str(error)
            self._reopen_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_REOPEN_S)
            raise
        config = self._config
        self._line = Line(port, config.baud, config.bits_per_character, self._monotonic, self._sleep)
        self.n_opened += 1
        self.error = ""
        self._pause_s = FIRST_REOPEN_S
        return self._line

    def drop(self, reason: str) -> None:
        """Let go of a port that failed; after a moment `line` tries to open it again."""
        line, self._line = self._line, None
        self.error = reason
        self._reopen_at = self._monotonic() + FIRST_REOPEN_S
        if line is not None:
            with suppress(PortGone):
                line.close()
            self._past = line.counters.plus(self._past)
