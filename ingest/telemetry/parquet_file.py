"""Writes one table as a Parquet file, with compression for fresh or for merged segments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.schema.telemetry import LAMP_VALUES
from ingest.telemetry.direct_file import Scratch, write_direct

ROWS_PER_GROUP: Final = 1 << 20
_LARGE: Final = 1 << 20  # bytes
_WIDENED: Final = 16  # bytes a row: Parquet has no numbers of one byte
_FOOTER: Final = 1 << 20
_WORTH_A_SPLIT: Final = 4  # bytes of an item
# What a byte-stream split gains on floats and counters costs next to nothing; see docs/ingest.md for the figures.
_SPLIT: Final = frozenset(column.name for column in LAMP_VALUES if column.quantity.item_bytes >= _WORTH_A_SPLIT)
# Of floats, a lamp's current has few different bytes: meters tell it in mA, and it is seldom more than one ampere.
_NOISY: Final = frozenset(column.name for column in LAMP_VALUES if column.is_float) - {"current_a"}


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
# level of zstd leaves them alone, and still makes nothing of a street that is off. Ids would be 5 bytes instead of 13
# with Snappy, for half as much time again as writing them takes.
FRESH: Final = Packing("lz4", frozenset(), {"lamp_id": ("none", None), **dict.fromkeys(_NOISY, ("zstd", -500))})
MERGED: Final = Packing("zstd", frozenset(("at_us", "epoch", "sequence")))


def write_file(
    path: Path, table: pa.Table, metadata: Mapping[bytes, bytes], packing: Packing, scratch: Scratch | None = None
) -> None:
    """Write a table for good, a large one past the cache if there is ``scratch`` for it.

    Raises:
        OSError: the disk is full or refuses.
    """

    def fill(file: pa.NativeFile) -> None:
        _encode(file, table, metadata, packing)

    if scratch is not None and table.nbytes >= _LARGE:
        most = table.nbytes + _WIDENED * table.num_rows + _FOOTER
        if write_direct(path, scratch, most, fill):
            return
    # Arrow's own file: a Python one is asked for the interpreter at every page, which the receiving thread holds
    with pa.OSFile(str(path), "wb") as file:
        fill(file)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        # Nobody reads it soon, and the next segment gets the same pages of memory again: pages that a virtual machine
        # has not had before cost it more than all the encoding (16 us for 4 kB where this was measured).
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _encode(file: pa.NativeFile, table: pa.Table, metadata: Mapping[bytes, bytes], packing: Packing) -> None:
    names = table.schema.names
    repeated = {column.name for column in table.schema if pa.types.is_dictionary(column.type)} | packing.dictionary
    codecs = {name: packing.codecs.get(name, (packing.codec, None)) for name in names}
    with pq.ParquetWriter(
        file,
        table.schema,
        compression={name: codec for name, (codec, _) in codecs.items()},
        compression_level={name: level for name, (_, level) in codecs.items() if level is not None},
        use_dictionary=[name for name in names if name in repeated],
        column_encoding={name: "BYTE_STREAM_SPLIT" for name in names if name in _SPLIT},
        write_statistics=["at_us"],
        store_schema=False,
        write_page_checksum=True,  # a flipped bit of a reading is found, and is no other reading
        write_batch_size=1 << 16,
        data_page_size=8 << 20,
    ) as writer:
        writer.write_table(table, row_group_size=ROWS_PER_GROUP)
        writer.add_key_value_metadata(dict(metadata))
