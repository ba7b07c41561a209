"""Snapshots of detection's state, and recovery after a restart: records stored later are judged again.

A snapshot holds detection's arrays, the store's position that they correspond to, and the time. It is taken only when
the commit queue is empty and no change waits for it, so that everything up to the position is stored and booked.
Judging the rest again may repeat changes; the fault book identifies faults by place and stores the time of the last
change, so nothing is doubled.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import structlog

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replacing
from ingest.damaged_file import set_aside
from ingest.errors import StoreUnavailableError, describe
from ingest.model.finding import Change
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.periodic import Every
from ingest.pipeline.catch_up import CatchUp
from ingest.pipeline.clock import Clock
from ingest.pipeline.commit_queue import CommitQueue
from ingest.pipeline.ports import Judge
from ingest.telemetry.store import TelemetryStore
from languages.message import Message, Plain

FILE_NAME: Final = "detection.npz"
_MAX_BYTES: Final = 8 << 30
_POSITION: Final = "terang.position"
_NOW: Final = "terang.now_us"
_EVERY_S: Final = 60.0
_SLOWEST_S: Final = 900.0
_SHARE: Final = 0.02  # of the time may go into snapshots


class Memory(Protocol):
    """The interface of detection for snapshots."""

    def snapshot(self) -> dict[str, Any]:
        """The complete state as named arrays."""

    def restore(self, memory: Mapping[str, Any]) -> Sequence[Change]:
        """Go on from a snapshot; says what the register no longer holds.

        Raises:
            IngestError: it is of another version.
        """

    def forget(self) -> None:
        """Reset the state."""

    def replace_fleet(self, fleet: Fleet) -> Sequence[Change]:
        """Use another register."""


class SnapshotFile:
    """``detection.npz`` in a city's data folder."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``; nothing is read yet."""
        self._path = folder / FILE_NAME

    def write(self, memory: Mapping[str, Any], *, position: int, now_us: int) -> None:
        """Replace the file for good.

        Raises:
            StoreUnavailableError: the disk is full or refuses; the old snapshot is still there.
        """
        try:
            with replacing(self._path) as file:
                own = {_POSITION: np.array(position), _NOW: np.array(now_us)}
                np.savez(file, allow_pickle=False, **own, **memory)
        except OSError as error:
            raise StoreUnavailableError(f"{self._path}: {error.strerror}") from error

    def read(self) -> tuple[dict[str, Any], int, int] | None:
        """``(memory, position, now_us)``; None where there is none.

        Raises:
            ValueError: it is damaged.
        """
        try:
            data = io.BytesIO(read_bounded(self._path, _MAX_BYTES))
            _check_archive(data)
            with np.load(data, allow_pickle=False) as arrays:
                memory = dict(arrays)
            return memory, int(memory.pop(_POSITION)), int(memory.pop(_NOW))
        except FileNotFoundError:
            return None
        except Exception as error:  # whatever its bytes make of the readers of archives, headers and arrays
            raise ValueError(f"{self._path}: {describe(error)}") from error

    def set_aside(self) -> Path | None:
        """Keep a file that cannot be used under another name; says where, None if that is not possible."""
        return set_aside(self._path)


def _check_archive(data: io.BytesIO) -> None:
    """Check every byte of an archive before anything is made of it.

    Raises:
        ValueError: it is not as it was written.
    """
    with zipfile.ZipFile(data) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("a member is compressed")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"{damaged}: its checksum is not its bytes'")
    data.seek(0)


def recover(
    file: SnapshotFile,
    detection: Judge,
    memory: Memory,
    clock: Clock,
    *,
    store: TelemetryStore,
    directory: Directory,
    warn: Callable[[Message | None], object] = str,
) -> CatchUp | None:
    """Bring detection to where it was when the process ended; returns what judges the records stored since then.

    A snapshot that cannot be used is kept under another name and reported to ``warn``; faults that are open stay open.
    Without a snapshot there is nothing to go on from (None).
    """
    log = structlog.get_logger("ingest")

    def start_anew(error: Exception) -> None:
        memory.forget()
        kept = file.set_aside()
        reason = describe(error)
        log.error("detection starts with an empty state", reason=reason, kept=str(kept))
        warn(Message("readiness.no_snapshot", reason=Plain(reason), kept=Plain(kept)))

    try:
        found = file.read()
        changes = list(memory.restore(found[0])) if found is not None else []
    except Exception as error:  # noqa: BLE001  # a file that anything may be in must not end every start
        start_anew(error)
        return None
    if found is None:
        return None
    _, position, now_us = found
    until = store.position()
    return CatchUp(
        lambda: store.records(directory, after=position, until=until),
        detection,
        clock,
        changes=changes,
        now_us=now_us,
        start_anew=start_anew,
        warn=warn,
    )


class SnapshotJob:
    """Takes a snapshot every minute, if the commit queue is empty."""

    def __init__(
        self,
        file: SnapshotFile,
        memory: Memory,
        commit_queue: CommitQueue,
        *,
        store: TelemetryStore,
        received: ReceivedRangesTable,
        monotonic: Callable[[], float],
        has_unreported_changes: Callable[[], bool] = lambda: False,
    ) -> None:
        """The first one comes with the first run: there is always one to go on from.

        ``has_unreported_changes``: whether detection found changes that no load holds yet; a snapshot would lose them.
        """
        self._file = file
        self._memory = memory
        self._commit_queue = commit_queue
        self._store = store
        self._received = received
        self._has_unreported_changes = has_unreported_changes
        self._every = Every(_EVERY_S, monotonic, share=_SHARE, slowest_s=_SLOWEST_S)
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:
        """Take a snapshot if it is due."""
        is_due = self._every.is_due()
        self._commit_queue.hold(is_held=is_due)
        if not is_due or not self._commit_queue.is_empty or self._has_unreported_changes():
            return
        try:
            self.take(now_us)
        except StoreUnavailableError as error:
            self._log.warning("no snapshot", reason=str(error))
        finally:  # whatever happened, the loads must not wait for it
            self._every.done()
            self._commit_queue.hold(is_held=False)

    def take(self, now_us: int) -> None:
        """Take a snapshot now; the commit queue must be empty, and nothing left to catch up with.

        Raises:
            StoreUnavailableError: the disk is full or refuses.
        """
        position = self._store.position()
        self._file.write(self._memory.snapshot(), position=position, now_us=now_us)
        received = self._received.states()
        self._commit_queue.after_write(lambda: self._store.settle(position, received))
