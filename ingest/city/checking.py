"""What is wrong with a city's folder beyond single rows: places, orders and meters that cannot all be true."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from ingest.city.extent import place_issues
from ingest.city.places import far_from_the_rest
from ingest.register.check import doubled_positions
from ingest.register.folder_register import read_folder
from ingest.register.issue import Issue
from ingest.register.register import Register
from ingest.schema.city import CABINETS_FILE, FILE_NAME, LAMPS_FILE
from languages.message import Message, Plain

_MAX_ZONE_H: Final = 4.5


@dataclass(frozen=True, slots=True)
class BlankSources:
    """Positions that came without a source: how many were taken as a survey's, and how many as an estimate."""

    n_survey: int
    n_estimated: int


def check_folder(folder: Path, timezone: str) -> tuple[Register, tuple[Issue, ...], BlankSources]:
    """Read a city's register and judge it whole.

    Raises:
        UnusableError: a file is missing or unusable.
    """
    found = read_folder(folder)
    strange = zone_issue(timezone, found.register.lamps.longitude)
    cut = [_about(name, "", Message("finding.cut")) for name in found.cut]
    issues = (*found.issues, *cut, *([] if strange is None else [strange]))
    issues = (*issues, *place_issues(found.register.lamps, timezone, None), *_whole(found.register))
    return found.register, issues, BlankSources(found.n_survey, found.n_estimated)


def zone_issue(timezone: str, longitude: npt.NDArray[np.float64]) -> Issue | None:
    """Tell of a time zone that cannot be the lamps' own: its nights would be days.

    Standard time is within three hours of the sun's everywhere on land; summer time adds one.
    """
    if not len(longitude):
        return None
    sun_h = float(np.median(longitude)) / 15
    offset = datetime(2026, 1, 1, tzinfo=ZoneInfo(timezone)).utcoffset()
    away_h = (offset.total_seconds() / 3600 - sun_h if offset is not None else 0.0) % 24
    if min(away_h, 24 - away_h) <= _MAX_ZONE_H:
        return None
    hours, longitude_text = round(min(away_h, 24 - away_h)), Plain(f"{sun_h * 15:.1f}")
    reason = Message("finding.sun", timezone=Plain(timezone), hours=hours, longitude=longitude_text)
    return _about(FILE_NAME, "[city] timezone", reason)


def _whole(register: Register) -> list[Issue]:
    lamps, cabinets = register.lamps, register.cabinets
    found = []
    if not len(lamps):
        found.append(_about(LAMPS_FILE, "", Message("finding.no_lamp")))
    for later, first in doubled_positions(lamps):
        if lamps.position_source[later] != "estimated" and lamps.position_source[first] != "estimated":
            reason = Message(
                "finding.same_position",
                one=lamps.lamp_id[first],
                other=lamps.lamp_id[later],
                position=int(lamps.position[later]),
                circuit=lamps.circuit[later],
                cabinet=lamps.cabinet_id[later],
            )
            found.append(_about(LAMPS_FILE, "position", reason))
    for row in np.flatnonzero(far_from_the_rest(lamps.latitude, lamps.longitude)).tolist():
        reason = Message("finding.lamp_far", lamp=lamps.lamp_id[row])
        found.append(_about(LAMPS_FILE, "latitude", reason))
    for row in np.flatnonzero(lamps.address >= 0).tolist():
        missing = next((name for name in ("bus", "profile") if not getattr(lamps, name)[row]), "")
        if missing:
            reason = Message("finding.half_meter", lamp=lamps.lamp_id[row], field=Plain(missing))
            found.append(_about(LAMPS_FILE, missing, reason))
    fed = np.bincount(lamps.cabinet[lamps.cabinet >= 0], minlength=len(cabinets))
    for row in range(len(cabinets)):
        if not cabinets.controller_id[row] and fed[row]:
            reason = Message("finding.no_controller", cabinet=cabinets.cabinet_id[row], n=int(fed[row]))
            found.append(_about(CABINETS_FILE, "controller_id", reason))
    return found


def _about(file: str, column: str, reason: Message) -> Issue:
    return Issue(file, 0, column, reason, is_refused=False)
