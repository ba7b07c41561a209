"""Scores what the fault book showed against what was true. Reads the database alone; shares no code with detection."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from benchmarks.truth.shown import Shown
from firmware_sim.fleet.town import Town
from firmware_sim.truth import Truth

GUARD_S: Final = 600
#: Until the broker gives up an agent without network and tells its will.
KEEP_ALIVE_US: Final = 90_000_000
_GRACE_US: Final = 180_000_000  # a verdict on the last samples before a repair
_SLACK_S: Final = 120
#: Time on end that confirms each code by the catalogue, at 60 s sweeps [s]; by day at 300 s sweeps where it is longer.
CONFIRM_S: Final = {
    "lampFailure": 180, "lampUnexpectedOn": 900, "relayFailure": 900, "cyclingFailure": 60, "dimmingFailure": 300,
    "lampPowerTooLow": 600, "lampPowerTooHigh": 600, "powerFactorTooLow": 600, "supplyVoltageTooLow": 600,
    "supplyVoltageTooHigh": 600, "highTemperature": 4500, "controlGearFailure": 180, "communicationFailure": 300,
    "meterFailure": 1800, "circuitFailure": 180, "cableFailure": 180, "circuitPowerTooLow": 600, "supplyLoss": 60,
    "neutralFailure": 120, "contactorFailure": 900, "cabinetDoorOpen": 60, "unmeteredLoad": 1800, "busFailure": 180,
    "controllerOffline": 300,
}  # fmt: skip
CODES: Final = tuple(CONFIRM_S)
#: Codes that no guard time delays: what they say does not depend on a level.
_UNGUARDED: Final = frozenset({"supplyLoss", "cabinetDoorOpen", "controllerOffline", "communicationFailure"})


@dataclass(slots=True)
class Tally:
    """What came of one code, over one city or many."""

    n: int = 0
    n_found: int = 0
    n_right: int = 0  # shown and true, scored or not
    n_false: int = 0
    n_explained_later: int = 0
    n_exact_asked: int = 0  # what the evidence has to say exactly: the span; dark lamps; whether a silent lamp is dark
    n_exact: int = 0
    delays: list[int] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    inexact: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take another city's in."""
        for name in ("n", "n_found", "n_right", "n_false", "n_explained_later", "n_exact_asked", "n_exact"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.delays += other.delays
        self.false += other.false
        self.missed += other.missed
        self.later += other.later
        self.inexact += other.inexact


class Score:
    """Matches one city."""

    def __init__(
        self,
        town: Town,
        truths: Sequence[Truth],
        shown: Sequence[Shown],
        sweeps_us: Sequence[int],
        off_voltage: dict[tuple[int, bool], list[int]],
        label: str,
    ) -> None:
        """``label`` names city and seed in what is told of errors."""
        self._town, self._label = town, label
        self._truths = [truth for truth in truths if truth.is_fault]
        self._confounders = [truth for truth in truths if not truth.is_fault and truth.end_us is not None]
        self._shown = list(shown)
        self._sweeps = np.array(sweeps_us, np.int64)
        self._off_voltage = off_voltage
        self.tallies: dict[str, Tally] = {code: Tally() for code in CODES}

    def settle(self) -> dict[str, Tally]:
        """Match everything once."""
        taken = defaultdict(list)
        for stretch in self._shown:
            stretch.truth = next((truth for truth in self._truths if self._is_same(stretch, truth)), None)
            if stretch.truth is None:
                stretch.truth = next((truth for truth in self._truths if _is_suspected(stretch, truth)), None)
            elif stretch.shown_us is not None:
                taken[id(stretch.truth)].append(stretch)
        by_id: dict[str, list[Shown]] = defaultdict(list)
        for stretch in self._shown:
            by_id[stretch.fault_id].append(stretch)
        for stretch in self._shown:
            if stretch.truth is None and stretch.shown_us is not None:
                self._judge_false(stretch, by_id)
        for truth in self._truths:
            self._judge_truth(truth, taken[id(truth)])
        return self.tallies

    def _is_same(self, stretch: Shown, truth: Truth) -> bool:
        end_us = truth.end_us if truth.end_us is not None else 2**62
        # said while it was blown: the first reading after its repair takes it back
        said = (stretch.evidence, *(evidence for _, evidence in stretch.told))
        is_fuse = truth.params.get("cause") == "fuse" and any(one.get("suspected") == "pole fuse" for one in said)
        is_code = stretch.code == truth.code or (is_fuse and stretch.code == "lampFailure")
        if _is_end_hidden(stretch, truth):
            end_us = stretch.opened_us
        if not is_code or not truth.start_us <= stretch.opened_us <= end_us + _GRACE_US:
            return False
        return self._is_place(stretch.place, truth)

    def _is_place(self, place: dict[str, str], truth: Truth) -> bool:
        code = truth.code
        if code in _OF_CABINET:
            same_phase = code != "supplyLoss" or place.get("phase", "") == truth.phase
            return place.get("cabinet_id") == truth.cabinet_id and same_phase
        if code == "busFailure":
            return place.get("controller_id") == truth.controller_id and place.get("bus") == truth.bus
        if code == "controllerOffline":
            return place.get("controller_id") == truth.controller_id
        if code in {"circuitFailure", "cableFailure", "circuitPowerTooLow"}:
            is_sole = self._n_circuits(truth.cabinet_id) == 1 and place.get("circuit") is None
            same = place.get("circuit") == truth.circuit or is_sole
            return place.get("cabinet_id") == truth.cabinet_id and same
        if code in {"supplyVoltageTooLow", "supplyVoltageTooHigh"}:
            is_sole = self._n_circuits(truth.cabinet_id) == 1
            same = place.get("circuit", "") == truth.circuit or is_sole
            return place.get("cabinet_id") == truth.cabinet_id and same
        return place.get("lamp_id") == truth.place

    def _n_circuits(self, cabinet_id: str) -> int:
        return sum(name[0] == cabinet_id for name in self._town.circuit_names)

    def _judge_truth(self, truth: Truth, stretches: list[Shown]) -> None:
        tally = self.tallies[truth.code]
        if stretches:
            tally.n_right += 1
        guard_s = 0 if truth.code in _UNGUARDED else GUARD_S
        if truth.longest_s < CONFIRM_S[truth.code] + guard_s + _SLACK_S:
            return
        tally.n += 1
        if (truth.span is not None and truth.code == "cableFailure") or (stretches and truth.code in _EVIDENCE):
            tally.n_exact_asked += 1
            is_exact = any(_is_exact(stretch, truth) for stretch in stretches)
            tally.n_exact += is_exact
            if not is_exact:
                tally.inexact += [f"{self._tell(stretch)}; in truth {_described(truth)}" for stretch in stretches[:1]]
        if not stretches:
            tally.missed.append(f"{self._label}: {_described(truth)}")
            return
        tally.n_found += 1
        first_us = min(stretch.shown_us or 0 for stretch in stretches)
        seen_us = truth.observable_from_us or truth.start_us
        if truth.params.get("cause") == "network":
            seen_us += KEEP_ALIVE_US
        began, ended = np.searchsorted(self._sweeps, [seen_us, first_us])
        tally.delays.append(max(1, int(ended - began) + 1))

    def _judge_false(self, stretch: Shown, by_id: dict[str, list[Shown]]) -> None:
        if self._is_natural(stretch):
            return
        tally = self.tallies[stretch.code]
        is_explained = any(other.truth is not None for cause in stretch.causes for other in by_id.get(cause, []))
        if is_explained or self._is_cycling_unknown(stretch):
            tally.n_explained_later += 1
            tally.later.append(self._tell(stretch))
            return
        tally.n_false += 1
        tally.false.append(self._tell(stretch))

    def _tell(self, stretch: Shown) -> str:
        """One line: what was shown, and what was true there."""
        around = [_described(truth) for truth in (*self._truths, *self._confounders) if self._is_near(stretch, truth)]
        where = ", ".join(f"{name}={value}" for name, value in stretch.place.items())
        evidence = {name: value for name, value in stretch.evidence.items() if name != "priority"}
        return (
            f"{self._label}: {stretch.code} {where} at {_clock(stretch.opened_us)} "
            f"{json.dumps(evidence)[:240]}; true nearby: {'; '.join(around[:4]) or 'nothing'}"
        )

    def _is_cycling_unknown(self, stretch: Shown) -> bool:
        """Dark for three samples in a cycle that nobody can know yet: true as far as it goes."""
        return stretch.code == "lampFailure" and any(
            truth.code == "cyclingFailure"
            and truth.place == stretch.place.get("lamp_id")
            and truth.start_us <= stretch.opened_us
            and (truth.observable_from_us is None or stretch.opened_us <= truth.observable_from_us + 60_000_000)
            and stretch.opened_us <= (truth.end_us or 2**62)
            for truth in self._truths
        )

    def _is_near(self, stretch: Shown, truth: Truth) -> bool:
        end_us = truth.end_us if truth.end_us is not None else 2**62
        if not truth.start_us <= stretch.opened_us <= end_us + 3_600_000_000:
            return False
        place = stretch.place
        lamp_id = place.get("lamp_id")
        if lamp_id is not None:
            cabinet = self._town.plant.cabinet[self._town.lamp_ids.index(lamp_id)]
            is_single = len(truth.lamp_ids) == 1
            return truth.place == lamp_id if is_single else self._town.cabinet_ids[cabinet] == truth.cabinet_id
        if "cabinet_id" in place:
            return place["cabinet_id"] == truth.cabinet_id
        return place.get("controller_id") == truth.controller_id

    def _is_natural(self, stretch: Shown) -> bool:
        """A voltage that was truly out of its limits, or so near that a meter may say so, without any injection."""
        if stretch.code not in {"supplyVoltageTooLow", "supplyVoltageTooHigh"}:
            return False
        names = self._town.circuit_names
        circuits = [
            index
            for index, (cabinet_id, name) in enumerate(names)
            if cabinet_id == stretch.place.get("cabinet_id") and stretch.place.get("circuit") in {None, name}
        ]
        span_us = 900_000_000
        return all(
            any(
                stretch.opened_us - span_us <= at_us <= stretch.opened_us
                for at_us in self._off_voltage.get((circuit, stretch.code == "supplyVoltageTooLow"), ())
            )
            for circuit in circuits
        )


def _is_suspected(stretch: Shown, truth: Truth) -> bool:
    """A driver stuck at a level before a step has shown it: right as a power fault that says so, but not as found."""
    if truth.code != "dimmingFailure" or stretch.place.get("lamp_id") != truth.place:
        return False
    first_told = stretch.told[0][1] if stretch.told else stretch.evidence
    is_said = stretch.code in {"lampPowerTooLow", "lampPowerTooHigh"} and first_told.get("suspected") == "dimming"
    shown_us = truth.observable_from_us or truth.end_us or 2**62
    return is_said and truth.start_us <= stretch.opened_us <= shown_us + _GRACE_US


def _is_end_hidden(stretch: Shown, truth: Truth) -> bool:
    """A driver that kept its level over a step, and was freed while that very level was commanded.

    From then on it draws what it should, as it did before: no reading shows that it was freed until the next step.
    """
    if truth.code != "dimmingFailure" or truth.end_us is None or "since" not in stretch.evidence:
        return False
    is_own_level = stretch.evidence.get("level") == truth.params["level"]
    return is_own_level and datetime.fromisoformat(stretch.evidence["since"]).timestamp() * 1e6 <= truth.end_us


_EVIDENCE: Final = frozenset({"circuitPowerTooLow", "communicationFailure"})


def _is_exact(stretch: Shown, truth: Truth) -> bool:
    """Whether the evidence says what was: the span, how many lamps are dark, whether a silent lamp is dark."""
    end_us = 2**62 if truth.end_us is None else truth.end_us
    evidence = next((said for at_us, said in reversed(stretch.told) if at_us <= end_us), stretch.evidence)
    if truth.code == "circuitPowerTooLow":
        return evidence.get("lamps_dark") == len(truth.lamp_ids)
    if truth.code == "communicationFailure":
        told = evidence.get("is_dark")
        return bool(evidence.get("ambiguous")) if told is None else told == (truth.params["cause"] == "fuse")
    return stretch.span == truth.span


_OF_CABINET: Final = frozenset({"supplyLoss", "contactorFailure", "cabinetDoorOpen", "unmeteredLoad"})


def _clock(at_us: int) -> str:
    return str(np.datetime64(at_us, "us").astype("datetime64[s]"))


def _described(truth: Truth) -> str:
    end = _clock(truth.end_us) if truth.end_us is not None else "…"
    more = f" {truth.params}" if truth.params else ""
    return f"{truth.code} {truth.place}{more} {_clock(truth.start_us)}..{end[11:]} seen {truth.longest_s / 60:.0f} min"


def wilson(hits: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share."""
    if n <= 0:
        return 0.0, 1.0
    share = hits / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))
