"""Lamps: one lamp for people, all lamps for the map, readings for the chart."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

import pyarrow as pa
from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from dashboard_api.api.fields import TimeText
from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.formats.fault_document import fault_document
from dashboard_api.formats.times import iso, number, parse_time
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers
from dashboard_api.http.json_answer import answer_in
from dashboard_api.live.lamp_states import NAMES, SILENT, UNMETERED, LampStates
from dashboard_api.live.picture import LivePicture
from dashboard_api.store.fault_list import open_faults_of_lamp
from dashboard_api.store.register_rows import is_lamp, one_lamp
from ingest.schema import live
from languages.catalogue import Catalogue

_DAY_US: Final = 86_400 * 1_000_000
_MAX_DAYS: Final = 400
_MAX_RAW_DAYS: Final = 8  # without averaging
_MEASURED: Final = tuple(name for name, dtype in live.COLUMNS.items() if dtype == "<f4")


def _lamp_headers(name: str, states: LampStates) -> dict[str, str]:
    """Headers of a list of all lamps: it is another one with another picture, register or fault."""
    written_at_us = None if states.picture is None else states.picture.written_at_us
    return tag_headers(entity_tag(name, states.mark, written_at_us))


def get_lamps_geojson(request: Request, context: ContextOf) -> Response:
    """Every lamp of the register with its present state; for maps of up to some ten thousand lamps."""
    lamps, states = context.lamp_states()
    headers = _lamp_headers("lamps.geojson", states)
    same = not_modified(request, headers)
    if same is not None:
        return same
    picture = states.picture
    columns = [lamps.properties[name] for name in lamps.properties]
    names = tuple(lamps.properties)
    features = []
    for row, values in enumerate(zip(*columns, strict=True)):
        properties: dict[str, Any] = dict(zip(names, values, strict=True))
        properties["is_monitored"] = bool(lamps.is_monitored[row])
        properties["state"] = NAMES[states.state[row]]
        properties |= _now_of(picture, row)
        point = {"type": "Point", "coordinates": [float(lamps.longitude[row]), float(lamps.latitude[row])]}
        features.append({"type": "Feature", "id": row, "geometry": point, "properties": properties})
    document = {"type": "FeatureCollection", **context.live_figures(picture), "features": features}
    return JSONResponse(document, media_type="application/geo+json", headers=headers)


def _now_of(picture: LivePicture | None, row: int) -> dict[str, Any]:
    if picture is None or picture.columns["at_us"][row] == 0:
        return {"level": None, "power_w": None, "at": None}
    level = int(picture.columns["level"][row])
    return {
        "level": None if level == 255 else level,
        "power_w": number(picture.columns["power_w"][row], 1),
        "at": iso(int(picture.columns["at_us"][row])),
    }


def get_states(request: Request, context: ContextOf) -> Response:
    """Present state and level of every lamp as parallel arrays: what a map polls."""
    lamps, states = context.lamp_states()
    headers = _lamp_headers("lamps/states", states)
    same = not_modified(request, headers)
    if same is not None:
        return same
    picture = states.picture
    at_us = context.now_us() if picture is None else picture.now_us
    document = {
        "at": iso(at_us),
        **context.live_figures(picture),
        "register_version": lamps.version,
        "lamp_id": lamps.properties["lamp_id"],
        "state": states.state.tolist(),
        "level": states.level.tolist(),
    }
    return JSONResponse(document, headers=headers)


def _latest(picture: LivePicture | None, row: int, state: str) -> dict[str, Any] | None:
    if picture is None or picture.columns["at_us"][row] == 0:
        return None
    columns = picture.columns
    return {
        **_now_of(picture, row),
        "state": state,
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
        raise BadRequestError("not_a_duration", value=text)
    seconds = int(digits) * scale
    if not 1 <= seconds <= 366 * 86_400:
        raise BadRequestError("duration_out_of_range", value=text)
    return seconds


# ids are the city's own: a pole number such as PJU/17/3 is one
def get_readings(
    context: ContextOf,
    lamp_id: str,
    start: Annotated[TimeText | None, Query(description="default: a day before end")] = None,
    end: Annotated[TimeText | None, Query(description="default: now")] = None,
    every: Annotated[TimeText | None, Query(description="average over so long, such as 15m")] = None,
) -> JSONResponse:
    """A lamp's history as parallel columns, oldest first; unknown values are null."""
    if not is_lamp(context.database, lamp_id):
        raise NotFoundError("no_lamp", lamp_id=lamp_id)
    end_us = context.now_us() + 1 if end is None else parse_time(end, "end")
    start_us = end_us - _DAY_US if start is None else parse_time(start, "start")
    every_s = parse_every(every)
    if start_us >= end_us:
        raise BadRequestError("start_not_before_end")
    if end_us - start_us > (_MAX_DAYS if every_s is not None else _MAX_RAW_DAYS) * _DAY_US:
        raise BadRequestError("span_too_long", max_days=_MAX_DAYS, max_raw_days=_MAX_RAW_DAYS)
    table = context.readings.lamp(lamp_id, start_us, end_us, every_s)
    document = {"lamp_id": lamp_id, "every_s": every_s, "n": table.num_rows, "columns": _columns(table)}
    return JSONResponse(document)


async def get_lamp(context: ContextOf, catalogue: CatalogueOf, lamp_id: str) -> JSONResponse:
    """A lamp's register entry, its latest reading and its open faults."""
    return answer_in(catalogue, await context.answer(partial(_lamp, context, catalogue, lamp_id)))


def _lamp(context: Context, catalogue: Catalogue, lamp_id: str) -> dict[str, Any]:
    with context.database.reading() as connection:
        row = one_lamp(connection, lamp_id)
        if row is None:
            raise NotFoundError("no_lamp", lamp_id=lamp_id)
        faults = [fault_document(fault, catalogue) for fault in open_faults_of_lamp(connection, lamp_id)]
    entry = dict(row._mapping)  # noqa: SLF001  (SQLAlchemy's public name of it)
    lamps, states = context.lamp_states()
    register_row = entry.pop("row")
    # the register may have been replaced between the two
    is_same = entry.pop("register_version") == lamps.version
    state = NAMES[states.state[register_row]] if is_same else NAMES[SILENT if entry["address"] else UNMETERED]
    picture = states.picture if is_same else None
    latest = _latest(picture, register_row, state)
    entry["dimmable"] = entry.pop("is_dimmable")
    return {**entry, "state": state, "latest": latest, **context.live_figures(picture), "faults": faults}


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for name in table.column_names:
        values = table.column(name).to_pylist()
        if name == "at_us":
            columns["at"] = [iso(value) for value in values]
        else:
            columns[name] = [number(value) if isinstance(value, float) else value for value in values]
    return columns
