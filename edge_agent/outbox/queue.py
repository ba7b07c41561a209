"""The outbox: stores every record until the host has acknowledged it.

Owns the numbers that must never be used twice: epoch, sequence, bdSeq; `Storage` owns the file. A record gets
its number in the transaction that stores it, so a number that was published is in storage. The newest record always
stays, since the next birth repeats it. Acknowledged rows are deleted together with the next insert: one sync
of storage a sweep. Independent of MQTT; several threads may call it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from edge_agent.outbox.file import OutboxFile, Setting, StorageError
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.numbering import Numbering
from edge_agent.outbox.record import Record
from edge_agent.outbox.storage import Storage
from edge_agent.outbox.waiting import Draft, WaitingRoom

if TYPE_CHECKING:
    from pathlib import Path

LOG: Final = logging.getLogger(__name__)
DELETE_AT_ONCE: Final = 2000  # rows per transaction: a long backlog must not stall a sweep
TRIM_SHARE: Final = 0.02  # of all rows, dropped when the file has reached its limit


class Outbox:
    """Numbered records between sweep and acknowledgement.

    Attributes:
        newest_at_ms: time of the newest record when the file was opened; 0 = none.
        run_s: running time of the agent at that record, over all its lives [s].
        n_lost_waiting: sweeps lost because memory was full while storage accepted nothing.
    """

    newest_at_ms: int
    run_s: float
    n_lost_waiting: int
    _storage: Storage
    _epoch: int
    _last: int
    _acknowledged: int
    _gone: int
    _n_dropped: int
    _bd_seq: int

    def __init__(self, path: Path, *, retention_s: float, max_bytes: int, random_epoch: Callable[[], int]) -> None:
        """Open or create the file; a corrupt one is set aside under another name and a new epoch begins.

        Args:
            path: the SQLite file; its folder is made if it is missing.
            retention_s: a record older than this is dropped, counted in running time of the agent, so that neither a
                jump of the clock nor a month in the warehouse costs a record.
            max_bytes: limit of the file's contents.
            random_epoch: gives a new random 63-bit number.

        Raises:
            Fatal: the folder cannot be made, or the file cannot be opened although it is no corrupt one.
        """
        self._retention_s = retention_s
        self._lock = threading.RLock()
        self._waiting = WaitingRoom()
        self._is_closed = False
        self.n_lost_waiting = 0
        self._storage = Storage(path, max_bytes, random_epoch)
        self._take(self._storage.setting)

    # --- what it holds -----------------------------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Random number of this outbox."""
        return self._epoch

    @property
    def last_sequence(self) -> int:
        """Number of the newest record; 0 = none yet."""
        return self._last

    @property
    def first_held(self) -> int:
        """Number of the oldest record that is neither acknowledged nor dropped; last + 1 if none is."""
        return self._gone + 1

    @property
    def n_held(self) -> int:
        """Records neither acknowledged nor dropped."""
        return self._last - self._gone

    @property
    def n_dropped(self) -> int:
        """Records of this epoch dropped for age or size without acknowledgement."""
        return self._n_dropped

    @property
    def n_waiting(self) -> int:
        """Records in memory because storage accepts none."""
        return len(self._waiting)

    @property
    def has_been_acknowledged(self) -> bool:
        """Whether a host has ever acknowledged anything of this epoch."""
        return self._acknowledged > 0

    @property
    def size_bytes(self) -> int:
        """Size of the file, without its log."""
        return self._storage.size_bytes

    @property
    def n_set_aside(self) -> int:
        """Corrupt files set aside since start."""
        return self._storage.n_set_aside

    @property
    def trouble(self) -> str:
        """What is wrong with storage, for people; empty = nothing."""
        return self._storage.trouble

    def numbering(self) -> Numbering:
        """Where the newest record stands."""
        with self._lock:
            return Numbering(self._epoch, self._last, self._last - self._gone)

    def numbering_of(self, record: Record) -> Numbering | None:
        """Where a record stands now; ``sequence - pending`` is the last number that is gone, for every record.

        None for a record of an earlier epoch, whose storage failed in the meantime: its number means nothing now.
        """
        with self._lock:
            if record.epoch != self._epoch:
                return None
            return Numbering(self._epoch, record.sequence, max(0, record.sequence - self._gone))

    # --- in ----------------------------------------------------------------------------------------------------

    def append(self, draft: Draft) -> list[Record]:
        """Store a sweep and whatever waits in memory; return the records that are in storage now, numbered.

        Never raises for full or broken storage: then the draft waits in memory, in order, up to a bound. A sweep that
        ends after `close` never becomes a record.
        """
        with self._lock:
            if self._is_closed:
                return []
            self.n_lost_waiting += self._waiting.add(draft)
            for attempt in range(4):
                try:
                    stored = self._store_waiting()
                except StorageError as error:
                    if attempt < 2 and self._recover(error):
                        continue
                    if attempt < 3 and self._storage.give_up(error, draft.run_s):
                        self._follow_card()
                        continue
                    return []
                self._storage.works()
                return stored
            return []

    def _store_waiting(self) -> list[Record]:
        drafts = self._waiting.all()
        stored = []
        with self._storage.transaction() as file:
            self._delete_gone(file)
            number = self._last
            for draft in drafts:
                number += 1
                record = Record(self._epoch, number, draft.at_ms, draft.layout.key, draft.body)
                file.insert(record, draft.layout, draft.run_s)
                stored.append(record)
            gone = self._trim(file, drafts[-1].run_s, number)
        self._last = number
        self._n_dropped += gone - self._gone
        self._gone = gone
        self._waiting.clear()
        return stored

    def _delete_gone(self, file: OutboxFile) -> None:
        """Delete what is gone; the deleting itself says after a restart how far the host had got."""
        file.delete_up_to(min(self._gone, self._last - 1), DELETE_AT_ONCE)

    def _trim(self, file: OutboxFile, run_s: float, newest: int) -> int:
        """Drop what is older than the retention, or the oldest while the file is at its limit."""
        gone = max(self._gone, min(file.newest_before(run_s - self._retention_s), newest - 1))
        if file.used_bytes() > self._storage.max_bytes:
            oldest = file.oldest()
            gone = max(gone, min(oldest + max(1, int((newest - oldest) * TRIM_SHARE)), newest - 1))
        if gone > self._gone:
            LOG.warning("dropped records unacknowledged: %s to %s", self._gone + 1, gone)
            file.delete_up_to(gone, DELETE_AT_ONCE)
            file.put("dropped", self._n_dropped + gone - self._gone)
            file.put("gone", gone)
        return gone

    # --- out ---------------------------------------------------------------------------------------------------

    def acknowledge(self, epoch: int, sequence: int) -> bool:
        """Take the host's word that everything up to a number is stored; return whether that changed anything.

        Another epoch's number, or one that was never given, changes nothing. It reaches storage with the next insert;
        an acknowledgement lost in between costs a resend, no more.
        """
        with self._lock:
            if epoch != self._epoch or not self._acknowledged < sequence <= self._last:
                return False
            self._acknowledged = sequence
            is_news = sequence > self._gone
            self._gone = max(self._gone, sequence)
            return is_news

    def newest(self) -> Record | None:
        """The newest record, acknowledged or not."""
        with self._lock:
            found = self.fetch(self._last, 1)
            return found[0] if found else None

    def fetch(self, start: int, limit: int) -> list[Record]:
        """Records from a number on, in order; empty if storage cannot be read."""
        with self._lock:
            try:
                return self._storage.file.read(start, limit)
            except StorageError as error:
                if not self._recover(error):
                    LOG.warning("cannot read: %s", error)
                return []

    def oldest_at_ms(self) -> int:
        """Time of the oldest record that is held; 0 = none is."""
        with self._lock:
            found = self.fetch(self.first_held, 1) if self.n_held else []
            return found[0].at_ms if found else 0

    def layout(self, key: str) -> Layout | None:
        """The layout that records of this key were made with."""
        with self._lock:
            try:
                return self._storage.file.layout(key)
            except (StorageError, ValueError, KeyError, TypeError, RecursionError) as error:
                LOG.warning("layout %s is unreadable: %s", key, error)
                return None

    def next_bd_seq(self) -> int:
        """Number of the next MQTT connection, 0-255, in storage before it is used."""
        with self._lock:
            self._bd_seq = (self._bd_seq + 1) % 256
            try:
                with self._storage.transaction() as file:
                    file.put("bd_seq", self._bd_seq)
            except StorageError as error:
                LOG.warning("bdSeq %s is not in storage: %s", self._bd_seq, error)
            return self._bd_seq

    def close(self) -> None:
        """Store what waits, note the acknowledgements, and close the file."""
        with self._lock:
            try:
                if len(self._waiting):
                    self._store_waiting()
                with self._storage.transaction() as file:
                    self._delete_gone(file)
                    file.put("acknowledged", self._acknowledged)
            except StorageError as error:
                LOG.warning("closing: %s, waiting=%s", error, len(self._waiting))
            self._is_closed = True
            self._storage.close()

    # --- the file ----------------------------------------------------------------------------------------------

    def _take(self, setting: Setting) -> None:
        self._epoch = setting.epoch
        self._last = setting.last
        self._acknowledged = min(setting.acknowledged, setting.last)
        self._gone = max(setting.gone, self._acknowledged)
        self._n_dropped = setting.n_dropped
        self._bd_seq = setting.bd_seq
        self.newest_at_ms = setting.newest_at_ms
        self.run_s = setting.run_s

    def _recover(self, error: StorageError) -> bool:
        """Do what storage allows; return whether trying again may help."""
        is_worth_it = self._storage.recover(error)
        self._follow_card()
        return is_worth_it

    def _follow_card(self) -> None:
        """Go on with another file's numbers if storage had to change to one; running time and bdSeq run on."""
        if self._storage.setting.epoch != self._epoch:
            run_s, bd_seq = self.run_s, self._bd_seq
            self._take(self._storage.setting)
            self.run_s, self._bd_seq = run_s, bd_seq
