"""How every request of TALQ is checked and answered: its header and parameters, JSON, errors as TALQ's messages."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from dashboard_api.context import problem_catalogue
from dashboard_api.errors import BadRequestError, NotFoundError, RequestError, TooLargeError, UsedIdError
from dashboard_api.formats.problem_document import error_document
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.errors import RefusedError
from languages.message import Message

COUNT: Final = "count"  # stands where an address does, and is none
JSON: Final = "application/json"
READING: Final = ("clientAddress", "lang")
CHANGING: Final = (*READING, "talqRequestId", "talqOriginRequestId")
_VERSIONS: Final = ("2.7.1", "2.7.0", "2.7")
_LARGEST_BODY: Final = 1 << 20
_KEYS: Final[Mapping[str, str]] = {
    "unknown_parameter": "parameterValueNotValid",
    "parameter_twice": "parameterValueNotValid",
    "not_a_count": "parameterValueNotValid",
    "talq_uuid": "parameterValueNotValid",
    "talq_limit": "parameterMissing",
    "not_one_of": "headerValueNotValid",
    "bad_member": "payloadError",
    "not_a_time": "payloadError",
    "time_without_zone": "payloadError",
    "until_out_of_range": "payloadError",
}


async def answer(
    request: Request, known: Collection[str], make: Callable[[Mapping[str, str]], Awaitable[Any]], status: int = 200
) -> Response:
    """What ``make`` returns for the checked query, or its error as TALQ's error messages."""
    try:
        document = await make(_checked(request, known))
    except RequestError as error:
        return error_answer(request, error)
    if isinstance(document, Response):
        return document
    return JSONResponse(document, status, headers=version_header())


def error_answer(request: Request, error: RequestError) -> Response:
    """An error as TALQ's error messages."""
    status, problem = error_document(error, problem_catalogue(request))
    if isinstance(error, RefusedError):
        status, key = 422, error.key
    elif isinstance(error, BadRequestError):
        status, key = 400, _KEYS.get(error.code, "genericError")
    elif isinstance(error, NotFoundError):
        key = "resourceNotFound"
    else:
        key = "resourceConflict" if isinstance(error, UsedIdError) else "genericError"
    message = {"key": key, "description": str(problem.get("detail", problem["title"]))}
    return JSONResponse([message], status, {**error.headers, **version_header()})


async def body_of(request: Request) -> Any:
    """The JSON of a request's body, which can be stored.

    Raises:
        TooLargeError: more than 1 MiB.
        BadRequestError: not JSON, or texts and numbers that cannot be written again.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise TooLargeError("form_too_large", max_bytes=_LARGEST_BODY)
    try:
        document = json.loads(bytes(body))
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise BadRequestError("bad_member", where="body", reason=Message("value.json")) from error
    if "\\u0000" in text:
        raise BadRequestError("bad_member", where="body", reason=Message("value.unstorable"))
    return document


def _checked(request: Request, known: Collection[str]) -> dict[str, str]:
    """The query by name, with the header and the parameters that every TALQ request carries."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise BadRequestError("unknown_parameter", name=name, known=sorted(known))
        if name in given and name != "deviceClasses":
            raise BadRequestError("parameter_twice", name=name)
        given[name] = value
    version = request.headers.get("talq-api-version")
    if version not in _VERSIONS:
        raise BadRequestError("not_one_of", name="talq-api-version", value=version or "", known=list(_VERSIONS))
    wanted = ["clientAddress", *(["talqRequestId"] if "talqRequestId" in known else [])]
    for name in (*wanted, *(["talqOriginRequestId"] if "talqOriginRequestId" in given else [])):
        if not is_uuid(given.get(name, "")):
            raise BadRequestError("talq_uuid", name=name, value=given.get(name, ""))
    return given


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as it is usually written."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def version_header() -> dict[str, str]:
    """The header of every answer."""
    return {"talq-api-version": mapping.VERSION}
