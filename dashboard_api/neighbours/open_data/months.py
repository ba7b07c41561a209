"""Figures by district and month: repair times and availability. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from dashboard_api.formats.times import number

N_MONTHS: Final = 24
_US_PER_H: Final = 3_600_000_000
# faults whose lamps are dark
DARK_CODES: Final = (
    "lampFailure",
    "controlGearFailure",
    "circuitFailure",
    "cableFailure",
    "supplyLoss",
    "contactorFailure",
)
REPAIR_COLUMNS: Final = ("district", "month", "opened", "closed", "median_hours", "p90_hours", "share_within_48_h")
AVAILABILITY_COLUMNS: Final = ("district", "month", "lamps", "lamp_hours_dark", "availability")
ENERGY_COLUMNS: Final = ("district", "month", "measured_kwh", "interpolated_kwh", "estimated_kwh")


def month_starts(now_us: int, zone: ZoneInfo, n: int = N_MONTHS) -> tuple[list[str], list[int]]:
    """Names of the last ``n`` months of the city's zone, and their starts with the last one's end [UTC us]."""
    now = datetime.fromtimestamp(now_us / 1e6, UTC).astimezone(zone)
    last = now.year * 12 + now.month - 1
    firsts = [datetime(index // 12, index % 12 + 1, 1, tzinfo=zone) for index in range(last - n + 1, last + 2)]
    return [f"{one:%Y-%m}" for one in firsts[:-1]], [int(one.timestamp()) * 1_000_000 for one in firsts]


def repair_rows(rows: Sequence[Any], months: Sequence[str], starts_us: Sequence[int]) -> list[tuple[Any, ...]]:
    """``REPAIR_COLUMNS``: faults opened, faults closed, and how long those that were closed in the month had stood."""
    made: list[tuple[Any, ...]] = []
    for district, of_district in sorted(_by_district(rows).items()):
        opened = np.array([row.opened_at_us for row in of_district], np.int64)
        closed = np.array([row.closed_at_us or 0 for row in of_district], np.int64)
        opened_in, closed_in = np.searchsorted(starts_us, opened, "right"), np.searchsorted(starts_us, closed, "right")
        for index, month in enumerate(months, 1):
            hours = ((closed - opened) / _US_PER_H)[closed_in == index]
            n_opened = int((opened_in == index).sum())
            if not n_opened and not len(hours):
                continue
            figures: tuple[float | None, ...] = (None, None, None)
            if len(hours):
                median, p90 = np.percentile(hours, [50, 90])
                figures = (number(median, 1), number(p90, 1), number(float((hours <= 48).mean()), 3))
            made.append((district, month, n_opened, len(hours), *figures))
    return made


def availability_rows(
    rows: Sequence[Any], n_lamps: Mapping[str, int], months: Sequence[str], starts_us: Sequence[int], now_us: int
) -> list[tuple[Any, ...]]:
    """``AVAILABILITY_COLUMNS``: 1 - hours of lamps that a fault darkened / hours of all lamps, day and night."""
    faults = _by_district(row for row in rows if row.code in DARK_CODES)
    made: list[tuple[Any, ...]] = []
    for district, n in sorted(n_lamps.items()):
        of_district = faults.get(district, [])
        opened = np.array([row.opened_at_us for row in of_district], np.int64)
        closed = np.array([row.closed_at_us or now_us for row in of_district], np.int64)
        extent = np.array([max(1, len(row.lamp_ids or ())) for row in of_district], np.int64)
        for month, start, end in zip(months, starts_us[:-1], starts_us[1:], strict=True):
            until = min(end, now_us)
            if until <= start:
                continue
            hours = np.clip(np.minimum(closed, until) - np.maximum(opened, start), 0, None) / _US_PER_H
            dark = float((hours * extent).sum())
            share = max(0.0, 1 - dark / (n * (until - start) / _US_PER_H))
            made.append((district, month, n, number(dark, 1), number(share, 5)))
    return made


def energy_rows(rows: Iterable[Any], months: Sequence[str]) -> list[tuple[Any, ...]]:
    """``ENERGY_COLUMNS`` of sums in Wh."""
    return [
        (
            row.district,
            months[row.month],
            *(number(wh / 1000, 3) for wh in (row.measured_wh, row.interpolated_wh, row.estimated_wh)),
        )
        for row in rows
    ]


def _by_district(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.district or "", []).append(row)
    return found
