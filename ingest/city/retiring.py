"""Retires a controller that was renamed or taken down: it leaves the table of controllers, and its faults close."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ingest.audit_trail import Note
from ingest.errors import UnusableError
from ingest.schema import life
from ingest.schema.tables import cabinets, controllers, fault_events, faults, wait_for_events
from languages.message import Message, Plain

_QUIET_US: Final = 600 * 1_000_000


def retire_controller(engine: Engine, controller_id: str, now_us: int, note: Note | None = None) -> int:
    """Forget a controller.

    Args:
        engine: the city's database.
        controller_id: as it was in the register, or as it named itself.
        now_us: UTC microseconds.
        note: writes the audit log's line inside the transaction.

    Returns:
        How many open faults of it were closed.

    Raises:
        UnusableError: a cabinet still has it, it is online, nobody has ever heard of it, or the database does not
            answer; nothing has changed.
    """
    try:
        return _retire(engine, controller_id, now_us, note)
    except SQLAlchemyError as error:
        raise UnusableError(Message("terminal.error.database_url", value=Plain(str(error).splitlines()[0]))) from error


def _retire(engine: Engine, controller_id: str, now_us: int, note: Note | None) -> int:
    with engine.begin() as connection:
        # a write that matches nothing takes SQLite's write lock before the first read
        connection.execute(delete(controllers).where(controllers.c.controller_id == ""))
        query = select(cabinets.c.cabinet_id).where(cabinets.c.controller_id == controller_id)
        cabinet_ids = connection.execute(query).scalars().all()
        if cabinet_ids:
            raise UnusableError(
                Message(
                    "terminal.error.controller_in_use",
                    controller_id=Plain(controller_id),
                    cabinet_ids=Plain(", ".join(cabinet_ids[:5])),
                )
            )
        row = connection.execute(select(controllers).where(controllers.c.controller_id == controller_id)).one_or_none()
        is_open = (faults.c.controller_id == controller_id) & (faults.c.state != life.CLOSED)
        rows = connection.execute(select(faults.c.id, faults.c.version).where(is_open)).all()
        if row is None and not rows:
            raise UnusableError(Message("terminal.error.controller_unheard", controller_id=Plain(controller_id)))
        if row is not None and row.is_online and now_us - row.last_seen_us < _QUIET_US:
            raise UnusableError(Message("terminal.error.controller_online", controller_id=Plain(controller_id)))
        connection.execute(delete(controllers).where(controllers.c.controller_id == controller_id))
        if rows:
            closed = {"state": life.CLOSED, "closed_at_us": now_us, "updated_at_us": now_us}
            connection.execute(update(faults).where(is_open).values(**closed, version=faults.c.version + 1))
            wait_for_events(connection)
            connection.execute(
                insert(fault_events),
                [
                    {
                        "fault_id": fault.id,
                        "at_us": now_us,
                        "actor": life.ACTOR_LOCAL,
                        "kind": life.EVENT_CLOSED,
                        "state": life.CLOSED,
                        "version": fault.version + 1,
                        "note": None,
                        "data": {"reason": "no_longer_judged", "verified": False},
                    }
                    for fault in rows
                ],
            )
        if note is not None:
            note(connection, {"was_heard": row is not None}, {"n_faults_closed": len(rows)})
    return len(rows)
