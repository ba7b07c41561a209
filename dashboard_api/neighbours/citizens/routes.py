"""The functions behind ``/lapor``: the form, its taking, and what became of a report."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.guard import address_of
from dashboard_api.context import CatalogueOf, Context, ContextOf, catalogue_of
from dashboard_api.errors import BadRequestError, RequestError, TooManyError
from dashboard_api.formats.look import look_of
from dashboard_api.formats.problem_document import error_document
from dashboard_api.http.json_answer import language_headers
from dashboard_api.neighbours.citizens.lamp_choice import lamp_choice
from dashboard_api.neighbours.citizens.page import POLICY, not_found_page, outcome_page, report_form
from dashboard_api.neighbours.citizens.report_intake import Wish, intake_of
from dashboard_api.neighbours.form_body import form_fields
from dashboard_api.neighbours.ogc.parameters import parse_bbox
from dashboard_api.neighbours.open311.mapping import LAMP_DARK, SERVICES
from dashboard_api.store.reports import lamps_at
from languages.catalogue import Catalogue

_MOST_CHOICES: Final = 60
_LONGEST_LAMP: Final = 128
_MOST_LOGO_BYTES: Final = 50_000  # the whole page is to stay below 100 kB
_MAP_SCRIPT: Final = Path(__file__).with_name("map.js")


async def get_form(
    context: ContextOf,
    catalogue: CatalogueOf,
    lamp: Annotated[str, Query(description="lamp id, as the label on a pole has it")] = "",
) -> Response:
    """Citizens report a lamp: the form."""
    given = {"place": lamp[:_LONGEST_LAMP]}
    return _html(report_form(catalogue, look_of(context.city, _MOST_LOGO_BYTES), given), catalogue)


async def get_map_script() -> Response:
    """The script of the form's map."""
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return FileResponse(_MAP_SCRIPT, media_type="text/javascript", headers=headers)


async def get_lamp_choice(
    context: ContextOf,
    bbox: Annotated[str, Query(max_length=200, description="west,south,east,north in degrees")] = "",
) -> Response:
    """Places and ids of at most 400 lamps of a box, for the form's map."""
    box = parse_bbox(bbox) if bbox else None

    def make() -> Any:
        lamps = context.lamps()
        return lamp_choice(lamps.properties["lamp_id"], lamps.longitude, lamps.latitude, box)

    found = await context.answer(make, is_short=False)
    return JSONResponse(found, headers={"Cache-Control": "public, max-age=60"})


async def post_form(request: Request, context: ContextOf) -> Response:
    """Citizens report a lamp: the body is the form's. Answers with the way to the report, or with the form again."""
    fields = await form_fields(request)
    lang = fields.get("lang", "")
    catalogue = await catalogue_of(request, lang if lang in context.languages else None)
    if fields.get("service") not in SERVICES:
        fields["service"] = LAMP_DARK
    intake = intake_of(request, context)
    address = address_of(request.scope)
    try:
        intake.admit(address)
        wish, choices = await run_in_threadpool(_wish, fields, context)
        if choices:
            return _html(report_form(catalogue, look_of(context.city, _MOST_LOGO_BYTES), fields, choices), catalogue)
        number = await run_in_threadpool(intake.take, wish, address)
    except (BadRequestError, TooManyError) as error:
        return _refusal(error, catalogue, context, fields)
    return RedirectResponse(f"/lapor/{number}?lang={catalogue.language}", 303)


async def get_report(request: Request, context: ContextOf, catalogue: CatalogueOf, number: str) -> Response:
    """What became of a report, for everybody who knows its number."""
    intake = intake_of(request, context)
    city, look = context.city.city, look_of(context.city, _MOST_LOGO_BYTES)
    found = await context.answer(partial(intake.outcome, number[:12].upper()), is_short=False)
    if found is None:
        return _html(not_found_page(catalogue, look), catalogue, 404)
    row, outcome = found
    page = outcome_page(catalogue, look, ZoneInfo(city.timezone), row, outcome, context.now_us())
    return _html(page, catalogue)


def _wish(fields: dict[str, str], context: Context) -> tuple[Wish, list[Any]]:
    """The wish, and lamps that the reporter has to choose from first."""
    place = fields.get("place", "")
    lamp_id = fields.get("lamp") or None
    found: list[Any] = []
    if lamp_id is None and place and "lamp" not in fields:  # an empty choice is "none of these"
        found = lamps_at(context.database, place[:_LONGEST_LAMP], _MOST_CHOICES)
        if len(found) == 1:
            lamp_id = found[0].lamp_id
    wish = Wish(
        service=fields["service"],
        lamp_id=None if lamp_id is None else lamp_id[:_LONGEST_LAMP],
        address=None if len(found) == 1 else place or None,
        description=fields.get("description") or None,
        contact=fields.get("contact") or None,
    )
    return wish, found if lamp_id is None else []


def _refusal(error: RequestError, catalogue: Catalogue, context: Context, fields: dict[str, str]) -> Response:
    status, document = error_document(error, catalogue)
    page = report_form(catalogue, look_of(context.city, _MOST_LOGO_BYTES), fields, wrong=document["detail"])
    wait_s = error.parameters.get("retry_after_s")
    return _html(page, catalogue, status, {} if wait_s is None else {"Retry-After": str(wait_s)})


def _html(page: str, catalogue: Catalogue, status: int = 200, more: dict[str, str] | None = None) -> HTMLResponse:
    headers = {**language_headers(catalogue), "Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(page, status, {**headers, **(more or {})})
