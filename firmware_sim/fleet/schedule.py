"""When lamps should burn and at which level: the simulator's own reading of a schedule document.

Written apart from the agent's and from ingest's on purpose: three readings of one rule cannot be wrong alike.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from astral import Observer
from astral.sun import sunrise, sunset

if TYPE_CHECKING:
    from firmware_sim.fleet.town import Town

_SUN: Final = re.compile(r"(sunset|sunrise)(?:([+-])(\d{1,4})m)?")
_ON: Final = "sunset+10m"
_OFF: Final = "sunrise-10m"


@dataclass(frozen=True, slots=True)
class Schedule:
    """``on``, ``off`` and dim steps as they stand in ``city.toml`` or a schedule document."""

    on: str
    off: str
    dim: tuple[tuple[time, int], ...]
    zone: ZoneInfo


def parse_schedule(document: Mapping[str, Any], timezone: str) -> Schedule:
    """Read ``{"on": …, "off": …, "dim": [{"at": "22:00", "level": 70}, …]}``.

    Raises:
        ValueError: it is no schedule; the text names the key.
    """
    zone_name, on, off = document.get("timezone", timezone), document.get("on", _ON), document.get("off", _OFF)
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ValueError(f"timezone {zone_name!r}: no time zone") from error
    for key, text in (("on", on), ("off", off)):
        if not isinstance(text, str) or not (_SUN.fullmatch(text) or _is_time(text)):
            raise ValueError(f"{key} {text!r}: no sunset+10m, sunrise-10m or 18:00")
    steps = []
    for step in document.get("dim", ()):
        level = step.get("level") if isinstance(step, Mapping) else None
        if type(level) is not int or not 0 <= level <= 100 or not _is_time(step.get("at")):
            raise ValueError(f'dim {step!r}: not {{ at = "22:00", level = 70 }}')
        steps.append((time.fromisoformat(step["at"]), level))
    return Schedule(on, off, tuple(steps), zone)


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and time.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


class SimulatedTimetable:
    """Levels of one place over time; nights are worked out once each."""

    def __init__(self, schedule: Schedule, latitude: float, longitude: float) -> None:
        """``latitude``, ``longitude``: of the cabinet, degrees."""
        self._schedule = schedule
        self._observer = Observer(latitude, longitude)
        self._nights: dict[date, list[tuple[int, int]]] = {}
        self._day: tuple[int, int, list[int], list[int]] = (0, 0, [], [])

    def level(self, at_us: int) -> int:
        """Commanded level [%] at a time, 0 = off."""
        from_us, until_us, times_us, levels = self._day
        if not from_us <= at_us < until_us:
            from_us, until_us, times_us, levels = self._day = self._day_of(at_us)
        place = bisect_right(times_us, at_us)
        return levels[place - 1] if place else 0

    def _day_of(self, at_us: int) -> tuple[int, int, list[int], list[int]]:
        """The local day of a time, from and until, and the steps of its night and of the one before: times, levels."""
        zone = self._schedule.zone
        local = datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(zone).date()
        steps = [step for day in (local - timedelta(days=1), local) for step in self._night(day)]
        ends = [_us(datetime.combine(day, time(), zone)) for day in (local, local + timedelta(days=1))]
        return ends[0], ends[1], [step_us for step_us, _level in steps], [level for _step_us, level in steps]

    def _night(self, day: date) -> list[tuple[int, int]]:
        """``(from, level)`` of the night that begins on a day: on, dim steps in order, off."""
        if day not in self._nights:
            on, off = self._instant(self._schedule.on, day), self._instant(self._schedule.off, day + timedelta(days=1))
            dims = []
            for at, level in self._schedule.dim:
                for shift in (0, 1):
                    moment = datetime.combine(day + timedelta(days=shift), at, self._schedule.zone)
                    if on < moment < off:
                        dims.append((_us(moment), level))
            self._nights[day] = [(_us(on), 100), *sorted(dims), (_us(off), 0)]
        return self._nights[day]

    def _instant(self, text: str, day: date) -> datetime:
        match = _SUN.fullmatch(text)
        if match is None:
            return datetime.combine(day, time.fromisoformat(text), self._schedule.zone)
        event = sunset if match[1] == "sunset" else sunrise
        minutes = int(match[3] or 0) * (-1 if match[2] == "-" else 1)
        return event(self._observer, day, tzinfo=self._schedule.zone) + timedelta(minutes=minutes)


def town_level(town: Town) -> Callable[[int], int]:
    """The level that a town's schedule commands at a time, at the middle of the town."""
    schedule = parse_schedule(town.schedule, town.timezone)
    return SimulatedTimetable(schedule, float(town.plant.latitude.mean()), float(town.plant.longitude.mean())).level


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
