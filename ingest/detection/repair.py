"""Claims of repair: the next lit period proves each, or says that it is failing still."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.memory.command import Commands
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.rules.group_faults import ORDER, OTHERS
from ingest.detection.rules.rule import Proof
from ingest.detection.rules.rule_set import RuleSet
from ingest.model.finding import Key, Place, StillFailing


@dataclass(slots=True)
class Claim:
    """One claim: when it was made, and the sweeps since in which it could have been proved."""

    at_s: int
    sweeps: int = 0
    first_s: int = 0


class Repairs:
    """The claims that are not settled yet, by condition."""

    def __init__(self, table: LimitTable, rules: RuleSet) -> None:
        """No claims."""
        self._proofs, self._clear_s = _proofs(table, rules)
        self._guard_s = int(table.scalar("switching_guard"))
        self._samples = 2 * int(table.scalar("confirm_samples"))
        self.claims: dict[Key, Claim] = {}

    def claim(self, key: Key, now_us: int) -> None:
        """A crew says so."""
        self.claims[key] = Claim(now_us // 1_000_000)

    def documents(self) -> list[dict[str, Any]]:
        """The claims as a snapshot keeps them."""
        return [{"code": key.code, "place": asdict(key.place), **asdict(claim)} for key, claim in self.claims.items()]

    def restore(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Take the claims of a snapshot."""
        for claim in documents:
            key = Key(claim["code"], Place(**claim["place"]))
            self.claims[key] = Claim(claim["at_s"], claim["sweeps"], claim.get("first_s", 0))

    def judge(self, sweep: Sweep, commands: Commands, book: ActiveConditions) -> list[StillFailing]:
        """Follow the claims whose controller is in a sweep; those that cleared are settled by their clearing."""
        reported: list[StillFailing] = []
        if not self.claims:
            return reported
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
            if claim.sweeps > self._samples and at_s - claim.first_s > self._clear_s.get(key.code, 0):
                del self.claims[key]
                evidence: dict[str, Any] = {**case.evidence, "sweeps_since_repair": claim.sweeps}
                reported.append(StillFailing(key, at_s * 1_000_000, evidence))
        return reported

    def _is_provable(self, code: str, commands: Commands, r: int) -> bool:
        proof = self._proofs.get(code, Proof.LIT)
        if proof is Proof.ANY:
            return True
        is_right = commands.is_off[r] if proof is Proof.OFF else commands.is_on[r]
        return bool(is_right & np.bool_(commands.is_settled[r]))


def _proofs(table: LimitTable, rules: RuleSet) -> tuple[dict[str, Proof], dict[str, float]]:
    """By code: when a repair of its fault can be proved, and how many seconds its clearing takes."""
    proofs: dict[str, Proof] = {}
    clear_s: dict[str, float] = {}
    faults = [fault for row in (*ORDER, OTHERS) for fault in row]
    for fault in [*faults, *rules]:
        proofs.setdefault(fault.code, fault.proof)  # rules of one code: the first one's
        limit = fault.clear_seconds
        seconds = table.scalar(limit) if isinstance(limit, str) else float(limit or 0)
        clear_s[fault.code] = max(seconds, clear_s.get(fault.code, 0.0))
    return proofs, clear_s
