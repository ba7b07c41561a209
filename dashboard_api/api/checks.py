"""Checks: reports of citizens of which no fault is known, for a crew to look at."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict

from dashboard_api.api.fields import Id
from dashboard_api.context import ActorOf, ContextOf, PrincipalOf
from dashboard_api.errors import ForbiddenError, NotAllowedError, NotFoundError
from dashboard_api.formats.times import iso
from dashboard_api.store.reports import NO_CHECK, OTHER_DISTRICT, Check, open_checks, settle_check

_MOST: Final = 1000


class CheckOutcome(BaseModel):
    """What the crew found: the lamp is in order, it was mended, or nothing was found at the place."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["in_order", "mended", "not_found"]


async def get_checks(
    context: ContextOf,
    principal: PrincipalOf,
    district: Annotated[Id | None, Query(description="checks of this district alone")] = None,
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 100,
) -> Response:
    """Reports without an outcome and without a fault, oldest first, later reports of the same lamp or place counted in.

    A crew sees those of its districts, and those of a place that stands in none.
    """
    found = await context.answer(
        partial(open_checks, context.database, context.now_us(), limit, principal.may_act_in, district), is_short=False
    )
    return JSONResponse({"items": [_shown(one) for one in found], "next_cursor": None})


async def post_check(
    number: str, context: ContextOf, actor: ActorOf, principal: PrincipalOf, request: CheckOutcome
) -> Response:
    """Say what a check found: its reports get their outcome. A repeat changes nothing."""
    settle = partial(
        settle_check,
        context.database,
        context.audit,
        actor,
        number[:12].upper(),
        request.outcome,
        context.now_us(),
        principal.may_act_in,
    )
    outcome = await context.answer(settle, is_short=False)
    if outcome is NO_CHECK:
        raise NotFoundError("no_check", number=number[:12])
    if outcome is OTHER_DISTRICT:
        raise ForbiddenError("other_district", district="")
    if outcome != request.outcome:
        raise NotAllowedError("check_has_outcome", number=number[:12], outcome=outcome)
    return JSONResponse({"number": number[:12].upper(), "outcome": outcome})


def _shown(check: Check) -> dict[str, Any]:
    row = check.row
    return {
        "number": row.number,
        "at": iso(row.at_us),
        "service": row.service,
        "found": row.found,
        "lamp_id": row.lamp_id,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "address": row.address,
        "district": check.district,
        "description": row.description,
        "n_reports": 1 + row.n_joined,
    }
