"""From the timeline of faults to TALQ's event logs: which events began and ended at which lamps. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.formats.times import iso
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import address_of_lamp
from dashboard_api.neighbours.talq.loggers import Logger
from dashboard_api.store.talq_reports import FaultStep, Told
from ingest.schema import life

ENTRIES: Final = 1000  # of one report
_SUPPRESSING: Final = {life.EVENT_SUPPRESSED: True, life.EVENT_UNSUPPRESSED: False}
Event = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """The beginning or end of an event at a lamp."""

    lamp_id: str
    event: Event
    at_us: int
    is_start: bool

    def document(self, group: str) -> dict[str, Any]:
        """As an entry of a log report."""
        function, event = self.event
        data = {
            "type": "EventLogData",
            "srcAddress": f"{address_of_lamp(group, self.lamp_id)}/{function}",
            "timestamp": iso(self.at_us),
            "eventType": event,
            "startEndFlag": self.is_start,
        }
        return {"data": data}


class EventLog:
    """What a management system was told of standing events, and what is to be told next."""

    def __init__(self, told: Mapping[str, Told]) -> None:
        """``told``: fault id -> its code and the lamps at which it stands, as was told."""
        self.told = dict(told)
        self._n_at: Counter[tuple[Event, str]] = Counter()
        for one in told.values():
            self._n_at.update((mapping.EVENT_OF[one.code], lamp_id) for lamp_id in one.lamp_ids if is_told(one.code))

    def take(self, steps: Iterable[FaultStep]) -> Iterator[Entry]:
        """The entries that steps of faults make; a lamp at which two faults tell one event begins and ends it once."""
        by_fault: dict[str, list[FaultStep]] = {}
        for step in steps:
            if is_told(step.code):
                by_fault.setdefault(step.fault_id, []).append(step)
        moves = [move for fault_steps in by_fault.values() for move in self._moves(fault_steps)]
        for step, lamp_ids in sorted(moves, key=lambda move: move[0].seq):
            yield from self._move(step, lamp_ids)

    def _moves(self, steps: Sequence[FaultStep]) -> Iterator[tuple[FaultStep, tuple[str, ...]]]:
        """At which lamps a fault stands after each of its steps; the lamps are those that it has now."""
        named = [_SUPPRESSING[step.kind] for step in steps if step.kind in _SUPPRESSING]
        is_suppressed = not named[0] if named else steps[0].is_caused
        for step in steps:
            is_suppressed = _SUPPRESSING.get(step.kind, is_suppressed)
            yield step, () if step.state == life.CLOSED or is_suppressed else step.lamp_ids

    def _move(self, step: FaultStep, lamp_ids: Collection[str]) -> Iterator[Entry]:
        event = mapping.EVENT_OF[step.code]
        before = self.told[step.fault_id].lamp_ids if step.fault_id in self.told else ()
        known, now = set(before), set(lamp_ids)
        for lamp_id in before:
            if lamp_id not in now:
                self._n_at[event, lamp_id] -= 1
                if self._n_at[event, lamp_id] == 0:
                    yield Entry(lamp_id, event, step.at_us, is_start=False)
        for lamp_id in dict.fromkeys(lamp_ids):
            if lamp_id not in known:
                self._n_at[event, lamp_id] += 1
                if self._n_at[event, lamp_id] == 1:
                    yield Entry(lamp_id, event, step.at_us, is_start=True)
        if now:
            self.told[step.fault_id] = Told(step.code, tuple(dict.fromkeys(lamp_ids)))
        else:
            self.told.pop(step.fault_id, None)


def is_told(code: str) -> bool:
    """Whether TALQ has an event for a fault code."""
    return code in mapping.EVENT_OF


def report_bodies(entries: Sequence[Entry], group: str, loggers: Iterable[Logger] = ()) -> list[str]:
    """Log reports of at most ``ENTRIES`` entries each: of the gateway's own logger, and of others."""
    documents = [(address_of_lamp(group, one.lamp_id), one.event[1], one.document(group)) for one in entries]
    by_logger = [(mapping.EVENT_LOGGER, [document for _lamp, _event, document in documents])]
    by_logger += [
        (one.address, [document for lamp, event, document in documents if one.takes(lamp, event)]) for one in loggers
    ]
    return [
        report_body(logger, found[start : start + ENTRIES])
        for logger, found in by_logger
        for start in range(0, len(found), ENTRIES)
    ]


def report_body(logger: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """One log report."""
    return json.dumps({"address": logger, "entries": entries}, separators=(",", ":"), allow_nan=False)
