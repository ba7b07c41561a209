"""Reads from the database which controllers were given a schedule of their own."""

from __future__ import annotations

import structlog
from pydantic import ValidationError
from sqlalchemy import Engine, select

from ingest.lighting.schedules import Schedules
from ingest.schema.schedule_tables import controller_schedules, schedules
from ingest.schema.sections import ScheduleSection


def read_schedules(engine: Engine, city: ScheduleSection) -> Schedules:
    """The schedules that the database holds; one that cannot be read leaves its controllers the city's.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not answer.
    """
    with engine.connect() as connection:
        columns = controller_schedules.c
        given = connection.execute(select(columns.controller_id, columns.schedule_id)).all()
        if not given:
            return Schedules(city)
        rows = connection.execute(select(schedules.c.id, schedules.c.hours)).all()
    found: dict[str, ScheduleSection] = {}
    for row in rows:
        try:
            found[row.id] = ScheduleSection.model_validate(row.hours)
        except ValidationError as error:
            structlog.get_logger("ingest").warning(
                "a schedule of the database cannot be read: its controllers have the city's",
                id=row.id,
                reason=str(error).splitlines()[0],
            )
    return Schedules(city, {one.controller_id: found[one.schedule_id] for one in given if one.schedule_id in found})
