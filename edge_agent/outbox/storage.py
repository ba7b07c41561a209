"""The storage of the outbox: opens its file, and handles a full disk, a corrupt file and failing storage.

Owns opening, setting aside, making room, and the last resort: an outbox in memory. Independent of acknowledgements.
While storage is full, records wait in memory, since deleting still works and makes room; a corrupt file is replaced by
a new one. Storage that has turned read-only, as worn SD cards do, or fails otherwise for some minutes, is not used
until the next start: publishing today's readings comes before keeping them over a power cut.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge_agent.errors import Fatal
from edge_agent.outbox.condition import is_corrupt, is_failing, is_full, is_read_only, torn
from edge_agent.outbox.file import OutboxFile, Setting, StorageError
from languages.message import Message, Plain, why

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG: Final = logging.getLogger(__name__)
MAX_MEMORY_BYTES: Final = 6_000_000  # of an outbox in memory, when storage is unusable
GIVE_UP_S: Final = 300.0  # after so long without success storage is given up


class Storage:
    """The outbox file, on disk or in memory.

    Attributes:
        path: where it should be.
        file: the open file.
        setting: what it said when it was opened.
        max_bytes: limit of its contents.
        n_set_aside: corrupt files set aside since start.
        trouble: what is wrong, for people; empty = nothing.
    """

    file: OutboxFile
    setting: Setting

    def __init__(self, path: Path, max_bytes: int, random_epoch: Callable[[], int]) -> None:
        """Open or create the file; a corrupt one is set aside under another name.

        Raises:
            Fatal: the folder cannot be made, or the file cannot be opened although storage and file are well.
        """
        self.path = path
        self.max_bytes = max_bytes
        self._random_epoch = random_epoch
        self._failing_since_s: float | None = None
        self.n_set_aside = 0
        self.trouble = ""
        self._open()

    @property
    def size_bytes(self) -> int:
        """Size of the file, without its log."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @contextmanager
    def transaction(self) -> Iterator[OutboxFile]:
        """All or nothing, and in storage when it ends."""
        with self.file.transaction():
            yield self.file

    def recover(self, error: StorageError) -> bool:
        """Do what can be done at once; return whether trying again may help. A new epoch shows in `setting`."""
        if is_corrupt(error):
            self.file.close()
            self._set_aside(error)
            self._open()
            return True
        return is_full(error) and self.file.make_room()

    def give_up(self, error: StorageError, run_s: float) -> bool:
        """Note that nothing helped at this running time [s]; return whether memory now takes the place of storage."""
        if self._failing_since_s is None:
            self._failing_since_s = run_s
            self.trouble = f"storage accepts no writes ({error}); records wait in memory"
            LOG.error("storage accepts no writes (%s); records wait in memory", error)
        is_beyond_use = is_read_only(self.path) or (is_failing(error) and not is_full(error))
        if not is_beyond_use or run_s - self._failing_since_s < GIVE_UP_S:
            return False
        self.file.close()
        self._open_memory()
        return True

    def works(self) -> None:
        """Note that a transaction came through."""
        if self._failing_since_s is not None:
            LOG.warning("storage works again; records are stored")
            self._failing_since_s = None
            self.trouble = self._memory_words if self.file.is_in_memory else ""
        self.file.make_reserve()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _clear_place(self) -> None:
        """Rename what stands in the place of the file or of its log and is no file: a folder, a link to nowhere."""
        if _is_odd(self.path):
            self._set_aside("not a regular file")
        for beside in (Path(f"{self.path}{suffix}") for suffix in ("-wal", "-shm", "-journal")):
            if _is_odd(beside):
                LOG.error("%s is not a regular file, and is renamed", beside)
                with suppress(OSError):
                    beside.rename(beside.with_name(f"{beside.name}.odd-{time.time_ns()}"))

    def _open(self) -> None:
        self._clear_place()
        if rest := torn(self.path):
            self._set_aside(rest)
        for _ in range(2):
            try:
                self.file = OutboxFile(self.path, self._random_epoch)
                self.setting = self.file.setting()
            except StorageError as error:
                if is_corrupt(error) and self._set_aside(error):
                    continue
                if not (is_corrupt(error) or is_full(error) or is_failing(error) or is_read_only(self.path)):
                    raise Fatal(Message("terminal.error.at", where=Plain(self.path), reason=why(error))) from error
                break
            except OSError as error:
                if error.errno in {errno.EROFS, errno.EIO}:
                    break
                raise Fatal(Message("terminal.error.at", where=Plain(self.path), reason=why(error))) from error
            return
        self._open_memory()

    _memory_words: Final = "storage is unusable; records live in memory until they are acknowledged or power fails"

    def _open_memory(self) -> None:
        LOG.error("%s", self._memory_words)
        self.trouble = self._memory_words
        self.max_bytes = min(self.max_bytes, MAX_MEMORY_BYTES)
        self.file = OutboxFile(None, self._random_epoch)
        self.setting = self.file.setting()

    def _set_aside(self, error: Exception | str) -> bool:
        """Rename the corrupt file; return whether storage allowed it."""
        try:
            aside = OutboxFile.set_aside(self.path)
        except OSError as refusal:
            LOG.error("corrupt (%s), and cannot be set aside: %s", error, refusal)  # noqa: TRY400 - no traceback
            return False
        self.n_set_aside += 1
        self.trouble = f"the outbox was corrupt, and is set aside as {aside.name}"
        LOG.error("corrupt (%s), set aside as %s; a new epoch begins", error, aside)
        return True


def _is_odd(path: Path) -> bool:
    return os.path.lexists(path) and not path.is_file()
