"""What was really wrong, where and when, and what a right answer may look like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a fault sits; None where the level does not name it. `lamp_ids` of a bus fault stay empty: any will do."""

    cabinet_id: str
    circuit: str | None = None
    lamp_id: str | None = None
    phase: str | None = None
    bus: str | None = None


@dataclass(frozen=True)
class Injected:
    """One thing that was done to a cabinet.

    `code` is the right answer at `place` (None: a confounder, where nothing is right but `excused`). `ready_s` is the
    time of the first sweep that could confirm it, None = it need not be found. `also` are other codes that are as right
    at that place or at any of `lamp_ids` while it lasts, because the catalogue leaves it open or calls it ambiguous.
    """

    situation: str
    code: str | None
    place: Place
    begin_s: float
    end_s: float
    ready_s: float | None
    sweep_s: int
    lamp_ids: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    instead: frozenset[str] = frozenset()
    span: tuple[str, str] | None = None
    note: str = ""
