"""The function behind GeoReport Bulk: all service requests of citizens and of telemetry."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.errors import BadRequestError
from dashboard_api.formats.times import iso, parse_time
from dashboard_api.neighbours.citizens.report_intake import ReportIntake, intake_of
from dashboard_api.neighbours.open311 import bulk
from dashboard_api.neighbours.open311.answers import EVERYWHERE, refusal_of
from dashboard_api.neighbours.open311.service_request import request_of_fault, request_of_report
from dashboard_api.store.public_rows import PublicFilter, public_faults
from dashboard_api.store.reports import all_reports, close_settled
from languages.catalogue import Catalogue

_CHUNK: Final = 1000


async def get_bulk(request: Request, context: ContextOf, catalogue: CatalogueOf, form: str) -> Response:
    """GeoReport Bulk: all service requests (`csv`, `json` or `xml`), first those of citizens, then faults.

    Parameters: `start_date`, `end_date` (of the request).
    """
    intake = intake_of(request)
    rows: Iterator[dict[str, Any]] = iter(())

    async def make() -> None:
        nonlocal rows
        given = dict(request.query_params)
        span = _ends(given, context.now_us())
        # the first row is asked for here, so that a store that does not answer is 503 and no torn answer
        rows = await run_in_threadpool(_begun, _bulk_rows(span, context, intake, catalogue))

    refusal = await refusal_of(request, form, make, catalogue, (*EVERYWHERE, "start_date", "end_date"), bulk.FORMATS)
    if refusal is not None:
        return refusal
    media_type, write = bulk.FORMATS[form]
    headers = {
        "Content-Language": catalogue.language,
        "Vary": "Accept-Language",
        "Cache-Control": "public, max-age=300",
    }
    headers["Content-Disposition"] = f'attachment; filename="requests.{form}"'
    return StreamingResponse(write(rows), media_type=f"{media_type}; charset=utf-8", headers=headers)


def _begun(rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same rows, of which the first has been read."""
    first = next(rows, None)
    return rows if first is None else chain([first], rows)


def _ends(given: dict[str, str], now_us: int) -> tuple[int, int]:
    start = parse_time(given["start_date"], "start_date") if given.get("start_date") else 0
    end = parse_time(given["end_date"], "end_date") if given.get("end_date") else now_us
    if start > end:
        raise BadRequestError("start_not_before_end")
    return start, end


def _bulk_rows(
    span: tuple[int, int], context: Context, intake: ReportIntake, catalogue: Catalogue
) -> Iterator[dict[str, Any]]:
    close_settled(context.database, context.now_us())
    for row in all_reports(context.database, *span):
        outcome = intake.outcome_of(row)
        closed_us = row.closed_at_us
        if outcome.fault is not None and outcome.is_closed:
            closed_us = outcome.fault.closed_at_us
        yield _bulk_row(request_of_report(row, intake, catalogue), closed_us, "Website")
    after: str | None = None
    while True:
        rows = public_faults(context.database, PublicFilter(after=after, opened=span), _CHUNK)
        for row in rows:
            yield _bulk_row(request_of_fault(row, catalogue), row.closed_at_us, "Telemetry")
        if len(rows) < _CHUNK:
            return
        after = rows[-1].id


def _bulk_row(request: dict[str, Any], closed_us: int | None, source: str) -> dict[str, Any]:
    """A service request with the names of the bulk form; a closed one was last changed when it was closed."""
    closed = iso(closed_us)
    return {
        **{name: request.get(name) for name in bulk.FIELDS},
        "updated_datetime": closed or request["updated_datetime"],
        "closed_date": closed,
        "status_description": request["status"],
        "source": source,
        "service_subtype": None,
    }
