"""The functions behind ``/open``: a page, the catalogue, and the data sets, sent while they are read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import CatalogueOf, Context, ContextOf
from dashboard_api.errors import NotFoundError
from dashboard_api.formats.spreadsheet import safe_cell
from dashboard_api.formats.times import iso
from dashboard_api.http.json_answer import language_headers
from dashboard_api.neighbours.ogc.mapping import COLLECTIONS, fault_properties, lamp_properties
from dashboard_api.neighbours.open_data import months
from dashboard_api.neighbours.open_data.catalogue import CSV, DATASETS, GEOJSON, MEDIA_TYPES, catalogue_document
from dashboard_api.store.monthly_figures import all_public_lamps, energy_by_month, faults_since, lamps_by_district
from dashboard_api.store.public_rows import PublicFilter, public_faults
from languages.catalogue import Catalogue

HTML: Final = "text/html"
JSON_LD: Final = "application/ld+json"
_POLICY: Final = (
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)
_STYLE: Final = (
    "body{font:17px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1a1d24}"
    "@media(prefers-color-scheme:dark){body{color:#e6e8ee;background:#0d1017}a{color:#8ab4ff}}"
)
_CHUNK: Final = 1_000
_MOST_FAULTS: Final = 200_000  # of the figures by month


async def get_page(context: ContextOf, catalogue: CatalogueOf) -> Response:
    """The open data of the city, for people."""
    city, licence = context.city.shown_name, context.city.public.licence
    title = catalogue.say("open.title", city=city)
    branding = context.city.branding
    logo = '<img src="/branding/logo.png" alt="" height="48">' if branding.logo is not None else ""
    accent = f"h1{{border-bottom:4px solid {branding.accent}}}" if branding.accent else ""
    parts = [f"{logo}<h1>{escape(title)}</h1><p>{escape(catalogue.say('open.lead'))}</p>"]
    for name, forms in DATASETS.items():
        links = " ".join(f'<a href="/open/{name}.{form}">{form.upper()}</a>' for form in forms)
        about = escape(catalogue.say(f"open.{name}.about"))
        parts.append(f"<h2>{escape(catalogue.say(f'open.{name}'))}</h2><p>{about}<br>{links}</p>")
    stated = catalogue.say("open.licence", licence=licence) if licence else catalogue.say("open.no_licence")
    parts.append(
        f'<p>{escape(stated)}</p><p><a href="/open/catalogue.jsonld">DCAT</a> <a href="/ogc?f=html">OGC</a></p>'
    )
    page = (
        f'<!doctype html><html lang="{escape(catalogue.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}{accent}</style>'
        f"</head><body>{''.join(parts)}</body></html>\n"
    )
    return HTMLResponse(page, headers={**language_headers(catalogue), "Content-Security-Policy": _POLICY})


async def get_catalogue(request: Request, context: ContextOf, catalogue: CatalogueOf) -> Response:
    """The DCAT catalogue of the open data (JSON-LD)."""
    root = str(request.base_url).rstrip("/")
    city, licence = context.city.city.name, context.city.public.licence
    document = catalogue_document(root, city, licence, iso(context.now_us()) or "", catalogue)
    return JSONResponse(document, media_type=JSON_LD, headers=language_headers(catalogue))


async def get_data(context: ContextOf, catalogue: CatalogueOf, name: str, form: str) -> Response:
    """A data set: `lamps`, `faults` (`csv` or `geojson`), `repairs`, `availability`, `energy` (`csv`).

    Figures are by district and month of the city's zone, for the last 24 months.
    """
    if form not in DATASETS.get(name, ()):
        known = [f"{one}.{each}" for one, forms in DATASETS.items() for each in forms]
        raise NotFoundError("no_data_set", name=f"{name}.{form}", known=known)
    if name in {"lamps", "faults"}:
        features = _lamps(context) if name == "lamps" else _faults(context, catalogue)
        columns: Sequence[str] = tuple(COLLECTIONS[name].properties)
        if name == "lamps":
            more = [one for one in context.city.public.columns if one not in columns]
            columns = (*(one for one in columns if one != "state"), *more)  # a state is of a moment, a file is kept
        pieces = _geojson(features) if form == "geojson" else _csv_features(columns, features)
    else:
        columns, rows = await run_in_threadpool(_figures, context, name)
        pieces = _csv(columns, rows)
    headers = {
        **language_headers(catalogue),
        "Content-Disposition": f'attachment; filename="{name}.{form}"',
        "Cache-Control": "public, max-age=300",
    }
    charset = "; charset=utf-8" if form == "csv" else ""
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[form] + charset, headers=headers)


Feature = tuple[str, Any, dict[str, Any]]


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


__all__ = ["CSV", "GEOJSON", "JSON_LD", "get_catalogue", "get_data", "get_page"]
