"""All lamp-level rules over the rows of a sweep: masks, counters, verdicts.

Works on any subset of rows; ``ingest.detection.screen.screen`` chooses the rows in which anything can be going on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.lamp_evidence import lamp_evidence
from ingest.detection.lamp.bands import Bands
from ingest.detection.lamp.circumstances import LampCircumstances, RuleRuns, sharing_a_circuit
from ingest.detection.lamp.cycling import CycleCounter
from ingest.detection.lamp.dark_unread import DarkUnread
from ingest.detection.lamp.lamp_verdict import LampVerdict, confirm_of
from ingest.detection.lamp.own_power import MISREGISTERED, STUCK, learn_own, note_steps
from ingest.detection.lamp.sample import Electric, Levels, expect, is_unsupplied, look, take_levels
from ingest.detection.lamp.steady import Steadiness
from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.flag_bits import Flags, put_bit
from ingest.detection.memory.lamp_state import LIT_UNKNOWN, LIT_YES, LampState
from ingest.detection.memory.limit_table import LampLimits, LimitTable
from ingest.detection.memory.suspects import Replies, Suspects
from ingest.detection.memory.sweep import Sweep
from ingest.detection.rules import DARK, Detector, Expected, RuleSet, Window, dimming_failure
from ingest.detection.rules.window import STATUS_DERATING, STATUS_RELAY_CLOSED
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_QUIET_STATUS: Final = np.uint8(STATUS_RELAY_CLOSED | STATUS_DERATING)


class LampRules:
    """The rules' counters over all lamps of a fleet."""

    def __init__(
        self,
        rules: RuleSet,
        fleet: Fleet,
        table: LimitTable,
        state: LampState,
        electric: Electric,
        bands: Bands,
        context: CabinetContext,
    ) -> None:
        """Start with nothing known."""
        self.rules, self.fleet, self.table, self.state = rules, fleet, table, state
        self.electric, self.bands = electric, bands
        self.debounce = [Debounce(fleet.n_lamps, confirm_of(detector, table)) for detector in rules]
        self.is_contactor_suspect = np.zeros(fleet.n_controllers, np.bool_)
        #: int64 (C,) since when lamps must burn by day to be told of, see ``DarkWeather``
        self.told_since_s = np.full(fleet.n_controllers, np.iinfo(np.int64).max, np.int64)
        self.overvolted = np.zeros(0, np.int64)  # lamps of the sweep at hand, see ``Circumstances``
        #: claims in the evidence of power faults that the sweep at hand refutes, and the lamps of which it does
        self.refuted: dict[tuple[str, Any], Int64] = {}
        self._no_voltage = table.scalar("no_voltage")
        self.dark_unread = DarkUnread(state, rules, self.debounce, self._no_voltage)
        self._impossible_v, self._most_v = table.scalar("impossible_voltage"), table.scalar("neutral_voltage")
        self.cycles = CycleCounter(fleet, state, table, context)
        self.warm_up_s = table.by_technology("warm_up")[fleet.technology].astype(np.int64)
        self.guard_s = int(table.scalar("switching_guard"))
        power = [i for i, rule in enumerate(rules) if rule.suspects_register]
        dimming = [i for i, rule in enumerate(rules) if rule.code == dimming_failure.DETECTOR.code]
        state.wrong_bits = state.bits.of(sum(int(state.bits.open[i]) for i in power))
        self._stuck_bits = state.wrong_bits | state.bits.running_any(dimming)
        self._hiding = [rules.hiding(rule) for rule in rules]
        self._refusing = [i for i, rule in enumerate(rules) if rule.refused_quality is not None]
        self.steadiness = Steadiness(fleet, table, state, electric, bands, rules, self.debounce)

    def judge(
        self,
        sweep: Sweep,
        suspects: Suspects,
        replies: Replies,
        reported_s: Int64,
        is_muted: Callable[[Int64], Bool],
    ) -> list[LampVerdict]:
        """Judge the rows of a sweep in which anything can be going on; returns what opened and cleared.

        ``is_muted`` says which lamps are under maintenance.
        """
        state = self.state
        self.refuted = {}
        if not len(suspects.row):
            return self._judge_refused(sweep, replies, is_muted)
        row, lamp, is_frozen, record = suspects.row, suspects.lamp, suspects.is_frozen, sweep.record_of(suspects.row)
        levels = take_levels(sweep, suspects, record, self.fleet, state, reported_s, self.guard_s)
        is_comparable = suspects.was_good
        is_good = sweep.batch.quality[row] == 0
        if not is_good.all():
            state.look_again(lamp[~is_good])  # they are here for their level: their next good sample is judged at it
            row, lamp, is_frozen, record = row[is_good], lamp[is_good], is_frozen[is_good], record[is_good]
            is_comparable = is_comparable[is_good]
            levels = Levels(levels.level[is_good], levels.is_reported[is_good], levels.is_guessed[is_good])
        refused = self._judge_refused(sweep, replies, is_muted)
        if not len(row):
            return refused
        at_s, dt_s = sweep.at_s[record], sweep.dt_s[record]
        window = look(sweep, row, record, lamp, state, levels, is_frozen, is_comparable)
        self.cycles.note_restarts(lamp, at_s, window)
        expected = expect(self.fleet, state, self.electric, lamp, levels, window.voltage_v)
        limits = self.table.of(self.fleet.technology[lamp])
        is_high = (window.voltage_v > self._impossible_v) & (window.voltage_v <= self._most_v)
        self.overvolted = sharing_a_circuit(self.fleet, lamp[is_high])
        ends = np.where(self.fleet.is_dimmable[lamp], sweep.is_ending[record], sweep.is_switching[record])
        is_ending = levels.is_guessed & ends
        is_settled = self._is_settled(lamp, at_s, sweep.guard_s[record]) & ~is_ending
        is_wild = self.rules.spoiled(window, expected, limits)
        is_wild |= is_unsupplied(sweep, record, self.fleet, window.voltage_v < self._no_voltage)
        masks = is_settled & ~is_wild, is_wild, is_ending
        window = self.cycles.count(sweep.batch, row, lamp, at_s, window, expected, *masks, limits)
        self._judge_put_out_anew()
        is_settled &= self._is_settled(lamp, at_s, sweep.guard_s[record])  # a dip may have been inferred just now
        self.refuted[STUCK] = note_steps(state, lamp, window, expected, is_settled & ~is_wild)
        # an LED draws its power at once: its samples in the guard count, and the verdict alone waits for its end
        settled = (is_settled, is_settled | (~levels.is_guessed & (self.warm_up_s[lamp] == 0)))
        verdicts = self._judge_rules(lamp, at_s, dt_s, window, expected, limits, settled, is_wild, is_muted(lamp))
        state.was_wrong[lamp] &= (state.flags[lamp] & self._stuck_bits) != 0
        is_sound = is_settled & ~is_wild
        self.refuted[MISREGISTERED] = learn_own(self.fleet, state, lamp, window, expected, is_sound, limits)
        self._attend(lamp, window, expected)
        self._reopen(lamp, levels.level)
        self.steadiness.note(sweep.batch, row, lamp, window, levels, is_sound)
        return [*refused, *verdicts, *self.dark_unread.read(lamp, at_s, window, expected)]

    def _judge_put_out_anew(self) -> None:
        """What a dip has put out warms up anew: no sample before it counts for a dark lamp."""
        rule, lamp = self.rules.number.get(DARK.name), self.cycles.dips.put_out
        if rule is not None and len(lamp):
            self.debounce[rule].forget(lamp)

    def _judge_refused(self, sweep: Sweep, replies: Replies, is_muted: Callable[[Int64], Bool]) -> list[LampVerdict]:
        """Readings that the agent itself refused: they carry no values, and count for the rules that ask for them."""
        verdicts: list[LampVerdict] = []
        for rule in self._refusing:
            chosen = np.flatnonzero(replies.quality == self.rules[rule].refused_quality)
            if len(chosen):
                verdicts += self._count_refused(rule, sweep, replies.row[chosen], replies.lamp[chosen], is_muted)
        return verdicts

    def _count_refused(
        self, rule: int, sweep: Sweep, row: Int64, lamp: Int64, is_muted: Callable[[Int64], Bool]
    ) -> list[LampVerdict]:
        state, bits, debounce, detector = self.state, self.state.bits, self.debounce[rule], self.rules[rule]
        record = sweep.record_of(row)
        at_s = sweep.at_s[record]
        yes, no = np.ones(len(lamp), np.bool_), np.zeros(len(lamp), np.bool_)
        gate = is_muted(lamp) & ~state.is_open(rule, lamp)
        verdict = debounce.step(lamp, at_s, sweep.dt_s[record], yes, no, yes, gate)
        flags = put_bit(state.flags[lamp], bits.running[rule], verdict.is_active)
        state.flags[lamp] = put_bit(flags, bits.open[rule], debounce.is_open[lamp])
        state.look_again(lamp)
        evidence = {"quality": detector.refused_quality, "samples": debounce.confirm.samples, "kind": detector.name}
        since_s = debounce.since_s[lamp]
        return [
            LampVerdict(detector, int(lamp[i]), True, int(at_s[i]), int(since_s[i]), dict(evidence))
            for i in verdict.opened.tolist()
        ]

    def _reopen(self, lamp: Int64, level: npt.NDArray[np.uint8]) -> None:
        """Quiet lamps get the band of their level; one on which anything runs is looked at in every sweep."""
        is_quiet = self.state.flags[lamp] == 0
        self.state.low_w[lamp[~is_quiet]] = np.inf
        if is_quiet.any():
            self.bands.set(self.state, lamp[is_quiet], level[is_quiet])

    def _attend(self, lamp: Int64, window: Window, expected: Expected) -> None:
        """Keep an eye on nodes whose status tells of anything, and on those that some rule attends to.

        And on lamps of which this sample did not show what a quiet one is taken for: lit while on, neither while off.
        """
        is_loud = (window.status & ~_QUIET_STATUS) != 0
        is_loud |= self.rules.attended(window, expected)
        is_loud |= self.state.lit[lamp] != np.where(expected.level > 0, LIT_YES, LIT_UNKNOWN)
        self.state.flags[lamp] = put_bit(self.state.flags[lamp], self.state.bits.attention, is_loud)

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
        settled: tuple[Bool, Bool],
        is_wild: Bool,
        is_muted: Bool,
    ) -> list[LampVerdict]:
        is_settled, is_counted = settled  # may give a verdict on what depends on the level; count towards one
        state, bits = self.state, self.state.bits
        flags = state.flags[lamp]
        verdicts: list[LampVerdict] = []
        withheld = np.zeros(len(lamp), np.bool_)
        for rule, detector in enumerate(self.rules):
            debounce = self.debounce[rule]
            holds = detector.holds(window, expected, limits)
            is_active = (flags & bits.running[rule]) != 0
            if not (holds.any() or is_active.any()):
                continue
            judges = detector.judges(window, expected, limits)
            heals = judges & ~holds if detector.heals is None else detector.heals(window, expected, limits)
            judges = judges & ~withheld
            if detector.spoils is None:
                judges &= ~is_wild
            is_open = (flags & bits.open[rule]) != 0
            is_gated = ~is_open & (is_muted | self._is_hidden(rule, lamp, flags, window, expected))
            if detector.is_level_dependent:
                judges &= is_counted
                is_gated |= ~is_settled
            verdict = debounce.step(lamp, at_s, dt_s, holds, heals, judges, is_gated, is_active)
            flags = put_bit(flags, bits.running[rule], verdict.is_active)
            is_open[verdict.opened], is_open[verdict.cleared] = True, False
            flags = put_bit(flags, bits.open[rule], is_open)
            if detector.withholds is not None:
                withheld = withheld | detector.withholds(window, RuleRuns(debounce.count[lamp], debounce.is_open[lamp]))
            for rows, is_opened in ((verdict.opened, True), (verdict.cleared, False)):
                if len(rows):
                    times = at_s[rows], dt_s[rows]
                    verdicts += self._tell(detector, rule, rows, lamp, times, window, expected, is_opened=is_opened)
        # not as they were copied: a verdict may have made the lamp another one, to be learned anew
        state.flags[lamp] = bits.with_rules(state.flags[lamp], flags)
        return verdicts

    def _is_hidden(self, rule: int, lamp: Int64, flags: Flags, window: Window, expected: Expected) -> Bool:
        """Rows on which a verdict of this rule would tell again what another rule tells better."""
        hidden = np.zeros(len(lamp), np.bool_)
        for other in self._hiding[rule]:
            hidden |= (flags & self.state.bits.open[other]) != 0
        waits = self.rules[rule].waits
        if waits is not None:
            hidden |= waits(window, expected, LampCircumstances(self, rule, lamp, flags))
        return hidden

    def _tell(  # measured columns, in the order of the rule
        self,
        detector: Detector,
        rule: int,
        rows: Int64,
        lamp: Int64,
        times: tuple[Int64, Int64],
        window: Window,
        expected: Expected,
        *,
        is_opened: bool,
    ) -> list[LampVerdict]:
        state, lamps, (at_s, dt_s) = self.state, lamp[rows], times
        if detector.suspects_register and is_opened:
            state.is_register_suspect[lamps] |= ~state.has_fitted[lamps]
        if detector.is_new_lamp_when_clear and not is_opened:
            state.start_anew(lamps)
        since_s = self.debounce[rule].since_s[lamps].astype(np.int64)
        if detector.begins_with_change:
            since_s = self.cycles.first_change_s(lamps, at_s)
        elif detector.is_repetition:  # the sample that is repeated is the first of them
            since_s -= dt_s
        samples = self.debounce[rule].confirm.samples + detector.is_repetition
        return [
            LampVerdict(
                detector,
                int(lamps[i]),
                is_opened,
                int(at_s[i]),
                int(since_s[i]),
                lamp_evidence(detector, state, int(lamps[i]), window, expected, int(row), samples, is_opened=is_opened),
            )
            for i, row in enumerate(rows.tolist())
        ]

    def close(self, name: str, lamp: int) -> None:
        """End a rule on a lamp without a verdict: it is judged anew."""
        one, rule, bits = np.array([lamp]), self.rules.number[name], self.state.bits
        self.debounce[rule].close(one)
        self.state.flags[one] &= ~(bits.running[rule] | bits.open[rule])
        self.state.look_again(one)

    def forget(self, lamp: Int64) -> None:
        """Drop all runs of some lamps, so that they are judged anew; what is open stays open."""
        for debounce in self.debounce:
            debounce.forget(lamp)
        self.state.flags[lamp] = self.state.bits.only_open(self.state.flags[lamp])
        self.state.look_again(lamp)
