"""Routes under ``/talq``, as the description of TALQ's gateway API names them; errors are TALQ's error messages."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from dashboard_api.context import ActorOf, ContextOf, PrincipalOf, problem_catalogue
from dashboard_api.dimming import queue_dim
from dashboard_api.errors import BadRequestError, NotFoundError, RequestError, TooLargeError
from dashboard_api.formats.problem_document import error_document
from dashboard_api.formats.times import iso, parse_time
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import Devices, DeviceSource
from dashboard_api.store.work import one_command

JSON: Final = "application/json"
_VERSIONS: Final = ("2.7.1", "2.7.0", "2.7")
_ALWAYS: Final = ("clientAddress", "lang")
_REQUEST_IDS: Final = ("talqRequestId", "talqOriginRequestId")
_MOST_UNPAGED: Final = 5000  # devices of an answer without `limit`
_MAX_LIMIT: Final = 1000
_MAX_DIGITS: Final = 9
_MOST_ADDRESSES: Final = 20_000
_LARGEST_BODY: Final = 1 << 20
_MOST_ENTRIES: Final = 20_000


class _InvalidError(BadRequestError):
    """What the description allows and this gateway cannot do (422); ``key`` is TALQ's word for it."""

    def __init__(self, key: str, where: str, reason: str) -> None:
        super().__init__("talq_refused", where=where, reason=reason)
        self.key = key


async def get_services(request: Request) -> Response:
    """TALQ: the services of this gateway."""
    return await _answer(request, _ALWAYS, lambda _given: _ready(list(mapping.SERVICES)))


async def get_service(request: Request, service_name: str) -> Response:
    """TALQ: one service."""
    return await _answer(request, _ALWAYS, lambda _given: _one(mapping.SERVICES, service_name))


async def get_device_classes(request: Request) -> Response:
    """TALQ: the classes of devices."""
    return await _answer(request, _ALWAYS, lambda _given: _ready(list(mapping.DEVICE_CLASSES)))


async def get_device_classes_count(request: Request) -> Response:
    """TALQ: how many classes of devices there are."""
    return await _answer(request, _ALWAYS, lambda _given: _ready(len(mapping.DEVICE_CLASSES)))


async def get_device_class(request: Request, class_name: str) -> Response:
    """TALQ: one class of devices."""
    return await _answer(request, _ALWAYS, lambda _given: _one(mapping.DEVICE_CLASSES, class_name))


async def get_devices(request: Request) -> Response:
    """TALQ: the lamps. Parameters: `deviceClasses`, `offset`, `limit` (up to 1000; wanted above 5000 lamps)."""

    async def make(given: Mapping[str, str]) -> Any:
        offset, limit = _number(given, "offset"), _number(given, "limit")
        devices = await _devices(request)
        n = len(devices.addresses) if _is_lamp_class(request) else 0
        if offset is None and limit is None:
            if n > _MOST_UNPAGED:
                raise BadRequestError("talq_limit", n=n, most=_MOST_UNPAGED)
            rows = range(n)
        else:
            start = offset or 0
            rows = range(min(start, n), min(start + min(limit if limit is not None else _MAX_LIMIT, _MAX_LIMIT), n))
        return [devices.document(row) for row in rows]

    return await _answer(request, (*_ALWAYS, "deviceClasses", "offset", "limit"), make)


async def get_devices_count(request: Request) -> Response:
    """TALQ: how many lamps there are. Parameters: `deviceClasses`."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len((await _devices(request)).addresses) if _is_lamp_class(request) else 0

    return await _answer(request, (*_ALWAYS, "deviceClasses"), make)


async def get_device(request: Request, device_address: str) -> Response:
    """TALQ: one lamp."""

    async def make(_given: Mapping[str, str]) -> Any:
        return await _device(request, device_address)

    return await _answer(request, _ALWAYS, make)


async def get_function(request: Request, device_address: str, function_id: str) -> Response:
    """TALQ: one function of a lamp."""

    async def make(_given: Mapping[str, str]) -> Any:
        return await _function(request, device_address, function_id)

    return await _answer(request, _ALWAYS, make)


async def get_attribute(request: Request, device_address: str, function_id: str, attribute_name: str) -> Response:
    """TALQ: one attribute of a function."""

    async def make(_given: Mapping[str, str]) -> Any:
        found = (await _function(request, device_address, function_id)).get(attribute_name)
        if not isinstance(found, dict):
            raise NotFoundError("talq_unknown", value=attribute_name)
        return found

    return await _answer(request, _ALWAYS, make)


async def get_log_report(request: Request, logger_address: str) -> Response:
    """TALQ: the events that stand now, as the report of the logger `terang-events`."""

    async def make(_given: Mapping[str, str]) -> Any:
        if logger_address != mapping.EVENT_LOGGER:
            raise NotFoundError("talq_unknown", value=logger_address)
        devices = await _devices(request)
        entries = [
            {
                "data": {
                    "type": "EventLogData",
                    "srcAddress": f"{devices.addresses[row]}/{function}",
                    "timestamp": iso(since_us),
                    "eventType": event,
                    "startEndFlag": True,
                }
            }
            for row, standing in devices.events.items()
            for (function, event), since_us in standing.items()
        ]
        return {"address": mapping.EVENT_LOGGER, "entries": entries[:_MOST_ENTRIES]}

    return await _answer(request, _ALWAYS, make)


async def post_override(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: dim lamps until a time, or (`targetCommand` null) leave them to their schedule again.

    The same `talqRequestId` again changes nothing; `GET /api/v1/commands/{id}` shows the command that `Location` names.
    """

    async def make(given: Mapping[str, str]) -> Any:
        command_id = str(ULID.from_uuid(uuid.UUID(given["talqRequestId"])))
        devices = await _devices(request)
        lamp_ids, level, until_us = _override(await _body(request), devices, context.now_us())

        def queue() -> None:
            if one_command(context.database, command_id) is None:
                queue_dim(context, actor, principal, lamp_ids, level, until_us, command_id=command_id)

        await run_in_threadpool(queue)
        return Response(status_code=202, headers={"Location": f"/api/v1/commands/{command_id}", **_version()})

    return await _answer(request, (*_ALWAYS, *_REQUEST_IDS), make)


