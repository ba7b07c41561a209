"""The schedule: when lamps go on, dim and go off, checked and turned into levels.

Owns the grammar of ``Schedule/Document`` and of ``[schedule]`` in ``city.toml``, and what a schedule says about any
moment. The agent switches by it and the server judges by it, so that both agree to the second. Pure but for the time
zone database.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NoReturn, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from edge_agent.wire.bounded_json import read_json
from edge_agent.wire.errors import WireError
from edge_agent.wire.sun import sun_event_s

MAX_DIM_STEPS: Final = 96
MAX_CHARACTERS: Final = 16 * 1024  # of a document that is commanded
END_OF_VERSIONS: Final = 1 << 31  # versions from here on are refused: nobody could ever send a newer one
SUN_TIME: Final = re.compile(r"(sunset|sunrise)(?:([+-])(\d{1,3})m)?", re.ASCII)
CLOCK_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_NOON: Final = "12:00"


class BadSchedule(WireError):  # noqa: N818  # what it is called in the agent's log
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
        if not isinstance(value, str) or not (SUN_TIME.fullmatch(value) or CLOCK_TIME.fullmatch(value)):
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
        if not isinstance(at, str) or not CLOCK_TIME.fullmatch(at):
            _fail("dim.at", at)
        if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= 100:
            _fail("dim.level", level)
    return tuple(DimStep(step["at"], step["level"]) for step in steps)


def _fail(key: str, value: Any) -> NoReturn:
    raise BadSchedule(f"{key}: {str(value)[:60]!r} cannot be")


class HasStep(Protocol):
    """A dim step, wherever it was read from."""

    @property
    def at(self) -> str:
        """Local time of day."""

    @property
    def level(self) -> int:
        """Level [%] from then on."""


class LightingHours(Protocol):
    """A schedule's hours, wherever they were read from."""

    @property
    def on(self) -> str:
        """When lamps go on."""

    @property
    def off(self) -> str:
        """When they go off."""

    @property
    def dim(self) -> Sequence[HasStep]:
        """Steps during the night."""


@dataclass(frozen=True, slots=True)
class Step:
    """A level [%] that holds from one moment up to another (Unix time, s)."""

    level: int
    since_s: int
    until_s: int


Night = list[tuple[int, int]]


def night_steps(hours: LightingHours, evening: date, latitude: float, longitude: float, timezone: str) -> Night:
    """(Unix time s, level %) of each step of the night that begins on a local day; the last one is off.

    Before the first dim step the level is 100. A dim step before the lamps go on only says with what level they begin.
    Lamps go off in the next morning, or on the same evening at a time of day from noon on; there are no steps if that
    is not after they go on.
    """
    morning, zone = evening + timedelta(days=1), ZoneInfo(timezone)

    def moment(text: str, day: date) -> int:
        match = SUN_TIME.fullmatch(text)
        if match is None:
            hour, minute = map(int, text.split(":"))
            return round(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp())
        offset_s = int(match[3] or 0) * 60
        return sun_event_s(match[1], day, latitude, longitude, timezone) + (-offset_s if match[2] == "-" else offset_s)

    on_s = moment(hours.on, evening)
    is_evening = hours.off >= _NOON and CLOCK_TIME.fullmatch(hours.off) is not None
    off_s = moment(hours.off, evening if is_evening else morning)
    if on_s >= off_s:
        return []
    dims = sorted((moment(step.at, evening if step.at >= _NOON else morning), step.level) for step in hours.dim)
    earlier = [level for at_s, level in dims if at_s <= on_s]
    later = [(at_s, level) for at_s, level in dims if on_s < at_s < off_s]
    return [(on_s, earlier[-1] if earlier else 100), *later, (off_s, 0)]


def step_at(night: Callable[[date], Night], today: date, at_s: int) -> Step:
    """The step that holds at a moment of a local day.

    The night that began latest decides, also after it ended: near the poles an earlier one may last longer. Where no
    night begins within two days, lamps that are off stay so for an hour, after which the question is put again.

    Args:
        night: ``night_steps`` of the night that begins on a day.
        today: the moment's local day.
        at_s: Unix time [s].
    """
    nights = [steps for days in (-2, -1, 0, 1, 2) if (steps := night(today + timedelta(days=days)))]
    later_s = [steps[0][0] for steps in nights if steps[0][0] > at_s]
    next_on_s = min(later_s, default=at_s + 3600)
    begun = [steps for steps in nights if steps[0][0] <= at_s]
    if not begun:
        return Step(0, at_s, next_on_s)
    steps = max(begun, key=lambda steps: steps[0][0])
    now = bisect_right(steps, at_s, key=lambda step: step[0]) - 1
    if now < len(steps) - 1:
        return Step(steps[now][1], steps[now][0], min([steps[now + 1][0], *later_s]))
    return Step(0, steps[-1][0], next_on_s)


class Timetable:
    """What a schedule says about any moment at one place."""

    def __init__(self, schedule: Schedule, latitude: float, longitude: float) -> None:
        """Reckon nights only when they are asked for."""
        self.schedule = schedule
        self._place = (latitude, longitude)
        self._zone = ZoneInfo(schedule.timezone)
        self._nights: OrderedDict[date, Night] = OrderedDict()

    def level(self, at_ms: int) -> int:
        """Level [%] at a moment; 0 = off."""
        at_s = at_ms // 1000
        return step_at(self._night, datetime.fromtimestamp(at_s, UTC).astimezone(self._zone).date(), at_s).level

    def _night(self, evening: date) -> Night:
        if evening not in self._nights:
            self._nights[evening] = night_steps(self.schedule, evening, *self._place, self.schedule.timezone)
            if len(self._nights) > 8:
                self._nights.popitem(last=False)
        return self._nights[evening]
