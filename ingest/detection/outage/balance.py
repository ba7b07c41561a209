"""What the meters of circuits and cabinets show beside what their lamps draw, and how far off that is when quiet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.sample import Electric, rated_power
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.grouping import WAIT, Group
from ingest.detection.outage.load import GONE, UNKNOWN, Reading, judge_groups
from ingest.detection.rules.meter_failure import METER_ERROR, OFFSET_W
from ingest.lighting.expected_power import level_share, voltage_share
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_SMOOTH: Final = 0.1
WILD_W: Final = 3000.0  # no street lamp draws more: a meter's absurdity
_EVERY_S: Final = 300  # quiet sweeps are learned from this often, once there are enough
_QUICK_SAMPLES: Final = 10
_MOST_SHARE: Final = 0.5  # beyond it a balance says nothing of losses
_OUTLIER: Final = 5.0  # times the scatter
_LEAST_OUTLIER: Final = 0.03
_PERSISTS: Final = 48  # quiet sweeps: four lit hours
_FIRST_NOISE: Final = 0.015  # of the reading, until the scatter is known


class Balance:
    """Bias and scatter of every circuit meter (Q) and cabinet meter (C), as shares of what the meter shows."""

    def __init__(self, fleet: Fleet, state: LampState, electric: Electric, table: LimitTable) -> None:
        """Start with nothing known."""
        self._fleet, self._state, self._electric, self._table = fleet, state, electric, table
        self.guard_s = int(table.scalar("switching_guard"))
        self._stale = int(table.scalar("stale_sweeps"))
        self._warm_up_s = table.by_technology("warm_up")[fleet.technology].astype(np.int64)
        self._loss = table.scalar("cable_loss") / 2
        self._start_a = table.scalar("I_start")
        n = fleet.n_circuits + fleet.n_controllers
        self.bias = np.full(n, self._loss)
        self.noise = np.full(n, _FIRST_NOISE)
        self.samples = np.zeros(n, np.uint16)
        self.n_off = np.zeros(n, np.uint8)  # quiet sweeps in a row that did not fit
        self._due_s = np.zeros(fleet.n_controllers, np.int64)

    def expected_w(self, lamp: Int64) -> Float64:
        """What lamps should draw now at their levels and last voltages; float64 (n,), NaN unknown."""
        state, fleet = self._state, self._fleet
        rated = np.where(np.isnan(state.own_w[lamp]), rated_power(fleet, state, lamp), state.own_w[lamp])
        level = np.where(state.level[lamp] > 100, 100, state.level[lamp]).astype(np.uint8)
        share = level_share(fleet.technology[lamp], level)
        at_voltage = voltage_share(state.voltage_v[lamp], self._electric.exponent[lamp], self._electric.nominal_v)
        return (rated * share * at_voltage).astype(np.float64)

    def drawn_w(self, lamp: Int64) -> Float64:
        """What lamps draw: the last good power while it is fresh, else the expected one; float64 (n,), NaN unknown."""
        power = self._state.power_w[lamp].astype(np.float64)
        is_fresh = self._state.is_listed[lamp] & (self._state.sweeps_silent(lamp) <= self._stale) & np.isfinite(power)
        is_fresh &= ~self._is_absurd(lamp, power)
        return np.where(is_fresh, power, self.expected_w(lamp))

    def _is_absurd(self, lamp: Int64, power_w: Float64) -> Bool:
        """Powers beyond what the meter's own voltage and current allow (``meterFailure``): no part of any sum."""
        state = self._state
        apparent = state.voltage_v[lamp].astype(np.float64) * (state.current_a[lamp] + self._start_a)
        absurd: Bool = (power_w > METER_ERROR * apparent + OFFSET_W) | (np.abs(power_w) > WILD_W)
        return absurd

    def is_settled(self, lamp: slice | Int64, at_s: int | Int64) -> Bool:
        """Lamps commanded on, past the switching guard and warm; bool (n,)."""
        state = self._state
        is_on = (state.level[lamp] > 0) & (state.level[lamp] <= 100)
        is_past = at_s - state.switched_s[lamp].astype(np.int64) >= self.guard_s
        is_warm = at_s - state.lit_from_s[lamp].astype(np.int64) >= self._warm_up_s[lamp]
        settled: Bool = is_on & is_past & is_warm
        return settled

    def has_burned(self, lamp: Int64, at_s: int) -> Bool:
        """Lamps commanded on for so long that they would draw their power now if they had it; bool (n,).

        Other than :meth:`is_settled` it does not look at outages: this is asked of lamps that may be in one.
        """
        state = self._state
        is_on = (state.level[lamp] > 0) & (state.level[lamp] <= 100)
        patience_s = np.maximum(self.guard_s, self._warm_up_s[lamp])
        burned: Bool = is_on & (at_s - state.switched_s[lamp].astype(np.int64) >= patience_s)
        return burned

    def circuit_power(self, sweep: Sweep, record: int) -> dict[int, tuple[float, float]]:
        """Power and voltage of each metered circuit of a record, NaN unknown."""
        rows = slice(sweep.batch.circuit_start[record], sweep.batch.circuit_start[record + 1])
        circuit = sweep.batch.circuit[rows].tolist()
        power, voltage = sweep.batch.circuit_power_w[rows].tolist(), sweep.batch.circuit_voltage_v[rows].tolist()
        return {q: (p, v) for q, p, v in zip(circuit, power, voltage, strict=True) if q >= 0}

    @staticmethod
    def cabinet_power(sweep: Sweep, record: int) -> float:
        """Power of all phases that the record tells, NaN where it tells none or one of them is wild."""
        power = sweep.batch.cabinet_power_w[record]
        known = power[np.isfinite(power)]
        return float(known.sum()) if len(known) else float("nan")

    def loads(  # measured columns, in the order of the rule
        self, sweep: Sweep, record: int, lamps: Int64, groups: Sequence[Group], is_gone: Bool, controller: int
    ) -> list[str]:
        """What the meters say of groups of silent lamps.

        Args:
            sweep: the sweep at hand.
            record: the controller's record in it.
            lamps: fleet indices that the groups' rows point into.
            groups: the silent lamps.
            controller: fleet index.
            is_gone: bool (lamps of the controller,) lamps known to be dark already.
        """
        fleet, at_s = self._fleet, int(sweep.at_s[record])
        start, stop = int(fleet.controller_start[controller]), int(fleet.controller_start[controller + 1])
        own = np.arange(start, stop)
        drawn = np.where(is_gone, 0.0, self.drawn_w(own))
        is_silent = np.zeros(stop - start, np.bool_)
        for group in groups:
            is_silent[lamps[group.rows] - start] = True
        circuits = self.circuit_power(sweep, record)
        cabinet_w = self.cabinet_power(sweep, record)
        answers = [UNKNOWN] * len(groups)
        by_meter: dict[int, list[int]] = {}
        for i, group in enumerate(groups):
            members = lamps[group.rows]
            owners = {int(fleet.lamp_circuit[lamp]) for lamp in members.tolist()}
            power, voltage = (
                circuits.get(next(iter(owners)), (np.nan, np.nan)) if len(owners) == 1 else (np.nan, np.nan)
            )
            if group.kind == "circuit" and voltage < self._table.scalar("no_voltage"):
                answers[i] = GONE
                continue
            meter = next(iter(owners)) if np.isfinite(power) else -1
            is_home = (fleet.lamp_cabinet[members] == fleet.home_cabinet[controller]).all()
            if meter < 0 and not (np.isfinite(cabinet_w) and is_home):
                continue
            if not self.has_burned(members, at_s).all():
                answers[i] = WAIT
                continue
            by_meter.setdefault(meter, []).append(i)
        for meter, chosen in by_meter.items():
            expected = [float(self.expected_w(lamps[groups[i].rows]).sum()) for i in chosen]
            if meter >= 0:
                is_behind, power_w, key = fleet.lamp_circuit[own] == meter, circuits[meter][0], meter
            else:
                is_behind = fleet.lamp_cabinet[own] == fleet.home_cabinet[controller]
                power_w, key = cabinet_w, fleet.n_circuits + controller
            known = float(drawn[is_behind & ~is_silent].sum())
            if not np.isfinite([known, *expected]).all():
                continue
            reading = Reading(power_w * (1 - self.bias[key]), known, self.noise[key] * power_w)
            judged = judge_groups(reading, expected, self._table.scalar("load_gone"))
            for i, answer in zip(chosen, judged, strict=True):
                answers[i] = answer
        return answers

    def due(self, sweep: Sweep) -> Int64:
        """Live records with a meter above their lamps whose next quiet sample is due; int64."""
        batch = sweep.batch
        is_due = sweep.is_live & (sweep.at_s >= self._due_s[sweep.controller])
        records = np.flatnonzero(is_due & (sweep.has_cabinet_power | (np.diff(batch.circuit_start) > 0)))
        self._due_s[batch.controller[records]] = sweep.at_s[records] + _EVERY_S
        return records

    def learn(self, sweep: Sweep, records: Int64) -> None:
        """Take quiet sweeps: every listed lamp behind a meter has answered and is settled.

        A lamp that is silent is no part of it: its expected power beside a meter that lacks it would teach the balance
        that half of a cut cable's load is its ordinary loss.

        Args:
            sweep: the sweep at hand.
            records: int64 (k,) its records to learn from, each of another controller.
        """
        fleet, state, batch = self._fleet, self._state, sweep.batch
        if not len(records):
            return
        controller = batch.controller[records].astype(np.int64)
        own, record = _spread(fleet.controller_start, controller)
        drawn, is_settled = self.drawn_w(own), self.is_settled(own, sweep.at_s[records][record])
        has_answered = (state.quality[own] == 0) & np.isfinite(state.power_w[own])
        is_settled &= has_answered | ~state.is_listed[own]

        is_home = fleet.lamp_cabinet[own] == fleet.home_cabinet[controller][record]
        phases = batch.cabinet_power_w[records].astype(np.float64)
        cabinet_w = np.where(np.isfinite(phases).any(axis=1), np.nansum(phases, axis=1), np.nan)
        sums = _sums(record[is_home], drawn[is_home], is_settled[is_home], len(records))
        self._take(fleet.n_circuits + controller, controller, cabinet_w, *sums)

        row, record_of_row = _spread(batch.circuit_start, records)
        circuit = batch.circuit[row].astype(np.int64)
        is_known = circuit >= 0
        circuit, told_by = circuit[is_known], controller[record_of_row[is_known]]
        behind = fleet.lamp_circuit[own]
        is_wired = behind >= 0
        total_w, is_quiet = _sums(behind[is_wired], drawn[is_wired], is_settled[is_wired], fleet.n_circuits)
        power_w = batch.circuit_power_w[row[is_known]].astype(np.float64)
        self._take(circuit, told_by, power_w, total_w[circuit], is_quiet[circuit])

    def _take(self, key: Int64, controller: Int64, power_w: Float64, total_w: Float64, is_quiet: Bool) -> None:
        """One sample of k meters beside the lamps behind them; those that prove nothing are passed over."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 - total_w / power_w
        # beyond that share it is a meter's absurdity, or a load that is no loss
        good = np.flatnonzero(is_quiet & (power_w > 0) & (np.abs(share) <= _MOST_SHARE))
        fits = self._fits(key[good], share[good])
        key, controller, share = key[good][fits], controller[good][fits], share[good][fits]
        before = self.samples[key].astype(np.int64)
        weight = np.maximum(_SMOOTH, 1 / (before + 1))
        off = 1.25 * np.abs(share - self.bias[key]) - self.noise[key]
        self.noise[key] += np.where(before > 0, weight * off, 0)
        self.bias[key] += weight * (share - self.bias[key])
        self.samples[key] = np.minimum(before + 1, 60000)
        self._due_s[controller[self.samples[key] < _QUICK_SAMPLES]] = 0

    def _fits(self, key: Int64, share: Float64) -> Bool:
        """Samples to learn from: a tap on the cable is neither loss nor noise, unless it stays for hours; bool (k,)."""
        limit = np.maximum(_OUTLIER * self.noise[key], _LEAST_OUTLIER)
        is_off = (np.abs(share - self.bias[key]) > limit) & (self.samples[key] >= _QUICK_SAMPLES)
        self.n_off[key] = np.where(is_off, self.n_off[key] + 1, 0)
        is_lasting = is_off & (self.n_off[key] >= _PERSISTS)
        self.samples[key[is_lasting]] = 0  # it is what this cabinet is like: learned anew
        self.n_off[key[is_lasting]] = 0
        fits: Bool = ~is_off | is_lasting
        return fits


def _spread(start: Int64, chosen: Int64) -> tuple[Int64, Int64]:
    """Items of some ranges ``start[i]:start[i + 1]``, and which of ``chosen`` each belongs to; int64 (n,) both."""
    counts = start[chosen + 1] - start[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    ends = np.cumsum(counts)
    return np.arange(len(owner)) + (start[chosen] - (ends - counts))[owner], owner


def _sums(meter: npt.NDArray[np.integer], drawn_w: Float64, is_settled: Bool, n_meters: int) -> tuple[Float64, Bool]:
    """Power drawn behind each of n meters, and whether it has lamps and all of them are settled; (n,) both."""
    total_w: Float64 = np.bincount(meter, drawn_w, minlength=n_meters).astype(np.float64)
    n_lamps = np.bincount(meter, minlength=n_meters)
    n_settled = np.bincount(meter[is_settled], minlength=n_meters)
    is_quiet: Bool = (n_lamps > 0) & (n_settled == n_lamps)
    return total_w, is_quiet
