"""A cache of the database's lamps as columns on disk, for fast starts.

The database stays the truth. The copy bears the version and digest of the register it was made from, and one that bears
others, or cannot be read, is no copy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from durable_files.bounded_read import is_special
from durable_files.whole_file import replacing
from ingest.errors import describe
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps, Register

FILE_NAME: Final = "register.parquet"  # in the city's data folder
_FORMAT: Final = "2"  # 1 had no checksums
_ABOUT: Final = b"terang.register"
_NOTHING: Final[Mapping[str, Any]] = {}
_DTYPES: Final = {
    "position": np.int32,
    "latitude": np.float64,
    "longitude": np.float64,
    "rated_power_w": np.float32,
    "address": np.int32,
    "is_dimmable": np.bool_,
}


def write_copy(path: Path, register: Register) -> None:
    """Write a register's lamps; a copy that cannot be written is only a slower start."""
    lamps = register.lamps
    columns: dict[str, pa.Array] = {}
    for name in _names():
        values = getattr(lamps, name)
        if name in _DTYPES:
            columns[name] = pa.array(values)
        elif name == "extra":
            columns[name] = pa.array([json.dumps(extra) if extra else "" for extra in values]).dictionary_encode()
        else:
            column = pa.array(values, pa.string())
            columns[name] = column if name == "lamp_id" else column.dictionary_encode()
    table = pa.table(columns).replace_schema_metadata({_ABOUT: _about(register.version, register.digest)})
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, is_synced=False, is_durable=False, is_shared=True) as file:
            pq.write_table(table, file, compression="lz4", write_page_checksum=True)


def read_copy(path: Path, cabinets: Cabinets, version: int, digest: str) -> Register | None:
    """The register of which the file is a copy; None if it is no copy of this version."""
    try:
        if is_special(path):
            return None
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
        metadata = table.schema.metadata or {}
        if metadata.get(_ABOUT) != _about(version, digest) or set(table.schema.names) != set(_names()):
            return None
        table.validate(full=True)
        columns = {name: _values(name, table.column(name).combine_chunks()) for name in _names()}
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001  # a file that anything may be in; the database holds the same
        structlog.get_logger("register").warning("the copy of the register is damaged", reason=describe(error))
        return None
    row_of = {cabinet_id: row for row, cabinet_id in enumerate(cabinets.cabinet_id)}
    cabinet = np.array([row_of.get(cabinet_id, UNKNOWN_INT) for cabinet_id in columns["cabinet_id"]], np.int32)
    return Register(Lamps(cabinet=cabinet, **columns), cabinets, version, digest)


def _names() -> list[str]:
    """Columns of the copy: the lamps' but for what follows from the cabinets."""
    return [field.name for field in fields(Lamps) if field.name != "cabinet"]


def _about(version: int, digest: str) -> bytes:
    return f"{_FORMAT} {version} {digest}".encode()


def _values(name: str, column: pa.Array) -> Any:
    if name in _DTYPES:
        return np.array(column.to_numpy(zero_copy_only=False), _DTYPES[name])
    if name == "lamp_id":
        return column.to_pylist()
    texts = column.dictionary.to_pylist()
    words = np.empty(len(texts), object)
    words[:] = [(json.loads(text) if text else _NOTHING) for text in texts] if name == "extra" else texts
    return words[column.indices.to_numpy()].tolist()
