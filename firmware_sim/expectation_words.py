"""When an injected fault will be told, in words for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from languages.catalogue import Catalogue


def when_lines(told: Mapping[str, Any], timezone: str, words: Catalogue) -> list[str]:
    """Lines about an injection as the simulation's control socket tells it; ``timezone`` is the town's.

    The first says when the fault is told, or why it is not; a second one names a quicker one where this one is slow.
    """
    if "reason" not in told:
        return []
    if told["told_at_us"] is None:
        lines = [words.say(f"inject.never.{told['reason']}")]
    else:
        wait = _duration(told["told_at_us"] - told["now_us"], words)
        lines = [words.say(f"inject.when.{told['reason']}", time=_clock(told["told_at_us"], timezone), wait=wait)]
    if told.get("quicker"):
        wait = _duration(told["quicker_at_us"] - told["now_us"], words)
        lines.append(words.say("inject.quicker", code=told["quicker"], place=told["place"], wait=wait))
    return lines


def _clock(at_us: int, timezone: str) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(ZoneInfo(timezone)):%H:%M:%S}"


def _duration(span_us: int, words: Catalogue) -> str:
    seconds = max(0, round(span_us / 1e6))
    if seconds < 120:
        return words.say("inject.seconds", n=seconds)
    if seconds < 7200:
        return words.say("inject.minutes", n=round(seconds / 60))
    return words.say("inject.hours", n=round(seconds / 3600))
