"""Faults: lists, one fault with its timeline, and what people do to it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.desk import Desk, actor_of, desk_of, language_of
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.fault_json import event_json, fault_json, faults_csv, faults_geojson, faults_gpx
from dashboard_api.packing import answer
from dashboard_api.store.actions import Action, act
from dashboard_api.store.fault_list import ORDERS, STATES, FaultFilter, is_short, one_fault
from dashboard_api.store.fault_shelf import FaultPage
from dashboard_api.times import parse_time
from ingest.schema.codes import BY_CODE

router: Final = APIRouter(prefix="/api/v1", tags=["faults"])
_SEVERITIES: Final = ("critical", "major", "minor", "warning")
_ULID: Final = r"^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"

DeskOf = Annotated[Desk, Depends(desk_of)]
Language = Annotated[str, Depends(language_of)]


def _one_of(name: str, text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise BadRequestError(f"{name}: {text!r} is none of {', '.join(known)}")
    return text


def _several_of(name: str, text: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    return () if text is None else tuple(_one_of(name, part.strip(), known) for part in text.split(","))


def _numbers(name: str, text: str, count: int) -> tuple[float, ...]:
    parts = text.split(",")
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError as error:
        raise BadRequestError(f"{name}: {text!r} holds something that is no number") from error
    if len(numbers) != count or not all(abs(number) <= 360 for number in numbers):
        raise BadRequestError(f"{name}: {text!r} is not {count} numbers of degrees")
    return numbers


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    west, south, east, north = _numbers("bbox", text, 4)
    if south > north:
        raise BadRequestError("bbox: south is greater than north; the order is west,south,east,north")
    return west, south, east, north


_FORMATS: Final = ("application/json", "application/geo+json", "text/csv", "application/gpx+xml")


@router.get("/faults", response_class=Response, responses={200: {"content": {media: {} for media in _FORMATS}}})
async def get_faults(
    request: Request,
    desk: DeskOf,
    language: Language,
    state: str = "open",
    code: str | None = None,
    severity: str | None = None,
    district: str | None = None,
    cabinet_id: str | None = None,
    lamp_id: str | None = None,
    bbox: str | None = None,
    since: str | None = None,
    order: str = "priority",
    near: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: str | None = None,
    f: Literal["json", "geojson", "csv", "gpx"] = "json",
    include: Literal["suppressed"] | None = None,
) -> Response:
    """List faults: by default all that are not closed, most urgent first."""
    wanted = FaultFilter(
        state=_one_of("state", state, STATES),
        codes=_several_of("code", code, tuple(BY_CODE)),
        severities=_several_of("severity", severity, _SEVERITIES),
        district=district,
        cabinet_id=cabinet_id,
        lamp_id=lamp_id,
        bbox=_bbox(bbox),
        since_us=None if since is None else parse_time(since, "since"),
        is_with_suppressed=include is not None,
    )
    order = _one_of("order", order, ORDERS)
    point = None if near is None else _numbers("near", near, 2)
    at = None if point is None else (point[0], point[1])

    def show() -> Response:
        page = desk.faults.page(wanted, language, order=order, near=at, limit=limit, cursor=cursor)
        return _shown(request, page, f)

    return await desk.answer(show, is_short=f == "json" and is_short(wanted, order, limit))


def _shown(request: Request, page: FaultPage, form: str) -> Response:
    if form == "json":
        return answer(request, page.document(), "application/json")
    headers = {} if page.next_cursor is None else {"X-Next-Cursor": page.next_cursor}
    if form == "csv":
        headers["Content-Disposition"] = 'attachment; filename="faults.csv"'
        return Response(faults_csv(page.items()), media_type="text/csv; charset=utf-8", headers=headers)
    if form == "gpx":
        headers["Content-Disposition"] = 'attachment; filename="faults.gpx"'
        return Response(faults_gpx(page.items()), media_type="application/gpx+xml", headers=headers)
    document = {**faults_geojson(page.items()), "next_cursor": page.next_cursor}
    return JSONResponse(document, media_type="application/geo+json", headers=headers)


@router.get("/faults/{fault_id}", responses={404: {"description": "no such fault"}})
def get_fault(desk: DeskOf, language: Language, fault_id: str) -> dict[str, Any]:
    """One fault with its timeline, oldest entry first."""
    row, events = one_fault(desk.database, fault_id)
    if row is None:
        raise NotFoundError(f"no fault {fault_id}")
    return {**fault_json(row, language), "timeline": [event_json(event) for event in events]}


class ActionRequest(BaseModel):
    """What a person does to a fault. ``action_id`` is the client's ULID: a repeat gets the same answer."""

    model_config = ConfigDict(extra="forbid")

    action_id: str = Field(pattern=_ULID)
    action: Literal["acknowledge", "assign", "repair", "comment", "reopen"]
    note: str | None = Field(None, max_length=4000)
    assignee: str | None = Field(None, max_length=200)
    at: str | None = Field(None, description="when it happened, for a phone that was offline; default now")
    if_version: int | None = Field(None, ge=0, le=2**31 - 1)


_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # what a database text cannot hold


@router.post(
    "/faults/{fault_id}/actions",
    responses={
        404: {"description": "no such fault"},
        409: {
            "description": "changed meanwhile, or not allowed in this state; the fault as it is now stands in `fault`"
        },
    },
)
def post_action(
    desk: DeskOf, language: Language, actor: Annotated[str, Depends(actor_of)], fault_id: str, request: ActionRequest
) -> dict[str, Any]:
    """Acknowledge, assign, repair, comment or reopen a fault; answers the fault as it is then."""
    if request.action == "assign" and not request.assignee:
        raise BadRequestError("assign needs an assignee")
    if request.action == "comment" and not request.note:
        raise BadRequestError("comment needs a note")
    for text in (request.note, request.assignee):
        if text is not None and _UNSTORABLE.search(text):
            raise BadRequestError("note or assignee holds a character that no text may hold")
    now_us = desk.now_us()
    # nobody acts in the future: a phone whose clock is ahead acted just now
    at_us = now_us if request.at is None else min(now_us, parse_time(request.at, "at"))
    action = Action(
        action_id=request.action_id.upper(),
        fault_id=fault_id,
        action=request.action,
        actor=actor,
        at_us=at_us,
        note=request.note,
        assignee=request.assignee,
        if_version=request.if_version,
    )
    return act(desk.database, action, lambda row: fault_json(row, language))
