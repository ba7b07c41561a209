"""Writes one Parquet segment atomically, and reads its footer.

The order is: files, synced; their folder, synced; the folder renamed into place; the day's folder synced. Whatever
is in a staging folder after a crash was never promised to anyone. Each writer has one of its own, and who opens the
store after it removes it: a writer that hung and wakes up has nowhere to rename from, and can add nothing.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from durable_files.whole_file import sync_folder
from ingest.errors import StoreUnavailableError
from ingest.model.received_ranges import StoredRanges
from ingest.schema.segments import segment_name
from ingest.telemetry.damaged_files import check_regular
from ingest.telemetry.direct_file import Scratch
from ingest.telemetry.parquet_file import FRESH, MERGED, Packing, write_file

TEMPORARY: Final = "tmp-"
RANGES_KEY: Final = b"terang.marks"
THINNED_KEY: Final = b"terang.thinned_us"
TABLES_KEY: Final = b"terang.tables"  # the segment's files, so that one that goes missing is missed


def write_segment(
    day_path: Path,
    first: int,
    last: int,
    tables: Mapping[str, pa.Table],
    received: Iterable[StoredRanges],
    *,
    staging: Path,
    packing: Packing = FRESH,
    scratch: Scratch | None = None,
) -> Path:
    """Write a segment for good and return its folder; ``scratch`` serves one writer at a time.

    Raises:
        StoreUnavailableError: the disk is full or refuses; the segment may be there without being promised to anyone,
            see ``withdraw``.
    """
    folder = day_path / segment_name(first, last)
    temporary = staging / f"{day_path.name}-{folder.name}"
    try:
        if temporary.exists():
            shutil.rmtree(temporary)
        temporary.mkdir()
        written = [name for name, table in tables.items() if table.num_rows or name == "cabinets"]
        own = {RANGES_KEY: encode_ranges(received), TABLES_KEY: " ".join(written).encode()}
        for name, table in tables.items():
            if name in written:
                metadata = own if name == "cabinets" else {}
                write_file(temporary / f"{name}.parquet", table, metadata, packing, scratch)
        sync_folder(temporary)
        if not day_path.exists():
            day_path.mkdir()
            sync_folder(day_path.parent)
        temporary.rename(folder)
        sync_folder(day_path)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise _unavailable(folder, staging, error) from error
    return folder


def withdraw(folder: Path, *, staging: Path) -> None:
    """Take back a segment that was not promised to anyone, at one instant; nothing happens if it is not there.

    Raises:
        OSError: the disk refuses; the segment is still there.
    """
    away = staging / f"withdrawn-{folder.parent.name}-{folder.name}"
    shutil.rmtree(away, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(away)
        sync_folder(folder.parent)
        shutil.rmtree(away, ignore_errors=True)


def replace_lamps(folder: Path, table: pa.Table, thinned_us: int, *, staging: Path) -> None:
    """Put a thinned table in the place of a segment's lamps, at one instant.

    Raises:
        StoreUnavailableError: the disk is full or refuses; the old table is still there.
    """
    temporary = staging / f"lamps-{folder.name}"
    try:
        write_file(temporary, table, {THINNED_KEY: str(thinned_us).encode()}, MERGED)
        temporary.replace(folder / "lamps.parquet")
        sync_folder(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unavailable(folder, staging, error) from error


def is_thinned(folder: Path) -> bool:
    """Whether a segment's lamps are means of quarter-hours, or there are none.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    path = folder / "lamps.parquet"
    check_regular(path)
    return not path.exists() or THINNED_KEY in (pq.read_metadata(path).metadata or {})


def missing_tables(folder: Path) -> list[Path]:
    """Files that a segment was written with and that are not there; segments of older versions name none.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    check_regular(folder / "cabinets.parquet")
    named = (pq.read_metadata(folder / "cabinets.parquet").metadata or {}).get(TABLES_KEY, b"").decode().split()
    return [path for name in named if not (path := folder / f"{name}.parquet").exists()]


def _unavailable(folder: Path, staging: Path, error: OSError) -> StoreUnavailableError:
    if error.errno == errno.ENOENT and not staging.exists():
        return StoreUnavailableError(
            f"{staging} is gone: another ingest has opened this store, or its disk is not there"
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    full = " (the disk is full)" if error.errno == errno.ENOSPC else ""
    return StoreUnavailableError(f"{folder}: {reason}{full}")


def encode_ranges(received: Iterable[StoredRanges]) -> bytes:
    """Received ranges as a footer holds them."""
    rows: list[list[Any]] = [[m.controller_id, m.epoch, m.complete_to, m.starts, m.ends] for m in received]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()


def decode_ranges(data: bytes) -> list[StoredRanges]:
    """Received ranges of a footer.

    Raises:
        ValueError: not such a list.
    """
    try:
        states = [
            StoredRanges(name, epoch, complete_to, tuple(s), tuple(e))
            for name, epoch, complete_to, s, e in json.loads(data)
        ]
        is_sound = all(
            isinstance(state.controller_id, str)
            and len(state.starts) == len(state.ends)
            and all(type(number) is int for number in (state.epoch, state.complete_to, *state.starts, *state.ends))
            for state in states
        )
    except (TypeError, RecursionError) as error:
        raise ValueError(f"no received ranges: {error}") from error
    if not is_sound:
        raise ValueError("no received ranges: a name or number is of another type")
    return states


def read_ranges(folder: Path) -> list[StoredRanges]:
    """The received ranges in a segment's footer.

    Raises:
        ValueError: the segment is damaged.
    """
    try:
        check_regular(folder / "cabinets.parquet")
        metadata = pq.read_metadata(folder / "cabinets.parquet").metadata or {}
        return decode_ranges(metadata[RANGES_KEY])
    except (KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{folder}: damaged: {error}") from error
