"""Routes of TALQ's configuration service that change devices: refused by name, since devices come from the register."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.errors import NotFoundError
from dashboard_api.neighbours.talq.answers import CHANGING, COUNT, answer, body_of, error_answer
from dashboard_api.neighbours.talq.devices import DeviceSource
from dashboard_api.neighbours.talq.errors import RefusedError
from languages.message import Message


async def refuse_devices(request: Request) -> Response:
    """TALQ: devices are neither added nor changed: they are those of the register."""

    async def make(_given: Mapping[str, str]) -> Any:
        await body_of(request)
        raise _refusal("devices")

    return await answer(request, CHANGING, make)


async def refuse_device(request: Request, device_address: str) -> Response:
    """TALQ: a device is neither changed nor deleted."""
    if device_address == COUNT:
        return error_answer(request, NotFoundError("talq_unknown", value=device_address))

    async def make(_given: Mapping[str, str]) -> Any:
        await _must_be_there(request, device_address)
        raise _refusal("deviceAddress")

    return await answer(request, CHANGING, make)


async def refuse_function(request: Request, device_address: str, function_id: str) -> Response:
    """TALQ: a function of a device is not changed."""

    async def make(_given: Mapping[str, str]) -> Any:
        await _must_be_there(request, device_address, function_id)
        raise _refusal("functionId")

    return await answer(request, CHANGING, make)


async def refuse_attribute(request: Request, device_address: str, function_id: str, attribute_name: str) -> Response:
    """TALQ: an attribute is not changed: overrides dim a lamp, assign commands give it a calendar."""

    async def make(_given: Mapping[str, str]) -> Any:
        await _must_be_there(request, device_address, function_id)
        raise _refusal(attribute_name[:100])

    return await answer(request, CHANGING, make)


def _refusal(where: str) -> RefusedError:
    return RefusedError("genericError", where, Message("talq.no_commissioning"))


async def _must_be_there(request: Request, address: str, function_id: str | None = None) -> None:
    source: DeviceSource = request.app.state.talq_devices
    devices = await run_in_threadpool(source.devices)
    row = devices.row_of.get(address.lower())
    if row is None:
        raise NotFoundError("talq_unknown", value=address[:200])
    if function_id is not None and all(one["id"] != function_id for one in devices.document(row)["functions"]):
        raise NotFoundError("talq_unknown", value=function_id[:200])
