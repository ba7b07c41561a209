"""One fault as the book holds it, and one entry of its timeline. Pure data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ingest.model.finding import Key, Place


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a fault stands, for people who drive there."""

    cabinet_id: str | None = None
    controller_id: str | None = None
    bus: str | None = None
    circuit: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    street: str | None = None
    district: str | None = None
    road_class: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; every change makes a new one with ``version`` + 1.

    Attributes:
        judged_at_us: data time of detection's newest word on it; an older word changes nothing.
        evidence: as detection gave it, with ``since``, without ``priority``.
        priority_reasons: ``evidence.priority`` of the contract.
    """

    id: str
    key: Key
    state: str
    opened_at_us: int
    updated_at_us: int
    judged_at_us: int
    spot: Spot
    lamp_ids: tuple[str, ...]
    evidence: Mapping[str, Any]
    span: tuple[str, str] | None = None
    caused_by: str | None = None
    closed_at_us: int | None = None
    is_verified: bool = False
    assignee: str | None = None
    priority: int = 0
    priority_reasons: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a fault's timeline, written together with the change it tells of."""

    fault_id: str
    at_us: int
    kind: str
    state: str
    version: int
    data: Mapping[str, Any] = field(default_factory=dict)


def key_text(key: Key) -> str:
    """The key as the ``place`` column holds it; ``parse_key`` reads it back."""
    place = {name: value for name, value in asdict(key.place).items() if value is not None}
    return json.dumps([key.code, place], separators=(",", ":"), ensure_ascii=False)


def parse_key(text: str) -> Key:
    """The key of a ``place`` column."""
    code, place = json.loads(text)
    return Key(code, Place(**place))
