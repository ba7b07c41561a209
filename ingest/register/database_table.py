"""The register in the database: replaced in one transaction, read back as columns."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, Result, Text, cast, delete, insert, select

from ingest.audit_trail import Note
from ingest.register.column_cache import read_copy, write_copy
from ingest.register.register import UNKNOWN_INT, Cabinets, Lamps, Register
from ingest.schema import tables

_CHUNK: Final = 20_000
_NOTHING: Final[Mapping[str, Any]] = {}
_EMPTY_JSON: Final = (None, "", "{}", "null")
_LAMP_TEXTS: Final = (
    "cabinet_id",
    "circuit",
    "position_source",
    "technology",
    "bus",
    "profile",
    "phase",
    "street",
    "district",
    "village",
    "road_class",
    "installed_on",
)
_CABINET_TEXTS: Final = (
    "controller_id",
    "name",
    "district",
    "village",
    "supply_account",
    "transformer",
    "metered",
    "switching",
)


def stored_digest(engine: Engine) -> str:
    """Digest of the register that the database holds, "" if it holds none."""
    with engine.connect() as connection:
        return connection.execute(select(tables.register.c.digest)).scalar_one_or_none() or ""


def stored_version(engine: Engine) -> int:
    """Version of the register that the database holds, 0 if it holds none."""
    with engine.connect() as connection:
        return connection.execute(select(tables.register.c.version)).scalar_one_or_none() or 0


def stored_ids(engine: Engine) -> tuple[list[str], list[str]]:
    """Ids of the lamps and of the cabinets that the database holds."""
    with engine.connect() as connection:
        lamps = connection.execute(select(tables.lamps.c.lamp_id)).scalars().all()
        cabinets = connection.execute(select(tables.cabinets.c.cabinet_id)).scalars().all()
    return [*lamps], [*cabinets]


def store_register(
    engine: Engine, register: Register, source: Path | str, note: Note | None = None, *, after: int = 0
) -> int:
    """Replace the register in one transaction; returns its new version, which is above ``after`` too.

    Args:
        engine: the city's database.
        register: the new one.
        source: where it comes from, for the list of kept registers.
        note: writes the audit log's line inside the transaction.
        after: a version that was given before, to another register.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refused; the register that it held is still there.
    """
    with engine.begin() as connection:
        connection.execute(delete(tables.lamps))
        connection.execute(delete(tables.cabinets))
        old = connection.execute(select(tables.register).order_by(tables.register.c.version.desc())).first()
        version = max(1 if old is None else old.version + 1, after + 1)
        connection.execute(delete(tables.register))
        _insert(connection, tables.cabinets, _cabinet_values(register.cabinets))
        _insert(connection, tables.lamps, _lamp_values(register.lamps))
        row = {
            "version": version,
            "imported_at_us": time.time_ns() // 1000,
            "source": str(source),
            "digest": register.digest,
        }
        connection.execute(insert(tables.register), row)
        if note is not None:
            before = {} if old is None else {"version": old.version, "digest": old.digest}
            shown = {name: row[name] for name in ("version", "digest", "source")}
            note(connection, before, {**shown, "n_lamps": len(register.lamps)})
    return version


def _insert(connection: Connection, table: Any, columns: Mapping[str, Iterable[Any]]) -> None:
    """Insert rows whose values are the driver's own, JSON as text: half a million go through no type's conversion.

    Args:
        connection: in a transaction.
        table: where they go.
        columns: name -> values, of each of the table's columns; all of one length.
    """
    compiled = insert(table).compile(dialect=connection.dialect)
    text, names = str(compiled), compiled.positiontup or [*columns]
    rows = zip(*(columns[name] for name in names), strict=True)
    while chunk := list(islice(rows, _CHUNK)):
        values: Any = chunk if compiled.positiontup else [dict(zip(names, row, strict=True)) for row in chunk]
        connection.exec_driver_sql(text, values)


def _lamp_values(lamps: Lamps) -> dict[str, Iterable[Any]]:
    return {
        "lamp_id": lamps.lamp_id,
        "row": range(len(lamps)),
        **{name: _texts(getattr(lamps, name)) for name in _LAMP_TEXTS},
        "position": _integers(lamps.position),
        "latitude": lamps.latitude.tolist(),
        "longitude": lamps.longitude.tolist(),
        "rated_power_w": _numbers(lamps.rated_power_w),
        "address": _integers(lamps.address),
        "is_dimmable": lamps.is_dimmable.tolist(),
        "extra": map(_json, lamps.extra),
    }


def _cabinet_values(cabinets: Cabinets) -> dict[str, Iterable[Any]]:
    return {
        "cabinet_id": cabinets.cabinet_id,
        **{name: _texts(getattr(cabinets, name)) for name in _CABINET_TEXTS},
        "latitude": _numbers(cabinets.latitude),
        "longitude": _numbers(cabinets.longitude),
        "supply_va": _numbers(cabinets.supply_va),
        "extra": map(_json, cabinets.extra),
    }


def _texts(column: Iterable[str]) -> Iterator[str | None]:
    return (text or None for text in column)


def _integers(column: npt.NDArray[Any]) -> Iterator[int | None]:
    return (None if number == UNKNOWN_INT else number for number in column.tolist())


def _numbers(column: npt.NDArray[Any]) -> Iterator[float | None]:
    return (None if math.isnan(number) else number for number in column.tolist())


def _json(extra: Mapping[str, Any]) -> str:
    return json.dumps(extra) if extra else "{}"


def load_register(engine: Engine, copy: Path | None = None) -> Register:
    """The register that the database holds, in register order; empty if it holds none.

    Args:
        engine: the database.
        copy: where to keep the lamps as columns on disk (`ingest.register.column_cache`), which makes the next load ten
            times as fast.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database is not to be had.
    """
    cabinet, lamp = tables.cabinets.c, tables.lamps.c
    with engine.connect() as connection:
        about = connection.execute(select(tables.register)).one_or_none()
        version, digest = (0, "") if about is None else (about.version, about.digest)
        cabinet_rows = connection.execute(select(tables.cabinets).order_by(cabinet.cabinet_id)).all()
        cabinets = _cabinet_columns(cabinet_rows)
        if copy is not None and (register := read_copy(copy, cabinets, version, digest)) is not None:
            return register
        names = (
            "lamp_id",
            *_LAMP_TEXTS,
            "position",
            "latitude",
            "longitude",
            "rated_power_w",
            "address",
            "is_dimmable",
        )
        # most lamps have no free property: their JSON stays text until one has
        query = select(*(lamp[name] for name in names), cast(lamp.extra, Text)).order_by(lamp.row)
        columns = _columns(connection.execute(query.execution_options(yield_per=_CHUNK)), (*names, "extra"))
    register = Register(_lamp_columns(columns, cabinets), cabinets, version, digest)
    if copy is not None and version:
        write_copy(copy, register)
    return register


def _columns(rows: Result[Any], names: Sequence[str]) -> dict[str, list[Any]]:
    """Rows as columns, chunk by chunk; equal texts of a column become one object, as a city has few streets."""
    columns: dict[str, list[Any]] = {name: [] for name in names}
    seen: dict[str, dict[str, str]] = {name: {} for name in (*_LAMP_TEXTS, "extra")}
    for chunk in rows.partitions():
        for name, values in zip(names, zip(*chunk, strict=True), strict=True):
            known = seen.get(name)
            columns[name] += values if known is None else [value and known.setdefault(value, value) for value in values]
    return columns


def _cabinet_columns(rows: Any) -> Cabinets:
    def texts(name: str) -> list[str]:
        return [getattr(row, name) or "" for row in rows]

    def numbers(name: str) -> Any:
        return np.array([math.nan if getattr(row, name) is None else getattr(row, name) for row in rows], np.float64)

    return Cabinets(
        cabinet_id=[row.cabinet_id for row in rows],
        latitude=numbers("latitude"),
        longitude=numbers("longitude"),
        supply_va=numbers("supply_va"),
        extra=[row.extra or _NOTHING for row in rows],
        **{name: texts(name) for name in _CABINET_TEXTS},
    )


def _lamp_columns(columns: Mapping[str, Any], cabinets: Cabinets) -> Lamps:
    texts = {name: [text or "" for text in columns[name]] for name in _LAMP_TEXTS}
    cabinet_row = {cabinet_id: row for row, cabinet_id in enumerate(cabinets.cabinet_id)}
    index = [cabinet_row.get(cabinet_id, UNKNOWN_INT) for cabinet_id in texts["cabinet_id"]]

    def integers(name: str) -> Any:
        return np.array([UNKNOWN_INT if value is None else value for value in columns[name]], np.int32)

    rated = [math.nan if value is None else value for value in columns["rated_power_w"]]
    return Lamps(
        lamp_id=columns["lamp_id"],
        cabinet=np.array(index, np.int32),
        position=integers("position"),
        latitude=np.array(columns["latitude"], np.float64),
        longitude=np.array(columns["longitude"], np.float64),
        rated_power_w=np.array(rated, np.float32),
        address=integers("address"),
        is_dimmable=np.array(columns["is_dimmable"], bool),
        extra=[_NOTHING if text in _EMPTY_JSON else json.loads(text) for text in columns["extra"]],
        **texts,
    )
