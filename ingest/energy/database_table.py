"""Hourly energy in the database: computed from telemetry day by day, each replaced in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from ingest.energy.connections import connections_of, load_heard, load_supply_va, oldest_readings, store_heard
from ingest.energy.from_batches import counters_of
from ingest.energy.rollup import LIT_GAP_US, MARGIN_US, HourEnergy, hour_edges, roll_up
from ingest.model.fleet import Fleet
from ingest.register.controller_schedules import read_schedules
from ingest.schema.city import City
from ingest.schema.tables import cabinets, energy_hours
from ingest.telemetry.damaged_files import DamagedFiles

_DAY_US: Final = 86_400_000_000
_MIN_WH: Final = 1e-6


def renew_hours(
    engine: Engine, city: City, fleet: Fleet, start_us: int, end_us: int, *, damaged: DamagedFiles | None = None
) -> Iterator[int]:
    """Reckon the hours from ``start_us`` to ``end_us`` anew and store them; yields after each day how far it is [us].

    A file of the telemetry that cannot be read is left out and listed in ``damaged``.

    Raises:
        UnusableError: the telemetry store cannot be used.
        RetryError: the telemetry cannot be read now.
        sqlalchemy.exc.SQLAlchemyError: the database refused; days yielded before are stored.
    """
    supply_va, heard_us = load_supply_va(engine, fleet), load_heard(engine, fleet)
    schedules = read_schedules(engine, city.schedule)
    edges = hour_edges(start_us, end_us)
    begin_us = int(edges[0])
    while begin_us < end_us:
        until_us = min(begin_us + _DAY_US, end_us)
        counters = counters_of(
            city, fleet, begin_us, until_us, margin_us=MARGIN_US, lit_margin_us=LIT_GAP_US, damaged=damaged
        )
        before_us, heard_us = heard_us, np.minimum(heard_us, oldest_readings(counters, fleet))
        connections = connections_of(engine, city, fleet, supply_va, heard_us)
        energy = roll_up(counters, fleet, city, hour_edges(begin_us, until_us), connections, schedules)
        with engine.begin() as connection:
            store_heard(connection, fleet, before_us, heard_us)
            _replace(connection, fleet, energy)
        begin_us = until_us
        yield begin_us


def _replace(connection: Connection, fleet: Fleet, energy: HourEnergy) -> None:
    total = energy.measured_wh + energy.interpolated_wh + energy.estimated_wh + energy.lit_hours
    rows = [
        {
            "cabinet_id": fleet.cabinet_ids[cabinet],
            "hour_us": int(energy.hour_us[hour]),
            "measured_wh": float(energy.measured_wh[cabinet, hour]),
            "interpolated_wh": float(energy.interpolated_wh[cabinet, hour]),
            "estimated_wh": float(energy.estimated_wh[cabinet, hour]),
            "lit_hours": float(energy.lit_hours[cabinet, hour]),
        }
        for cabinet, hour in np.argwhere(total > _MIN_WH).tolist()
    ]
    hour = energy_hours.c.hour_us
    connection.execute(delete(energy_hours).where(hour >= int(energy.hour_us[0]), hour <= int(energy.hour_us[-1])))
    if rows:
        connection.execute(insert(energy_hours), rows)


def newest_hour(engine: Engine) -> int | None:
    """Start of the newest hour stored [us]; None if there is none."""
    with engine.connect() as connection:
        newest: int | None = connection.execute(select(func.max(energy_hours.c.hour_us))).scalar_one()
    return newest


def cabinet_sums(engine: Engine, start_us: int, end_us: int) -> Sequence[Row[Any]]:
    """Each cabinet with its supply account and the sums of a time, cabinets without any energy included."""
    hours = energy_hours.c
    sums = [func.coalesce(func.sum(hours[name]), 0.0).label(name) for name in energy_hours.c.keys()[2:]]
    of_cabinet = (hours.cabinet_id == cabinets.c.cabinet_id) & (hours.hour_us >= start_us) & (hours.hour_us < end_us)
    about = (
        cabinets.c.cabinet_id,
        cabinets.c.name,
        cabinets.c.supply_account,
        cabinets.c.supply_va,
        cabinets.c.metered,
    )
    query = select(*about, *sums).select_from(cabinets.outerjoin(energy_hours, of_cabinet)).group_by(*about)
    with engine.connect() as connection:
        return connection.execute(query.order_by(cabinets.c.cabinet_id)).all()
