"""Faults: lists, one fault with its timeline, and what people do to it."""

from __future__ import annotations

from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.api.fields import Cursor, Id, Name, Note, NumberList, TimeText, WordList, refuse_blank
from dashboard_api.api.models.fault import Action
from dashboard_api.context import ActorOf, CatalogueOf, ContextOf, PrincipalOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.fault_document import event_document, fault_document
from dashboard_api.formats.fault_lists import faults_csv, faults_geojson, faults_gpx
from dashboard_api.formats.repair_document import repair_document
from dashboard_api.formats.times import parse_time
from dashboard_api.http.compression import answer
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers
from dashboard_api.http.json_answer import answer_in, language_headers
from dashboard_api.store import actions
from dashboard_api.store.fault_cache import FaultPage
from dashboard_api.store.fault_list import ORDERS, STATES, FaultFilter, is_short, one_fault
from dashboard_api.store.repairs import last_repair
from ingest.schema.codes import BY_CODE

_SEVERITIES: Final = ("critical", "major", "minor", "warning")
_MAX_AGE_S: Final = 60 * 86_400.0  # a phone that was offline; its clock counts while it is on
_MAX_DEFERRED_DAYS: Final = 366
# fields of an action -> the actions that they belong to
_FIELDS_OF: Final = {"cause": {"repair"}, "part": {"repair"}, "until": {"cannot_repair"}}
_ULID: Final = r"^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"


