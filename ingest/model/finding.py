"""What detection says and the fault book keeps: conditions that were confirmed, changed or cleared.

Pure data between ``ingest.detection`` (which judges and explains) and ``ingest.faultbook`` (which keeps them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a condition holds: the ids that name it. Together with the code it is the key of one fault.

    A lamp's place is its ``lamp_id`` alone; a circuit's is ``cabinet_id`` and ``circuit``; a cable's adds
    ``span_after`` (the last lamp alive, None = none); a bus's is ``controller_id`` and ``bus``; a cabinet's and a
    controller's are their own id. A dead phase adds ``phase``.
    """

    lamp_id: str | None = None
    cabinet_id: str | None = None
    circuit: str | None = None
    controller_id: str | None = None
    bus: str | None = None
    span_after: str | None = None
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Names one condition: a code at a place."""

    code: str
    place: Place


@dataclass(frozen=True, slots=True)
class Raised:
    """A condition was confirmed, or is confirmed still with new evidence, extent or cause.

    Attributes:
        key: the condition.
        at_us: time of the confirming sample (UTC microseconds).
        since_us: onset, the first sample of the confirmed run.
        lamp_ids: every lamp it takes with it, in order along the cable where there is one.
        evidence: JSON values, each measured quantity beside its expectation; without ``since``.
        span: nearest metered lamps on both sides of a broken cable: (after, before).
        cause: the condition that explains it, if any: kept, not shown.
    """

    key: Key
    at_us: int
    since_us: int
    lamp_ids: tuple[str, ...]
    evidence: Mapping[str, Any]
    span: tuple[str, str] | None = None
    cause: Key | None = None


@dataclass(frozen=True, slots=True)
class Cleared:
    """A condition holds no more.

    Attributes:
        key: the condition.
        at_us: time of the clearing sample.
        is_proof: the samples prove it healthy (lit again), rather than merely end the verdict (e.g. a new register).
        evidence: what was measured at the end.
        reason: why it was closed, as `timeline.…` says it; None = what `is_proof` and the fault's state tell.
    """

    key: Key
    at_us: int
    is_proof: bool = True
    evidence: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StillFailing:
    """A lamp that should have been proved healthy after a claimed repair had its lit period and is dark still."""

    key: Key
    at_us: int
    evidence: Mapping[str, Any] = field(default_factory=dict)


Change = Raised | Cleared | StillFailing
