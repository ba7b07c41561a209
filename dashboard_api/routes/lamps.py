"""Lamps: one lamp for people, all lamps for the map, readings for the chart."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response

from dashboard_api.desk import Desk, desk_of, language_of
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.fault_json import fault_json
from dashboard_api.live import LivePicture
from dashboard_api.store.fault_list import open_faults_of_lamp
from dashboard_api.store.register_rows import LampColumns, is_lamp, one_lamp
from dashboard_api.times import iso, number, parse_time
from ingest.schema import live

router: Final = APIRouter(prefix="/api/v1", tags=["lamps"])
_MAX_SPAN_US: Final = 400 * 86_400 * 1_000_000
_MAX_RAW_US: Final = 8 * 86_400 * 1_000_000  # without averaging
DeskOf = Annotated[Desk, Depends(desk_of)]
_MEASURED: Final = tuple(name for name, dtype in live.COLUMNS.items() if dtype == "<f4")


@router.get("/lamps.geojson", response_class=Response, responses={200: {"content": {"application/geo+json": {}}}})
def get_lamps_geojson(desk: DeskOf) -> JSONResponse:
    """Every lamp of the register with its present state; for maps of up to some ten thousand lamps."""
    lamps = desk.lamps()
    picture = desk.picture(lamps)
    states = _states(lamps, picture)
    columns = [lamps.properties[name] for name in lamps.properties]
    names = tuple(lamps.properties)
    features = []
    for row, values in enumerate(zip(*columns, strict=True)):
        properties: dict[str, Any] = dict(zip(names, values, strict=True))
        properties["is_monitored"] = bool(lamps.is_monitored[row])
        properties["state"] = live.STATE_NAMES[states[row]]
        properties |= _now_of(picture, row)
        point = {"type": "Point", "coordinates": [float(lamps.longitude[row]), float(lamps.latitude[row])]}
        features.append({"type": "Feature", "id": row, "geometry": point, "properties": properties})
    document = {"type": "FeatureCollection", "features": features}
    return JSONResponse(document, media_type="application/geo+json")


def _now_of(picture: LivePicture | None, row: int) -> dict[str, Any]:
    if picture is None or picture.columns["at_us"][row] == 0:
        return {"level": None, "power_w": None, "at": None}
    level = int(picture.columns["level"][row])
    return {
        "level": None if level == 255 else level,
        "power_w": number(picture.columns["power_w"][row], 1),
        "at": iso(int(picture.columns["at_us"][row])),
    }


def _states(lamps: LampColumns, picture: LivePicture | None) -> Any:
    """uint8 (N,) STATE_… of every lamp."""
    return np.zeros(len(lamps), np.uint8) if picture is None else picture.columns["state"]


@router.get("/lamps/states")
def get_states(desk: DeskOf) -> JSONResponse:
    """Present state and level of every lamp as parallel arrays: what a map polls."""
    lamps = desk.lamps()
    picture = desk.picture(lamps)
    states = _states(lamps, picture)
    level = np.full(len(lamps), 255, np.uint8) if picture is None else picture.columns["level"]
    at_us = desk.now_us() if picture is None else picture.now_us
    document = {
        "at": iso(at_us),
        "register_version": lamps.version,
        "lamp_id": lamps.properties["lamp_id"],
        "state": states.tolist(),
        "level": level.tolist(),
    }
    return JSONResponse(document)


def _latest(picture: LivePicture | None, row: int) -> dict[str, Any] | None:
    if picture is None or picture.columns["at_us"][row] == 0:
        return None
    columns = picture.columns
    return {
        **_now_of(picture, row),
        "state": live.STATE_NAMES[columns["state"][row]],
        "quality": int(columns["quality"][row]),
        "status": int(columns["status"][row]),
        **{name: number(columns[name][row]) for name in _MEASURED},
    }


def parse_every(text: str | None) -> int | None:
    """Seconds of ``every`` such as ``15m``, ``1h``, ``900``.

    Raises:
        BadRequestError: not of that form, or not between a second and a year.
    """
    if text is None:
        return None
    digits, unit = (text, "s") if text[-1:].isdigit() else (text[:-1], text[-1:])
    scale = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(unit)
    if scale is None or not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise BadRequestError(f"every: {text!r} is no duration such as 15m, 1h or 900")
    seconds = int(digits) * scale
    if not 1 <= seconds <= 366 * 86_400:
        raise BadRequestError(f"every: {text!r} is not between a second and a year")
    return seconds


# ids are the city's own: a pole number such as PJU/17/3 is one
@router.get("/lamps/{lamp_id:path}/readings", responses={404: {"description": "no such lamp"}})
def get_readings(
    desk: DeskOf,
    lamp_id: str,
    start: Annotated[str | None, Query(description="default: a day before end")] = None,
    end: Annotated[str | None, Query(description="default: now")] = None,
    every: Annotated[str | None, Query(description="average over so long, such as 15m")] = None,
) -> dict[str, Any]:
    """A lamp's history as parallel columns, oldest first; unknown values are null."""
    if not is_lamp(desk.database, lamp_id):
        raise NotFoundError(f"no lamp {lamp_id}")
    end_us = desk.now_us() + 1 if end is None else parse_time(end, "end")
    start_us = end_us - 86_400 * 1_000_000 if start is None else parse_time(start, "start")
    every_s = parse_every(every)
    if start_us >= end_us:
        raise BadRequestError("start is not before end")
    if end_us - start_us > _MAX_SPAN_US or (every_s is None and end_us - start_us > _MAX_RAW_US):
        raise BadRequestError("more than 400 days, or more than 8 days without every")
    table = desk.readings.lamp(lamp_id, start_us, end_us, every_s)
    return {"lamp_id": lamp_id, "every_s": every_s, "n": table.num_rows, "columns": _columns(table)}


@router.get("/lamps/{lamp_id:path}", response_model=dict[str, Any], responses={404: {"description": "no such lamp"}})
async def get_lamp(desk: DeskOf, language: Annotated[str, Depends(language_of)], lamp_id: str) -> JSONResponse:
    """A lamp's register entry, its latest reading and its open faults."""
    # a response of our own: FastAPI would look through the document on a thread first, and find a dict
    return JSONResponse(await desk.answer(partial(_lamp, desk, language, lamp_id)))


def _lamp(desk: Desk, language: str, lamp_id: str) -> dict[str, Any]:
    with desk.database.reading() as connection:
        row = one_lamp(connection, lamp_id)
        if row is None:
            raise NotFoundError(f"no lamp {lamp_id}")
        faults = [fault_json(fault, language) for fault in open_faults_of_lamp(connection, lamp_id)]
    entry = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's public name of it)
    picture = desk.picture_of(entry.pop("register_version"))
    latest = _latest(picture, entry.pop("row"))
    entry["dimmable"] = entry.pop("is_dimmable")
    return {**entry, "latest": latest, "faults": faults}


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for name in table.column_names:
        values = table.column(name).to_pylist()
        if name == "at_us":
            columns["at"] = [iso(value) for value in values]
        else:
            columns[name] = [number(value) if isinstance(value, float) else value for value in values]
    return columns