def _one_of(name: str, text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise BadRequestError("not_one_of", name=name, value=text, known=list(known))
    return text


def _several_of(name: str, text: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    parts = () if text is None else text.split(",")
    return tuple(dict.fromkeys(_one_of(name, part.strip(), known) for part in parts))


def _numbers(name: str, text: str, count: int) -> tuple[float, ...]:
    parts = text.split(",")
    try:
        numbers = tuple(float(part) for part in parts)
    except ValueError as error:
        raise BadRequestError("not_numbers", name=name, value=text) from error
    if len(numbers) != count or not all(abs(number) <= 360 for number in numbers):
        raise BadRequestError("not_degrees", name=name, value=text, n=count)
    return numbers


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    west, south, east, north = _numbers("bbox", text, 4)
    if south > north:
        raise BadRequestError("bbox_order")
    return west, south, east, north


async def get_faults(
    request: Request,
    context: ContextOf,
    catalogue: CatalogueOf,
    state: Annotated[
        str, Query(description="`open` = all that are not closed", json_schema_extra={"enum": list(STATES)})
    ] = "open",
    code: Annotated[WordList | None, Query(description="one code, or several with commas between")] = None,
    severity: Annotated[
        WordList | None, Query(description=f"one of {', '.join(_SEVERITIES)}, or several with commas between")
    ] = None,
    district: Annotated[Name | None, Query(description="as the register writes it")] = None,
    cabinet_id: Id | None = None,
    lamp_id: Annotated[Id | None, Query(description="faults that take this lamp with them")] = None,
    bbox: Annotated[NumberList | None, Query(description="west,south,east,north in degrees (WGS 84)")] = None,
    since: Annotated[TimeText | None, Query(description="opened at or after, ISO 8601")] = None,
    order: Annotated[
        str, Query(description="`distance` needs `near`", json_schema_extra={"enum": list(ORDERS)})
    ] = "priority",
    near: Annotated[NumberList | None, Query(description="latitude,longitude in degrees")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="faults of a page")] = 100,
    cursor: Annotated[Cursor | None, Query(description="`next_cursor` of the page before")] = None,
    f: Annotated[Literal["json", "geojson", "csv", "gpx"], Query(description="format of the answer")] = "json",
    include: Annotated[Literal["suppressed"] | None, Query(description="also faults that another one explains")] = None,
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
        page = context.faults.page(wanted, catalogue, order=order, near=at, limit=limit, cursor=cursor)
        headers = tag_headers(entity_tag(page.stamp, f, catalogue.language), language_headers(catalogue))
        return not_modified(request, headers) or _list_answer(request, page, f, headers)

    return await context.answer(show, is_short=f == "json" and is_short(wanted, order, limit))


def _list_answer(request: Request, page: FaultPage, form: str, headers: dict[str, str]) -> Response:
    if form == "json":
        return answer(request, page.document(), "application/json", headers)
    if page.next_cursor is not None:
        headers["X-Next-Cursor"] = page.next_cursor
    if form == "csv":
        headers["Content-Disposition"] = 'attachment; filename="faults.csv"'
        return Response(faults_csv(page.items()), media_type="text/csv; charset=utf-8", headers=headers)
    if form == "gpx":
        headers["Content-Disposition"] = 'attachment; filename="faults.gpx"'
        return Response(faults_gpx(page.items()), media_type="application/gpx+xml", headers=headers)
    document = {**faults_geojson(page.items()), "next_cursor": page.next_cursor}
    return JSONResponse(document, media_type="application/geo+json", headers=headers)


def get_fault(context: ContextOf, catalogue: CatalogueOf, fault_id: str) -> JSONResponse:
    """One fault with its timeline, oldest entry first."""
    row, events = one_fault(context.database, fault_id)
    if row is None:
        raise NotFoundError("no_fault", fault_id=fault_id)
    timeline = [event_document(event, catalogue) for event in events]
    claimed = last_repair(row, events)
    zone = ZoneInfo(context.city.city.timezone)
    more = {
        "repair": None if claimed is None else repair_document(claimed, catalogue, zone),
        "photos": context.photos.ids(row.id),
    }
    return answer_in(catalogue, {**fault_document(row, catalogue), **more, "timeline": timeline})


class ActionRequest(BaseModel):
    """What a person does to a fault. ``action_id`` is the client's ULID: a repeat gets the same answer."""

    model_config = ConfigDict(extra="forbid")

    action_id: str = Field(pattern=_ULID, description="the client's ULID", examples=["01JDB2M7Z8Q5W3N4T6V9X0Y1KC"])
    action: Action
    note: Note | None = None
    assignee: Name | None = None
    at: TimeText | None = Field(
        None,
        description="when it happened by the phone's clock; kept as claimed, and its date where there is no `age_s`",
        examples=["2026-11-23T12:05:00+07:00"],
    )
    age_s: float | None = Field(
        None,
        ge=0,
        le=_MAX_AGE_S,
        description="seconds since it happened, by the phone's monotonic clock: the server dates it",
    )
    cause: Name | None = Field(None, description="of `repair`: what was broken", examples=["driver"])
    part: Name | None = Field(None, description="of `repair`: what was replaced", examples=["LED driver 90 W"])
    until: TimeText | None = Field(
        None,
        description="of `cannot_repair`: not before, at most 366 days ahead",
        examples=["2026-11-30T00:00:00+07:00"],
    )
    if_version: int | None = Field(None, ge=0, le=2**31 - 1, description="the fault's version that the client saw")


def post_action(
    context: ContextOf,
    catalogue: CatalogueOf,
    actor: ActorOf,
    principal: PrincipalOf,
    fault_id: str,
    request: ActionRequest,
) -> JSONResponse:
    """Acknowledge, assign, start, repair, give up for now, comment or reopen a fault; answers it as it is then."""
    for name, actions_with in _FIELDS_OF.items():
        if getattr(request, name) is not None and request.action not in actions_with:
            raise BadRequestError("foreign_field", name=name, action=request.action)
    for name in ("note", "assignee", "cause", "part"):
        refuse_blank(name, getattr(request, name))
    if request.action == "assign" and request.assignee is None:
        raise BadRequestError("assignee_missing")
    if request.action in {"comment", "cannot_repair"} and request.note is None:
        raise BadRequestError("note_missing", action=request.action)
    now_us = context.now_us()
    at_us = now_us
    if request.at is not None:  # checked even where age_s dates it
        # nobody acts in the future: a phone whose clock is ahead acted just now
        at_us = min(now_us, parse_time(request.at, "at"))
    if request.age_s is not None:
        at_us = now_us - int(request.age_s * 1_000_000)
    action = actions.Action(
        action_id=request.action_id.upper(),
        fault_id=fault_id,
        action=request.action,
        actor=actor,
        may_act_in=principal.may_act_in,
        at_us=at_us,
        note=request.note,
        assignee=request.assignee,
        if_version=request.if_version,
        cause=request.cause,
        part=request.part,
        until_us=_until_us(request, now_us),
        claimed_at=request.at,
    )
    done = actions.act(context.database, context.audit, action, lambda row: fault_document(row, catalogue))
    return answer_in(catalogue, done)


def _until_us(request: ActionRequest, now_us: int) -> int | None:
    """Until when a fault cannot be repaired.

    Raises:
        BadRequestError: it is missing where it is needed, no such time, or past or too far ahead.
    """
    if request.action != "cannot_repair":
        return None
    if request.until is None:
        raise BadRequestError("until_missing")
    until_us = parse_time(request.until, "until")
    # an action that was taken offline may speak of a time that has passed meanwhile
    earliest_us = now_us - int((request.age_s or 0) * 1_000_000)
    if not earliest_us < until_us <= now_us + _MAX_DEFERRED_DAYS * 86_400 * 1_000_000:
        raise BadRequestError("until_out_of_range", max_days=_MAX_DEFERRED_DAYS)
    return until_us
