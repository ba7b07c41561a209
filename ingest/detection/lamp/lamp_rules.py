"""All lamp-level rules over the rows of a sweep: masks, counters, verdicts.

Works on any subset of rows; ``ingest.detection.screen.screen`` chooses the rows in which anything can be going on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.lamp_evidence import lamp_evidence
from ingest.detection.lamp.bands import Bands
from ingest.detection.lamp.cycling import CycleCounter
from ingest.detection.lamp.own_power import learn_own
from ingest.detection.lamp.sample import Electric, Levels, expect, look, take_levels
from ingest.detection.lamp.steady import Steadiness
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import ATTENTION_BIT, LEARNING_BIT, OPEN_SHIFT, LampState
from ingest.detection.memory.limit_table import LampLimits, LimitTable
from ingest.detection.memory.suspects import IMPLAUSIBLE, Replies, Suspects
from ingest.detection.memory.sweep import Sweep
from ingest.detection.rules import DETECTORS, Detector, Expected, Window
from ingest.detection.rules.meter_failure import is_impossible
from ingest.detection.rules.window import (
    STATUS_DERATING,
    STATUS_DRIVER_FAULT,
    STATUS_RELAY_CLOSED,
    STATUS_THERMAL_SHUTDOWN,
)
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

RULE: Final = {detector.name: number for number, detector in enumerate(DETECTORS)}
POWER_RULES: Final = ("lampPowerTooLow", "lampPowerTooHigh")
# What hides a new verdict of a rule on the same lamp (faults.md, "One cause, one fault").
HIDDEN_BY: Final[dict[str, tuple[str, ...]]] = {
    "lampUnexpectedOn": ("relayFailure",),
    "lampPowerTooLow": ("lampFailure", "dimmingFailure"),
    "lampPowerTooHigh": ("lampFailure", "dimmingFailure"),
    "powerFactorTooLow": ("lampFailure",),
    "dimmingFailure": ("lampFailure",),
}
_REASONS: Final = ((STATUS_DRIVER_FAULT, "controlGearFailure"), (STATUS_THERMAL_SHUTDOWN, "highTemperature"))
_STANDS_STILL: Final = 3  # repetitions
_PLAUSIBLE: Final = 0.15  # a lamp never seen to fit its rating may be called stuck at 100 % if it is this near to it


@dataclass(frozen=True, slots=True)
class LampVerdict:
    """One lamp's rule opened (with evidence) or cleared."""

    detector: Detector
    lamp: int
    is_opened: bool
    at_s: int
    since_s: int
    evidence: dict[str, Any]


def confirm_of(detector: Detector, table: LimitTable) -> Confirm:
    """A detector's confirm and clear rule in numbers."""

    def number(limit: str | int) -> float:
        return table.scalar(limit) if isinstance(limit, str) else float(limit)

    # n samples frozen together are n - 1 repetitions
    samples = int(number(detector.samples)) - (detector.name == "frozen")
    return Confirm(
        samples, number(detector.seconds), int(number(detector.clear_samples)), number(detector.clear_seconds)
    )


