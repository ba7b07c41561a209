"""The schedule document: when lamps go on, dim and go off, checked and reckoned into levels.

Owns the document's grammar (the contract's ``Schedule/Document``) and what it says about any moment. Pure but for the
time zone database; who holds the document and who switches is `control`'s business.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_agent.errors import Discard
from edge_agent.sun import Sun
from edge_agent.wire import WireError, read_json

MAX_DIM_STEPS: Final = 96
MAX_CHARACTERS: Final = 16 * 1024  # of a document that is commanded
END_OF_VERSIONS: Final = 1 << 31  # versions from here on are refused: nobody could ever send a newer one
_SUN_TIME: Final = re.compile(r"(sunset|sunrise)(?:([+-])(\d{1,3})m)?", re.ASCII)
_CLOCK_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_NOON: Final = "12:00"


class BadSchedule(Discard):
    """A schedule document that is refused; the text says which key is wrong."""


@dataclass(frozen=True, slots=True)
class DimStep:
    """From a local time of day on, lamps burn at this level [%]."""

    at: str
    level: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One city's or cabinet's lighting hours.

    Attributes:
        version: the sender's number.
        timezone: IANA name, for clock times and for which day's sun is meant.
        on: ``sunset+10m``, ``sunrise-5m`` or ``18:00``.
        off: the same.
        dim: steps during the night.
    """

    version: int
    timezone: str
    on: str
    off: str
    dim: tuple[DimStep, ...] = ()


def safe_schedule(timezone: str) -> Schedule:
    """What holds when no document was ever received: lamps on at night, undimmed."""
    return Schedule(0, timezone, "sunset", "sunrise")


def parse_schedule(text: str) -> Schedule:
    """Check a schedule document.

    Raises:
        BadSchedule: it is not JSON, or a key is missing or impossible; keys of a later version are passed over.
    """
    try:
        document: Any = read_json(text)
    except WireError as error:
        raise BadSchedule(str(error)) from error
    if not isinstance(document, dict):
        raise BadSchedule("not an object")
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or not 0 <= version < END_OF_VERSIONS:
        _fail("version", version)
    for key in ("on", "off"):
        value = document.get(key)
        if not isinstance(value, str) or not (_SUN_TIME.fullmatch(value) or _CLOCK_TIME.fullmatch(value)):
            _fail(key, value)
    return Schedule(version, _timezone(document), document["on"], document["off"], _dim_steps(document.get("dim", [])))


def _timezone(document: dict[str, Any]) -> str:
    name = document.get("timezone")
    try:
        if not isinstance(name, str) or len(name) > 64:
            _fail("timezone", name)
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _fail("timezone", name)
    return name


def _dim_steps(steps: Any) -> tuple[DimStep, ...]:
    if not isinstance(steps, list) or len(steps) > MAX_DIM_STEPS:
        _fail("dim", steps)
    for step in steps:
        at, level = (step.get("at"), step.get("level")) if isinstance(step, dict) else (None, None)
        if not isinstance(at, str) or not _CLOCK_TIME.fullmatch(at):
            _fail("dim.at", at)
        if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= 100:
            _fail("dim.level", level)
    return tuple(DimStep(step["at"], step["level"]) for step in steps)


def _fail(key: str, value: Any) -> NoReturn:
    raise BadSchedule(f"{key}: {str(value)[:60]!r} cannot be")


class Timetable:
    """What a schedule says about any moment at one place."""

    def __init__(self, schedule: Schedule, latitude: float, longitude: float) -> None:
        """Reckon nights only when they are asked for."""
        self.schedule = schedule
        self._zone = ZoneInfo(schedule.timezone)
        self._sun = Sun(latitude, longitude, schedule.timezone)
        self._nights: OrderedDict[date, list[tuple[int, int]]] = OrderedDict()

    def level(self, at_ms: int) -> int:
        """Level [%] at a moment; 0 = off."""
        today = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self._zone).date()
        for days in (0, -1, -2):  # the night that began latest wins
            steps = self._night(today + timedelta(days=days))
            now = bisect_right(steps, at_ms, key=lambda step: step[0]) - 1
            if 0 <= now < len(steps) - 1:
                return steps[now][1]
        return 0

    def _night(self, evening: date) -> list[tuple[int, int]]:
        """(Unix time ms, level) of each step of the night that begins on a local day; the last one is off."""
        if evening not in self._nights:
            self._nights[evening] = self._reckon(evening)
            if len(self._nights) > 8:
                self._nights.popitem(last=False)
        return self._nights[evening]

    def _reckon(self, evening: date) -> list[tuple[int, int]]:
        morning = evening + timedelta(days=1)
        schedule = self.schedule
        on_ms = self._moment(schedule.on, evening)
        is_evening = schedule.off >= _NOON and _CLOCK_TIME.fullmatch(schedule.off) is not None
        off_ms = self._moment(schedule.off, evening if is_evening else morning)
        if on_ms >= off_ms:
            return []
        dims = sorted(
            (self._moment(step.at, evening if step.at >= _NOON else morning), step.level) for step in schedule.dim
        )
        earlier = [level for at_ms, level in dims if at_ms <= on_ms]
        later = [(at_ms, level) for at_ms, level in dims if on_ms < at_ms < off_ms]
        return [(on_ms, earlier[-1] if earlier else 100), *later, (off_ms, 0)]

    def _moment(self, text: str, day: date) -> int:
        match = _SUN_TIME.fullmatch(text)
        if match is None:
            hour, minute = map(int, text.split(":"))
            return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=self._zone).timestamp() * 1000)
        offset_ms = int(match[3] or 0) * 60_000
        return self._sun.event_ms(match[1], day) + (-offset_ms if match[2] == "-" else offset_ms)
