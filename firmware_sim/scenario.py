"""Scenario files: injections with places and times in TOML, validated against the city before anything starts.

``docs/scenarios.md`` describes the format.
"""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from firmware_sim.errors import SimError
from firmware_sim.fleet.world import World
from firmware_sim.injection import InjectionError, check
from firmware_sim.injections import Injections, Step
from languages.message import Message, Plain, why

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_UNIT_S: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_CLOCK: Final = re.compile(r"(?:(\d+)d )?(\d{1,2}):(\d{2})(?::(\d{2}))?")
_HEADER: Final = re.compile(r"\s*\[\[\s*fault\s*\]\]")
_OWN: Final = frozenset({"code", "place", "start", "end", "duration"})


class ScenarioError(SimError):
    """A scenario cannot be played: file, line and reason; nothing was started."""


def read_scenario(path: Path, world: World, begin_us: int, real_controllers: Collection[str] = ()) -> list[Step]:
    """Read a scenario and hold every entry of it against the city.

    Args:
        path: the file.
        world: the city that it is for; nothing is changed in it.
        begin_us: when the city begins to play, UTC microseconds; relative times count from there, and a time of day
            is the next one from there in the city's zone.
        real_controllers: ids whose agents are real programs.

    Raises:
        ScenarioError: of the first entry that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(Message("sim.at", where=path, reason=why(error))) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(Message("sim.at", where=path, reason=why(error))) from error
    unknown = sorted(set(document) - {"fault"})
    entries = document.get("fault", [])
    if unknown or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        line = _line_of(text.splitlines(), unknown[0] if unknown else "fault", 0, is_top_level=True)
        raise ScenarioError(Message("sim.foreign_table", path=path, line=line))
    if not entries:
        raise ScenarioError(Message("sim.no_fault", path=path))
    steps = [_Entry(path, text, number, entry).step(world, begin_us) for number, entry in enumerate(entries)]
    _rehearse(path, steps, world, real_controllers)
    return steps


def _rehearse(path: Path, steps: list[Step], world: World, real_controllers: Collection[str]) -> None:
    """Play the whole scenario on a copy of the city's causes: an error that would occur in its middle is raised now."""
    stand_in = copy.copy(world)
    stand_in.condition, stand_in.upset = copy.deepcopy(world.condition), copy.deepcopy(world.upset)
    stand_in.state = copy.deepcopy(world.state)
    injections = Injections(stand_in, steps, real_controllers)
    injections.turn(max(step.start_us for step in steps))
    if injections.refused:
        step, reason = min(injections.refused, key=lambda refused: refused[0].line)
        raise ScenarioError(Message("sim.at", where=Plain(f"{path}:{step.line}"), reason=reason))


class _Entry:
    """One ``[[fault]]`` table, and where it stands."""

    def __init__(self, path: Path, text: str, number: int, entry: dict[str, Any]) -> None:
        self._path, self._entry = path, entry
        self._lines = text.splitlines()
        headers = [index for index, line in enumerate(self._lines) if _HEADER.match(line)]
        self._first = headers[number] if number < len(headers) else 0

    def step(self, world: World, begin_us: int) -> Step:
        """Return it as a step."""
        entry = self._entry
        code, place = self._word("code"), self._word("place")
        zone = ZoneInfo(world.town.timezone)
        start_us = self._time("start", begin_us, begin_us, zone) if "start" in entry else begin_us
        if "end" in entry and "duration" in entry:
            raise self._error("duration", Message("sim.end_or_duration"))
        end_us = self._time("end", begin_us, start_us, zone) if "end" in entry else None
        if "duration" in entry:
            end_us = start_us + self._duration("duration")
        if end_us is not None and end_us < start_us:
            raise self._error("end", Message("sim.ends_before"))
        if end_us == start_us:
            raise self._error("duration" if "duration" in entry else "end", Message("sim.ends_at_once"))
        params = {key: value for key, value in entry.items() if key not in _OWN}
        try:
            check(world, code, place, **params)
        except InjectionError as error:
            raise self._error(self._guilty(error.message, params), error.message) from error
        return Step(code, place, start_us, end_us, params, line=self._first + 1)

    def _guilty(self, reason: Message, params: dict[str, Any]) -> str:
        """The key that a refusal speaks of."""
        if reason.code == "sim.unknown_code":
            return "code"
        return next((key for key in params if re.search(rf"\b{re.escape(key)}\b", str(reason))), "place")

    def _word(self, key: str) -> str:
        value = self._entry.get(key)
        if not isinstance(value, str) or not value:
            raise self._missing(key) if value is None else self._refused(key, value, Message("value.text"))
        return value

    def _time(self, key: str, begin_us: int, after_us: int, zone: ZoneInfo) -> int:
        """``20m``: after the beginning; ``21:15``, ``1d 21:15``: local; a date and time in TOML's own way."""
        value = self._entry[key]
        if isinstance(value, datetime):
            at = value if value.tzinfo else value.replace(tzinfo=zone)
            return round(at.timestamp() * 1e6)
        if isinstance(value, str):
            match = _CLOCK.fullmatch(value.strip())
            if match is not None:
                return self._local(key, match, after_us, zone)
            if _DURATION.fullmatch(value.strip().removeprefix("+")):
                return begin_us + self._duration(key)
        raise self._refused(key, value, Message("sim.time"))

    def _local(self, key: str, match: re.Match[str], after_us: int, zone: ZoneInfo) -> int:
        days, hour, minute, second = (int(part or 0) for part in match.groups())
        after = datetime.fromtimestamp(after_us / 1e6, zone)
        try:
            at = after.replace(hour=hour, minute=minute, second=second, microsecond=0)
        except ValueError as error:
            raise self._refused(key, match[0], Message("value.clock_time")) from error
        if at < after:
            at += timedelta(days=1)
        return round((at + timedelta(days=days)).timestamp() * 1e6)

    def _duration(self, key: str) -> int:
        value = self._entry[key]
        match = _DURATION.fullmatch(value.strip().removeprefix("+")) if isinstance(value, str) else None
        if match is None:
            raise self._refused(key, value, Message("sim.duration"))
        return round(float(match[1]) * _UNIT_S[match[2]] * 1e6)

    def _missing(self, key: str) -> ScenarioError:
        return self._error(key, Message("sim.missing", key=Plain(key)))

    def _refused(self, key: str, value: Any, reason: Message) -> ScenarioError:
        return self._error(key, Message("sim.value", key=Plain(key), value=str(value), reason=reason))

    def _error(self, key: str, reason: Message) -> ScenarioError:
        where = Plain(f"{self._path}:{_line_of(self._lines, key, self._first)}")
        return ScenarioError(Message("sim.at", where=where, reason=reason))


def _line_of(lines: list[str], key: str, first: int, *, is_top_level: bool = False) -> int:
    """Line number of a key within the table that begins at ``first``; the table's own line if the key is not there."""
    pattern = re.compile(rf"\s*(\[+\s*)?[\"']?{re.escape(key)}\b")
    for index in range(first, len(lines)):
        if index > first and not is_top_level and lines[index].lstrip().startswith("["):
            break
        if pattern.match(lines[index]):
            return index + 1
    return first + 1
