"""Routes of TALQ's assign commands: which lamps follow which calendar."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.principal import Principal
from dashboard_api.context import ActorOf, Context, ContextOf, PrincipalOf
from dashboard_api.errors import BadRequestError, ForbiddenError
from dashboard_api.neighbours.talq.answers import CHANGING, READING, answer, body_of
from dashboard_api.neighbours.talq.devices import DeviceSource
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.groups import GroupSource
from dashboard_api.neighbours.talq.targets import reference, rows_meant, whole_controllers
from dashboard_api.store.audit import Actor
from dashboard_api.store.controller_schedules import assign_commands, assign_schedule
from dashboard_api.store.talq_documents import CALENDARS
from languages.message import Message

_MOST_ASSIGNED: Final = 1_000_000  # lamps of an order


async def get_assign_commands(request: Request, context: ContextOf) -> Response:
    """TALQ: the newest assign commands, oldest first."""

    async def make(_given: Mapping[str, str]) -> Any:
        return await run_in_threadpool(assign_commands, context.database)

    return await answer(request, READING, make)


async def post_assign_command(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: lamps follow a calendar, or (an empty `entity.address`) the city's schedule again.

    All lamps of a controller follow one schedule, so they have to be addressed together, by their group for instance.
    """

    async def make(given: Mapping[str, str]) -> Any:
        document = await body_of(request)
        await run_in_threadpool(_assign, request, context, actor, principal, given["talqRequestId"], document)
        return document

    return await answer(request, CHANGING, make, 201)


def _assign(
    request: Request, context: Context, actor: Actor, principal: Principal, request_id: str, document: Any
) -> None:
    if not isinstance(document, dict):
        raise BadRequestError("bad_member", where="body", reason=Message("value.table"))
    resource, calendar_id = reference(document.get("entity"), "entity")
    if resource != CALENDARS:
        raise RefusedError(
            "assignmentEntityNotValid", "entity.resource", Message("talq.calendars_alone", resource=resource)
        )
    source: DeviceSource = request.app.state.talq_devices
    groups: GroupSource = request.app.state.talq_groups
    devices = source.devices()
    rows = rows_meant(document, devices, groups.groups(devices), "assignmentAddressNotValid", _MOST_ASSIGNED)
    controllers = whole_controllers(rows, devices)
    check_districts(context, principal, controllers)
    is_done = assign_schedule(
        context.database,
        context.audit,
        actor,
        context.wall_us(),
        controllers,
        calendar_id or None,
        (request_id.lower(), document),
    )
    if not is_done:
        raise RefusedError(
            "relatedResourceNotFound", "entity.address", Message("talq.no_calendar", address=calendar_id)
        )


def check_districts(context: Context, principal: Principal, controllers: Collection[str]) -> None:
    """Refuse a change of schedule of a controller with lamps in a district that the principal does not answer for.

    Raises:
        ForbiddenError: there is one.
    """
    if not controllers:
        return
    lamps = context.lamps()
    wanted = set(controllers)
    numbers = [n for n, name in enumerate(lamps.metering.controllers) if name in wanted]
    for number in np.unique(lamps.district[np.isin(lamps.metering.controller, numbers)]).tolist():
        district = lamps.districts[number] or None
        if not principal.may_act_in(district):
            raise ForbiddenError("other_district", district=district or "")
