"""Control programs as schedules of Terang: what can be expressed, and what is refused by name. Pure.

A schedule is one night, from noon to noon: lamps go on at a time of day from noon on or by the sun, off in the morning,
or on the same evening at a time of day, and change their level at times of day in between. A level of 0 is off: so
several active periods of one night are one schedule, and so is a program without any whose controls switch the lamps
off before noon.

Most programs are the same schedule in every night, which then also follows the sun without any network. One that has
several levels by the sun, or ramps, is a schedule of times of day for one night alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.night_levels import DAY, OPERATIONS, Control, Sun, levels_of_night
from dashboard_api.neighbours.talq.program_model import (
    ActivePeriod,
    AstroClockTimeControl,
    Command,
    ControlProgram,
    ControlProgramOne,
    FixedTimeControl,
    parse,
)
from languages.message import Message, Plain

MOST_SWITCH_POINTS: Final = 90
MOST_PERIODS: Final = 24
_MOST_STEPS: Final = 96  # of a schedule
FURTHEST_FROM_SUN: Final = 180  # minutes
TOO_MUCH: Final = "serviceConstraintExceeded"
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d):[0-5]\d", re.ASCII)
_NOON: Final = "12:00"
_COMMAND: Final = "fixedTimeControls.command"
_LONGEST_RAMP_S: Final = 4 * 3600
Hours = dict[str, Any]  # `on`, `off` and `dim` as ``[schedule]`` has them
Step = tuple[str, int]  # from a time of day on, a level [%]


def hours_of_program(document: Any, sun: Sun | None = None) -> Hours:
    """The hours of a control program: for every night if they can be said so, else for the night of ``sun``.

    Raises:
        BadRequestError: not as the data model describes it.
        RefusedError: a program that no schedule can express; says what of it.
    """
    kind = parse(ControlProgram, document).type
    if kind != "ControlProgramOne":
        raise RefusedError(TOO_MUCH, "type", Message("value.choice", words=Plain("ControlProgramOne")))
    program: ControlProgramOne = parse(ControlProgramOne, document)
    if program.dynamicControls:
        raise RefusedError(TOO_MUCH, "dynamicControls", Message("talq.no_dynamic"))
    if len(program.activePeriods) > MOST_PERIODS:
        raise RefusedError(TOO_MUCH, "activePeriods", Message("value.many", n=MOST_PERIODS))
    for one in program.activePeriods:
        if one.name not in {"AbsoluteActivePeriod", "AstroClockActivePeriod"}:
            reason = Message("value.choice", words=Plain("AbsoluteActivePeriod, AstroClockActivePeriod"))
            raise RefusedError(TOO_MUCH, f"activePeriods.{one.name[:50]}", reason)
    try:
        return _of_every_night(program)
    except RefusedError:
        if sun is None:
            raise
        return _of_one_night(program, sun)


def _of_every_night(program: ControlProgramOne) -> Hours:
    if program.astroClockTimeControls:
        if program.fixedTimeControls:
            _steps(program.fixedTimeControls)  # they have no effect, and have to be right
        return _by_sun(program.activePeriods, program.astroClockTimeControls)
    steps = _steps(program.fixedTimeControls)
    if any(one.name == "AstroClockActivePeriod" for one in program.activePeriods):
        return {**_sun_period(program.activePeriods), "dim": _dims(steps)}
    spans = [_span(one) for one in program.activePeriods]
    if len(spans) == 1:
        on, off = spans[0]
        if on >= _NOON and not _NOON <= off <= on:  # it ends in the morning, or later on the same evening
            return {"on": on, "off": off, "dim": _dims(steps)}
    return _by_level(_levels(spans, steps))


def _of_one_night(program: ControlProgramOne, sun: Sun) -> Hours:
    """Hours of a program in a night whose sun is known, as times of day."""
    if program.fixedTimeControls or not program.astroClockTimeControls:
        _check_times(program.fixedTimeControls)
    fixed = [
        Control(
            _minute(_clock(one.startTime, "fixedTimeControls.startTime")), *_target(one.command, "fixedTimeControls")
        )
        for one in program.fixedTimeControls
    ]
    where = "astroClockTimeControls"
    by_sun = []
    for one in program.astroClockTimeControls or ():
        if one.operation not in OPERATIONS:
            reason = Message("value.choice", words=Plain(", ".join(sorted(OPERATIONS))))
            raise RefusedError(TOO_MUCH, f"{where}.operation", reason)
        minute = _minute_by_sun(sun, one.solarEventType, one.offset, where)
        level, ramp = _target(one.command, where)
        by_sun.append(Control(minute, level, ramp, one.operation))
    if len({one.minute for one in by_sun}) < len(by_sun):
        raise BadRequestError("bad_member", where=where, reason=Message("talq.same_minute"))
    periods = []
    for period in program.activePeriods:
        if period.name == "AstroClockActivePeriod":
            sunset, sunrise = _offsets(period)
            begin = _minute_by_sun(sun, "sunset", sunset, "activePeriods")
            periods.append((begin, _minute_by_sun(sun, "sunrise", sunrise, "activePeriods")))
        else:
            start, end = _span(period)
            periods.append((_minute(start), _minute(end)))

    def by_minute(controls: list[Control]) -> list[Control]:
        return sorted(controls, key=lambda one: one.minute)

    return _by_level(levels_of_night(by_minute(fixed), by_minute(by_sun), periods))


def _minute_by_sun(sun: Sun, event: str, offset: int, where: str) -> int:
    """Minutes from noon."""
    _sun(event, offset, where)
    return (sun.sunset if event == "sunset" else sun.sunrise) + offset


def _by_sun(periods: Sequence[ActivePeriod], controls: Sequence[AstroClockTimeControl]) -> Hours:
    """Hours of a program whose level is set at sunset and sunrise, whatever its fixed times say.

    A control holds up to the next one, so one alone sets the level of the whole night, and of two the one with level 0
    switches the lamps off.
    """
    where = "astroClockTimeControls"
    level = {"sunset": -1, "sunrise": -1}
    offset = {"sunset": -FURTHEST_FROM_SUN, "sunrise": FURTHEST_FROM_SUN}
    for one in controls:
        if one.operation != "Set":
            raise RefusedError(TOO_MUCH, f"{where}.operation", Message("value.choice", words=Plain("Set")))
        if level[one.solarEventType] >= 0:
            reason = Message("talq.two_by_the_sun", event=Plain(one.solarEventType))
            raise RefusedError(TOO_MUCH, where, reason)
        _sun(one.solarEventType, one.offset, where)
        level[one.solarEventType], offset[one.solarEventType] = _level(one.command, where), one.offset
    if any(one.name == "AbsoluteActivePeriod" for one in periods):
        raise RefusedError(TOO_MUCH, where, Message("talq.times_alone"))
    if len(controls) == 1:
        (night,) = (found for found in level.values() if found >= 0)
        return {**_sun_period(periods), "dim": _dims([(_NOON, night)])}
    sun = _sun_offsets(periods) if periods else (-FURTHEST_FROM_SUN, FURTHEST_FROM_SUN)
    is_whole_night = offset["sunset"] <= sun[0] and offset["sunrise"] >= sun[1]
    if level["sunrise"] != 0 and not (periods and is_whole_night):
        reason = Message("talq.lit_by_day")
        raise RefusedError(TOO_MUCH, where, reason)
    on = _sun("sunset", max(offset["sunset"], sun[0]), where)
    off = _sun("sunrise", min(offset["sunrise"], sun[1]), where)
    return {"on": on, "off": off, "dim": _dims([(_NOON, level["sunset"])])}


def _sun_offsets(periods: Sequence[ActivePeriod]) -> tuple[int, int]:
    """Minutes from sunset to on, and from sunrise to off, of the one period by the sun."""
    if len(periods) != 1:
        reason = Message("talq.period_alone") if periods else Message("talq.burn_all_day")
        raise RefusedError(TOO_MUCH, "activePeriods", reason)
    return _offsets(periods[0])


def _offsets(period: ActivePeriod) -> tuple[int, int]:
    found = []
    for event, offset in (("sunset", period.sunsetOffset), ("sunrise", period.sunriseOffset)):
        where = f"activePeriods.{period.name}.{event}Offset"
        if offset is None:
            raise BadRequestError("bad_member", where=where, reason=Message("value.missing"))
        _sun(event, offset, where)
        found.append(offset)
    return found[0], found[1]


def _sun_period(periods: Sequence[ActivePeriod]) -> dict[str, str]:
    sunset, sunrise = _sun_offsets(periods)
    return {"on": _sun("sunset", sunset, ""), "off": _sun("sunrise", sunrise, "")}


def _sun(event: str, offset: int, where: str) -> str:
    if abs(offset) > FURTHEST_FROM_SUN:
        raise RefusedError(TOO_MUCH, where, Message("talq.far_from_sun", most=FURTHEST_FROM_SUN, event=Plain(event)))
    return event if offset == 0 else f"{event}{offset:+d}m"


def _span(one: ActivePeriod) -> tuple[str, str]:
    where = f"activePeriods.{one.name}"
    return _clock(one.startTime, f"{where}.startTime"), _clock(one.endTime, f"{where}.endTime")


def _clock(text: str | None, where: str) -> str:
    match = _TIME.fullmatch(text or "")
    if match is None:
        raise BadRequestError("bad_member", where=where, reason=Message("talq.clock"))
    return f"{match[1]}:{match[2]}"  # programSecondsSupported is false: seconds are not looked at


def _steps(controls: Sequence[FixedTimeControl]) -> list[Step]:
    """The steps of a night, from noon on, the first of them at noon.

    Before its first control a program holds the level of its last one, of the day before; a schedule begins at 100 %.
    """
    times = _check_times(controls)
    steps = [(time, _level(one.command, _COMMAND)) for time, one in zip(times, controls, strict=True)]
    steps.sort(key=lambda step: (step[0] < _NOON, step[0]))
    return steps if steps[0][0] == _NOON else [(_NOON, steps[-1][1]), *steps]


def _check_times(controls: Sequence[FixedTimeControl]) -> list[str]:
    where = "fixedTimeControls"
    if not controls:
        raise RefusedError(TOO_MUCH, where, Message("talq.no_level"))
    if len(controls) > MOST_SWITCH_POINTS:
        raise RefusedError(TOO_MUCH, where, Message("value.many", n=MOST_SWITCH_POINTS))
    times = [_clock(one.startTime, f"{where}.startTime") for one in controls]
    if len(set(times)) < len(times):
        raise BadRequestError("bad_member", where=where, reason=Message("talq.same_minute"))
    from_noon = [(time < _NOON, time) for time in times]
    if sorted(times) != times and sorted(from_noon) != from_noon:
        raise BadRequestError("bad_member", where=where, reason=Message("talq.order_of_times"))
    return times


def _dims(steps: Sequence[Step]) -> list[dict[str, Any]]:
    is_said = len(steps) > 1 and steps[0] == (_NOON, 100)  # a schedule begins so
    return [{"at": time, "level": level} for time, level in (steps[1:] if is_said else steps)]


def _level(command: Command, where: str) -> int:
    level, ramp = _target(command, where)
    if ramp:
        raise RefusedError(TOO_MUCH, where, Message("talq.no_ramp"))
    return level


def _target(command: Command, where: str) -> tuple[int, int]:
    """The level that a command ends at, and the minutes that it takes to it; seconds are not looked at."""
    value = command.state.value
    if command.state.name != "LevelState":
        raise RefusedError(TOO_MUCH, f"{where}.state", Message("talq.level_state"))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 100:
        reason = Message("value.whole_within", least=0, most=100)
        raise BadRequestError("bad_member", where=f"{where}.state.value", reason=reason)
    if command.rampFromLevelTime:
        raise RefusedError(TOO_MUCH, f"{where}.rampFromLevelTime", Message("talq.not_taken_back"))
    ramp_s = command.rampToLevelTime or 0
    if not 0 <= ramp_s < _LONGEST_RAMP_S:  # also of what is no number
        reason = Message("value.whole_within", least=0, most=_LONGEST_RAMP_S)
        raise RefusedError(TOO_MUCH, f"{where}.rampToLevelTime", reason)
    return value, int(ramp_s // 60)


def _levels(spans: Sequence[tuple[str, str]], steps: Sequence[Step]) -> list[int]:
    """The level at each minute from noon on, (1440,): that of the controls while a period lasts, else 0."""
    changes = [*((_minute(time), level) for time, level in steps), (DAY, 0)]
    found = [level for (begin, level), (end, _next) in pairwise(changes) for _ in range(begin, end)]
    if not spans:  # active during the whole day
        return found
    is_active = bytearray(DAY)
    for start, end in spans:
        begin, length = _minute(start), (_minute(end) - _minute(start)) % DAY or DAY
        for minute in range(begin, begin + length):
            is_active[minute % DAY] = 1
    return [level if active else 0 for level, active in zip(found, is_active, strict=True)]


def _by_level(levels: Sequence[int]) -> Hours:
    """Hours from the levels of a day's minutes; lamps burn neither before nor after noon."""
    if levels[0] or levels[-1]:
        raise RefusedError(TOO_MUCH, "activePeriods", Message("talq.burn_at_noon"))
    lit = [minute for minute, level in enumerate(levels) if level]
    on, off = (lit[0], lit[-1] + 1) if lit else (0, 1)
    if _time(on) < _NOON:  # a schedule's night begins in the evening: with level 0, which is off
        on = 0
    steps = [(_time(on), levels[on])]
    steps += [(_time(minute), levels[minute]) for minute in range(on + 1, off) if levels[minute] != levels[minute - 1]]
    if len(steps) > _MOST_STEPS:
        raise RefusedError(TOO_MUCH, "activePeriods", Message("talq.many_steps", most=_MOST_STEPS))
    return {"on": _time(on), "off": _time(off), "dim": [{"at": time, "level": level} for time, level in steps]}


def _minute(time: str) -> int:
    """Minutes from noon."""
    return (int(time[:2]) * 60 + int(time[3:]) - 720) % DAY


def _time(minute: int) -> str:
    hour, rest = divmod((minute + 720) % DAY, 60)
    return f"{hour:02d}:{rest:02d}"
