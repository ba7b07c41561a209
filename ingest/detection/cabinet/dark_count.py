"""``circuitPowerTooLow``: how many lamps are dark where only the sum is metered.

The circuit is its own yardstick (``dark_baseline``). What is missing is averaged from the sample on from which anything
is missing: one lamp in a hundred is less than a meter's noise, but not less than that of an hour. A fault opens when
the mean is beyond what the noise of the sum and the doubt of its yardstick can bring.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.dark_baseline import DarkBaseline, Expectation
from ingest.detection.cabinet.dark_reports import DarkReports, Deficit
from ingest.detection.cabinet.dark_strikes import DarkStrikes
from ingest.detection.cabinet.dark_sums import SumTable
from ingest.detection.cabinet.sum_places import SumPlaces
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.lamp_evidence import number
from ingest.detection.memory.command import Commands
from ingest.detection.memory.debounce import Confirm, Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_VOLTAGE_CODES: Final = frozenset({"supplyVoltageTooLow", "supplyVoltageTooHigh", "neutralFailure"})
_SIGMAS: Final = 6.0  # of the mean: a night has some hundred independent stretches, and a city many circuits
_NOTHING: Final = 1e-3  # of what the ratings say: a sum that draws less, or nothing at all, counts with this
_UNLIT: Final = 0.02  # of the same: lamps that have never drawn more were never lit, and nothing is learned of them
_SUNK: Final = 0.5  # of what was reported missing
_RUN_SHARE: Final = 0.5  # a run begins at this share of the limit
_EASE: Final = 0.15  # of a lamp: scatter that the running mean may have
_SLOWEST: Final = 1 / 60  # weight of one sample in it
_JUMP: Final = 4.0  # sigmas, twice in a row: the running mean starts anew there
_LONGEST_RUN: Final = 240  # samples; one that has proved nothing by then is begun anew
_LEARN_SIGMAS: Final = 3.0  # beyond it nothing is learned: perhaps a lamp is dark
_LEARN_SAMPLES: Final = 3
_RISE_SAMPLES: Final = 40  # unmeteredLoad takes half an hour
_MOST_OF_RATING: Final = 0.08  # that lamps may draw more than they are rated at, as a logarithm
_FORGOTTEN_S: Final = 590  # a switching guard, or a gap
_INTERVALS: Final = 2.5
_SEEN_SAMPLES: Final = 30  # what can be seen is told for the mean of so many


class DarkCount:
    """Items are Q circuits and then K cabinets, those whose only meter is the cabinet's."""

    def __init__(self, fleet: Fleet, table: LimitTable, state: LampState, book: ActiveConditions) -> None:
        """Nothing is learned yet."""
        self._fleet, self._state, self._book = fleet, state, book
        self.sums, self._places = SumTable(fleet, table, state), SumPlaces(fleet)
        self._nominal_v = table.scalar("nominal_voltage")
        self.strikes = DarkStrikes(self.sums, table)
        n = self.sums.n
        seconds, samples = table.scalar("dark_count_time"), int(table.scalar("confirm_samples"))
        self._share, self._no_voltage = table.scalar("dark_count_share"), table.scalar("no_voltage")
        self.debounce = Debounce(n, Confirm(samples, seconds, samples, seconds))
        self.baseline = DarkBaseline(n)
        self.mean = np.zeros(n)  # running mean of what is missing, as a logarithm
        self.before = np.zeros(n)  # what was missing the last time
        self.run_sum, self.run_sigma = np.zeros(n), np.zeros(n)
        self.run_n = np.zeros(n, np.int32)  # below 0: more is there than was learned
        self.reports = DarkReports(self.sums, self._places, seconds, book)
        self.seen_share = np.full(n, np.nan)  # smallest share of the sum that can be seen missing

    def judge(self, sweep: Sweep, commands: Commands, is_starved: Bool, is_muted: Callable[[Int64], Bool]) -> None:
        """Judge the sums of a sweep's live records; without supply, or a phase of it, there is nothing to count."""
        records = np.flatnonzero(sweep.is_live & ~self._state.is_fully_listed[sweep.controller])
        if not len(records):
            return
        sums = self.sums.of(sweep, records)
        item, record = sums.item, sums.record
        if not len(item):
            return
        at_s = sweep.at_s[record]
        level = np.where(self.sums.is_dimming[item], commands.level[record], 100).astype(np.int64)
        shape_w = self.sums.shape_w(item, level, sums.voltage_v)
        seen = (sums.power_w, sums.voltage_v, level, shape_w)
        self.strikes.note(sweep, commands, is_starved, item, record, *seen)
        is_judged = commands.is_on & commands.is_settled & (sweep.batch.is_contactor_closed != 0) & ~is_starved
        is_fit = is_judged[record] & ~self.strikes.is_cold(item, at_s)
        ends = np.where(self.sums.is_dimming[item], sweep.is_ending[record], sweep.is_switching[record])
        is_fit &= ~(ends & (sweep.level_low[record] == LEVEL_UNKNOWN))
        if controllers := self._book.controllers_with(_VOLTAGE_CODES):
            is_fit &= ~self._has_odd_voltage(controllers)[item]
        is_fit &= ~((sums.voltage_v < self._no_voltage) & (sums.power_w <= 0))  # the meter itself has no supply
        chosen = np.flatnonzero(is_fit & (sums.power_w >= 0) & (shape_w > 0))
        if len(chosen):
            volts = sums.voltage_v[chosen]
            volts = np.where(volts > self._no_voltage, np.log(np.maximum(volts, 1.0) / self._nominal_v), 0.0)
            self._judge_sums(
                sweep,
                item[chosen],
                record[chosen],
                level[chosen],
                sums.power_w[chosen],
                shape_w[chosen],
                volts,
                sums.is_of_one_phase[chosen],
                is_muted,
            )

    def _has_odd_voltage(self, controllers: set[int]) -> Bool:
        """Sums whose voltage is out of its limits: it may not be the one that any meter of theirs shows; bool (n,)."""
        n_circuits = self._fleet.n_circuits
        cases = [case for c in controllers for case in self._book.of_controller(c) if case.code in _VOLTAGE_CODES]
        is_whole, is_odd = np.zeros(len(self._fleet.cabinet_ids), np.bool_), np.zeros(self.sums.n, np.bool_)
        is_whole[[case.cabinet for case in cases if case.circuit < 0]] = True
        is_odd[:n_circuits] = is_whole[self._fleet.circuit_cabinet]
        is_odd[[n_circuits + case.cabinet for case in cases]] = True
        is_odd[[case.circuit for case in cases if case.circuit >= 0]] = True
        return is_odd

    def _judge_sums(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        item: Int64,
        record: Int64,
        level: Int64,
        power_w: Float64,
        shape_w: Float64,
        volts: Float64,
        is_of_one_phase: Bool,
        is_muted: Callable[[Int64], Bool],
    ) -> None:
        at_s, dt_s = sweep.at_s[record], sweep.dt_s[record]
        seen = np.log(np.maximum(power_w / shape_w, _NOTHING))
        self._begin_anew(item, at_s, dt_s)
        expected = self.baseline.expect(item, level, volts, self.sums.ballast_share[item], is_of_one_phase)
        self.strikes.judged_s[item] = at_s
        missing = expected.mean - seen
        is_known = np.isfinite(missing)
        first = np.flatnonzero(~is_known & (seen > np.log(_UNLIT)))
        self.baseline.learn(item[first], level[first], seen[first], volts[first])
        is_quiet = (self.mean[item], ~self.debounce.is_open[item])
        known = np.flatnonzero(is_known & ~self.strikes.do_all_strike(item, at_s, missing, *is_quiet))
        if not len(known):
            return
        item, record, level, power_w, shape_w = item[known], record[known], level[known], power_w[known], shape_w[known]
        volts, seen, missing, at_s, dt_s = volts[known], seen[known], missing[known], at_s[known], dt_s[known]
        expected = expected.at(known)

        is_open = self.debounce.is_open[item]
        lamp = self.sums.least_share[item]
        self.baseline.note(item, missing)
        self._follow(item, missing, expected.noise, lamp)
        line = self._share * lamp
        holds = self.mean[item] >= _RUN_SHARE * line
        rises = self.mean[item] <= -_RUN_SHARE * line
        self._count_run(item, missing, expected.sigma, holds, rises, is_open)
        n = np.abs(self.run_n[item]).astype(np.float64)
        run_mean = self.run_sum[item] / np.maximum(n, 1)
        sigma = self._run_noise(expected, item, n)
        is_doubtful = (np.abs(run_mean) > _LEARN_SIGMAS * sigma) & (n >= _LEARN_SAMPLES)
        is_doubtful &= (np.abs(run_mean) >= line) | (n < _LONGEST_RUN / 2)
        # the first samples of an outage or a dip are no run yet: they would spoil the slope over the voltage for good
        is_wild = np.abs(missing) > np.maximum(line, _SIGMAS * np.hypot(expected.noise, expected.sigma))
        fit = np.flatnonzero(~(is_open | is_doubtful | is_wild))
        self.baseline.learn(item[fit], level[fit], seen[fit], volts[fit])
        tapped = self._book.controllers_with({"unmeteredLoad"})
        may_be_lamps = (expected.mean - run_mean <= _MOST_OF_RATING) & (n >= _RISE_SAMPLES)
        if tapped:
            may_be_lamps &= ~np.isin(sweep.batch.controller[record], list(tapped))
        self._lift(item, run_mean, may_be_lamps & (run_mean <= -np.maximum(line, _SIGMAS * sigma)))
        self.seen_share[item] = np.maximum(line, _SIGMAS * expected.of_mean(np.full(len(item), float(_SEEN_SAMPLES))))

        is_weak = (run_mean < np.maximum(line, _SIGMAS * sigma)) | (n == 0) | expected.is_young
        is_weak |= self.mean[item] < line  # less and less is missing: what was is no dark lamp
        muted = self._muted(item, 1 - np.exp(-run_mean), is_muted)
        verdict = self.debounce.step(
            item, at_s, dt_s, holds, ~holds, np.ones(len(item), np.bool_), ~is_open & (is_weak | muted)
        )
        now = np.where(is_open, self.mean[item], run_mean)
        is_news = self.reports.follow(item, at_s, 1 - np.exp(-now), lamp) & is_open & holds
        # most of it is repaired, and of the rest, which may be age, none would be told by itself
        least = np.minimum(1 - np.exp(-self.seen_share[item]), _SUNK * self.reports.reported_share[item])
        is_sunk = is_news & (self.reports.steady_share[item] < least)
        cleared = np.union1d(verdict.cleared, np.flatnonzero(is_sunk))
        is_news[verdict.opened] = True
        is_news[cleared] = False
        for i in np.flatnonzero(is_news).tolist():
            shown_w = float(shape_w[i] * np.exp(expected.mean[i]))
            doubt = float(sigma[i] if not is_open[i] else expected.of_mean(np.array([10.0]))[i])
            share = self.reports.steady_share[item[i]] if is_open[i] else 1 - np.exp(-now[i])
            missing_w = shown_w * float(share)
            found = Deficit(shown_w, missing_w, shown_w * doubt, int(level[i]), float(volts[i]))
            times = (int(at_s[i]), int(self.debounce.since_s[item[i]]))
            controller = int(sweep.batch.controller[record[i]])
            self.reports.tell(int(item[i]), controller, *times, found, is_renewal=bool(is_open[i]))
        for i in cleared.tolist():
            evidence = {"power_w": number(power_w[i])}
            self._book.close(self._places.key(int(item[i])), int(at_s[i]) * 1_000_000, evidence=evidence)
        self.debounce.close(item[is_sunk])
        self._drop_runs(item[cleared])

    def _begin_anew(self, item: Int64, at_s: Int64, dt_s: Int64) -> None:
        """Another level, another night, or a cold lamp between: what was missing then says nothing of now."""
        gap_s = np.maximum(_FORGOTTEN_S, _INTERVALS * dt_s)
        anew = item[at_s - self.strikes.judged_s[item] >= gap_s]
        if len(anew):
            self._drop_runs(anew)
            self.before[anew] = np.nan
            self.reports.break_off(anew)
            self.mean[anew[~self.debounce.is_open[anew]]] = 0.0
            self.debounce.forget(anew)
            self.baseline.break_off(anew)

    def _drop_runs(self, item: Int64) -> None:
        self.run_sum[item], self.run_sigma[item], self.run_n[item] = 0.0, 0.0, 0

    def _follow(self, item: Int64, missing: Float64, noise: Float64, lamp: Float64) -> None:
        """The running mean, as slow as the noise asks for; a jump that stays is taken over at once."""
        ratio = (_EASE * lamp / np.maximum(noise, 1e-9)) ** 2
        weight = np.clip(2 * ratio / (1 + ratio), _SLOWEST, 1.0)
        before, mean = self.before[item], self.mean[item]
        reach = _JUMP * noise * np.sqrt(1 + weight / (2 - weight))
        is_first = np.isnan(before)
        is_jump = (np.abs(missing - mean) > reach) & (np.abs(before - mean) > reach)
        is_jump &= (missing > mean) == (before > mean)
        mean = mean + weight * (missing - mean)
        mean = np.where(is_jump, (missing + np.nan_to_num(before)) / 2, mean)
        # where the noise is small one sample is enough, but a single wild one is none
        mean = np.where(is_first & ~self.debounce.is_open[item], np.clip(missing, -reach, reach) * weight, mean)
        self.mean[item], self.before[item] = mean, missing

    def _count_run(
        self, item: Int64, missing: Float64, sigma: Float64, holds: Bool, rises: Bool, is_open: Bool
    ) -> None:
        """Go on with the runs of sums of which something is missing, or more is there than was learned."""
        sign = np.where(holds, 1, np.where(rises & ~is_open, -1, 0))
        run = self.run_n[item]
        is_over = (sign == 0) | (run * sign < 0) | (np.abs(run) >= _LONGEST_RUN)
        self._drop_runs(item[is_over])
        self.run_sum[item] += np.where(sign != 0, missing, 0.0)
        self.run_sigma[item] += np.where(sign != 0, sigma, 0.0)
        self.run_n[item] += sign.astype(np.int32)

    def _run_noise(self, expected: Expectation, item: Int64, n: Float64) -> Float64:
        """Standard deviation of the run's mean: its noise, and what was doubtful of the yardstick meanwhile."""
        doubt = self.run_sigma[item] / np.maximum(n, 1)
        return replace(expected, sigma=doubt).of_mean(np.maximum(n, 1))

    def _lift(self, item: Int64, run_mean: Float64, is_more: Bool) -> None:
        """A sum that draws a lamp more than was learned had a dark lamp then: it is learned anew from here.

        More than the ratings of all its lamps is no lamp: somebody has tapped it, and what is learned stays.
        """
        self.baseline.shift(item[is_more], -run_mean[is_more])
        self.mean[item[is_more]] = 0.0
        self._drop_runs(item[is_more])

    def _muted(self, item: Int64, share: Float64, is_muted: Callable[[Int64], Bool]) -> Bool:
        """Sums of which no more is missing than their lamps under maintenance draw; ``share`` float64 (n,) of each."""
        muted = np.zeros(len(item), np.bool_)
        for i in np.flatnonzero((self.debounce.count[item] > 0) & ~self.debounce.is_open[item]).tolist():
            lamps = self._places.lamps(int(item[i]))
            is_off = is_muted(lamps)
            if is_off.any():
                watt = np.nan_to_num(self._fleet.rated_power_w[lamps].astype(np.float64), nan=1.0)
                muted[i] = share[i] <= watt[is_off].sum() / watt.sum() + self.sums.least_share[item[i]] / 2
        return muted

    def least_dark(self) -> dict[str, dict[str, int]]:
        """Smallest number of dark lamps that can be seen: cabinet id -> circuit ("" = all) -> number."""
        found: dict[str, dict[str, int]] = {}
        for item in np.flatnonzero(np.isfinite(self.seen_share)).tolist():
            ratio = float(self.seen_share[item] / self.sums.least_share[item])
            place, n_lamps = self._places.key(item).place, int(self.sums.n_lamps[item])
            circuit = place.circuit if item < self._fleet.n_circuits else None
            found.setdefault(str(place.cabinet_id), {})[circuit or ""] = min(n_lamps, max(1, int(np.ceil(ratio))))
        return found

    def start_anew(self, lamp: Int64) -> None:
        """Other lamps may hang there now: the sums that hold them are learned anew."""
        fleet = self._fleet
        circuit, cabinet = fleet.lamp_circuit[lamp].astype(np.int64), fleet.lamp_cabinet[lamp].astype(np.int64)
        item = np.unique(np.concatenate([circuit[circuit >= 0], cabinet[cabinet >= 0] + fleet.n_circuits]))
        self.baseline.forget(item)
        self._drop_runs(item)
        self.mean[item] = 0.0