def _override(document: Any, devices: Devices, now_us: int) -> tuple[list[str], int | None, int | None]:
    """Lamps, level and end of an override command."""
    if not isinstance(document, dict) or "targetCommand" not in document:
        raise BadRequestError("bad_member", where="targetCommand", reason="missing")
    addresses = document.get("addresses")
    if not isinstance(addresses, list) or not 0 < len(addresses) <= _MOST_ADDRESSES:
        raise BadRequestError("bad_member", where="addresses", reason=f"not a list of 1 to {_MOST_ADDRESSES}")
    rows = []
    for one in addresses:
        if not isinstance(one, dict) or not all(isinstance(one.get(key), str) for key in ("resource", "address")):
            raise BadRequestError("bad_member", where="addresses", reason="not a reference of resource and address")
        if one["resource"] != "devices":
            raise _InvalidError("overrideAddressNotValid", "addresses", "only devices can be dimmed")
        row = devices.row_of.get(one["address"].partition("/")[0].lower())
        if row is None:
            raise _InvalidError("relatedResourceNotFound", "addresses", f"no device {one['address'][:50]}")
        rows.append(row)
    lamp_ids = [devices.lamps.properties["lamp_id"][row] for row in dict.fromkeys(rows)]
    command = document["targetCommand"]
    if command is None:
        return lamp_ids, None, None
    state = command.get("state") if isinstance(command, dict) else None
    if not isinstance(command, dict) or not isinstance(state, dict):
        raise BadRequestError("bad_member", where="targetCommand.state", reason="missing")
    level = state.get("value")
    if state.get("name") != "LevelState" or not isinstance(level, int) or isinstance(level, bool):
        raise _InvalidError("overrideCommandNotValid", "targetCommand.state", "only a LevelState can be commanded")
    if not 0 <= level <= 100:
        raise BadRequestError("bad_member", where="targetCommand.state.value", reason="not from 0 to 100")
    if command.get("rampToLevelTime") or command.get("rampFromLevelTime"):
        raise _InvalidError("overrideCommandNotValid", "targetCommand", "lamps change their level at once")
    start_us, until_us = (_time(command, name) for name in ("start", "expiration"))
    if start_us is not None and start_us > now_us:
        raise _InvalidError("overrideCommandNotValid", "targetCommand.start", "a command begins at once")
    return lamp_ids, level, until_us


def _time(command: Mapping[str, Any], name: str) -> int | None:
    text = command.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadRequestError("bad_member", where=f"targetCommand.{name}", reason="not a time")
    return parse_time(text, name)


async def _devices(request: Request) -> Devices:
    source: DeviceSource = request.app.state.talq_devices
    return await run_in_threadpool(source.devices)


async def _device(request: Request, address: str) -> dict[str, Any]:
    devices = await _devices(request)
    row = devices.row_of.get(address.lower())
    if row is None:
        raise NotFoundError("talq_unknown", value=address)
    return devices.document(row)


async def _function(request: Request, address: str, function_id: str) -> dict[str, Any]:
    device = await _device(request, address)
    for one in device["functions"]:
        if one["id"] == function_id:
            found: dict[str, Any] = one
            return found
    raise NotFoundError("talq_unknown", value=function_id)


async def _one(things: Collection[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    for one in things:
        if one["name"] == name:
            return one
    raise NotFoundError("talq_unknown", value=name)


def _is_lamp_class(request: Request) -> bool:
    wanted = request.query_params.getlist("deviceClasses")
    return not wanted or mapping.LAMP_CLASS in wanted


def _number(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS:
        raise BadRequestError("not_a_count", name=name, value=text, most=10**_MAX_DIGITS - 1)
    return int(text)


async def _ready(document: Any) -> Any:
    return document


async def _body(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise TooLargeError("form_too_large", max_bytes=_LARGEST_BODY)
    try:
        return json.loads(bytes(body))
    except (ValueError, RecursionError) as error:
        raise BadRequestError("bad_member", where="body", reason="not JSON") from error


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
    for name in (*wanted, *(name for name in _REQUEST_IDS[1:] if name in given)):
        if not _is_uuid(given.get(name, "")):
            raise BadRequestError("talq_uuid", name=name, value=given.get(name, ""))
    return given


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _version() -> dict[str, str]:
    return {"talq-api-version": mapping.VERSION}


async def _answer(
    request: Request, known: Collection[str], make: Callable[[Mapping[str, str]], Awaitable[Any]]
) -> Response:
    """What ``make`` returns, or its error as TALQ's error messages."""
    try:
        document = await make(_checked(request, known))
    except RequestError as error:
        status, problem = error_document(error, problem_catalogue(request))
        status = {_InvalidError: 422, BadRequestError: 400}.get(type(error), status)
        if isinstance(error, NotFoundError):
            key = "resourceNotFound"
        elif isinstance(error, _InvalidError):
            key = error.key
        else:
            key = _KEYS.get(error.code, "genericError")
        message = {"key": key, "description": str(problem.get("detail", problem["title"]))}
        return JSONResponse([message], status, {**error.headers, **_version()})
    return document if isinstance(document, Response) else JSONResponse(document, headers=_version())


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
