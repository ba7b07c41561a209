"""What the lamp rules say of one lamp, and a rule's confirm and clear times in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.detection.memory.debounce import Confirm
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.rules import Detector


@dataclass(frozen=True, slots=True)
class LampVerdict:
    """One lamp's rule opened (with evidence) or cleared; ``is_renewal``: it stands, and its evidence is another one."""

    detector: Detector
    lamp: int
    is_opened: bool
    at_s: int
    since_s: int
    evidence: dict[str, Any]
    is_renewal: bool = False


def confirm_of(detector: Detector, table: LimitTable) -> Confirm:
    """A detector's confirm and clear rule in numbers."""

    def number(limit: str | int) -> float:
        return table.scalar(limit) if isinstance(limit, str) else float(limit)

    samples = int(number(detector.samples)) - detector.is_repetition
    return Confirm(
        samples, number(detector.seconds), int(number(detector.clear_samples)), number(detector.clear_seconds)
    )