class LampRules:
    """The rules' counters over all lamps of a fleet."""

    def __init__(self, fleet: Fleet, table: LimitTable, state: LampState, electric: Electric, bands: Bands) -> None:
        """Start with nothing known."""
        self.fleet, self.table, self.state, self.electric, self.bands = fleet, table, state, electric, bands
        self.debounce = [Debounce(fleet.n_lamps, confirm_of(detector, table)) for detector in DETECTORS]
        self.is_contactor_suspect = np.zeros(fleet.n_controllers, np.bool_)
        self.cycles = CycleCounter(fleet, state, table)
        self.warm_up_s = table.by_technology("warm_up")[fleet.technology].astype(np.int64)
        self.guard_s = int(table.scalar("switching_guard"))
        hidden_by = [sum(1 << RULE[other] for other in HIDDEN_BY.get(detector.name, ())) for detector in DETECTORS]
        self.steadiness = Steadiness(fleet, table, state, electric, self.debounce, hidden_by)

    def judge(
        self,
        sweep: Sweep,
        suspects: Suspects,
        replies: Replies,
        told_s: Int64,
        is_muted: Callable[[Int64], Bool],
    ) -> list[LampVerdict]:
        """Judge the rows of a sweep in which anything can be going on; returns what opened and cleared.

        ``is_muted`` says which lamps are under maintenance.
        """
        state = self.state
        if not len(suspects.row):
            return self._judge_refused(sweep, replies, is_muted)
        row, lamp, is_frozen, record = suspects.row, suspects.lamp, suspects.is_frozen, sweep.record_of(suspects.row)
        levels = take_levels(sweep, suspects, record, self.fleet, state, told_s)
        is_comparable = suspects.was_good
        is_good = sweep.batch.quality[row] == 0
        if not is_good.all():
            self._reopen(lamp[~is_good], levels.level[~is_good])
            state.boxes.drop(lamp[~is_good])  # they are here for their level, which the box is not of
            row, lamp, is_frozen, record = row[is_good], lamp[is_good], is_frozen[is_good], record[is_good]
            is_comparable = is_comparable[is_good]
            levels = Levels(levels.level[is_good], levels.is_told[is_good], levels.is_guessed[is_good])
        refused = self._judge_refused(sweep, replies, is_muted)
        if not len(row):
            return refused
        at_s, dt_s = sweep.at_s[record], sweep.dt_s[record]
        window = look(sweep, row, record, lamp, state, levels, is_frozen, is_comparable)
        self.cycles.note_restarts(lamp, at_s, window)
        expected = expect(self.fleet, state, self.electric, lamp, levels, window.voltage_v)
        limits = self.table.of(self.fleet.technology[lamp])
        is_ending = levels.is_guessed & sweep.is_ending[record]
        is_settled = self._is_settled(lamp, at_s, sweep.guard_s[record]) & ~is_ending
        is_wild = is_impossible(window, expected, limits)
        window = self.cycles.count(lamp, at_s, window, expected, is_settled & ~is_wild, is_wild, limits)
        is_settled &= self._is_settled(lamp, at_s, sweep.guard_s[record])  # a dip may have been inferred just now
        verdicts = self._judge_rules(lamp, at_s, dt_s, window, expected, limits, is_settled, is_wild, is_muted(lamp))
        learn_own(self.fleet, state, lamp, window, expected, is_settled & ~is_wild, limits)
        self._attend(lamp, window, expected)
        self._reopen(lamp, levels.level)
        self.steadiness.note(sweep.batch, row, lamp, window, levels, is_settled & ~is_wild)
        return [*refused, *verdicts]

    def _judge_refused(self, sweep: Sweep, replies: Replies, is_muted: Callable[[Int64], Bool]) -> list[LampVerdict]:
        """Readings that the agent itself found implausible: they carry no values, and count as impossible ones."""
        chosen = np.flatnonzero(replies.quality == IMPLAUSIBLE)
        if not len(chosen):
            return []
        lamp, state, rule = replies.lamp[chosen], self.state, RULE["impossible"]
        record = sweep.record_of(replies.row[chosen])
        at_s, debounce = sweep.at_s[record], self.debounce[rule]
        yes, no = np.ones(len(lamp), np.bool_), np.zeros(len(lamp), np.bool_)
        gate = is_muted(lamp) & ~state.is_open(rule, lamp)
        verdict = debounce.step(lamp, at_s, sweep.dt_s[record], yes, no, yes, gate)
        flags = _set_bit(state.flags[lamp], rule, verdict.is_active)
        state.flags[lamp] = _set_bit(flags, OPEN_SHIFT + rule, debounce.is_open[lamp])
        state.look_again(lamp)
        evidence = {"quality": IMPLAUSIBLE, "samples": debounce.confirm.samples, "kind": "impossible"}
        opened = verdict.opened.tolist()
        since_s = debounce.since_s[lamp]
        return [
            LampVerdict(DETECTORS[rule], int(lamp[i]), True, int(at_s[i]), int(since_s[i]), dict(evidence))
            for i in opened
        ]

    def _reopen(self, lamp: Int64, level: npt.NDArray[np.uint8]) -> None:
        """Quiet lamps get the band of their level; one on which anything runs is looked at in every sweep."""
        is_quiet = self.state.flags[lamp] == 0
        self.state.low_w[lamp[~is_quiet]] = np.inf
        if is_quiet.any():
            self.bands.set(self.state, lamp[is_quiet], level[is_quiet])

    def _attend(self, lamp: Int64, window: Window, expected: Expected) -> None:
        """Keep an eye on nodes whose status tells of anything: a fault bit, a restart, an open relay while on."""
        is_open = window.is_status_told & ((window.status & STATUS_RELAY_CLOSED) == 0) & (expected.level > 0)
        is_loud = ((window.status & ~np.uint8(STATUS_RELAY_CLOSED | STATUS_DERATING)) != 0) | is_open
        self.state.flags[lamp] = _set_bit(self.state.flags[lamp], ATTENTION_BIT, is_loud)

    def _is_settled(self, lamp: Int64, at_s: Int64, cabinet_s: Int64) -> Bool:
        """Neither within the switching guard nor warming up; both run at the same time."""
        switched_s = np.maximum(self.state.switched_s[lamp].astype(np.int64), cabinet_s)
        is_warm = at_s - self.state.lit_from_s[lamp] >= self.warm_up_s[lamp]
        settled: Bool = (at_s - switched_s >= self.guard_s) & is_warm
        return settled

    def _judge_rules(  # measured columns, in the order of the rule
        self,
        lamp: Int64,
        at_s: Int64,
        dt_s: Int64,
        window: Window,
        expected: Expected,
        limits: LampLimits,
        is_settled: Bool,
        is_wild: Bool,
        is_muted: Bool,
    ) -> list[LampVerdict]:
        flags = self.state.flags[lamp]
        verdicts: list[LampVerdict] = []
        for rule, detector in enumerate(DETECTORS):
            holds = detector.holds(window, expected, limits)
            is_active = (flags & np.uint32(1 << rule)) != 0
            if not (holds.any() or is_active.any()):
                continue
            judges = detector.judges(window, expected, limits)
            heals = judges & ~holds if detector.heals is None else detector.heals(window, expected, limits)
            if detector.name != "impossible":
                judges = judges & ~is_wild
            if detector.code != "meterFailure":  # a meter that stands still proves nothing, a lost reply between or not
                frozen = self.debounce[RULE["frozen"]]
                stands = frozen.is_open[lamp] | (frozen.count[lamp] >= _STANDS_STILL)
                judges = judges & ~((window.is_frozen | ~window.is_comparable) & stands)
            is_open = (flags & np.uint32(1 << (OPEN_SHIFT + rule))) != 0
            is_gated = ~is_settled if detector.is_level_dependent else np.zeros(len(lamp), np.bool_)
            is_gated = is_gated | (
                ~is_open & (is_muted | self._is_hidden(detector.name, lamp, flags, window, expected))
            )
            verdict = self.debounce[rule].step(lamp, at_s, dt_s, holds, heals, judges, is_gated, is_active)
            flags = _set_bit(flags, rule, verdict.is_active)
            is_open[verdict.opened], is_open[verdict.cleared] = True, False
            flags = _set_bit(flags, OPEN_SHIFT + rule, is_open)
            for rows, is_opened in ((verdict.opened, True), (verdict.cleared, False)):
                if len(rows):
                    verdicts += self._tell(detector, rule, rows, lamp, at_s, window, expected, is_opened=is_opened)
        self.state.flags[lamp] = flags
        return verdicts

    def _is_hidden(
        self, name: str, lamp: Int64, flags: npt.NDArray[np.uint32], window: Window, expected: Expected
    ) -> Bool:
        """Rows on which a verdict of this rule would tell again what another rule tells better."""
        hidden = np.zeros(len(lamp), np.bool_)
        for other in HIDDEN_BY.get(name, ()):
            hidden |= (flags & np.uint32(1 << (OPEN_SHIFT + RULE[other]))) != 0
        if name == "dimmingFailure":
            is_near_full = np.abs(window.power_w - expected.own_full_w) < _PLAUSIBLE * expected.own_full_w
            hidden |= self.state.is_register_suspect[lamp] | ~(self.state.has_fitted[lamp] | is_near_full)
            for power in POWER_RULES:  # it opened at a level where no other level fitted
                hidden |= (flags & np.uint32(1 << (OPEN_SHIFT + RULE[power]))) != 0
        elif name == "lampFailure":  # the node is about to say why
            for bit, reason in _REASONS:
                is_told = (flags & np.uint32(1 << (OPEN_SHIFT + RULE[reason]))) != 0
                hidden |= window.is_status_told & ((window.status & bit) != 0) & ~is_told
        elif name == "lampUnexpectedOn":  # the contactor's fault, if its own run ends so
            hidden |= self.is_contactor_suspect[self.fleet.lamp_controller[lamp]]
        elif name in POWER_RULES:
            is_dimming = (flags & np.uint32(1 << RULE["dimmingFailure"])) != 0
            is_near_full = np.abs(window.power_w - expected.own_full_w) < _PLAUSIBLE * expected.own_full_w
            hidden |= is_dimming & (self.state.has_fitted[lamp] | is_near_full)
        return hidden

    def _tell(  # measured columns, in the order of the rule
        self,
        detector: Detector,
        rule: int,
        rows: Int64,
        lamp: Int64,
        at_s: Int64,
        window: Window,
        expected: Expected,
        *,
        is_opened: bool,
    ) -> list[LampVerdict]:
        state, lamps = self.state, lamp[rows]
        if detector.name in POWER_RULES and is_opened:
            state.is_register_suspect[lamps] |= ~state.has_fitted[lamps]
        elif detector.name == "lampFailure" and not is_opened:
            state.start_anew(lamps)
        since_s, samples = self.debounce[rule].since_s[lamps], self.debounce[rule].confirm.samples
        return [
            LampVerdict(
                detector,
                int(lamps[i]),
                is_opened,
                int(at_s[row]),
                int(since_s[i]),
                lamp_evidence(
                    detector.name, state, int(lamps[i]), window, expected, int(row), samples, is_opened=is_opened
                ),
            )
            for i, row in enumerate(rows.tolist())
        ]

    def close(self, name: str, lamp: int) -> None:
        """End a rule on a lamp without a verdict: it is judged anew."""
        one, rule = np.array([lamp]), RULE[name]
        self.debounce[rule].close(one)
        self.state.flags[one] &= ~np.uint32(1 << rule | 1 << (OPEN_SHIFT + rule))
        self.state.look_again(one)

    def forget(self, lamp: Int64) -> None:
        """Drop all runs of some lamps, so that they are judged anew; what is open stays open."""
        for debounce in self.debounce:
            debounce.forget(lamp)
        opened = self.state.flags[lamp] >> np.uint32(OPEN_SHIFT)
        learning = self.state.flags[lamp] & np.uint32(1 << LEARNING_BIT | 1 << ATTENTION_BIT)
        self.state.flags[lamp] = (opened << np.uint32(OPEN_SHIFT)) | opened | learning
        self.state.look_again(lamp)


def _set_bit(flags: npt.NDArray[np.uint32], bit: int, mask: Bool) -> npt.NDArray[np.uint32]:
    value = np.uint32(1 << bit)
    result: npt.NDArray[np.uint32] = np.where(mask, flags | value, flags & ~value)
    return result
