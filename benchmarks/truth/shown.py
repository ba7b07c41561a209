"""What the fault book showed, and when: read from the timeline in the database alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text

from firmware_sim.truth import Truth


@dataclass(slots=True)
class Shown:
    """One stretch of one fault during which it was open; ``shown_us`` = when a list first had it, None = never."""

    fault_id: str
    code: str
    place: dict[str, str]
    opened_us: int
    lamp_ids: tuple[str, ...]
    span: tuple[str, str] | None
    evidence: dict[str, Any]  # the newest
    told: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # as it was said, with its times
    closed_us: int | None = None
    shown_us: int | None = None
    causes: list[str] = field(default_factory=list)
    truth: Truth | None = None


def read_shown(engine: Engine) -> list[Shown]:
    """Every open stretch of every fault, from the timeline."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, place, lamp_ids, span_after, span_before, evidence FROM faults"))
        faults = {row[0]: row for row in rows}
        events = list(connection.execute(text("SELECT fault_id, at_us, kind, data FROM fault_events ORDER BY seq")))
    shown: list[Shown] = []
    now: dict[str, Shown] = {}
    for fault_id, at_us, kind, data in events:
        if kind in {"opened", "reopened"}:
            _, place, lamp_ids, after, before, evidence = faults[fault_id]
            code, where = json.loads(place)
            span = (after, before) if after else None
            stretch = Shown(fault_id, code, where, at_us, tuple(json.loads(lamp_ids)), span, json.loads(evidence))
            now[fault_id] = stretch
            shown.append(stretch)
            cause = json.loads(data).get("caused_by")
            _explain(stretch, cause, at_us)
        if fault_id in now and kind != "closed" and "evidence" in (said := json.loads(data)):
            now[fault_id].told.append((at_us, said["evidence"]))
        if fault_id in now and kind not in {"opened", "reopened"}:
            if kind == "suppressed":
                stretch = now[fault_id]
                stretch.causes.append(json.loads(data)["caused_by"])
                if stretch.shown_us == at_us:  # explained in the same breath: no list ever had it
                    stretch.shown_us = None
            elif kind == "unsuppressed":
                _explain(now[fault_id], None, at_us)
            elif kind == "closed":
                now.pop(fault_id).closed_us = at_us
    return shown


def _explain(stretch: Shown, cause: str | None, at_us: int) -> None:
    if cause:
        stretch.causes.append(cause)
    elif stretch.shown_us is None:
        stretch.shown_us = at_us
