"""The city itself: its frame for the page, the fault catalogue, and the live room's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import JSONResponse, Response

from dashboard_api.context import Context, ContextOf
from dashboard_api.errors import NotFoundError
from dashboard_api.formats.times import iso, number
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers
from dashboard_api.live.lamp_states import DARK_CODES
from dashboard_api.store.feed import fault_counts
from dashboard_api.version import terang_version
from ingest.schema.codes import CATALOGUE, Code
from ingest.schema.telemetry import LAMP_VALUES
from languages.catalogue import OWN_NAME, Languages


def get_city(context: ContextOf) -> JSONResponse:
    """Name, zone, language and extent of the city, and its now."""
    return JSONResponse(city_document(context))


def city_document(context: Context) -> dict[str, Any]:
    """What ``/city`` answers.

    Raises:
        UnavailableError: the database does not answer.
    """
    lamps = context.lamps()
    bbox = None
    if len(lamps):
        west, east = float(lamps.longitude.min()), float(lamps.longitude.max())
        south, north = float(lamps.latitude.min()), float(lamps.latitude.max())
        bbox = [west, south, east, north]
    section, look = context.city.city, context.city.branding
    return {
        "name": section.name,
        "branding": {
            "title": context.city.shown_name,
            "accent": look.accent or None,
            "logo": None if look.logo is None else "/branding/logo.png",
        },
        "own_words": sorted(context.own_words),
        "group": section.group,
        "timezone": section.timezone,
        "language": section.language,
        "languages": [{"code": one.language, "name": one.say(OWN_NAME)} for one in context.languages],
        "bbox": bbox,
        "lamps": len(lamps),
        "districts": [
            {"name": name, "latitude": round(latitude, 6), "longitude": round(longitude, 6)}
            for name, (latitude, longitude) in zip(lamps.districts, lamps.centres, strict=False)
        ],
        "register_version": lamps.version,
        "now": iso(context.now_us()),
        "version": terang_version(),
    }


def get_words(request: Request, context: ContextOf, language: str) -> Response:
    """What the city says in a language in other words than Terang: messages of `languages/XX.po` in its folder.

    Raises:
        NotFoundError: it has none in this language.
    """
    messages = context.own_words.get(language)
    if messages is None:
        raise NotFoundError("no_own_words", language=language[:40], known=sorted(context.own_words))
    headers = tag_headers(entity_tag("words", language, messages))
    document = {"language": language, "messages": messages}
    return not_modified(request, headers) or JSONResponse(document, headers=headers)


def get_codes(request: Request, context: ContextOf) -> Response:
    """The fault catalogue in every language."""
    headers = tag_headers(entity_tag("codes", context.languages.codes))
    same = not_modified(request, headers)
    if same is not None:
        return same
    items = [
        {
            "code": row.code,
            "level": row.level,
            "severity": row.severity,
            **code_look(row),
            **{
                what: {one.language: one.say(f"fault.{row.code}.{what}") for one in context.languages}
                for what in ("title", "advice")
            },
        }
        for row in CATALOGUE
    ]
    return JSONResponse({"items": items, "next_cursor": None}, headers=headers)


def code_look(row: Code) -> dict[str, Any]:
    """How a map shows a fault of that code: the family of its sign, and whether lamps are dark by it."""
    return {"family": row.family, "darkens": row.code in DARK_CODES}


def looks_document(_context: Context) -> dict[str, Any]:
    """What ``/codes`` answers, without words."""
    return {"items": [{"code": row.code, **code_look(row)} for row in CATALOGUE]}


def get_quantities(request: Request, context: ContextOf) -> Response:
    """What a lamp's readings consist of: the columns of ``/lamps/{lamp_id}/readings`` with their names and units."""
    headers = tag_headers(entity_tag("quantities", context.languages.codes))
    same = not_modified(request, headers)
    if same is not None:
        return same
    return JSONResponse({"items": quantity_items(context.languages), "next_cursor": None}, headers=headers)


def quantity_items(languages: Languages) -> list[dict[str, Any]]:
    """Every column of a lamp's readings; one that the catalogues do not name yet is called as it is declared."""
    return [
        {
            "name": column.name,
            "unit": column.quantity.shown_unit,
            "decimals": column.quantity.decimals,
            "summary": column.quantity.summary.value,
            "title": {
                one.language: one.find(f"quantity.{column.quantity.name}") or column.quantity.title(one.language)
                for one in languages
            },
        }
        for column in LAMP_VALUES
    ]


def get_summary(context: ContextOf) -> JSONResponse:
    """Lamps and faults by state, severity, code and district; the share of lamps lit of those that should be."""
    return JSONResponse(summary_document(context))


def summary_document(context: Context) -> dict[str, Any]:
    """What ``/summary`` answers.

    Raises:
        UnavailableError: the database does not answer.
    """
    lamps, states = context.lamp_states()
    picture = states.picture
    by_name = states.figures_by(lamps.district, len(lamps.districts))
    faults = fault_counts(context.database)
    by_district = _sum((row.district or "", row.n) for row in faults)
    districts = [
        {"district": name or None, **figures, "open_faults": by_district.get(name, 0)}
        for name, figures in zip(lamps.districts, by_name, strict=True)
        if name or figures["total"] or by_district.get("", 0)
    ]
    power_w = 0.0 if picture is None else float(np.nansum(picture.columns["power_w"], dtype=np.float64))
    controllers = {} if picture is None else picture.controllers
    n_online = sum(bool(controller["is_online"]) for controller in controllers.values())
    return {
        "at": iso(context.now_us()),
        **context.live_figures(picture),
        "lamps": {**states.figures(), "monitored": int(lamps.is_monitored.sum())},
        "power_w": number(power_w, 1),
        "faults": {
            "open": sum(row.n for row in faults),
            "by_state": _sum((row.state, row.n) for row in faults),
            "by_severity": _sum((row.severity, row.n) for row in faults),
            "by_code": _sum((row.code, row.n) for row in faults),
        },
        "controllers": {"online": n_online, "offline": len(controllers) - n_online},
        "districts": districts,
    }


def _sum(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, n in pairs:
        total[name] += n
    return dict(total)
