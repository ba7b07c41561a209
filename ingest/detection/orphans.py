"""Faults that the book holds open and detection knows nothing of: a lost memory, a fault that a person reopened.

Nothing would ever clear them, since only a condition that was confirmed can end. So they are watched: when their place
was looked at often and long enough in the state in which the fault would show, and it did not, they are cleared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import Balance
from ingest.detection.rules.rule import Proof
from ingest.detection.rules.rule_set import RuleSet
from ingest.model.finding import Cleared, Key, Place
from ingest.model.fleet import Fleet

_SWEEPS: Final = 15
_SECONDS: Final = 1800  # longer than every confirm time, so a fault that is there has shown itself
_SHOWN_WHEN_OFF: Final = frozenset({"contactorFailure"})  # and lamp rules that are proved so
_SHOWN_ALWAYS: Final = frozenset({"cabinetDoorOpen", "controllerOffline", "supplyLoss"})


@dataclass(slots=True)
class _Watch:
    n_sweeps: int = 0
    first_s: int = 0


class Orphans:
    """The watched faults of one fleet."""

    def __init__(self, fleet: Fleet, state: LampState, balance: Balance, rules: RuleSet) -> None:
        """Nothing is watched yet."""
        self._shown_when_off = _SHOWN_WHEN_OFF | {rule.code for rule in rules if rule.proof is Proof.OFF}
        self._fleet, self._state, self._balance = fleet, state, balance
        self._watched: dict[Key, _Watch] = {}

    def adopt(self, keys: Iterable[Key], book: ActiveConditions) -> None:
        """Watch those of the keys that detection does not hold itself."""
        for key in keys:
            if key not in book.cases:
                self._watched.setdefault(key, _Watch())

    def documents(self) -> list[dict[str, Any]]:
        """The watched faults as a snapshot keeps them."""
        return [{"code": key.code, "place": asdict(key.place), **asdict(watch)} for key, watch in self._watched.items()]

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Take the watched faults of a snapshot whose place the register still holds."""
        for watch in documents:
            key = Key(watch["code"], Place(**watch["place"]))
            if self._place(key)[0] >= 0:
                self._watched[key] = _Watch(watch["n_sweeps"], watch["first_s"])

    def judge(self, sweep: Sweep, book: ActiveConditions) -> list[Cleared]:
        """Look at one sweep; returns what has proved to be gone."""
        if not self._watched:
            return []
        cleared: list[Cleared] = []
        record_of = {int(c): r for r, c in enumerate(sweep.batch.controller.tolist()) if sweep.is_live[r]}
        for key, watch in list(self._watched.items()):
            if key in book.cases:
                del self._watched[key]  # found by detection itself
                continue
            controller, lamp = self._place(key)
            record = record_of.get(controller)
            if record is None or not self._would_show(key, controller, lamp, int(sweep.at_s[record])):
                continue
            at_s = int(sweep.at_s[record])
            watch.first_s = watch.first_s or at_s
            watch.n_sweeps += 1
            if watch.n_sweeps >= _SWEEPS and at_s - watch.first_s >= _SECONDS:
                del self._watched[key]
                cleared.append(Cleared(key, at_s * 1_000_000))
        return cleared

    def _place(self, key: Key) -> tuple[int, int]:
        """``(controller, lamp)``, -1 = none."""
        fleet, place = self._fleet, key.place
        lamp = fleet.lamp_index.get(place.lamp_id or "", -1)
        if lamp >= 0:
            return int(fleet.lamp_controller[lamp]), lamp
        cabinet = fleet.cabinet_index.get(place.cabinet_id or "", -1)
        if cabinet >= 0:
            return int(fleet.cabinet_controller[cabinet]), -1
        return fleet.controller_index.get(place.controller_id or "", -1), -1

    def _would_show(self, key: Key, controller: int, lamp: int, at_s: int) -> bool:
        """Whether a sweep at this time would have shown the fault."""
        if key.code in _SHOWN_ALWAYS:
            return True
        fleet, state = self._fleet, self._state
        start, stop = int(fleet.controller_start[controller]), int(fleet.controller_start[controller + 1])
        lamps = np.array([lamp]) if lamp >= 0 else np.arange(start, stop)
        if key.code in self._shown_when_off:
            return bool((state.level[lamps] == 0).all())
        has_answered = (state.quality[lamps] == 0) | ~state.is_listed[lamps]
        if key.code == "communicationFailure":
            has_answered[:] = True
        return bool((self._balance.is_settled(lamps, at_s) & has_answered).any())
