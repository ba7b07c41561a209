"""Nodes outside of the register or of other systems: limited in number and in stored data.

Pure bookkeeping. A controller that is not in the register yet may have its readings stored; an attacker may invent as
many names as it likes. So a limited number of such controllers is accepted at once, each with limits of its own, and of
nodes of other systems no more than the names of the latest is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MAX_UNKNOWN: Final = 128  # controllers of no register that are accepted at once
MAX_UNKNOWN_BIRTH: Final = 65_536  # bytes of the NBIRTH of one: 1,000 lamps take 40,000
_IDLE_S: Final = 600.0  # without a word, until an unknown controller's place may be another's
_MAX_FOREIGN: Final = 8192
_MAX_ASKED: Final = 1024  # unknown nodes that are remembered to have been asked for a birth
_FIRST_WAIT_S: Final = 10.0
_LONGEST_WAIT_S: Final = 3600.0
_MOST_ASKED: Final = 50  # of all unknown nodes in ten seconds


class Strangers:
    """The nodes of one group that are not its own."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Start without nodes."""
        self._monotonic = monotonic
        self._heard_at: OrderedDict[str, float] = OrderedDict()  # in order of their latest message
        self._foreign: OrderedDict[str, None] = OrderedDict()
        self._asked: OrderedDict[str, tuple[float, float]] = OrderedDict()  # when, and how long to wait then
        self._asked_since = 0.0
        self._n_asked = 0

    def admit(self, node: str) -> tuple[bool, str | None]:
        """Whether an unknown controller is accepted, and which other one is dropped for it, if any."""
        now = self._monotonic()
        self._foreign.pop(node, None)
        gone = None
        if node not in self._heard_at and len(self._heard_at) >= MAX_UNKNOWN:
            gone, heard_at = next(iter(self._heard_at.items()))
            if now - heard_at < _IDLE_S:
                return False, None
            del self._heard_at[gone]
        self.hear(node)
        return True, gone

    def hear(self, node: str) -> None:
        """Note that an accepted unknown controller has sent something."""
        self._heard_at[node] = self._monotonic()
        self._heard_at.move_to_end(node)

    def leave(self, node: str) -> None:
        """Its session has ended."""
        self._heard_at.pop(node, None)

    def leave_all(self) -> None:
        """Every session has ended."""
        self._heard_at.clear()

    def add_foreign(self, node: str) -> None:
        """A node has shown itself to be another system's."""
        self._foreign[node] = None
        self._foreign.move_to_end(node)
        if len(self._foreign) > _MAX_FOREIGN:
            self._foreign.popitem(last=False)

    def is_foreign(self, node: str) -> bool:
        """Whether a node is another system's, as far as is remembered."""
        return node in self._foreign

    def may_ask(self, node: str) -> bool:
        """Whether an unknown node is worth a request for its birth now; each time it is, the wait doubles."""
        now = self._monotonic()
        asked_at, wait_s = self._asked.get(node, (-_LONGEST_WAIT_S, _FIRST_WAIT_S / 2))
        if now - asked_at < wait_s:
            return False
        if now - self._asked_since >= _FIRST_WAIT_S:
            self._asked_since, self._n_asked = now, 0
        if self._n_asked >= _MOST_ASKED:
            return False
        self._n_asked += 1
        self._asked[node] = (now, min(2 * wait_s, _LONGEST_WAIT_S))
        self._asked.move_to_end(node)
        if len(self._asked) > _MAX_ASKED:
            self._asked.popitem(last=False)
        return True
