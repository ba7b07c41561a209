"""Answers of Open311 and their errors, in the asked format."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from dashboard_api.errors import NotFoundError, RequestError
from dashboard_api.formats.problem_document import error_document
from dashboard_api.neighbours.ogc.parameters import only_known
from dashboard_api.neighbours.open311.xml_text import xml_of
from languages.catalogue import Catalogue

JSON: Final = "application/json"
XML: Final = "text/xml"
_MEDIA_TYPES: Final = {"json": JSON, "xml": XML}
# GeoReport v2 has the first two at every address; both are passed over: one city, and keys are asked of nobody
EVERYWHERE: Final = ("jurisdiction_id", "api_key", "lang")


async def answer(
    request: Request,
    form: str,
    root: str,
    make: Callable[[], Awaitable[Any]],
    catalogue: Catalogue,
    *,
    known: Collection[str] = EVERYWHERE,
    status: int = 200,
) -> Response:
    """What ``make`` returns, or its error, as JSON or XML; a query parameter that is not ``known`` is an error."""
    try:
        if form not in _MEDIA_TYPES:
            raise NotFoundError("not_one_of", name="format", value=form, known=list(_MEDIA_TYPES))
        only_known(request.query_params.multi_items(), known)
        document = await make()
    except RequestError as error:
        return _error(form, error, catalogue)
    return _written(form, root, document, status, {"Content-Language": catalogue.language, "Vary": "Accept-Language"})


async def refusal_of(
    request: Request,
    form: str,
    make: Callable[[], Awaitable[None]],
    catalogue: Catalogue,
    known: Collection[str],
    forms: Collection[str],
) -> Response | None:
    """The error of ``make``, of an unknown query parameter or of a format that is none of ``forms``; None = none."""
    try:
        if form not in forms:
            raise NotFoundError("not_one_of", name="format", value=form, known=list(forms))
        only_known(request.query_params.multi_items(), known)
        await make()
    except RequestError as error:
        return _error(form, error, catalogue)
    return None


def _error(form: str, error: RequestError, catalogue: Catalogue) -> Response:
    status, problem = error_document(error, catalogue)
    document = [{"code": status, "description": problem.get("detail", problem["title"])}]
    wait_s = error.parameters.get("retry_after_s")
    return _written(form, "errors", document, status, {} if wait_s is None else {"Retry-After": str(wait_s)})


def _written(form: str, root: str, document: Any, status: int, headers: dict[str, str]) -> Response:
    if form == "xml":
        return Response(xml_of(root, document), status, headers, media_type="text/xml; charset=utf-8")
    return JSONResponse(document, status, headers)
