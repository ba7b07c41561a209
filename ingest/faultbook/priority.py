"""Repair priority 0-100, with the reason for every point.

What is dangerous counts most: an open door, live parts of a broken cable, and a stretch of road in the dark. Ontario
Regulation 239/02 section 10 takes three or more consecutive dark luminaires, or 30 % and more of those on a kilometre,
as the line between a lamp that waits and a road that does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingest.schema.codes import BY_CODE

DARK_CODES: Final = frozenset({"lampFailure", "cyclingFailure", "controlGearFailure"})
CONSECUTIVE_DARK: Final = 3
DARK_SHARE_PER_KM: Final = 0.30

_DANGER: Final[Mapping[str, tuple[int, str]]] = {
    "cabinetDoorOpen": (40, "live_parts"),
    "neutralFailure": (40, "neutral_broken"),
    "cableFailure": (35, "cable_live_or_stolen"),
    "supplyLoss": (30, "cabinet_dark"),
    "circuitFailure": (30, "circuit_dark"),
    "contactorFailure": (25, "cabinet_does_not_switch"),
}
_DARK_STRETCH: Final = 30
_SEVERITY: Final[Mapping[str, int]] = {"critical": 20, "major": 12, "minor": 6, "warning": 2}
_ROAD: Final[Mapping[str, int]] = {
    "motorway": 10,
    "arterial": 10,
    "main": 10,
    "primary": 10,
    "collector": 7,
    "secondary": 7,
    "local": 4,
}
_ROAD_UNKNOWN: Final = 4
_LAMPS_FULL_AT: Final = 64  # so many lamps earn all the points for extent
_AGE_FULL_AT_H: Final = 72.0
_REPORTS_EACH: Final = 5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around a fault: dark neighbours, and what citizens said.

    Attributes:
        n_consecutive_dark: length of the run of dark lamps along the cable that this one belongs to.
        dark_share_per_km: share of dark lamps within 500 m on the same street, 0-1.
        n_reports: citizens' reports of it.
    """

    n_consecutive_dark: int = 1
    dark_share_per_km: float = 0.0
    n_reports: int = 0


def rank(
    code: str, n_lamps: int, road_class: str | None, age_h: float, around: Surroundings
) -> tuple[int, dict[str, dict[str, Any]]]:
    """Priority and its reasons: ``{"danger": {"points": 30, "why": …}, …}``, points adding up to the priority.

    ``why`` is a code (``priority.why.<code>`` in the catalogues of words) whose parameters are beside it.
    """
    severity = BY_CODE[code].severity
    road = _ROAD.get((road_class or "").lower(), _ROAD_UNKNOWN)
    extent = round(20 * min(1.0, math.log2(1 + n_lamps) / math.log2(1 + _LAMPS_FULL_AT)))
    age = round(10 * min(1.0, max(0.0, age_h) / _AGE_FULL_AT_H))
    reasons: dict[str, dict[str, Any]] = {
        "danger": _danger(code, around),
        "severity": {"points": _SEVERITY[severity], "why": severity},
        "lamps": {"points": extent, "n": n_lamps},
        "road_class": {"points": road, "why": road_class or "unknown"},
        "age": {"points": age, "hours": round(max(0.0, age_h), 1)},
        "reports": {"points": min(10, _REPORTS_EACH * around.n_reports), "n": around.n_reports},
    }
    total = sum(int(reason["points"]) for reason in reasons.values())
    return min(100, total), reasons


def _danger(code: str, around: Surroundings) -> dict[str, Any]:
    if code in DARK_CODES:
        if around.n_consecutive_dark >= CONSECUTIVE_DARK:
            return {"points": _DARK_STRETCH, "why": "consecutive_dark", "n": around.n_consecutive_dark}
        if around.dark_share_per_km >= DARK_SHARE_PER_KM:
            return {"points": _DARK_STRETCH, "why": "dark_around", "share": round(around.dark_share_per_km, 2)}
    points, why = _DANGER.get(code, (0, "none"))
    return {"points": points, "why": why}
