"""Calendars as schedules of Terang: which program is in force in a night. Pure.

A schedule is the same in every night. Where a calendar has other hours in some nights, the controllers that follow it
are sent the night's schedule at noon (`nights`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from dashboard_api.neighbours.talq.calendar_days import check_rules, holds_always, program_of_night
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.night_levels import Sun
from dashboard_api.neighbours.talq.program_model import Calendar, parse
from dashboard_api.neighbours.talq.programs import TOO_MUCH, Hours, hours_of_program
from languages.message import Message

MOST_PROGRAMS: Final = 100
MOST_CALENDARS: Final = 100
_MISSING: Final = "relatedResourceNotFound"


@dataclass(frozen=True, slots=True)
class Night:
    """A night: the date of its evening, and its sun where the city's place is known."""

    evening: date
    sun: Sun | None = None


def hours_of_calendars(calendars: Mapping[str, Any], programs: Mapping[str, Any], night: Night) -> dict[str, Hours]:
    """The hours of each calendar in a night; every program is looked at, whether a calendar names it or not.

    Raises:
        BadRequestError: one is not as the data model describes it.
        RefusedError: one cannot be expressed, or names a program that is not there.
    """
    for name, documents, most in (("calendars", calendars, MOST_CALENDARS), ("programs", programs, MOST_PROGRAMS)):
        if len(documents) > most:
            raise RefusedError(TOO_MUCH, name, Message("value.many", n=most))
    hours = {program_id: hours_of_program(document, night.sun) for program_id, document in programs.items()}
    found = {}
    for calendar_id, document in calendars.items():
        calendar: Calendar = parse(Calendar, document)
        check_rules(calendar)
        _check_programs(calendar, hours)
        found[calendar_id] = hours[str(program_of_night(calendar, night.evening))]
    return found


def hours_of_calendar(document: Any, programs: Mapping[str, Any], night: Night) -> Hours:
    """The hours of one calendar in a night; only the program in force is looked at.

    Raises:
        BadRequestError: not as the data model describes it.
        RefusedError: it cannot be expressed in this night.
    """
    program_id = program_of_night(parse(Calendar, document), night.evening)
    if program_id is None or program_id not in programs:
        raise RefusedError(_MISSING, "calendars", Message("talq.no_program", address=str(program_id)[:100]))
    return hours_of_program(programs[program_id], night.sun)


def _check_programs(calendar: Calendar, known: Mapping[str, Any]) -> None:
    rules = calendar.rules or []
    named = {*(rule.program for rule in rules), calendar.defaultProgram} - {None, ""}
    for program_id in sorted(str(one) for one in named - known.keys()):
        reason = Message("talq.no_program", address=program_id[:100])
        raise RefusedError(_MISSING, f"calendars.{calendar.id[:100]}", reason)
    if not calendar.defaultProgram and not any(holds_always(rule) for rule in rules):
        reason = Message("talq.names_no_program_on_some") if rules else Message("talq.names_no_program")
        raise RefusedError(_MISSING, "defaultProgram", reason)
