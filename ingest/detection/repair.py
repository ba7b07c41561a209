"""Claims of repair: the next lit period proves each, or says that it is failing still."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.memory.command import Commands
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.model.finding import Key, Place, StillFailing

OFF_CODES: Final = frozenset({"lampUnexpectedOn"})
ANY_CODES: Final = frozenset(
    {
        "communicationFailure",
        "supplyLoss",
        "cabinetDoorOpen",
        "controllerOffline",
        "highTemperature",
        "controlGearFailure",
    }
)
_CLEAR_LIMIT: Final = {
    "lampPowerTooLow": "lamp_power_time",
    "lampPowerTooHigh": "lamp_power_time",
    "powerFactorTooLow": "power_factor_time",
    "supplyVoltageTooLow": "supply_voltage_time",
    "supplyVoltageTooHigh": "supply_voltage_time",
    "circuitPowerTooLow": "dark_count_time",
    "unmeteredLoad": "unmetered_time",
    "cyclingFailure": "cycling_clear",
}


@dataclass(slots=True)
class Claim:
    """One claim: when it was made, and the sweeps since in which it could have been proved."""

    at_s: int
    sweeps: int = 0
    first_s: int = 0


class Repairs:
    """The claims that are not settled yet, by condition."""

    def __init__(self, table: LimitTable) -> None:
        """No claims."""
        self._table = table
        self._guard_s = int(table.scalar("switching_guard"))
        self._samples = 2 * int(table.scalar("confirm_samples"))
        self.claims: dict[Key, Claim] = {}

    def claim(self, key: Key, now_us: int) -> None:
        """A crew says so."""
        self.claims[key] = Claim(now_us // 1_000_000)

    def documents(self) -> list[dict[str, Any]]:
        """The claims as a snapshot keeps them."""
        return [
            {"code": key.code, "place": asdict(key.place), "at_s": claim.at_s, "sweeps": claim.sweeps}
            for key, claim in self.claims.items()
        ]

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Take the claims of a snapshot."""
        for claim in documents:
            self.claims[Key(claim["code"], Place(**claim["place"]))] = Claim(claim["at_s"], claim["sweeps"])

    def judge(self, sweep: Sweep, commands: Commands, book: ActiveConditions) -> list[StillFailing]:
        """Follow the claims whose controller is in a sweep; those that cleared are settled by their clearing."""
        told: list[StillFailing] = []
        if not self.claims:
            return told
        records = {int(c): r for r, c in enumerate(sweep.batch.controller.tolist()) if sweep.is_live[r]}
        for key in list(self.claims):
            case = book.cases.get(key)
            if case is None:
                del self.claims[key]
                continue
            r = records.get(case.controller)
            if r is None or case.cause is not None or not self._is_provable(key.code, commands, r):
                continue
            at_s, claim = int(sweep.at_s[r]), self.claims[key]
            if at_s < claim.at_s + self._guard_s:
                continue
            claim.sweeps += 1
            claim.first_s = claim.first_s or at_s
            limit = _CLEAR_LIMIT.get(key.code)
            patience_s = self._table.scalar(limit) if limit else 0
            if claim.sweeps > self._samples and at_s - claim.first_s > patience_s:
                del self.claims[key]
                evidence: dict[str, Any] = {**case.evidence, "sweeps_since_repair": claim.sweeps}
                told.append(StillFailing(key, at_s * 1_000_000, evidence))
        return told

    @staticmethod
    def _is_provable(code: str, commands: Commands, r: int) -> bool:
        if code in ANY_CODES:
            return True
        is_right = commands.is_off[r] if code in OFF_CODES else commands.is_on[r]
        return bool(is_right & np.bool_(commands.is_settled[r]))
