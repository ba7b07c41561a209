"""Cabinets: the list for the map, one cabinet with its lamps' state, and its energy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard_api.api.fields import TimeText
from dashboard_api.context import CatalogueOf, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.times import iso, number, parse_time
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers
from dashboard_api.http.json_answer import answer_in
from dashboard_api.store.fault_list import FaultFilter
from dashboard_api.store.register_rows import all_cabinets, lamps_of_cabinet, one_cabinet
from dashboard_api.store.work import energy_rows

_DAY_US: Final = 86_400 * 1_000_000
_MAX_DAYS: Final = {"hour": 400, "day": 4_000, "month": 40_000}
_SHORT: Final[dict[str, Literal["hour", "day"]]] = {"1h": "hour", "1d": "day"}  # as readings write a duration
_ENERGY: Final = ("measured_wh", "interpolated_wh", "estimated_wh")


def get_cabinets(request: Request, context: ContextOf) -> Response:
    """Every cabinet with its place and whether its controller is online (null = never met)."""
    picture = context.live.read()
    written_at_us = None if picture is None else picture.written_at_us
    headers = tag_headers(entity_tag("cabinets", context.database.register_version(), written_at_us))
    same = not_modified(request, headers)
    if same is not None:
        return same
    controllers = {} if picture is None else picture.controllers
    items = [
        {
            "cabinet_id": row.cabinet_id,
            "name": row.name,
            "latitude": row.latitude,
            "longitude": row.longitude,
            "district": row.district,
            "controller_id": row.controller_id,
            "online": controllers.get(row.controller_id, {}).get("is_online"),
        }
        for row in all_cabinets(context.database)
    ]
    return JSONResponse({"items": items, "next_cursor": None}, headers=headers)


# ids are the city's own: a panel number such as PJU/17 is one
def get_energy(
    context: ContextOf,
    cabinet_id: str,
    start: Annotated[TimeText | None, Query(description="default: 31 days before end")] = None,
    end: Annotated[TimeText | None, Query(description="default: now")] = None,
    every: Annotated[
        Literal["hour", "day", "month", "1h", "1d"], Query(description="length of a period in the city's zone")
    ] = "day",
) -> JSONResponse:
    """Energy by period of the city's zone: measured and interpolated kWh kept apart, and what had to be estimated."""
    if one_cabinet(context.database, cabinet_id) is None:
        raise NotFoundError("no_cabinet", cabinet_id=cabinet_id)
    end_us = context.now_us() + 1 if end is None else parse_time(end, "end")
    start_us = end_us - 31 * 86_400 * 1_000_000 if start is None else parse_time(start, "start")
    if start_us >= end_us:
        raise BadRequestError("start_not_before_end")
    every = _SHORT.get(every, every)
    if end_us - start_us > _MAX_DAYS[every] * _DAY_US:
        raise BadRequestError("energy_span_too_long", every=every, max_days=_MAX_DAYS[every])
    zone = ZoneInfo(context.city.city.timezone)
    periods: dict[str, dict[str, float]] = {}
    for row in energy_rows(context.database, cabinet_id, start_us, end_us):
        period = periods.setdefault(_period(row.hour_us, every, zone), dict.fromkeys((*_ENERGY, "lit_hours"), 0.0))
        for name in (*_ENERGY, "lit_hours"):
            period[name] += getattr(row, name)
    items = [
        {
            "start": name,
            **{f"{kind.removesuffix('_wh')}_kwh": number(sums[kind] / 1000, 3) for kind in _ENERGY},
            "lit_hours": number(sums["lit_hours"], 2),
        }
        for name, sums in periods.items()
    ]
    return JSONResponse({"cabinet_id": cabinet_id, "every": every, "items": items, "next_cursor": None})


def get_cabinet(context: ContextOf, catalogue: CatalogueOf, cabinet_id: str) -> JSONResponse:
    """A cabinet's register entry, its lamps by state and its open faults.

    ``least_dark`` says of sums of unmetered lamps how many dark ones their meter can show at least, by circuit
    (``circuits``) or for the whole cabinet (``cabinet``).
    """
    row = one_cabinet(context.database, cabinet_id)
    if row is None:
        raise NotFoundError("no_cabinet", cabinet_id=cabinet_id)
    members = lamps_of_cabinet(context.database, cabinet_id)
    lamps, states = context.lamp_states()
    picture = states.picture
    # a register that was replaced meanwhile may be shorter
    index = np.array([member.row for member in members if member.row < len(lamps)], np.int64)
    faults = context.faults.page(FaultFilter(cabinet_id=cabinet_id), catalogue, limit=1000)
    controller = {} if picture is None else picture.controllers.get(row.controller_id, {})
    least = dict({} if picture is None else picture.least_dark.get(cabinet_id, {}))
    document = {
        **row._mapping,  # noqa: SLF001  (SQLAlchemy's public name of it)
        "online": controller.get("is_online"),
        "last_seen": iso(controller.get("last_seen_us")),
        **context.live_figures(picture),
        "lamp_ids": [member.lamp_id for member in members],
        "lamps": states.figures(index),
        "least_dark": {"cabinet": least.pop("", None), "circuits": least},
        "faults": faults.items(),
    }
    return answer_in(catalogue, document)


def _period(hour_us: int, every: str, zone: ZoneInfo) -> str:
    local = datetime.fromtimestamp(hour_us // 1_000_000, UTC).astimezone(zone)
    if every == "month":
        return f"{local:%Y-%m}"
    return f"{local:%Y-%m-%d}" if every == "day" else local.isoformat()
