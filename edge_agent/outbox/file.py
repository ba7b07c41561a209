"""The outbox's SQLite file: schema, statements, and errors.

The only module of the agent that imports sqlite3; `outbox` decides what is kept and why. WAL with ``synchronous=FULL``:
a committed record survives a power cut, at one sync of the log per sweep. The lock is exclusive: a second agent on the
same file would use numbers twice.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edge_agent.outbox.condition import NotOurs
from edge_agent.outbox.layout import Layout
from edge_agent.outbox.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

APPLICATION_ID: Final = 0x54524F42  # "TROB": another program's database is not ours to write into
SCHEMA_VERSION: Final = 1
LOCK_WAIT_S: Final = 5.0  # a predecessor that is just ending
RESERVE_BYTES: Final = 1 << 20  # given back to full storage, so that deleting still works
MAX_NUMBER: Final = (1 << 63) - 1
MAX_RUN_S: Final = 1e10  # three centuries
StorageError = sqlite3.Error  # whatever storage, the file system or the file may raise
_SCHEMA: Final = f"""
CREATE TABLE record (sequence INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, run_s REAL NOT NULL, layout TEXT NOT NULL,
                     body BLOB NOT NULL);
CREATE TABLE layout (key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """The values read from the file when it is opened.

    Attributes:
        epoch: random number of this outbox.
        last: newest number given; 0 = none.
        acknowledged: up to here the host has everything.
        gone: up to here acknowledged or dropped.
        n_dropped: dropped unacknowledged.
        bd_seq: of the latest MQTT connection; 255 = none, so that the first one is 0.
        newest_at_ms: time of the newest record; 0 = none.
        run_s: running time at the newest record [s].
    """

    epoch: int
    last: int
    acknowledged: int
    gone: int
    n_dropped: int
    bd_seq: int
    newest_at_ms: int
    run_s: float


def make_private(path: Path) -> None:
    """Make a file's folder if it is missing, for its owner alone, and the file too; SQLite gives its log the same mode.

    Raises:
        OSError: the folder cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(OSError):  # the file system may know no modes, or be read-only: opening says what matters
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        path.chmod(0o600)


class OutboxFile:
    """One open outbox file.

    Attributes:
        epoch: its random number.
        is_in_memory: nothing of it is in storage.
    """

    epoch: int

    def __init__(self, path: Path | None, random_epoch: Callable[[], int]) -> None:
        """Open or create it; without a path in memory.

        Raises:
            StorageError: see `is_corrupt`.
            OSError: its folder cannot be made.
        """
        if path is not None:
            make_private(path)
        self.is_in_memory = path is None
        self._reserve = None if path is None else path.with_name(path.name + ".reserve")
        self._db = sqlite3.connect(
            path or ":memory:", timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(random_epoch)
        except sqlite3.Error:
            self._db.close()
            raise
        self.make_reserve()

    def _prepare(self, random_epoch: Callable[[], int]) -> None:
        db = self._db
        db.execute("PRAGMA page_size = 1024")  # a record is small: a third of the bytes of 4096 are written
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 1000")  # pages: the log stays within the reserve
        db.execute("PRAGMA cache_size = -512")  # KiB: the agent is small
        is_new = not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if is_new:
            with self.transaction():
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                self.put("epoch", random_epoch())
        found = (db.execute("PRAGMA application_id").fetchone()[0], db.execute("PRAGMA user_version").fetchone()[0])
        if found != (APPLICATION_ID, SCHEMA_VERSION):
            raise NotOurs(f"not an outbox of this version: {found}")
        epoch = db.execute("SELECT value FROM number WHERE name = 'epoch'").fetchone()
        if epoch is None:
            raise NotOurs("no epoch")
        if not _is_number(epoch[0], 1):
            raise NotOurs(f"the epoch is {str(epoch[0])[:40]!r}")
        self.epoch = epoch[0]

    def setting(self) -> Setting:
        """Read every number, and the newest record whole.

        Raises:
            StorageError: the file is no usable outbox.
        """
        numbers: dict[str, int] = dict(self._db.execute("SELECT name, value FROM number").fetchall())
        newest = self._db.execute(
            "SELECT sequence, at_ms, run_s, body FROM record ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        oldest = self._db.execute("SELECT min(sequence) FROM record").fetchone()[0]
        bad = [name for name, value in numbers.items() if not _is_number(value, 0)]
        if bad or (newest is not None and not (_is_number(newest[1], -MAX_NUMBER) and _is_seconds(newest[2]))):
            raise NotOurs(f"impossible numbers: {', '.join(map(str, bad)) or 'of the newest record'}")
        last = newest[0] if newest else 0
        gone = max(numbers.get("gone", 0), numbers.get("acknowledged", 0), (oldest or 1) - 1)
        return Setting(
            epoch=self.epoch,
            last=last,
            acknowledged=numbers.get("acknowledged", 0),
            gone=min(gone, last),
            n_dropped=numbers.get("dropped", 0),
            bd_seq=numbers.get("bd_seq", 255) % 256,
            newest_at_ms=newest[1] if newest else 0,
            run_s=newest[2] if newest else 0.0,
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and in storage when it ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def insert(self, record: Record, layout: Layout, run_s: float) -> None:
        """Add a record, and its layout if it is new."""
        self._db.execute("INSERT OR IGNORE INTO layout VALUES (?, ?)", (layout.key, layout.to_json()))
        row = (record.sequence, record.at_ms, run_s, record.layout_key, record.body)
        self._db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?)", row)

    def read(self, start: int, limit: int) -> list[Record]:
        """Records from a number on, in order."""
        rows = self._db.execute(
            "SELECT sequence, at_ms, layout, body FROM record WHERE sequence >= ? ORDER BY sequence LIMIT ?",
            (start, limit),
        )
        return [Record(self.epoch, number, *_usable(*rest)) for number, *rest in rows]

    def layout(self, key: str) -> Layout | None:
        """A layout by its key."""
        row = self._db.execute("SELECT document FROM layout WHERE key = ?", (key,)).fetchone()
        return Layout.from_json(row[0]) if row else None

    def put(self, name: str, value: int) -> None:
        """Keep a number; one that is there already costs no write."""
        self._db.execute(
            "INSERT INTO number VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value "
            "WHERE value <> excluded.value",
            (name, value),
        )

    def delete_up_to(self, sequence: int, limit: int) -> None:
        """Delete the oldest records up to a number, at most `limit` of them."""
        self._db.execute(
            "DELETE FROM record WHERE sequence IN "
            "(SELECT sequence FROM record WHERE sequence <= ? ORDER BY sequence LIMIT ?)",
            (sequence, limit),
        )

    def newest_before(self, run_s: float) -> int:
        """Number of the last record of the oldest stretch that was made before a running time; 0 = none.

        Records are in the order of running time, so walking up from the oldest stops at the first young one.
        """
        sequence = 0
        for number, made_s in self._db.execute("SELECT sequence, run_s FROM record ORDER BY sequence"):
            if made_s >= run_s:
                break
            sequence = number
        return sequence

    def oldest(self) -> int:
        """Number of the oldest record in the file; 0 = none."""
        return int(self._db.execute("SELECT coalesce(min(sequence), 0) FROM record").fetchone()[0])

    def used_bytes(self) -> int:
        """Bytes of the pages in use."""
        size, pages, free = (
            int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        return size * (pages - free)

    def make_reserve(self) -> None:
        """Keep some room in storage for the day when it is full."""
        if self._reserve is None:
            return
        with suppress(OSError):
            room = os.statvfs(self._reserve.parent)
            if not self._reserve.exists() and room.f_bavail * room.f_frsize > 4 * RESERVE_BYTES:
                self._reserve.write_bytes(b"\0" * RESERVE_BYTES)

    def make_room(self) -> bool:
        """On full storage: give the reserve back and fold the log into the file; return whether anything was won."""
        is_released = self.release_reserve()
        try:
            is_busy, n_log_pages, _ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error:
            return is_released
        return is_released or (not is_busy and n_log_pages > 0)

    def release_reserve(self) -> bool:
        """Give that room back; return whether there was some."""
        if self._reserve is None:
            return False
        try:
            self._reserve.unlink()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close it; SQLite folds the log into the file."""
        with suppress(sqlite3.Error):
            self._db.close()

    @staticmethod
    def set_aside(path: Path) -> Path:
        """Rename a file that cannot be used, with its log, and return the new name."""
        n = 1
        while any(path.with_name(f"{path.name}.corrupt-{n}{suffix}").exists() for suffix in ("", "-wal")):
            n += 1
        aside = path.with_name(f"{path.name}.corrupt-{n}")
        for suffix in ("-wal", "-shm"):
            with suppress(OSError):
                os.replace(f"{path}{suffix}", f"{aside}{suffix}")  # noqa: PTH105 - the atomic rename by its own name
        with suppress(FileNotFoundError):  # a log may stand there alone
            os.replace(path, aside)  # noqa: PTH105 - as above
        return aside


def _is_number(value: object, lowest: int) -> bool:
    return isinstance(value, int) and lowest <= value <= MAX_NUMBER


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and 0.0 <= value <= MAX_RUN_S  # False for NaN


def _usable(at_ms: object, layout: object, body: object) -> tuple[int, str, bytes]:
    """A row as a record's fields; what storage has damaged becomes empty, so that the number still reaches the host."""
    return (
        at_ms if isinstance(at_ms, int) and at_ms >= 0 else 0,
        layout if isinstance(layout, str) else "",
        body if isinstance(body, bytes) else b"",
    )
