"""The latest time that is believed of births, deaths and records within one tick.

By the system clock that is a day after now. Data time stands still while nothing is received: after two nights without
ingest, or without a network, every agent's clock is days ahead of it and right. There a later time is believed as soon
as most controllers claim one, so that a single wrong clock moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final

from edge_agent.wire import NBIRTH, NDATA
from ingest.decode.birth import Session
from ingest.decode.protobuf_fields import VARINT, BrokenError, fields, varint
from ingest.decode.record import LATEST_US, MAX_MS, US_PER_MS
from ingest.mqtt.connection import MqttMessage

EARLIEST_NOW_US: Final = 1_767_225_600_000_000  # 2026: a system clock that shows less has not been set
_DAY_US: Final = 86_400_000_000
_TIMESTAMP_FIELD: Final = 1  # of a Sparkplug payload, its first


class TimeLimit:
    """The limit of one tick; asked only for times that are beyond it, which costs nothing otherwise."""

    def __init__(self, now_us: int | None, claims: Callable[[int], Sequence[int]] | None = None) -> None:
        """Believe up to a day after now.

        Args:
            now_us: None = not known: any time may be.
            claims: the newest time that each controller claims, microseconds, by the limit so far; None = now is what
                the system clock says.
        """
        self._latest_us = LATEST_US if now_us is None else min(LATEST_US, now_us + _DAY_US)
        self._claims = claims

    def latest_us(self, at_us: int) -> int:
        """No record is believed that claims to be of this time or later, given that one claims ``at_us``."""
        if at_us >= self._latest_us and self._claims is not None:
            claims, self._claims = sorted(self._claims(self._latest_us)), None
            if claims:
                middle_us = claims[(len(claims) - 1) // 2]  # at least half of them claim this or more
                self._latest_us = min(LATEST_US, max(self._latest_us, middle_us + _DAY_US))
        return self._latest_us


def claimed_times(
    sessions: Iterable[Session], messages: Sequence[MqttMessage], topic_head: str, limit_us: int
) -> list[int]:
    """The newest time that each controller claims: by its session so far, or by its messages of this tick.

    One without a live record says nothing while its birth is of an earlier time: an agent may repeat its last values.

    Args:
        sessions: of the register's controllers.
        messages: the tick's.
        topic_head: what the topics of the group begin with, with a slash at the end.
        limit_us: a later time is what is claimed.
    """
    newest: dict[str, int] = {}
    silent = set()
    for one in sessions:
        newest[one.controller_id] = max(min(one.at_ms, MAX_MS) * US_PER_MS, one.last_at_us)
        if not one.last_at_us:
            silent.add(one.controller_id)
    for topic, payload in messages:
        kind, _, node = topic.removeprefix(topic_head).partition("/")
        if kind in {NBIRTH, NDATA} and node in newest:
            newest[node] = max(newest[node], _timestamp_us(payload))
    return [at_us for node, at_us in newest.items() if at_us >= limit_us or node not in silent]


def _timestamp_us(payload: bytes) -> int:
    """The time in front of a payload, microseconds; 0 = there is none."""
    try:
        for field in islice(fields(payload, 0, len(payload)), 1):
            if field.number == _TIMESTAMP_FIELD and field.wire_type == VARINT:
                value, _ = varint(payload, field.start, field.end)
                return value * US_PER_MS if value < MAX_MS else 0
    except BrokenError:
        pass
    return 0
