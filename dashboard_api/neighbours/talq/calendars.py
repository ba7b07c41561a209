"""Calendars as schedules of Terang: which program is in force, and that it is the same one on every day. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.program_model import Calendar, Rule, parse
from dashboard_api.neighbours.talq.programs import TOO_MUCH, hours_of_program
from languages.message import Message

MOST_PROGRAMS: Final = 100
MOST_CALENDARS: Final = 100
_YEAR: Final = ("--01-01", "--12-31")
_MISSING: Final = "relatedResourceNotFound"


def hours_of_calendars(calendars: Mapping[str, Any], programs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The hours of each calendar; every program is looked at, whether a calendar names it or not.

    Raises:
        BadRequestError: one is not as the data model describes it.
        RefusedError: one cannot be expressed, or names a program that is not there.
    """
    for name, documents, most in (("calendars", calendars, MOST_CALENDARS), ("programs", programs, MOST_PROGRAMS)):
        if len(documents) > most:
            raise RefusedError(TOO_MUCH, name, Message("value.many", n=most))
    hours = {program_id: hours_of_program(document) for program_id, document in programs.items()}
    return {calendar_id: _hours(parse(Calendar, document), hours) for calendar_id, document in calendars.items()}


def _hours(calendar: Calendar, hours: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The hours that hold on every day: all programs that may be in force have the same."""
    rules = calendar.rules or []
    named = {*(rule.program for rule in rules), calendar.defaultProgram} - {None, ""}
    for program_id in sorted(str(one) for one in named - hours.keys()):
        raise RefusedError(_MISSING, f"calendars.{calendar.id[:100]}", Message("talq.no_program", address=program_id))
    found: dict[str, Any] | None = None
    for number, rule in enumerate(rules):
        found = _same(found, hours[rule.program], f"rules.{number}", rules)
        if _holds_always(rule):
            return found  # whatever stands behind it has a lower priority
    if not calendar.defaultProgram:
        if not rules:
            raise RefusedError(_MISSING, "defaultProgram", Message("talq.names_no_program"))
        raise RefusedError(_MISSING, "defaultProgram", Message("talq.names_no_program_on_some"))
    return _same(found, hours[calendar.defaultProgram], "defaultProgram", rules)


def _holds_always(rule: Rule) -> bool:
    return rule.condition is None and (rule.startDate or _YEAR[0], rule.endDate or _YEAR[1]) == _YEAR


def _same(before: dict[str, Any] | None, hours: dict[str, Any], where: str, rules: list[Rule]) -> dict[str, Any]:
    if before is None or before == hours:
        return hours
    for number, rule in enumerate(rules):  # name what tells the days apart
        if rule.condition is not None:
            raise RefusedError(TOO_MUCH, f"rules.{number}.condition", Message("talq.other_days"))
        if not _holds_always(rule):
            raise RefusedError(TOO_MUCH, f"rules.{number}.startDate", Message("talq.other_season"))
    raise RefusedError(TOO_MUCH, where, Message("talq.other_days"))
