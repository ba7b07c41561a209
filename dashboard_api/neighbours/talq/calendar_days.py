"""On which nights a calendar's rule holds. Pure.

A day goes from noon to noon (``dayOffset`` 12) and has the date of its first noon.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date
from typing import Final

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq.program_model import Calendar, Condition, Rule
from languages.message import Message

_YEARLY: Final = re.compile(r"--(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", re.ASCII)
_MONTHLY: Final = re.compile(r"---(0[1-9]|[12]\d|3[01])", re.ASCII)
_WHOLE_YEAR: Final = ("--01-01", "--12-31")


def program_of_night(calendar: Calendar, night: date) -> str | None:
    """The program in force in a night: of the first rule that holds, else the default one; None = none."""
    for rule in calendar.rules or ():
        if holds(rule, night):
            return rule.program
    return calendar.defaultProgram or None


def holds(rule: Rule, night: date) -> bool:
    """Whether a rule holds in a night."""
    return _is_between(rule, night) and (rule.condition is None or _is_met(rule.condition, night))


def holds_always(rule: Rule) -> bool:
    """Whether a rule holds in every night."""
    return rule.condition is None and (rule.startDate or _WHOLE_YEAR[0], rule.endDate or _WHOLE_YEAR[1]) == _WHOLE_YEAR


def check_rules(calendar: Calendar) -> None:
    """Look at the dates and conditions of all rules, whether they come into force or not.

    Raises:
        BadRequestError: one is not as the data model describes it; says where.
    """
    for number, rule in enumerate(calendar.rules or ()):
        for name, text in (("startDate", rule.startDate), ("endDate", rule.endDate)):
            if text is not None and _YEARLY.fullmatch(text) is None and _date(text) is None:
                _bad(f"rules.{number}.{name}", Message("talq.day_of_year"))
        if rule.condition is not None:
            _check_condition(rule.condition, f"rules.{number}.condition")


def _check_condition(condition: Condition, where: str) -> None:
    if condition.type == "ccDay":
        if condition.days is None:
            _bad(f"{where}.days", Message("value.missing"))
        for span in condition.days or ():
            if span.end is not None and span.end <= span.start:
                _bad(f"{where}.days.end", Message("talq.not_after_start"))
        return
    if condition.dates is None:
        _bad(f"{where}.dates", Message("value.missing"))
    for dates in condition.dates or ():
        kinds = {_kind(text) for text in (dates.start, dates.end) if text is not None}
        if None in kinds or len(kinds) > 1:
            _bad(f"{where}.dates", Message("talq.dates"))
        if dates.end is not None and dates.end <= dates.start:
            _bad(f"{where}.dates.end", Message("talq.not_after_start"))


def _bad(where: str, reason: Message) -> None:
    raise BadRequestError("bad_member", where=where, reason=reason)


def _kind(text: str) -> str | None:
    return "yearly" if _YEARLY.fullmatch(text) else "monthly" if _MONTHLY.fullmatch(text) else None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2026-12-31") else None
    except ValueError:
        return None


def _is_between(rule: Rule, night: date) -> bool:
    start, end = rule.startDate or _WHOLE_YEAR[0], rule.endDate or _WHOLE_YEAR[1]
    of_year = night.strftime("--%m-%d")
    first, last = _date(start), _date(end)
    if first is None and last is None and start > end:  # over the new year
        return of_year >= start or of_year <= end
    is_begun = night >= first if first is not None else of_year >= start
    is_over = night > last if last is not None else of_year > end
    if first is not None and rule.endDate is None:  # without an end it holds for good
        is_over = False
    return is_begun and not is_over


def _is_met(condition: Condition, night: date) -> bool:
    if condition.type == "ccDay":
        days = condition.days or ()
        if not any(one.start <= night.isoweekday() <= (one.end or one.start) for one in days):
            return False
        return not condition.occurrences or bool(_occurrences(night) & set(condition.occurrences))
    of_month, of_year = night.strftime("---%d"), night.strftime("--%m-%d")
    for one in condition.dates or ():
        day = of_month if _MONTHLY.fullmatch(one.start) else of_year
        if one.start <= day <= (one.end or one.start):
            return True
    return False


def _occurrences(night: date) -> set[str]:
    """Which Monday (Tuesday, …) of its month a day is: its number, and ``L`` for the last one."""
    is_last = night.day + 7 > monthrange(night.year, night.month)[1]
    return {str((night.day + 6) // 7), *(("L",) if is_last else ())}
