"""The functions behind ``/open``: a page, the catalogue, and the data sets, sent while they are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.errors import NotFoundError
from dashboard_api.formats.look import look_of
from dashboard_api.formats.spreadsheet import safe_cell
from dashboard_api.formats.times import iso
from dashboard_api.http.json_answer import language_headers
from dashboard_api.neighbours.ogc.mapping import COLLECTIONS, TIMES, fault_properties, lamp_properties
from dashboard_api.neighbours.open_data import months
from dashboard_api.neighbours.open_data.catalogue import CSV, DATASETS, GEOJSON, MEDIA_TYPES, catalogue_document
from dashboard_api.neighbours.open_data.geo_parquet import PARQUET, Place, geo_parquet, parquet
from dashboard_api.neighbours.open_data.page import POLICY, Overview, open_page
from dashboard_api.neighbours.open_data.performance import LAST_DAYS, n_standing, performance, share_available
from dashboard_api.store.monthly_figures import all_public_lamps, energy_by_month, faults_since, lamps_by_district
from dashboard_api.store.public_rows import PublicFilter, public_faults
from languages.catalogue import Catalogue

JSON_LD: Final = "application/ld+json"
_SHOWN_MONTHS: Final = 12
_LAST_US: Final = LAST_DAYS * 86_400 * 1_000_000
_CHUNK: Final = 1_000
_MOST_FAULTS: Final = 200_000  # of the figures by month


async def get_page(context: ContextOf, catalogue: CatalogueOf) -> Response:
    """The open data of the city, for people."""
    overview = await run_in_threadpool(_overview, context)
    page = open_page(catalogue, look_of(context.city), context.city.public.licence, overview)
    return HTMLResponse(page, headers={**language_headers(catalogue), "Content-Security-Policy": POLICY})


def _overview(context: Context) -> Overview:
    now_us, public = context.now_us(), context.city.public
    names, starts_us = months.month_starts(now_us, ZoneInfo(context.city.city.timezone), _SHOWN_MONTHS)
    rows = faults_since(context.database, min(starts_us[0], now_us - _LAST_US), months.DARK_CODES, _MOST_FAULTS)
    n_lamps = sum(lamps_by_district(context.database).values())
    by_month = zip(names, starts_us[:-1], starts_us[1:], strict=True)
    figures = [(name, performance(rows, start, end, public.repair_hours)) for name, start, end in by_month]
    return Overview(
        n_lamps=n_lamps,
        promised_h=public.repair_hours,
        n_standing=n_standing(rows),
        available=share_available(rows, n_lamps, now_us - _LAST_US, now_us),
        last=performance(rows, now_us - _LAST_US, now_us + 1, public.repair_hours),
        months=[(name, one) for name, one in reversed(figures) if one.n_opened or one.n_closed],
    )


async def get_catalogue(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """The DCAT catalogue of the open data (JSON-LD)."""
    root = str(request.base_url).rstrip("/")
    city, licence = context.city.city.name, context.city.public.licence
    document = catalogue_document(root, city, licence, iso(context.now_us()) or "", catalogue)
    return JSONResponse(document, media_type=JSON_LD, headers=language_headers(catalogue))


async def get_data(context: ContextOf, catalogue: CatalogueOf, name: str, form: str) -> Response:
    """A data set: `lamps`, `faults` (`csv`, `geojson`, `parquet`), or figures (`csv`, `parquet`).

    Figures are `repairs`, `availability` and `energy`, by district and month of the city's zone for the last 24 months.
    """
    if form not in DATASETS.get(name, ()):
        known = [f"{one}.{each}" for one, forms in DATASETS.items() for each in forms]
        raise NotFoundError("no_data_set", name=f"{name}.{form}", known=known)
    if name in {"lamps", "faults"}:
        features = _lamps(context) if name == "lamps" else _faults(context, catalogue)
        kinds = _kinds(context, name)
        if form == "parquet":
            pieces = await run_in_threadpool(geo_parquet, kinds, _geo_rows(kinds, features))
        else:
            pieces = _geojson(features) if form == "geojson" else _csv_features(tuple(kinds), features)
    else:
        columns, rows = await run_in_threadpool(_figures, context, name)
        pieces = parquet(columns, rows) if form == "parquet" else _csv(columns, rows)
    headers = {
        **language_headers(catalogue),
        "Content-Disposition": f'attachment; filename="{name}.{form}"',
        "Cache-Control": "public, max-age=300",
    }
    charset = "; charset=utf-8" if form == "csv" else ""
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[form] + charset, headers=headers)


Feature = tuple[str, Any, dict[str, Any]]


def _kinds(context: Context, name: str) -> dict[str, str]:
    """The columns of a file of features -> their types; a state of a lamp is of a moment, a file is kept."""
    known = COLLECTIONS[name].properties
    kinds = {one: "time" if one in TIMES else kind for one, kind in known.items()}
    if name == "lamps":
        del kinds["state"]
        kinds |= {one: "string" for one in context.city.public.columns if one not in known}
    return kinds


def _geo_rows(kinds: Mapping[str, str], features: Iterable[Feature]) -> Iterator[tuple[list[Any], Place]]:
    for _id, row, properties in features:
        values = [
            getattr(row, f"{name}_us")
            if kind == "time"
            else _as_text(properties.get(name))
            if kind == "string"
            else properties.get(name)
            for name, kind in kinds.items()
        ]
        yield values, (row.longitude, row.latitude)


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def _lamps(context: Context) -> Iterator[Feature]:
    for row in all_public_lamps(context.database):
        yield row.lamp_id, row, lamp_properties(row, context.city.public.columns)


def _faults(context: Context, catalogue: Catalogue) -> Iterator[Feature]:
    after: str | None = None
    while True:
        rows = public_faults(context.database, PublicFilter(after=after), _CHUNK)
        for row in rows:
            yield row.id, row, fault_properties(row, catalogue)
        if len(rows) < _CHUNK:
            return
        after = rows[-1].id


def _figures(context: Context, name: str) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    now_us = context.now_us()
    names, starts_us = months.month_starts(now_us, ZoneInfo(context.city.city.timezone))
    if name == "energy":
        return months.ENERGY_COLUMNS, months.energy_rows(energy_by_month(context.database, starts_us), names)
    codes = months.DARK_CODES if name == "availability" else ()
    rows = faults_since(context.database, starts_us[0], codes, _MOST_FAULTS)
    if name == "repairs":
        return months.REPAIR_COLUMNS, months.repair_rows(rows, names, starts_us)
    n_lamps = lamps_by_district(context.database)
    return months.AVAILABILITY_COLUMNS, months.availability_rows(rows, n_lamps, names, starts_us, now_us)


def _geojson(features: Iterable[Feature]) -> Iterator[bytes]:
    yield b'{"type":"FeatureCollection","features":['
    for index, (feature_id, row, properties) in enumerate(features):
        geometry = None
        if row.latitude is not None and row.longitude is not None:
            geometry = {"type": "Point", "coordinates": [row.longitude, row.latitude]}
        feature = {"type": "Feature", "id": feature_id, "geometry": geometry, "properties": properties}
        text = json.dumps(feature, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        yield (("," if index else "") + text + "\n").encode()
    yield b"]}\n"


def _csv_features(columns: Sequence[str], features: Iterable[Feature]) -> Iterator[bytes]:
    rows = (
        (*(properties.get(name) for name in columns), row.latitude, row.longitude) for _id, row, properties in features
    )
    return _csv((*columns, "latitude", "longitude"), rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """RFC 4180 with a header; opens in a spreadsheet without running anything."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
        if out.tell() > 1 << 16:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


__all__ = ["CSV", "GEOJSON", "JSON_LD", "PARQUET", "get_catalogue", "get_data", "get_page"]
