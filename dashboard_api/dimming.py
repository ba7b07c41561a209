"""Queues dim commands, whoever asks for them and in whichever words."""

from __future__ import annotations

from typing import Any, Final

from ulid import ULID

from dashboard_api.access.principal import Principal
from dashboard_api.context import Context
from dashboard_api.errors import BadRequestError, ForbiddenError, UnavailableError
from dashboard_api.store.audit import Actor
from dashboard_api.store.register_rows import lamp_districts
from dashboard_api.store.work import add_command, has_room
from ingest.schema.orders import MAX_DIM_DAYS

_DAY_US: Final = 86_400 * 1_000_000
_MAX_OPEN: Final = 500  # commands that are queued or under way: each is written to the controllers' storage


def queue_dim(
    context: Context,
    actor: Actor,
    principal: Principal,
    lamp_ids: list[str],
    level: int | None,
    until_us: int | None,
    *,
    command_id: str | None = None,
) -> dict[str, Any]:
    """Queue one command for lamps of the register.

    Args:
        context: of the city.
        actor: who asks.
        principal: their rights.
        lamp_ids: which lamps.
        level: %, None = back to the schedule.
        until_us: UTC microseconds, None = for twelve hours.
        command_id: a ULID, None = a new one.

    Returns:
        The command's row.

    Raises:
        ForbiddenError: a lamp stands in a district that they do not answer for.
        BadRequestError: the end is past or too far ahead.
        UnavailableError: too many commands wait, or the database does not answer.
    """
    for district in lamp_districts(context.database, lamp_ids):
        if not principal.may_act_in(district):
            raise ForbiddenError("other_district", district=district or "")
    now_us = context.now_us()
    if until_us is not None and not now_us < until_us <= now_us + MAX_DIM_DAYS * _DAY_US:
        raise BadRequestError("until_out_of_range", max_days=MAX_DIM_DAYS)
    if not has_room(context.database, _MAX_OPEN):
        raise UnavailableError("too_many_commands", n=_MAX_OPEN)
    values = {
        "id": command_id or str(ULID()),
        "requested_at_us": now_us,
        "actor": actor.person.text,
        "kind": "dim",
        "lamp_ids": lamp_ids,
        "level": level,
        "until_us": until_us,
        "state": "queued",
        "updated_at_us": now_us,
        "result": {},
    }
    add_command(context.database, context.audit, actor, values)
    return values
