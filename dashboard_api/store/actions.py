"""What people do to faults: one transaction per action, once per client's action id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from dashboard_api.errors import ForbiddenError, NotAllowedError, NotFoundError, StaleError, UsedIdError
from dashboard_api.formats.times import iso
from dashboard_api.store.audit import Actor, AuditLog, Entry, Name
from dashboard_api.store.engine import Database
from ingest.schema import life
from ingest.schema.tables import fault_events, faults, wait_for_events

Render = Callable[[Row[Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Action:
    """One action as the client asked for it."""

    action_id: str
    fault_id: str
    action: str
    actor: Actor
    may_act_in: Callable[[str | None], bool]  # whether the actor may act on what stands in a district
    at_us: int
    note: str | None = None
    assignee: str | None = None
    if_version: int | None = None
    cause: str | None = None
    part: str | None = None
    until_us: int | None = None
    claimed_at: str | None = None  # the client's `at`, as it was sent

    @property
    def body(self) -> dict[str, Any]:
        """What a repeat has to say again; not the date, which a repeat may know differently."""
        names = ("note", "assignee", "if_version", "cause", "part", "until_us", "claimed_at")
        return {"action": self.action, **{name: getattr(self, name) for name in names}}

    @property
    def body_digest(self) -> str:
        """Digest of ``body``: a repeat is recognised without keeping names, which can be blanked elsewhere."""
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()


def act(database: Database, audit: AuditLog, action: Action, render: Render) -> dict[str, Any]:
    """Carry out an action and return the fault as ``render`` shows it; a repeated action id gets the first answer.

    Raises:
        NotFoundError: no such fault.
        ForbiddenError: the fault stands in a district that is not the actor's.
        StaleError: ``if_version`` is not the fault's version.
        NotAllowedError: the state does not allow the action.
        UsedIdError: the action id came before with another body.
        UnavailableError: the database does not answer.
    """
    with database.writing() as connection:
        query = select(faults).where(faults.c.id == action.fault_id).with_for_update()
        row = connection.execute(query).one_or_none()
        if row is not None and not action.may_act_in(row.district):
            raise ForbiddenError("other_district", district=row.district or "")
        # asked for under the lock: a repeat that arrives at the same time waits for the first one's answer
        answer = _earlier_answer(connection, action, None if row is None else render(row))
        if answer is not None:
            return answer
        if row is None:
            raise NotFoundError("no_fault", fault_id=action.fault_id)
        if action.if_version is not None and action.if_version != row.version:
            extra = {"fault": render(row)}
            raise StaleError("stale_version", extra, version=row.version, if_version=action.if_version)
        state = life.ACTIONS[action.action].get(row.state)
        if state is None:
            raise NotAllowedError("action_not_allowed", {"fault": render(row)}, action=action.action, state=row.state)
        if row.state == life.CLOSED and state != life.CLOSED:
            newer = _open_at(connection, row.place)
            if newer is not None:
                raise NotAllowedError("same_place_open", {"fault": render(row)}, fault_id=newer)
        return _write(connection, audit, action, row, state, render)


def _earlier_answer(connection: Connection, action: Action, fault: dict[str, Any] | None) -> dict[str, Any] | None:
    """The first answer to this action id, None if it is new."""
    query = select(fault_events).where(fault_events.c.action_id == action.action_id)
    event = connection.execute(query).one_or_none()
    if event is None:
        return None
    is_same = event.fault_id == action.fault_id and event.kind == action.action
    if (digest := event.data.get("body_digest")) is not None:
        is_same &= digest == action.body_digest
    else:  # an entry of an older version
        is_same &= (action.note, action.assignee) == (event.note, event.data.get("assignee"))
    if not is_same:
        raise UsedIdError("action_id_used", None if fault is None else {"fault": fault}, action_id=action.action_id)
    answer: dict[str, Any] = event.data["answer"]
    return answer


def _open_at(connection: Connection, place: str) -> str | None:
    """The id of the fault that is open for this cause and place: there is at most one."""
    query = select(faults.c.id).where(faults.c.place == place, faults.c.state != life.CLOSED)
    return connection.execute(query.limit(1)).scalar_one_or_none()


def _write(
    connection: Connection, audit: AuditLog, action: Action, row: Row[Any], state: str, render: Render
) -> dict[str, Any]:
    values: dict[str, Any] = {"state": state, "version": row.version + 1}
    # what a phone did while it was offline, hours ago, does not make the fault's last change older than it is
    values["updated_at_us"] = max(row.updated_at_us, action.at_us)
    if action.action == "assign":
        values |= {"assignee": action.assignee, "started_at_us": None, "deferred_until_us": None}
    elif action.action == "start":
        values["started_at_us"] = action.at_us
    elif action.action == "repair":
        values["deferred_until_us"] = None
    elif action.action == "cannot_repair":
        values |= {"assignee": None, "started_at_us": None, "deferred_until_us": action.until_us}
    elif action.action == "reopen":
        # what explained it once is over by then, or will be said again
        values |= {"closed_at_us": None, "is_verified": False, "caused_by": None}
        values |= {"started_at_us": None, "deferred_until_us": None}
    connection.execute(update(faults).where(faults.c.id == row.id).values(**values))
    changed = connection.execute(select(faults).where(faults.c.id == row.id)).one()
    answer = render(changed)
    line = {
        "fault_id": row.id,
        "at_us": action.at_us,
        "actor": action.actor.person.text,
        "kind": action.action,
        "state": state,
        "version": changed.version,
        "note": action.note,
        "action_id": action.action_id,
        "data": {**_shown(action), "body_digest": action.body_digest, "answer": answer},
    }
    wait_for_events(connection)
    connection.execute(insert(fault_events), line)
    entry = Entry(action.actor, f"fault.{action.action}", row.id, _audited(row), _audited(changed))
    audit.append(connection, entry)
    return answer


def _shown(action: Action) -> dict[str, Any]:
    """What the timeline shows of an action beside its note."""
    shown: dict[str, Any] = {"assignee": action.assignee}
    more = {"cause": action.cause, "part": action.part, "until": iso(action.until_us), "claimed_at": action.claimed_at}
    return shown | {name: value for name, value in more.items() if value is not None}


def _audited(row: Row[Any]) -> dict[str, Any]:
    """What the audit log tells of a fault: what an action can change. An assignee is a person."""
    assignee = None if row.assignee is None else Name("assignee", row.assignee)
    return {"state": row.state, "version": row.version, "assignee": assignee}
