"""Control programs and calendars as schedules of Terang: what can be expressed, and what is refused by name. Pure.

A schedule is one night that is the same all year: lamps go on at a time of day from noon on or by the sun, off in the
morning, or on the same evening at a time of day, and change their level at times of day in between. So a calendar is
one program for every day, from noon to noon.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.errors import RefusedError

MOST_PROGRAMS: Final = 100
MOST_CALENDARS: Final = 100
MOST_SWITCH_POINTS: Final = 90
FURTHEST_FROM_SUN: Final = 180  # minutes
_TOO_MUCH: Final = "serviceConstraintExceeded"
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d):[0-5]\d", re.ASCII)
_NOON: Final = "12:00"
_YEAR: Final = ("--01-01", "--12-31")
Identifier = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(max_length=500)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)  # members that the data model does not name are kept and mean nothing


class State(_Part):
    """A state of a lamp."""

    name: Text
    value: Any = None


class Command(_Part):
    """A state, and how lamps come to it."""

    state: State
    rampToLevelTime: float | None = None  # noqa: N815  (the data model's name)
    rampFromLevelTime: float | None = None  # noqa: N815


class FixedTimeControl(_Part):
    """From a local time of day on, a command."""

    startTime: Text  # noqa: N815
    command: Command


class ActivePeriod(_Part):
    """When a program is in force."""

    name: Text
    startTime: Text | None = None  # noqa: N815
    endTime: Text | None = None  # noqa: N815
    sunsetOffset: int | None = None  # noqa: N815
    sunriseOffset: int | None = None  # noqa: N815


class ControlProgram(_Part):
    """A program of any type."""

    type: Text
    id: Identifier
    ownerCMS: Text  # noqa: N815


class ControlProgramOne(ControlProgram):
    """The one type of program that the data model describes."""

    activePeriods: Annotated[list[ActivePeriod], Field(max_length=100)]  # noqa: N815
    fixedTimeControls: Annotated[list[FixedTimeControl], Field(max_length=1000)]  # noqa: N815
    astroClockTimeControls: Annotated[list[Any], Field(max_length=1000)] | None = None  # noqa: N815
    dynamicControls: Annotated[list[Any], Field(max_length=1000)] | None = None  # noqa: N815


class Rule(_Part):
    """On which days a program is in force."""

    program: Identifier
    startDate: Text | None = None  # noqa: N815
    endDate: Text | None = None  # noqa: N815
    condition: Any = None


class Calendar(_Part):
    """Which program is in force on which days."""

    id: Identifier
    ownerCMS: Text  # noqa: N815
    rules: Annotated[list[Rule], Field(max_length=1000)] | None = None
    defaultProgram: Text | None = None  # noqa: N815


def parse(model: type[_Part], document: Any) -> Any:
    """A document as a model.

    Raises:
        BadRequestError: not as the data model describes it; says where and why.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise BadRequestError("bad_member", where=where[:200], reason=first["msg"][:200]) from error


def hours_of_program(document: Any) -> dict[str, Any]:
    """The hours of a control program: ``on``, ``off`` and ``dim`` as ``[schedule]`` has them.

    Raises:
        BadRequestError: not as the data model describes it.
        RefusedError: a program that no schedule can express; says what of it.
    """
    kind = parse(ControlProgram, document).type
    if kind != "ControlProgramOne":
        raise RefusedError(_TOO_MUCH, "type", f"a program of type {kind[:50]}; there is ControlProgramOne")
    program: ControlProgramOne = parse(ControlProgramOne, document)
    for name, found in (
        ("astroClockTimeControls", program.astroClockTimeControls),
        ("dynamicControls", program.dynamicControls),
    ):
        if found:
            raise RefusedError(_TOO_MUCH, name, "levels change at times of day alone")
    on, off = _period(program.activePeriods)
    return {"on": on, "off": off, "dim": _steps(program.fixedTimeControls)}


def _period(periods: Sequence[ActivePeriod]) -> tuple[str, str]:
    if len(periods) != 1:
        reason = "a program has one active period: one night" if periods else "lamps that burn all day have no schedule"
        raise RefusedError(_TOO_MUCH, "activePeriods", reason)
    (one,) = periods
    where = f"activePeriods.{one.name[:50]}"
    if one.name == "AstroClockActivePeriod":
        return _sun("sunset", one.sunsetOffset, where), _sun("sunrise", one.sunriseOffset, where)
    if one.name != "AbsoluteActivePeriod":
        reason = "active periods are AbsoluteActivePeriod and AstroClockActivePeriod"
        raise RefusedError(_TOO_MUCH, where, reason)
    on, off = _clock(one.startTime, f"{where}.startTime"), _clock(one.endTime, f"{where}.endTime")
    if on < _NOON:
        raise RefusedError(_TOO_MUCH, f"{where}.startTime", "a night begins at noon or later")
    if off >= _NOON and off <= on:
        raise RefusedError(_TOO_MUCH, f"{where}.endTime", "a night ends before noon, or later on the same evening")
    return on, off


