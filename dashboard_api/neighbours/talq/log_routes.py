"""Routes of TALQ's data collect service: two loggers, whose reports are sent to the receivers that the city names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import ContextOf
from dashboard_api.errors import NotFoundError
from dashboard_api.formats.times import iso
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.answers import READING, answer
from dashboard_api.neighbours.talq.devices import Devices, DeviceSource, address_of_gateway
from dashboard_api.neighbours.talq.measurements import measurement_entries

_MOST_ENTRIES: Final = 20_000


async def get_log_reports_count(request: Request) -> Response:
    """TALQ: how many loggers have a report."""

    async def make(_given: Mapping[str, str]) -> Any:
        return len(mapping.LOGGER_CONFIGS)

    return await answer(request, READING, make)


async def get_log_report(request: Request, logger_address: str) -> Response:
    """TALQ: what stands now, as a logger's report: events of `terang-events`, readings of `terang-measurements`."""

    async def make(_given: Mapping[str, str]) -> Any:
        if logger_address not in _ENTRIES:
            raise NotFoundError("talq_unknown", value=logger_address[:200])
        source: DeviceSource = request.app.state.talq_devices

        def entries() -> list[dict[str, Any]]:
            return list(islice(_ENTRIES[logger_address](source.devices()), _MOST_ENTRIES))

        return {"address": logger_address, "entries": await run_in_threadpool(entries)}

    return await answer(request, READING, make)


async def get_logger_config(request: Request, context: ContextOf, logger_address: str) -> Response:
    """TALQ: how a logger records and reports."""

    async def make(_given: Mapping[str, str]) -> Any:
        for one in mapping.LOGGER_CONFIGS:
            if one["address"] == logger_address:
                return {**one, "ownerCMS": address_of_gateway(context.city.city.group)}
        raise NotFoundError("talq_unknown", value=logger_address[:200])

    return await answer(request, READING, make)


def _standing_events(devices: Devices) -> Iterator[dict[str, Any]]:
    for row, standing in devices.events.items():
        for (function, event), since_us in standing.items():
            data = {
                "type": "EventLogData",
                "srcAddress": f"{devices.addresses[row]}/{function}",
                "timestamp": iso(since_us),
                "eventType": event,
                "startEndFlag": True,
            }
            yield {"data": data}


def _readings(devices: Devices) -> Iterator[dict[str, Any]]:
    return measurement_entries(devices, 0, len(devices.addresses), 0)


_ENTRIES: Final = {mapping.EVENT_LOGGER: _standing_events, mapping.MEASUREMENT_LOGGER: _readings}
