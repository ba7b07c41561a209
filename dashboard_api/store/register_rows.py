"""Lamps and cabinets of the register: single rows for people, columns for the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, and_, bindparam, select

from dashboard_api.live.lamp_states import Metering
from dashboard_api.store.engine import Database
from ingest.schema.tables import cabinets, lamps, register

_MAP_COLUMNS: Final = (
    "lamp_id",
    "cabinet_id",
    "circuit",
    "position",
    "street",
    "district",
    "technology",
    "rated_power_w",
)
_PART: Final = 2_000  # rows


@dataclass(frozen=True, slots=True, eq=False)
class LampColumns:
    """The register's lamps for the map, in register order (N entries); fixed for one register version.

    Attributes:
        properties: the map's register properties by name, lists of N.
        latitude: float64 (N,) degrees; so longitude.
        district: int32 (N,) index into ``districts``; the last one is "" for unknown.
        centres: of each of ``districts`` with a name the mean (latitude, longitude) of its lamps [degrees].
        is_monitored: bool (N,) fed by a cabinet.
        metering: which lamps have a meter, and who reads it.
    """

    version: int
    properties: Mapping[str, Sequence[Any]]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    district: npt.NDArray[np.int32]
    districts: tuple[str, ...]
    centres: tuple[tuple[float, float], ...]
    is_monitored: npt.NDArray[np.bool_]
    metering: Metering
    row_of: Mapping[str, int]

    def __len__(self) -> int:
        """N."""
        return len(self.latitude)


def load_lamp_columns(database: Database) -> LampColumns:
    """Read all lamps.

    Raises:
        UnavailableError: the database does not answer.
    """
    version = database.register_version()
    wanted = (*(lamps.c[name] for name in _MAP_COLUMNS), lamps.c.latitude, lamps.c.longitude)
    is_metered = and_(lamps.c.bus.is_not(None), lamps.c.address.is_not(None), lamps.c.cabinet_id.is_not(None))
    query = select(is_metered, *wanted).order_by(lamps.c.row)
    with database.reading() as connection:
        # column by column, in parts: a hundred thousand rows at once would be gone through by every collection of
        # garbage meanwhile, which holds the interpreter
        columns: list[list[Any]] = [[] for _ in range(len(wanted) + 1)]
        for part in connection.execute(query).partitions(_PART):
            for column, values in zip(columns, zip(*part, strict=True), strict=True):
                column.extend(values)
        feeding = connection.execute(select(cabinets.c.cabinet_id, cabinets.c.controller_id, cabinets.c.switching))
        cabinet_rows = {row.cabinet_id: (row.controller_id, row.switching) for row in feeding}
    metered, *others = columns
    properties = dict(zip(_MAP_COLUMNS, others, strict=False))
    districts = sorted({name for name in properties["district"] if name})
    number_of = {name: n for n, name in enumerate(districts)}
    district = [number_of.get(name, len(districts)) for name in properties["district"]]
    latitude, longitude = (np.array(column, np.float64) for column in others[-2:])
    numbers = np.array(district, np.int32)
    return LampColumns(
        version=version,
        properties=properties,
        latitude=latitude,
        longitude=longitude,
        district=numbers,
        districts=(*districts, ""),
        centres=_centres(numbers, len(districts), latitude, longitude),
        is_monitored=np.array([cabinet_id is not None for cabinet_id in properties["cabinet_id"]], bool),
        metering=_metering(np.array(metered, bool), properties["cabinet_id"], cabinet_rows),
        row_of=dict(zip(properties["lamp_id"], range(len(metered)), strict=True)),
    )


def _centres(
    district: npt.NDArray[np.int32],
    n_districts: int,
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
) -> tuple[tuple[float, float], ...]:
    """Mean place of each district's lamps; every named district has one."""
    n_lamps = np.bincount(district, minlength=n_districts + 1)[:n_districts]
    means = [
        np.bincount(district, weights=degrees, minlength=n_districts + 1)[:n_districts] / n_lamps
        for degrees in (latitude, longitude)
    ]
    return tuple(zip(*(mean.tolist() for mean in means), strict=True))


