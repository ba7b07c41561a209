"""Terminal messages on when an injected fault will be reported."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from languages.catalogue import Catalogue


def when_lines(described: Mapping[str, Any], timezone: str, words: Catalogue) -> list[str]:
    """Lines about an injection as the simulation's control socket reports it; ``timezone`` is the town's.

    The first says when the fault is reported, or why it is not; if that takes long, a second one names a quicker one.
    """
    if "reason" not in described:
        return []
    if described["told_at_us"] is None:
        lines = [words.say(f"inject.never.{described['reason']}")]
    else:
        wait = _duration(described["told_at_us"] - described["now_us"], words)
        lines = [
            words.say(f"inject.when.{described['reason']}", time=_clock(described["told_at_us"], timezone), wait=wait)
        ]
    if described.get("quicker"):
        wait = _duration(described["quicker_at_us"] - described["now_us"], words)
        lines.append(words.say("inject.quicker", code=described["quicker"], place=described["place"], wait=wait))
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
