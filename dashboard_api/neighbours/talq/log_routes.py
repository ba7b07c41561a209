"""Routes of TALQ's data collect service: two loggers of the gateway, and those that management systems make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import ActorOf, Context, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError, UsedIdError
from dashboard_api.formats.times import iso
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.answers import CHANGING, READING, answer, body_of
from dashboard_api.neighbours.talq.devices import Devices, DeviceSource, address_of_gateway
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.groups import GroupSource
from dashboard_api.neighbours.talq.logger_source import LoggerSource
from dashboard_api.neighbours.talq.loggers import MOST_LOGGERS, Logger, logger_of
from dashboard_api.neighbours.talq.measurements import measurement_entries
from dashboard_api.neighbours.talq.programs import TOO_MUCH
from dashboard_api.store.audit import Actor
from dashboard_api.store.talq_documents import LOGGERS, Documents, change_documents
from languages.message import Message

_MOST_ENTRIES: Final = 20_000


async def get_log_reports_count(request: Request) -> Response:
    """TALQ: how many loggers have a report."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len(mapping.LOGGER_CONFIGS) + len(await run_in_threadpool(_source(request).documents))

    return await answer(request, READING, make)


async def get_log_report(request: Request, logger_address: str) -> Response:
    """TALQ: what stands now, as a logger's report: the events of one of events, the readings of one of measurements."""

    async def make(_given: Mapping[str, str]) -> Any:
        def entries() -> list[dict[str, Any]]:
            devices = _devices_of(request).devices()
            if logger_address in _ENTRIES:
                return list(islice(_ENTRIES[logger_address](devices, None), _MOST_ENTRIES))
            logger = _source(request).one(logger_address)
            if logger is None:
                raise NotFoundError("talq_unknown", value=logger_address[:200])
            kind = mapping.EVENT_LOGGER if logger.events else mapping.MEASUREMENT_LOGGER
            return list(islice(_ENTRIES[kind](devices, logger.takes), _MOST_ENTRIES))

        return {"address": logger_address, "entries": await run_in_threadpool(entries)}

    return await answer(request, READING, make)


async def get_logger_config(request: Request, context: ContextOf, logger_address: str) -> Response:
    """TALQ: how a logger records and reports."""

    async def make(_given: Mapping[str, str]) -> Any:
        for one in mapping.LOGGER_CONFIGS:
            if one["address"] == logger_address:
                return {**one, "ownerCMS": address_of_gateway(context.city.city.group)}
        documents = await run_in_threadpool(_source(request).documents)
        _known(documents, logger_address)
        return documents[logger_address]

    return await answer(request, READING, make)


async def post_logger_config(request: Request, context: ContextOf, actor: ActorOf) -> Response:
    """TALQ: a new logger; its reports go to the receivers that the city names."""

    async def make(_given: Mapping[str, str]) -> Any:
        document = await body_of(request)
        address = (await _checked(request, document)).address

        def edit(before: Documents) -> Documents:
            if address in before or address in _ENTRIES:
                raise UsedIdError("talq_used_id", value=address[:200])
            if len(before) >= MOST_LOGGERS:
                raise RefusedError(TOO_MUCH, LOGGERS, Message("talq.many_loggers", most=MOST_LOGGERS))
            return {**before, address: document}

        await _write(context, actor, edit)
        return document

    return await answer(request, CHANGING, make, 201)


async def put_logger_config(request: Request, context: ContextOf, actor: ActorOf, logger_address: str) -> Response:
    """TALQ: another content of a logger."""

    async def make(_given: Mapping[str, str]) -> Any:
        document = await body_of(request)
        if (await _checked(request, document)).address != logger_address:
            raise BadRequestError("bad_member", where="address", reason=Message("value.other_path"))

        def edit(before: Documents) -> Documents:
            _known(before, logger_address)
            return {**before, logger_address: document}

        await _write(context, actor, edit)
        return document

    return await answer(request, CHANGING, make)


async def delete_logger_config(request: Request, context: ContextOf, actor: ActorOf, logger_address: str) -> Response:
    """TALQ: delete a logger."""

    async def make(_given: Mapping[str, str]) -> Any:
        gone: list[Any] = []

        def edit(before: Documents) -> Documents:
            _known(before, logger_address)
            gone.append(before[logger_address])
            return {address: one for address, one in before.items() if address != logger_address}

        await _write(context, actor, edit)
        return gone[0]

    return await answer(request, CHANGING, make)


async def _checked(request: Request, document: Any) -> Logger:
    groups: GroupSource = request.app.state.talq_groups

    def check() -> Logger:
        devices = _devices_of(request).devices()
        return logger_of(document, devices, groups.groups(devices))

    return await run_in_threadpool(check)


async def _write(context: Context, actor: Actor, edit: Callable[[Documents], Documents]) -> None:
    change = (context.database, context.audit, actor, context.wall_us(), LOGGERS, edit)
    await run_in_threadpool(change_documents, *change)


def _known(documents: Documents, address: str) -> None:
    if address in _ENTRIES:
        raise RefusedError("resourceConflict", "loggerAddress", Message("talq.own_logger", address=address))
    if address not in documents:
        raise NotFoundError("talq_unknown", value=address[:200])


def _source(request: Request) -> LoggerSource:
    source: LoggerSource = request.app.state.talq_loggers
    return source


def _devices_of(request: Request) -> DeviceSource:
    source: DeviceSource = request.app.state.talq_devices
    return source


Takes = Callable[[str, str], bool] | None


def _standing_events(devices: Devices, takes: Takes) -> Iterator[dict[str, Any]]:
    for row, standing in devices.events.items():
        for (function, event), since_us in standing.items():
            if takes is not None and not takes(devices.addresses[row], event):
                continue
            data = {
                "type": "EventLogData",
                "srcAddress": f"{devices.addresses[row]}/{function}",
                "timestamp": iso(since_us),
                "eventType": event,
                "startEndFlag": True,
            }
            yield {"data": data}


def _readings(devices: Devices, takes: Takes) -> Iterator[dict[str, Any]]:
    return measurement_entries(devices, 0, len(devices.addresses), 0, takes)


_ENTRIES: Final = {mapping.EVENT_LOGGER: _standing_events, mapping.MEASUREMENT_LOGGER: _readings}
