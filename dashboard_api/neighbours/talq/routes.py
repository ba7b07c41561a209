"""Routes under ``/talq``, as the description of TALQ's gateway API names them; errors are TALQ's error messages."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from dashboard_api.context import ActorOf, ContextOf, PrincipalOf
from dashboard_api.dimming import queue_dim
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.times import parse_time
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.answers import CHANGING, READING, answer, body_of, version_header
from dashboard_api.neighbours.talq.devices import Devices, DeviceSource
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.group_routes import groups_of
from dashboard_api.neighbours.talq.groups import Groups
from dashboard_api.neighbours.talq.targets import rows_meant
from dashboard_api.store.work import one_command
from languages.message import Message

_MOST_UNPAGED: Final = 5000  # devices of an answer without `limit`
_MAX_LIMIT: Final = 1000
_MAX_DIGITS: Final = 9
_MAX_LIMIT_DIGITS: Final = 40  # it is clamped, however large
_MOST_LAMPS: Final = 20_000  # of an override


async def get_services(request: Request) -> Response:
    """TALQ: the services of this gateway."""
    return await answer(request, READING, lambda _given: _ready(list(mapping.SERVICES)))


async def get_service(request: Request, service_name: str) -> Response:
    """TALQ: one service."""
    return await answer(request, READING, lambda _given: _one(mapping.SERVICES, service_name))


async def get_device_classes(request: Request) -> Response:
    """TALQ: the classes of devices."""
    return await answer(request, READING, lambda _given: _ready(list(mapping.DEVICE_CLASSES)))


async def get_device_classes_count(request: Request) -> Response:
    """TALQ: how many classes of devices there are."""
    return await answer(request, READING, lambda _given: _ready(len(mapping.DEVICE_CLASSES)))


async def get_device_class(request: Request, class_name: str) -> Response:
    """TALQ: one class of devices."""
    return await answer(request, READING, lambda _given: _one(mapping.DEVICE_CLASSES, class_name))


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

    return await answer(request, (*READING, "deviceClasses", "offset", "limit"), make)


async def get_devices_count(request: Request) -> Response:
    """TALQ: how many lamps there are. Parameters: `deviceClasses`."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len((await _devices(request)).addresses) if _is_lamp_class(request) else 0

    return await answer(request, (*READING, "deviceClasses"), make)


async def get_device(request: Request, device_address: str) -> Response:
    """TALQ: one lamp."""

    async def make(_given: Mapping[str, str]) -> Any:
        return await _device(request, device_address)

    return await answer(request, READING, make)


async def get_function(request: Request, device_address: str, function_id: str) -> Response:
    """TALQ: one function of a lamp."""

    async def make(_given: Mapping[str, str]) -> Any:
        return await _function(request, device_address, function_id)

    return await answer(request, READING, make)


async def get_attribute(request: Request, device_address: str, function_id: str, attribute_name: str) -> Response:
    """TALQ: one attribute of a function."""

    async def make(_given: Mapping[str, str]) -> Any:
        found = (await _function(request, device_address, function_id)).get(attribute_name)
        if not isinstance(found, dict):
            raise NotFoundError("talq_unknown", value=attribute_name)
        return found

    return await answer(request, READING, make)


async def post_override(request: Request, context: ContextOf, actor: ActorOf, principal: PrincipalOf) -> Response:
    """TALQ: dim lamps until a time, or (without `targetCommand`) leave them to their schedule again.

    The same `talqRequestId` again changes nothing; `GET /api/v1/commands/{id}` shows the command that `Location` names.
    """

    async def make(given: Mapping[str, str]) -> Any:
        command_id = str(ULID.from_uuid(uuid.UUID(given["talqRequestId"])))
        devices, groups = await _devices(request), await groups_of(request)
        lamp_ids, level, until_us = _override(await body_of(request), devices, groups, context.now_us())

        def queue() -> None:
            if one_command(context.database, command_id) is None:
                queue_dim(context, actor, principal, lamp_ids, level, until_us, command_id=command_id)

        await run_in_threadpool(queue)
        headers = {"Location": f"/api/v1/commands/{command_id}", **version_header()}
        return JSONResponse({"command_id": command_id}, 202, headers)

    return await answer(request, CHANGING, make)


def _override(document: Any, devices: Devices, groups: Groups, now_us: int) -> tuple[list[str], int | None, int | None]:
    """Lamps, level and end of an override command."""
    if not isinstance(document, dict):
        raise BadRequestError("bad_member", where="body", reason=Message("value.table"))
    if document.get("addresses") == []:
        raise BadRequestError("bad_member", where="addresses", reason=Message("value.empty"))
    rows = rows_meant(document, devices, groups, "overrideAddressNotValid", _MOST_LAMPS)
    lamp_ids = [devices.lamps.properties["lamp_id"][row] for row in rows]
    command = document.get("targetCommand")
    if command is None:
        return lamp_ids, None, None
    state = command.get("state") if isinstance(command, dict) else None
    if not isinstance(command, dict) or not isinstance(state, dict):
        raise BadRequestError("bad_member", where="targetCommand.state", reason=Message("value.missing"))
    level = state.get("value")
    if state.get("name") != "LevelState" or not isinstance(level, int) or isinstance(level, bool):
        raise RefusedError("overrideCommandNotValid", "targetCommand.state", Message("talq.level_state"))
    if not 0 <= level <= 100:
        raise BadRequestError(
            "bad_member", where="targetCommand.state.value", reason=Message("value.whole_within", least=0, most=100)
        )
    if command.get("rampToLevelTime") or command.get("rampFromLevelTime"):
        raise RefusedError("overrideCommandNotValid", "targetCommand", Message("talq.no_ramp"))
    start_us, until_us = (_time(command, name) for name in ("start", "expiration"))
    if start_us is not None and start_us > now_us:
        raise RefusedError("overrideCommandNotValid", "targetCommand.start", Message("talq.begins_at_once"))
    return lamp_ids, level, until_us


def _time(command: Mapping[str, Any], name: str) -> int | None:
    text = command.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise BadRequestError("bad_member", where=f"targetCommand.{name}", reason=Message("value.time"))
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
    most = _MAX_LIMIT_DIGITS if name == "limit" else _MAX_DIGITS
    if not text.isascii() or not text.isdigit() or len(text) > most:
        raise BadRequestError("not_a_count", name=name, value=text[:100], most=10**_MAX_DIGITS - 1)
    return min(int(text), 10**_MAX_DIGITS - 1)


async def _ready(document: Any) -> Any:
    return document