def _sun(event: str, offset: int | None, where: str) -> str:
    if offset is None:
        raise BadRequestError("bad_member", where=f"{where}.{event}Offset", reason="missing")
    if abs(offset) > FURTHEST_FROM_SUN:
        reason = f"at most {FURTHEST_FROM_SUN} minutes from {event}"
        raise RefusedError(_TOO_MUCH, f"{where}.{event}Offset", reason)
    return event if offset == 0 else f"{event}{offset:+d}m"


def _clock(text: str | None, where: str) -> str:
    match = _TIME.fullmatch(text or "")
    if match is None:
        raise BadRequestError("bad_member", where=where, reason="not a time like 21:30:00")
    return f"{match[1]}:{match[2]}"  # programSecondsSupported is false: seconds are not looked at


def _steps(controls: Sequence[FixedTimeControl]) -> list[dict[str, Any]]:
    """The steps of a night, from noon on.

    Before its first control a program holds the level of its last one, of the day before; a schedule begins at 100 %.
    """
    where = "fixedTimeControls"
    if not controls:
        raise RefusedError(_TOO_MUCH, where, "a program says its level at one time of day at least")
    if len(controls) > MOST_SWITCH_POINTS:
        raise RefusedError(_TOO_MUCH, where, f"more than {MOST_SWITCH_POINTS} switch points")
    times = [_clock(one.startTime, f"{where}.startTime") for one in controls]
    if len(set(times)) < len(times):
        raise BadRequestError("bad_member", where=where, reason="two controls in the same minute")
    from_noon = [(time < _NOON, time) for time in times]
    if sorted(times) != times and sorted(from_noon) != from_noon:
        raise BadRequestError("bad_member", where=where, reason="not in the order of their times")
    steps = [(time, _level(one.command)) for time, one in zip(times, controls, strict=True)]
    steps.sort(key=lambda step: (step[0] < _NOON, step[0]))
    if steps[0][0] != _NOON and steps[-1][1] != 100:
        steps.insert(0, (_NOON, steps[-1][1]))
    return [{"at": time, "level": level} for time, level in steps]


def _level(command: Command) -> int:
    where = "fixedTimeControls.command"
    value = command.state.value
    if command.state.name != "LevelState":
        raise RefusedError(_TOO_MUCH, f"{where}.state", "lamps take a LevelState")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        raise BadRequestError("bad_member", where=f"{where}.state.value", reason="not a whole number from 0 to 100")
    if command.rampToLevelTime or command.rampFromLevelTime:
        raise RefusedError(_TOO_MUCH, where, "lamps change their level at once")
    return value


def program_of_calendar(document: Any) -> str:
    """The id of the one program that a calendar names for every day.

    Raises:
        BadRequestError: not as the data model describes it.
        RefusedError: a calendar that means different programs on different days, or none.
    """
    calendar: Calendar = parse(Calendar, document)
    rules = calendar.rules or []
    for number, rule in enumerate(rules):
        where = f"rules.{number}"
        if rule.condition is not None:
            raise RefusedError(_TOO_MUCH, f"{where}.condition", "a schedule is the same on every day")
        if (rule.startDate or _YEAR[0], rule.endDate or _YEAR[1]) != _YEAR:
            raise RefusedError(_TOO_MUCH, f"{where}.startDate", "a schedule is the same all year")
    programs = list(dict.fromkeys([*(rule.program for rule in rules)] or [calendar.defaultProgram or ""]))
    if len(programs) > 1:
        raise RefusedError(_TOO_MUCH, "rules", "one program for each calendar: the first rule would hide the others")
    if not programs[0]:
        raise RefusedError("relatedResourceNotFound", "defaultProgram", "the calendar names no program")
    return programs[0]


def hours_of_calendars(calendars: Mapping[str, Any], programs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The hours of each calendar; every program is looked at, whether a calendar names it or not.

    Raises:
        BadRequestError: one is not as the data model describes it.
        RefusedError: one cannot be expressed, or names a program that is not there.
    """
    for name, documents, most in (("calendars", calendars, MOST_CALENDARS), ("programs", programs, MOST_PROGRAMS)):
        if len(documents) > most:
            raise RefusedError(_TOO_MUCH, name, f"more than {most}")
    hours = {program_id: hours_of_program(document) for program_id, document in programs.items()}
    found = {}
    for calendar_id, document in calendars.items():
        named = {program_of_calendar(document), document.get("defaultProgram")} - {None, ""}
        for program_id in named - hours.keys():
            reason = f"no control program {str(program_id)[:100]}"
            raise RefusedError("relatedResourceNotFound", f"calendars.{calendar_id[:100]}", reason)
        found[calendar_id] = hours[program_of_calendar(document)]
    return found
