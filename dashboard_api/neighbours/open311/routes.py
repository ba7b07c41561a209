"""The functions behind ``/open311/v2``. Errors are Open311's lists of code and description, in the asked format."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.access.guard import address_of
from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.times import parse_time
from dashboard_api.neighbours.citizens.report_intake import ReportIntake, Wish, intake_of
from dashboard_api.neighbours.form_body import form_fields
from dashboard_api.neighbours.open311 import bulk, mapping
from dashboard_api.neighbours.open311.answers import EVERYWHERE, JSON, XML, answer
from dashboard_api.neighbours.open311.service_request import request_of_fault, request_of_report
from dashboard_api.store.lamps_meant import lamps_at
from dashboard_api.store.public_rows import PublicFilter, one_public_fault, public_faults
from dashboard_api.store.reports import close_settled, reports_between
from languages.catalogue import Catalogue

_SPAN_US: Final = 90 * 86_400 * 1_000_000
_MOST: Final = 1000  # requests of an answer
_MOST_IDS: Final = 100
_MOST_PAGES: Final = 10_000
_MOST_PAGED: Final = 10_000  # requests up to the end of a page; who wants more narrows the time, or takes the bulk
_MAX_DIGITS: Final = 40
_NARROWING: Final = ("service_request_id", "service_code", "start_date", "end_date", "status")
_LIST_PARAMETERS: Final = (*EVERYWHERE, *_NARROWING, "page", "page_size")


async def get_discovery(request: Request, catalogue: CatalogueOf, form: str) -> Response:
    """Open311: where the service is and what it speaks (`json` or `xml`)."""

    async def make() -> Any:
        endpoint = {
            "specification": "http://wiki.open311.org/GeoReport_v2",
            "url": f"{str(request.base_url).rstrip('/')}/open311/v2",
            "changeset": "2011-04-20T00:00:00Z",
            "type": "production",
            "formats": [XML, JSON],
        }
        bulk_endpoint = {
            "specification": "http://wiki.open311.org/GeoReport_Bulk_v1",
            "url": f"{endpoint['url']}/bulk/requests",
            "changeset": "2016-06-01T00:00:00Z",
            "type": "production",
            "formats": [media_type for media_type, _write in bulk.FORMATS.values()],
        }
        return {
            "changeset": "2011-04-20T00:00:00Z",
            "contact": catalogue.say("open311.contact"),
            "key_service": catalogue.say("open311.key_service"),
            "endpoints": [endpoint, bulk_endpoint],
        }

    return await answer(request, form, "discovery", make, catalogue)


async def get_services(request: Request, catalogue: CatalogueOf, form: str) -> Response:
    """Open311: what may be reported (`json` or `xml`)."""

    async def make() -> Any:
        return [_service(name, catalogue) for name in mapping.SERVICES]

    return await answer(request, form, "services", make, catalogue)


async def get_service(request: Request, catalogue: CatalogueOf, service_code: str, form: str) -> Response:
    """Open311: the attributes of a service (`json` or `xml`)."""

    async def make() -> Any:
        if service_code not in mapping.SERVICES:
            raise NotFoundError("no_service", service=service_code, known=list(mapping.SERVICES))
        attribute = {
            "variable": True,
            "code": mapping.LAMP_ATTRIBUTE,
            "datatype": "string",
            "required": False,
            "datatype_description": catalogue.say("open311.lamp.hint"),
            "order": 1,
            "description": catalogue.say("open311.lamp"),
            "values": [],
        }
        return {"service_code": service_code, "attributes": [attribute]}

    return await answer(request, form, "service_definition", make, catalogue)


async def get_requests(request: Request, context: ContextOf, catalogue: CatalogueOf, form: str) -> Response:
    """Open311: service requests, newest first (`json` or `xml`).

    Parameters: `service_request_id`, `service_code` (each may be a list with commas), `start_date`, `end_date` (at most
    90 days), `status` (`open`, `closed`), `page` (from 1 on) and `page_size` (at most 1000, the default).
    """
    given = dict(request.query_params)
    intake = intake_of(request)

    async def make() -> Any:
        return await run_in_threadpool(_list, given, context, intake, catalogue)

    return await answer(request, form, "service_requests", make, catalogue, known=_LIST_PARAMETERS)


async def get_request(
    request: Request, context: ContextOf, catalogue: CatalogueOf, request_id: str, form: str
) -> Response:
    """Open311: one service request (`json` or `xml`)."""
    intake = intake_of(request)

    async def make() -> Any:
        found = await run_in_threadpool(_one, request_id, context, intake, catalogue)
        if found is None:
            raise NotFoundError("no_request", number=request_id)
        return [found]

    return await answer(request, form, "service_requests", make, catalogue)


async def get_token(request: Request, catalogue: CatalogueOf, token: str, form: str) -> Response:
    """Open311: the service request of a token, which here is its own number (`json` or `xml`)."""
    intake = intake_of(request)

    async def make() -> Any:
        if await run_in_threadpool(intake.outcome, token) is None:
            raise NotFoundError("no_request", number=token)
        return [{"service_request_id": token, "token": token}]

    return await answer(request, form, "service_requests", make, catalogue)


async def post_request(request: Request, context: ContextOf, catalogue: CatalogueOf, form: str) -> Response:
    """Open311: report something (`json` or `xml`); the body is an HTML form.

    Fields: `service_code`; a place by `lat` and `long`, `address_string`, `address_id` (a lamp id) or
    `attribute[LAMP]`; `description`; `email` or `phone`, which are kept encrypted until there is an outcome.
    """
    intake = intake_of(request)

    async def make() -> Any:
        address = address_of(request.scope)
        intake.admit(address)
        fields = await form_fields(request)
        wish = await run_in_threadpool(_wish, fields, context)
        number = await run_in_threadpool(intake.take, wish, address)
        outcome = await run_in_threadpool(intake.outcome, number)
        notice = "" if outcome is None else catalogue.say(f"report.{outcome[1].word}")
        return [{"service_request_id": number, "service_notice": notice, "account_id": None}]

    return await answer(request, form, "service_requests", make, catalogue, status=201)


def _service(name: str, catalogue: Catalogue) -> dict[str, Any]:
    return {
        "service_code": name,
        "service_name": catalogue.say(f"open311.{name}"),
        "description": catalogue.say(f"open311.{name}.description"),
        "metadata": True,
        "type": "realtime",
        "keywords": "",
        "group": mapping.GROUP,
    }


def _wish(fields: dict[str, str], context: Context) -> Wish:
    service = fields.get("service_code", "")
    if service not in mapping.SERVICES:
        raise BadRequestError("not_one_of", name="service_code", value=service, known=list(mapping.SERVICES))
    lamp = fields.get("address_id") or fields.get(f"attribute[{mapping.LAMP_ATTRIBUTE}]")
    lamp_id = None
    if lamp:
        found = lamps_at(context.database, lamp[:128], 2)
        if len(found) != 1:
            raise BadRequestError("no_lamp", lamp_id=lamp[:128])
        lamp_id = found[0].lamp_id
    latitude, longitude = _degrees(fields, "lat", 90), _degrees(fields, "long", 180)
    if (latitude is None) != (longitude is None):
        raise BadRequestError("not_degrees", name="lat, long", value="", n=2)
    return Wish(
        service=service,
        lamp_id=lamp_id,
        latitude=latitude,
        longitude=longitude,
        address=fields.get("address_string") or None,
        description=fields.get("description") or None,
        contact=fields.get("email") or fields.get("phone") or None,
    )


def _degrees(fields: dict[str, str], name: str, most: float) -> float | None:
    text = fields.get(name, "")
    if not text:
        return None
    try:
        degrees = float(text)
    except ValueError:
        raise BadRequestError("not_numbers", name=name, value=text) from None
    if not math.isfinite(degrees) or abs(degrees) > most:
        raise BadRequestError("not_degrees", name=name, value=text, n=1)
    return degrees


def _list(given: dict[str, str], context: Context, intake: ReportIntake, catalogue: Catalogue) -> list[dict[str, Any]]:
    if given.get("service_request_id"):
        ids = given["service_request_id"].split(",")
        if len(ids) > _MOST_IDS:
            raise BadRequestError("length_out_of_range", name="service_request_id", most=_MOST_IDS)
        asked = (_one(one.strip(), context, intake, catalogue) for one in ids)
        return [one for one in asked if one is not None]
    services = [one.strip() for one in given.get("service_code", "").split(",") if one.strip()][:_MOST_IDS]
    status = given.get("status", "")
    states = {one.strip() for one in status.split(",") if one.strip()}
    if not states <= {"open", "closed"}:
        raise BadRequestError("not_one_of", name="status", value=status, known=["open", "closed"])
    is_open = None if len(states) != 1 else states == {"open"}
    first_us, last_us = _span(given, context.now_us())
    start, stop = _page(given)
    codes = tuple(code for service in services for code in mapping.codes_of(service))
    close_settled(context.database, context.now_us())
    reports = reports_between(context.database, first_us, last_us, services, is_open, stop)
    wanted = PublicFilter(is_open=is_open, opened=(first_us, last_us), codes=codes)
    faults = [] if services and not codes else public_faults(context.database, wanted, stop, is_newest_first=True)
    newest: list[tuple[int, str, Callable[[], dict[str, Any]]]] = [
        *((-row.at_us, row.number, partial(request_of_report, row, intake, catalogue)) for row in reports),
        *((-row.opened_at_us, row.id, partial(request_of_fault, row, catalogue)) for row in faults),
    ]
    newest.sort(key=lambda one: one[:2])
    return [make() for _at_us, _id, make in newest[start:stop]]


def _page(given: dict[str, str]) -> tuple[int, int]:
    """The first request of the wanted page, and the one behind its last, newest first."""
    page, size = _count(given, "page", 1, _MOST_PAGES), _count(given, "page_size", _MOST, 10**_MAX_DIGITS)
    size = min(size, _MOST)
    if page * size > _MOST_PAGED:
        raise BadRequestError("open311_page", most=_MOST_PAGED)
    return (page - 1) * size, page * size


def _count(given: dict[str, str], name: str, default: int, most: int) -> int:
    text = given.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS or not 1 <= int(text) <= most:
        raise BadRequestError("not_a_page", name=name, value=text[:100], most=most)
    return int(text)


def _span(given: dict[str, str], now_us: int) -> tuple[int, int]:
    start = parse_time(given["start_date"], "start_date") if given.get("start_date") else None
    end = parse_time(given["end_date"], "end_date") if given.get("end_date") else None
    if start is not None and end is not None and start > end:
        raise BadRequestError("start_not_before_end")
    if end is None:
        end = now_us if start is None else start + _SPAN_US
    return max(end - _SPAN_US, end - _SPAN_US if start is None else start), end


def _one(request_id: str, context: Context, intake: ReportIntake, catalogue: Catalogue) -> dict[str, Any] | None:
    if len(request_id) > 26:
        return None
    found = intake.outcome(request_id)
    if found is not None:
        return request_of_report(found[0], intake, catalogue)
    row = one_public_fault(context.database, request_id)
    return None if row is None else request_of_fault(row, catalogue)
