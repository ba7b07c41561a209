"""Births of a controller besides its session's: a record is decoded only by the birth of its own epoch.

A controller has several epochs after its outbox was lost, and while two agents go by its name. Owns which births are
kept, how long to wait for one that is missing, and when births prove two agents. Pure bookkeeping, no I/O.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from ingest.decode.birth import Session, renumbered
from ingest.decode.record import DecodedRecord, read_record
from ingest.errors import RecordError
from ingest.model.id_directory import Directory
from ingest.sparkplug.command_queue import REBIRTH_INTERVAL_S

MAX_OTHERS: Final = 3  # kept of one controller: two agents are a mistake that happens, five an attack
LONGEST_WAIT_S: Final = 600.0
_REMEMBERED: Final = 8  # changes of epoch of one controller
_ENOUGH: Final = 2  # requests for a birth in vain, until what none can read is believed to be garbage


class OtherBirths:
    """The births of one group's controllers other than those of their current sessions."""

    def __init__(self) -> None:
        """Start without births."""
        self._of: dict[str, list[Session]] = {}  # in order of their latest message
        self._epochs: dict[str, tuple[int, ...]] = {}
        self._in_vain: dict[str, tuple[int | None, int]] = {}  # the epoch that is missing, and requests for it

    def add_birth(self, session: Session, previous: Session | None) -> bool:
        """Note a birth, and keep the one that it takes the place of if that is of another epoch.

        Returns:
            Whether two agents of this name are at work: two epochs came back after another one. One alone may be
            that of storage which can be written again; an outbox that was in memory, or was lost, never comes back.
        """
        node, epoch = session.controller_id, session.epoch
        if previous is not None and previous.epoch != epoch:
            self._keep(previous)
        if self._in_vain.get(node, (None, 0))[0] == epoch:
            del self._in_vain[node]
        if node in self._of:
            self._of[node] = [other for other in self._of[node] if other.epoch != epoch]
        epochs = self._epochs.get(node, ())
        if epochs and epochs[-1] == epoch:
            return False
        self._epochs[node] = (*epochs[1 - _REMEMBERED :], epoch)
        return sum(count > 1 for count in Counter(self._epochs[node]).values()) > 1

    def read(self, present: Session, payload: bytes) -> DecodedRecord | None:
        """A record by the birth that fits it, which changes places with the present session; None = no birth fits.

        A birth fits if the record, read by the birth's aliases, says the birth's epoch.
        """
        others = self._of.get(present.controller_id, [])
        for other in others:
            try:
                record = read_record(other, payload)
            except RecordError:
                continue
            if record.epoch == other.epoch:
                others.remove(other)
                if self._in_vain.get(present.controller_id, (0, 0))[0] is None:
                    del self._in_vain[present.controller_id]
                self._keep(present)
                other.ranges = None  # its epoch may have been given up meanwhile
                other.last_at_us, other.next_round = present.last_at_us, present.next_round
                return record
        return None

    def _keep(self, session: Session) -> None:
        others = self._of.setdefault(session.controller_id, [])
        others.append(session)
        del others[:-MAX_OTHERS]

    def miss(self, node: str, epoch: int | None, ask: Callable[[str, float], bool]) -> None:
        """Have the missing birth of an epoch asked for; None = of a record whose epoch no known birth can read.

        ``ask`` takes the controller and the seconds since it was last asked that are enough, and says whether it did.
        They double with every request: an agent that sends records of an epoch and never says it in a birth is not to
        be born every ten seconds.
        """
        missed, n_asked = self._in_vain.get(node, (epoch, 0))
        if missed != epoch:
            n_asked = 0
        n_asked += ask(node, min(REBIRTH_INTERVAL_S * 2.0 ** min(n_asked, 10), LONGEST_WAIT_S))
        self._in_vain[node] = (epoch, n_asked)

    def is_alone(self, node: str) -> bool:
        """Whether all that comes under this name is surely of the agent whose birth is in force."""
        _, n_asked = self._in_vain.get(node, (None, _ENOUGH))
        return len(set(self._epochs.get(node, ()))) <= 1 and n_asked >= _ENOUGH

    def end(self, node: str, bd_seq: object) -> bool:
        """Forget the births of another agent's connection, which has ended; says whether there was any."""
        others = self._of.get(node, [])
        alive = [other for other in others if other.bd_seq != bd_seq]
        self._of[node] = alive
        return len(alive) < len(others)

    def forget(self, node: str) -> None:
        """Forget a controller's births: its next data asks for a new one."""
        self._of.pop(node, None)
        self._in_vain.pop(node, None)

    def forget_wholly(self, node: str) -> None:
        """Forget a controller that no register knows: its epochs too."""
        self.forget(node)
        self._epochs.pop(node, None)

    def forget_all(self) -> None:
        """Births may have been missed: every one is asked for anew, at once."""
        self._of.clear()
        self._in_vain.clear()

    def replace_directory(self, directory: Directory) -> None:
        """Number every birth's lamps anew after the register changed."""
        self._of = {node: [renumbered(other, directory) for other in others] for node, others in self._of.items()}
