"""Files of a telemetry store that cannot be read: listed, reported once and excluded from merges.

A file stays in place, since it may be readable in part, or again (permissions, a disk that comes back). It is listed
until it is replaced or removed. Thread-safe: readers, upkeep and the energy roll-up share one list.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from durable_files.bounded_read import is_special
from ingest.errors import describe
from languages.message import Message, Plain

_MAX_LISTED: Final = 10_000
_NAMED: Final = 3  # of them by name in a warning
_Stamp = tuple[int, int] | None  # modification time and size; None: the file is missing

# what reading a file raises when its bytes are not those that were written, or cannot be had
READ_ERRORS: Final = (OSError, ValueError, TypeError, KeyError, NotImplementedError, pa.ArrowException)


class DamagedFiles:
    """The list; ``tell`` is called with a warning of all (None = no file is damaged) when it changes."""

    def __init__(self, tell: Callable[[int, Message | None], object] | None = None) -> None:
        """Nothing is damaged as far as is known."""
        self._tell = tell
        self._found: dict[Path, _Stamp] = {}
        self._lock = threading.Lock()
        self._log = structlog.get_logger("telemetry")

    def add(self, path: Path, error: BaseException) -> None:
        """List a file that could not be read, or that is missing from its segment."""
        stamp = _stamp(path)
        with self._lock:
            if self._found.get(path, ()) == stamp or len(self._found) >= _MAX_LISTED:
                return
            self._found[path] = stamp
        self._log.error("damaged, left out", file=str(path), reason=describe(error))
        self._changed()

    def holds(self, path: Path) -> bool:
        """Whether a file is listed and is still the one that could not be read."""
        with self._lock:
            if path not in self._found:
                return False
            if path.parent.exists() and self._found[path] == _stamp(path):
                return True
            del self._found[path]
        self._changed()
        return False

    def paths(self) -> list[Path]:
        """What is listed now; what was replaced or removed meanwhile is struck off."""
        with self._lock:
            listed = list(self._found)
        return sorted(path for path in listed if self.holds(path))

    def warning(self) -> Message | None:
        """The list in one message; None if it is empty."""
        with self._lock:
            listed = sorted(self._found)
        return summary(listed)

    def _changed(self) -> None:
        if self._tell is not None:
            self._tell(len(self._found), self.warning())


def summary(paths: Sequence[Path]) -> Message | None:
    """Damaged files in one message: how many, and some by name."""
    if not paths:
        return None
    names = Plain(", ".join("/".join(path.parts[-3:]) for path in paths[:_NAMED]))
    n_more = len(paths) - _NAMED
    some = names if n_more <= 0 else Message("readiness.and_more", names=names, n=n_more)
    if len(paths) == 1:
        return Message("readiness.damaged_file", name=some)
    return Message("readiness.damaged_files", n=len(paths), names=some)


def read_file(
    path: Path, damaged: DamagedFiles, *, columns: list[str] | None = None, filters: Any = None
) -> pa.Table | None:
    """A file's rows, checked to hold what their types say; None where it is damaged, which is listed.

    Raises:
        FileNotFoundError: it was replaced meanwhile.
    """
    if damaged.holds(path):
        return None
    try:
        check_regular(path)
        table = pq.read_table(
            path, columns=columns, filters=filters, partitioning=None, page_checksum_verification=True
        )
        table.validate(full=True)
        if columns is not None and table.schema.names != columns:
            raise ValueError(f"holds {table.schema.names} of {columns}")
    except FileNotFoundError:
        raise
    except READ_ERRORS as error:
        if not path.exists():
            raise FileNotFoundError(str(path)) from error
        damaged.add(path, error)
        return None
    return table


def check_regular(path: Path) -> None:
    """Refuse what would hold up or mislead a reader that is given a path.

    Raises:
        ValueError: a folder, a pipe or a device stands there.
    """
    if is_special(path):
        raise ValueError("not a regular file")


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
