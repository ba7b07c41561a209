"""Writing one Parquet segment so that it appears whole or not at all, and reading what its footer promises.

The order is: files, synced; their folder, synced; the folder renamed into place; the day's folder synced. Whatever
stands in a staging folder after a crash was never promised to anyone. Each writer has one of its own, and who opens the
store after it removes it: a writer that hung and wakes up has nowhere to rename from, and can add nothing.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import StoreUnavailableError
from ingest.schema.segments import segment_name
from ingest.watermark import MarkState

TEMPORARY: Final = "tmp-"
MARKS_KEY: Final = b"terang.marks"
THINNED_KEY: Final = b"terang.thinned_us"
ROWS_PER_GROUP: Final = 1 << 20
# What a byte-stream split gains on floats and counters costs next to nothing; see docs/ingest.md for the figures.
_SPLIT: Final = frozenset((
    "voltage_v", "current_a", "power_w", "power_factor", "temperature_c", "energy_wh", "burning_hours", "switch_count",
))  # fmt: skip  # a table of words
_NOISY: Final = frozenset(("voltage_v", "power_w", "power_factor", "temperature_c"))


@dataclass(frozen=True, slots=True)
class Packing:
    """How the columns of a segment are packed: beside ids that come as a dictionary, ``dictionary`` columns are one.

    ``codecs`` has the codec, and its level or None, of columns that are packed otherwise than with ``codec``.
    """

    codec: str
    dictionary: frozenset[str]
    codecs: Mapping[str, tuple[str, int | None]] = field(default_factory=dict)


# Written on the way to every acknowledgement and merged soon: no column is packed by what costs more than its bytes.
# LZ4 takes three times as long over the half-random bytes of a measured value as over pure noise or none; a negative
# level of zstd leaves them alone, and still makes nothing of a street that is off.
FRESH: Final = Packing("lz4", frozenset(), {"lamp_id": ("snappy", None), **dict.fromkeys(_NOISY, ("zstd", -500))})
MERGED: Final = Packing("zstd", frozenset(("at_us", "epoch", "sequence")))


def write_segment(
    day_path: Path,
    first: int,
    last: int,
    tables: Mapping[str, pa.Table],
    marks: Iterable[MarkState],
    *,
    staging: Path,
    packing: Packing = FRESH,
) -> Path:
    """Write a segment for good and return its folder.

    Raises:
        StoreUnavailableError: the disk is full or refuses; nothing of the segment is to be seen.
    """
    folder = day_path / segment_name(first, last)
    temporary = staging / f"{day_path.name}-{folder.name}"
    try:
        if temporary.exists():
            shutil.rmtree(temporary)
        temporary.mkdir()
        for name, table in tables.items():
            if table.num_rows or name == "cabinets":
                metadata = {MARKS_KEY: encode_marks(marks)} if name == "cabinets" else {}
                _write_file(temporary / f"{name}.parquet", table, metadata, packing)
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


def replace_lamps(folder: Path, table: pa.Table, thinned_us: int, *, staging: Path) -> None:
    """Put a thinned table in the place of a segment's lamps, at one instant.

    Raises:
        StoreUnavailableError: the disk is full or refuses; the old table is still there.
    """
    temporary = staging / f"lamps-{folder.name}"
    try:
        _write_file(temporary, table, {THINNED_KEY: str(thinned_us).encode()}, MERGED)
        temporary.replace(folder / "lamps.parquet")
        sync_folder(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _unavailable(folder, staging, error) from error


def is_thinned(folder: Path) -> bool:
    """Whether a segment's lamps are means of quarter-hours, or there are none.

    Raises:
        OSError: it cannot be read.
    """
    path = folder / "lamps.parquet"
    return not path.exists() or THINNED_KEY in (pq.read_metadata(path).metadata or {})


def _unavailable(folder: Path, staging: Path, error: OSError) -> StoreUnavailableError:
    if error.errno == errno.ENOENT and not staging.exists():
        return StoreUnavailableError(
            f"{staging} is gone: another ingest has opened this store, or its disk is not there"
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    full = " (the disk is full)" if error.errno == errno.ENOSPC else ""
    return StoreUnavailableError(f"{folder}: {reason}{full}")


def _write_file(path: Path, table: pa.Table, metadata: Mapping[bytes, bytes], packing: Packing) -> None:
    names = table.schema.names
    repeated = {column.name for column in table.schema if pa.types.is_dictionary(column.type)} | packing.dictionary
    codecs = {name: packing.codecs.get(name, (packing.codec, None)) for name in names}
    # Arrow's own file: a Python one is asked for the interpreter at every page, which the receiving thread holds
    with (
        pa.OSFile(str(path), "wb") as file,
        pq.ParquetWriter(
            file,
            table.schema,
            compression={name: codec for name, (codec, _) in codecs.items()},
            compression_level={name: level for name, (_, level) in codecs.items() if level is not None},
            use_dictionary=[name for name in names if name in repeated],
            column_encoding={name: "BYTE_STREAM_SPLIT" for name in names if name in _SPLIT},
            write_statistics=["at_us"],
            store_schema=False,
            write_batch_size=1 << 16,
            data_page_size=8 << 20,
        ) as writer,
    ):
        writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        writer.add_key_value_metadata(dict(metadata))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        # Nobody reads it soon, and the next segment gets the same pages of memory again: pages that a virtual machine
        # has not had before cost it more than all the encoding (16 us for 4 kB where this was measured).
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the entries of a folder last."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def encode_marks(marks: Iterable[MarkState]) -> bytes:
    """Marks as a footer keeps them."""
    rows: list[list[Any]] = [[m.controller_id, m.epoch, m.floor, m.starts, m.ends] for m in marks]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()


def decode_marks(data: bytes) -> list[MarkState]:
    """Marks of a footer.

    Raises:
        ValueError: not such a list.
    """
    return [MarkState(name, epoch, floor, tuple(s), tuple(e)) for name, epoch, floor, s, e in json.loads(data)]


def read_marks(folder: Path) -> list[MarkState]:
    """What a segment's footer promises.

    Raises:
        ValueError: the segment is damaged.
    """
    try:
        metadata = pq.read_metadata(folder / "cabinets.parquet").metadata or {}
        return decode_marks(metadata[MARKS_KEY])
    except (KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{folder}: damaged: {error}") from error
