"""The truth log: each fault with place, time, and when it was observable. One JSON line a fault."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from durable_files.whole_file import replace_file


@dataclass(slots=True, kw_only=True)
class Truth:
    """One fault or confounder as it was.

    Attributes:
        code: fault code or confounder.
        place: as it was injected.
        is_fault: False = a confounder, nothing may be raised because of it.
        cabinet_id, circuit, controller_id, bus, phase: where the place belongs; "" = none.
        span: (after, before) lamp ids around a break.
        lamp_ids: the lamps it takes with it.
        params: of the injection.
        start_us: when it began.
        end_us: when it was mended; None = it holds.
        observable_from_us: first sweep that showed it to a host; None = none did.
        observable_until_us: last one.
        longest_s: longest time on end for which sweeps showed it.
    """

    code: str
    place: str
    is_fault: bool
    cabinet_id: str
    circuit: str
    controller_id: str
    bus: str
    phase: str
    span: tuple[str, str] | None
    lamp_ids: tuple[str, ...]
    params: dict[str, Any]
    start_us: int
    end_us: int | None = None
    observable_from_us: int | None = None
    observable_until_us: int | None = None
    longest_s: float = 0.0


_TIMES = ("start", "end", "observable_from", "observable_until")
#: Fields that every line has, null where there is nothing to say; others are left out then.
_ALWAYS = frozenset({"code", "place", "span", "lamp_ids", "start", "end", "is_fault"})


def truth_line(truth: Truth) -> str:
    """One line of the log: times as ISO 8601 in UTC, places as ids; a null ``end`` = it holds, ``span`` = no break."""
    fields = asdict(truth)
    for name in _TIMES:
        at_us = fields.pop(f"{name}_us")
        fields[name] = None if at_us is None else datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()
    empty: tuple[object, ...] = (None, "", (), [], {})
    kept = {name: value for name, value in fields.items() if name in _ALWAYS or value not in empty}
    return json.dumps(kept, ensure_ascii=False)


def write_truth(path: Path, truths: Iterable[Truth]) -> None:
    """Write a log, oldest fault first, in one stroke: a reader never sees half of it."""
    ordered = sorted(truths, key=lambda truth: truth.start_us)
    replace_file(path, "".join(f"{truth_line(truth)}\n" for truth in ordered).encode(), is_synced=False)
