"""Whether one city's ingest is ready, and what a person should look at.

Reasons and warnings are messages: codes with parameters, put into words by who shows them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from languages.message import Message

LONGEST_ROUND_S: Final = 15.0  # of the loop, until it counts as standing still


class Readiness:
    """The reasons for not being ready, by part; empty = ready. Warnings do not affect readiness."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Not ready until every part has said so."""
        self._monotonic = monotonic
        self._reasons: dict[str, Message] = {"start": Message("readiness.starting")}
        self._warnings: dict[str, Message] = {}
        self._turned_at: float | None = None

    def turned(self) -> None:
        """The loop has begun another round; from the first one on, it is expected to go on."""
        self._turned_at = self._monotonic()

    def ended(self) -> None:
        """The loop turns no more, and is not expected to."""
        self._turned_at = None

    def set(self, part: str, reason: Message | None) -> None:
        """A part is ready (None) or says why it is not."""
        if reason is None:
            self._reasons.pop(part, None)
        else:
            self._reasons[part] = reason

    def reasons(self) -> dict[str, Message]:
        """The reasons for not being ready, by part."""
        reasons, turned_at = dict(self._reasons), self._turned_at
        if turned_at is not None and (stood_s := self._monotonic() - turned_at) > LONGEST_ROUND_S:
            reasons["loop"] = Message("readiness.standing", seconds=round(stood_s))
        return reasons

    def warn(self, part: str, warning: Message | None) -> None:
        """A part says what a person should look at although intake goes on, or that there is nothing (None)."""
        if warning is None:
            self._warnings.pop(part, None)
        else:
            self._warnings[part] = warning

    def warnings(self) -> dict[str, Message]:
        """What a person should look at, by part."""
        return dict(self._warnings)
