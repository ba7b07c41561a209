"""The functions behind ``/lapor``: the form, its taking, and what became of a report."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.guard import address_of
from dashboard_api.context import Context, ContextOf, catalogue_of
from dashboard_api.errors import BadRequestError, RequestError, TooManyError
from dashboard_api.formats.look import look_of
from dashboard_api.formats.problem_document import error_document
from dashboard_api.http.json_answer import language_headers
from dashboard_api.neighbours.citizens.kept_pages import MOST_LOGO_BYTES, kept_pages_of
from dashboard_api.neighbours.citizens.page import POLICY, not_found_page, report_form
from dashboard_api.neighbours.citizens.report_intake import Wish, intake_of
from dashboard_api.neighbours.form_body import form_fields
from dashboard_api.neighbours.ogc.parameters import parse_bbox
from dashboard_api.neighbours.open311.mapping import LAMP_DARK, SERVICES
from dashboard_api.store.lamps_meant import lamps_at
from languages.catalogue import Catalogue

_MOST_CHOICES: Final = 60
_LONGEST_LAMP: Final = 128


async def get_form(request: Request) -> Response:
    """Citizens report a lamp: the form; ``lamp``: the id that the label on a pole has, filled in."""
    catalogue = await catalogue_of(request, request.query_params.get("lang"))
    lamp = request.query_params.get("lamp", "")
    return kept_pages_of(request).form(catalogue, lamp[:_LONGEST_LAMP]).answer(request.scope)


async def get_map_script(request: Request) -> Response:
    """The script of the form's map."""
    return kept_pages_of(request).script(request.query_params.get("v", "")).answer(request.scope)


async def get_lamp_choice(request: Request) -> Response:
    """Places and ids of at most 400 lamps of a box, for the form's map; ``bbox``: west,south,east,north in degrees."""
    bbox = request.query_params.get("bbox", "")
    found = await kept_pages_of(request).map(parse_bbox(bbox) if bbox else None)
    return found.answer(request.scope)


async def post_form(request: Request, context: ContextOf) -> Response:
    """Citizens report a lamp: the body is the form's. Answers with the way to the report, or with the form again."""
    fields = await form_fields(request)
    lang = fields.get("lang", "")
    catalogue = await catalogue_of(request, lang if lang in context.languages else None)
    if fields.get("service") not in SERVICES:
        fields["service"] = LAMP_DARK
    intake = intake_of(request)
    address = address_of(request.scope)
    try:
        intake.admit(address)
        wish, choices = await run_in_threadpool(_wish, fields, context)
        if choices:
            return _html(report_form(catalogue, look_of(context.city, MOST_LOGO_BYTES), fields, choices), catalogue)
        number = await run_in_threadpool(intake.take, wish, address)
    except (BadRequestError, TooManyError) as error:
        return _refusal(error, catalogue, context, fields)
    return RedirectResponse(f"/lapor/{number}?lang={catalogue.language}", 303)


async def get_report(request: Request) -> Response:
    """What became of a report, for everybody who knows its number."""
    catalogue = await catalogue_of(request, request.query_params.get("lang"))
    pages = kept_pages_of(request)
    found = await pages.report(catalogue, request.path_params["number"][:12].upper())
    if found is None:
        return _html(not_found_page(catalogue, pages.look()), catalogue, 404)
    return found.answer(request.scope)


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
    page = report_form(catalogue, look_of(context.city, MOST_LOGO_BYTES), fields, wrong=document["detail"])
    wait_s = error.parameters.get("retry_after_s")
    return _html(page, catalogue, status, {} if wait_s is None else {"Retry-After": str(wait_s)})


def _html(page: str, catalogue: Catalogue, status: int = 200, more: dict[str, str] | None = None) -> HTMLResponse:
    headers = {**language_headers(catalogue), "Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(page, status, {**headers, **(more or {})})