def _metering(
    is_metered: npt.NDArray[np.bool_],
    cabinet_ids: Sequence[str | None],
    cabinet_rows: Mapping[str, tuple[str | None, str | None]],
) -> Metering:
    """How the lamps are metered; ``cabinet_rows``: cabinet id -> its controller and how it switches."""
    names = sorted({controller_id for controller_id, _switching in cabinet_rows.values() if controller_id is not None})
    number_of = {name: n for n, name in enumerate(names)}
    controller_of = {key: number_of.get(row[0] or "", -1) for key, row in cabinet_rows.items()}
    cutting = {key for key, row in cabinet_rows.items() if row[1] == "contactor"}
    return Metering(
        is_metered=is_metered,
        is_switched_off=np.array([cabinet_id in cutting for cabinet_id in cabinet_ids], bool),
        controller=np.array([controller_of.get(cabinet_id or "", -1) for cabinet_id in cabinet_ids], np.int32),
        controllers=names,
    )


def one_lamp(connection: Connection, lamp_id: str) -> Row[Any] | None:
    """A lamp's row, and as ``register_version`` the version of the register that it stands in."""
    return connection.execute(_ONE_LAMP, {"lamp_id": lamp_id}).one_or_none()


def is_lamp(database: Database, lamp_id: str) -> bool:
    """Whether the register holds the lamp."""
    with database.reading() as connection:
        return one_lamp(connection, lamp_id) is not None


_VERSION: Final = select(register.c.version).scalar_subquery()
_ONE_LAMP: Final = select(lamps, _VERSION.label("register_version")).where(lamps.c.lamp_id == bindparam("lamp_id"))


def one_cabinet(database: Database, cabinet_id: str) -> Row[Any] | None:
    """A cabinet's row."""
    with database.reading() as connection:
        return connection.execute(select(cabinets).where(cabinets.c.cabinet_id == cabinet_id)).one_or_none()


def all_cabinets(database: Database) -> list[Row[Any]]:
    """Every cabinet, by id."""
    with database.reading() as connection:
        return list(connection.execute(select(cabinets).order_by(cabinets.c.cabinet_id)))


def cabinets_of_controllers(
    database: Database, controller_ids: Sequence[str]
) -> dict[str, list[tuple[str, str | None]]]:
    """``(cabinet_id, name)`` of the cabinets that stand behind controllers, by controller."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    column = cabinets.c
    with database.reading() as connection:
        for start in range(0, len(controller_ids), 500):
            query = select(column.controller_id, column.cabinet_id, column.name).order_by(column.cabinet_id)
            for row in connection.execute(query.where(column.controller_id.in_(controller_ids[start : start + 500]))):
                found.setdefault(row.controller_id, []).append((row.cabinet_id, row.name))
    return found


def lamps_of_cabinet(database: Database, cabinet_id: str) -> list[Row[Any]]:
    """``(lamp_id, row)`` of a cabinet's lamps in register order."""
    query = select(lamps.c.lamp_id, lamps.c.row).where(lamps.c.cabinet_id == cabinet_id).order_by(lamps.c.row)
    with database.reading() as connection:
        return list(connection.execute(query))


def known_lamp_ids(database: Database, lamp_ids: Sequence[str]) -> set[str]:
    """Those of the ids that the register holds."""
    found: set[str] = set()
    with database.reading() as connection:
        for start in range(0, len(lamp_ids), 500):
            query = select(lamps.c.lamp_id).where(lamps.c.lamp_id.in_(lamp_ids[start : start + 500]))
            found.update(connection.execute(query).scalars())
    return found


def lamp_districts(database: Database, lamp_ids: Sequence[str]) -> set[str | None]:
    """The districts that the lamps stand in; None = one of them has no district."""
    found: set[str | None] = set()
    with database.reading() as connection:
        for start in range(0, len(lamp_ids), 500):
            query = select(lamps.c.district).where(lamps.c.lamp_id.in_(lamp_ids[start : start + 500])).distinct()
            found.update(connection.execute(query).scalars())
    return found
