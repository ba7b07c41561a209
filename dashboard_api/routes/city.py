"""The city itself: its frame for the page, the fault catalogue, and the live room's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Depends

from dashboard_api.desk import Desk, desk_of
from dashboard_api.store.feed import fault_counts
from dashboard_api.times import iso, number
from dashboard_api.version import terang_version
from ingest.schema import live
from ingest.schema.codes import CATALOGUE
from ingest.schema.telemetry import LAMP_VALUES

router: Final = APIRouter(prefix="/api/v1", tags=["city"])
DeskOf = Annotated[Desk, Depends(desk_of)]


@router.get("/city")
def get_city(desk: DeskOf) -> dict[str, Any]:
    """Name, zone, language and extent of the city, and its now."""
    lamps = desk.lamps()
    bbox = None
    if len(lamps):
        west, east = float(lamps.longitude.min()), float(lamps.longitude.max())
        south, north = float(lamps.latitude.min()), float(lamps.latitude.max())
        bbox = [west, south, east, north]
    section = desk.city.city
    return {
        "name": section.name,
        "group": section.group,
        "timezone": section.timezone,
        "language": section.language,
        "bbox": bbox,
        "lamps": len(lamps),
        "register_version": lamps.version,
        "now": iso(desk.now_us()),
        "version": terang_version(),
    }


@router.get("/codes")
def get_codes() -> dict[str, Any]:
    """The fault catalogue in both languages."""
    items = [
        {
            "code": row.code,
            "level": row.level,
            "severity": row.severity,
            "title": {"id": row.title_id, "en": row.title_en},
            "advice": {"id": row.advice_id, "en": row.advice_en},
        }
        for row in CATALOGUE
    ]
    return {"items": items, "next_cursor": None}


@router.get("/quantities")
def get_quantities() -> dict[str, Any]:
    """What a lamp's readings consist of: the columns of ``/lamps/{lamp_id}/readings`` with their names and units."""
    items = [
        {
            "name": column.name,
            "unit": column.quantity.shown_unit,
            "decimals": column.quantity.decimals,
            "summary": column.quantity.summary.value,
            "title": {"id": column.quantity.indonesian, "en": column.quantity.english},
        }
        for column in LAMP_VALUES
    ]
    return {"items": items, "next_cursor": None}


@router.get("/summary")
def get_summary(desk: DeskOf) -> dict[str, Any]:
    """Lamps and faults by state, severity, code and district; the share of lamps lit of those that should be."""
    lamps = desk.lamps()
    picture = desk.picture(lamps)
    n_states = len(live.STATE_NAMES)
    states = np.zeros(len(lamps), np.uint8) if picture is None else picture.columns["state"]
    cell = lamps.district.astype(np.int64) * n_states + states
    counts = np.bincount(cell, minlength=len(lamps.districts) * n_states).reshape(-1, n_states)
    faults = fault_counts(desk.database)
    by_district = _sum((row.district or "", row.n) for row in faults)
    districts = [
        {"district": name or None, **_lamp_figures(row), "open_faults": by_district.get(name, 0)}
        for name, row in zip(lamps.districts, counts, strict=True)
        if name or row.sum() or by_district.get("", 0)
    ]
    power_w = 0.0 if picture is None else float(np.nansum(picture.columns["power_w"], dtype=np.float64))
    controllers = {} if picture is None else picture.controllers
    n_online = sum(bool(controller["is_online"]) for controller in controllers.values())
    return {
        "at": iso(desk.now_us()),
        "live_at": None if picture is None else iso(picture.now_us),
        "lamps": {**_lamp_figures(counts.sum(axis=0)), "monitored": int(lamps.is_monitored.sum())},
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


def _lamp_figures(counts: Any) -> dict[str, Any]:
    """Counts by state, and the share lit of those lit or dark; null where none should be lit."""
    figures = {name: int(n) for name, n in zip(live.STATE_NAMES, counts, strict=True)}
    n_due = figures["lit"] + figures["dark"]
    share = None if n_due == 0 else round(figures["lit"] / n_due, 4)
    return {"total": int(counts.sum()), **figures, "lit_share": share}


def _sum(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, n in pairs:
        total[name] += n
    return dict(total)
