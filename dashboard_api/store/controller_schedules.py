"""Schedules of single controllers, and the calendars and control programs of TALQ that they come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from dashboard_api.store.audit import Actor, AuditLog, Entry
from dashboard_api.store.engine import Database
from dashboard_api.store.talq_documents import (
    ASSIGN_COMMANDS,
    CALENDARS,
    PROGRAMS,
    Documents,
    audit_documents,
    changing,
    documents_of,
    wait_for_others,
    write_documents,
)
from ingest.schema.schedule_tables import controller_schedules, schedules
from ingest.schema.talq_tables import talq_documents

_MOST_COMMANDS: Final = 100  # that are kept to be shown, the newest
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Plans:
    """Calendars and programs by id, as they were put in, oldest first.

    Attributes:
        controllers: calendar id -> the controllers that have it.
    """

    calendars: Documents
    programs: Documents
    controllers: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the plans.

    Attributes:
        hours: calendar id -> ``on``, ``off`` and ``dim`` as ``[schedule]`` has them.
    """

    plans: Plans
    hours: Mapping[str, Mapping[str, Any]]


def read_plans(database: Database) -> Plans:
    """All calendars and programs.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        return _plans(connection)


def assigned_schedules(database: Database) -> dict[str, str]:
    """Controller id -> the id of its own schedule; those that have the city's are left out.

    Raises:
        UnavailableError: the database does not answer.
    """
    columns = controller_schedules.c
    with database.reading() as connection:
        rows = connection.execute(select(columns.controller_id, columns.schedule_id).order_by(columns.controller_id))
        return {row.controller_id: row.schedule_id for row in rows}


def change_plans(
    database: Database,
    audit: AuditLog,
    actor: Actor,
    now_us: int,
    edit: Callable[[Plans], Change],
    check: Callable[[Collection[str]], None],
) -> None:
    """Change calendars and programs in one transaction; the schedules that come of them with it.

    Args:
        database: of the city.
        audit: its log.
        actor: who changes them.
        now_us: UTC microseconds.
        edit: from the plans as they are to those that shall be; what it raises leaves all as it was.
        check: is given the controllers whose schedule changes; what it raises leaves all as it was.

    Raises:
        UsedIdError: somebody else changed the same at the same time.
        UnavailableError: the database does not answer.
    """
    with changing(database, CALENDARS) as connection:
        before = _plans(connection)
        change = edit(before)
        kinds = (
            (CALENDARS, before.calendars, change.plans.calendars),
            (PROGRAMS, before.programs, change.plans.programs),
        )
        for kind, old, new in kinds:
            write_documents(connection, kind, old, new, now_us)
        check(_write_hours(connection, before, change.hours, now_us))
        for kind, old, new in kinds:
            audit_documents(connection, audit, actor, kind, (old, new))


def refresh_hours(database: Database, now_us: int, hours_of: Callable[[Plans], Mapping[str, Mapping[str, Any]]]) -> int:
    """Write the hours of calendars that are others than before; calendars that ``hours_of`` leaves out keep theirs.

    Returns:
        How many schedules changed.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        plans = _plans(connection)
        if not plans.calendars or not _changed(connection, hours_of(plans)):
            return 0
    with database.writing() as connection:
        wait_for_others(connection)
        changed = _changed(connection, hours_of(_plans(connection)))
        for schedule_id, hours in changed.items():
            row = {"hours": dict(hours), "updated_at_us": now_us}
            connection.execute(update(schedules).where(schedules.c.id == schedule_id).values(**row))
        database.keep_settings(connection)
    return len(changed)


def _changed(connection: Connection, hours: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    stored = {row.id: row.hours for row in connection.execute(select(schedules.c.id, schedules.c.hours))}
    return {one: now for one, now in hours.items() if one in stored and stored[one] != now}


def assign_schedule(
    database: Database,
    audit: AuditLog,
    actor: Actor,
    now_us: int,
    controllers: Sequence[str],
    schedule_id: str | None,
    command: tuple[str, Mapping[str, Any]],
) -> bool:
    """Give controllers a schedule; None = the city's again.

    Args:
        database: of the city.
        audit: its log.
        actor: who gives it.
        now_us: UTC microseconds.
        controllers: their ids.
        schedule_id: of ``schedules``.
        command: id and document of the order, to be shown; a repeat of the id changes nothing.

    Returns:
        Whether there is such a schedule.

    Raises:
        UnavailableError: the database does not answer.
    """
    command_id, document = command
    table = talq_documents.c
    with database.writing() as connection:
        wait_for_others(connection)
        known = select(table.id).where(table.kind == ASSIGN_COMMANDS)
        if connection.execute(known.where(table.id == command_id)).first() is not None:
            return True
        if schedule_id is not None:
            found = connection.execute(select(schedules.c.id).where(schedules.c.id == schedule_id)).first()
            if found is None:
                return False
        for start in range(0, len(controllers), _CHUNK):
            chunk = controllers[start : start + _CHUNK]
            connection.execute(delete(controller_schedules).where(controller_schedules.c.controller_id.in_(chunk)))
        if schedule_id is not None:
            rows = [{"controller_id": one, "schedule_id": schedule_id, "assigned_at_us": now_us} for one in controllers]
            connection.execute(insert(controller_schedules), rows)
        row = {"kind": ASSIGN_COMMANDS, "id": command_id, "created_at_us": now_us, "document": document}
        connection.execute(insert(talq_documents), row)
        newest = known.order_by(table.created_at_us.desc(), table.id.desc()).limit(_MOST_COMMANDS).subquery()
        connection.execute(
            delete(talq_documents).where(table.kind == ASSIGN_COMMANDS, table.id.not_in(select(newest.c.id)))
        )
        after = {"controllers": list(controllers[:_CHUNK]), "n_controllers": len(controllers)}
        audit.append(connection, Entry(actor, "schedule.assign", schedule_id or "", after=after))
        database.keep_settings(connection)
    return True


def assign_commands(database: Database) -> list[Any]:
    """The newest orders that gave controllers a schedule, oldest first.

    Raises:
        UnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        return list(documents_of(connection, ASSIGN_COMMANDS).values())


def _plans(connection: Connection) -> Plans:
    controllers: dict[str, list[str]] = {}
    for row in connection.execute(select(controller_schedules.c.schedule_id, controller_schedules.c.controller_id)):
        controllers.setdefault(row.schedule_id, []).append(row.controller_id)
    return Plans(documents_of(connection, CALENDARS), documents_of(connection, PROGRAMS), controllers)


def _write_hours(
    connection: Connection, before: Plans, hours: Mapping[str, Mapping[str, Any]], now_us: int
) -> list[str]:
    """Write the schedules that differ; returns the controllers that have one of them."""
    stored = {row.id: row.hours for row in connection.execute(select(schedules.c.id, schedules.c.hours))}
    changed: list[str] = []
    for schedule_id, now in hours.items():
        row = {"hours": dict(now), "updated_at_us": now_us}
        if schedule_id not in stored:
            connection.execute(insert(schedules), {"id": schedule_id, **row})
        elif stored[schedule_id] != now:
            connection.execute(update(schedules).where(schedules.c.id == schedule_id).values(**row))
            changed.extend(before.controllers.get(schedule_id, ()))
    for schedule_id in before.calendars.keys() - hours.keys():
        connection.execute(delete(schedules).where(schedules.c.id == schedule_id))
    return changed
