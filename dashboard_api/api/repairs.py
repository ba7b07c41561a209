"""Repairs that people claimed, and whether telemetry has proved them."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard_api.api.fields import Name, TimeText
from dashboard_api.context import ActorOf, CatalogueOf, ContextOf
from dashboard_api.errors import BadRequestError
from dashboard_api.formats.fault_document import fault_document
from dashboard_api.formats.repair_document import repair_document
from dashboard_api.formats.times import parse_time
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers
from dashboard_api.http.json_answer import language_headers
from dashboard_api.store.repairs import list_repairs

_EVERYBODY = "*"


def get_repairs(
    request: Request,
    context: ContextOf,
    catalogue: CatalogueOf,
    me: ActorOf,
    actor: Annotated[Name | None, Query(description="whose; `*` = everybody's; default: the caller's own")] = None,
    result: Annotated[
        Literal["waiting", "verified", "still_dark", "reopened", "closed"] | None,
        Query(description="only with this result; a page may then hold fewer than `limit`"),
    ] = None,
    since: Annotated[TimeText | None, Query(description="claimed at or after, ISO 8601 with a zone")] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="repairs of a page")] = 100,
    cursor: Annotated[str | None, Query(max_length=20, description="`next_cursor` of the page before")] = None,
) -> Response:
    """Repairs, newest first, each with its fault as it is now."""
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and int(cursor) < 2**63):
        raise BadRequestError("foreign_cursor")
    repairs, before = list_repairs(
        context.database,
        actor=None if actor == _EVERYBODY else actor or me.person.text,
        since_us=None if since is None else parse_time(since, "since"),
        before_seq=None if cursor is None else int(cursor),
        limit=limit,
    )
    zone = ZoneInfo(context.city.city.timezone)
    marks = [(one.event.seq, one.fault.revision, one.result) for one in repairs]
    tag = entity_tag(marks, before, result, catalogue.language)
    headers = tag_headers(tag, language_headers(catalogue))
    same = not_modified(request, headers)
    if same is not None:
        return same
    items = [
        {**repair_document(one, catalogue, zone), "fault": fault_document(one.fault, catalogue)}
        for one in repairs
        if result in {None, one.result}
    ]
    document = {"items": items, "next_cursor": None if before is None else str(before)}
    return JSONResponse(document, headers=headers)
