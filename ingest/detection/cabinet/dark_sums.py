"""Which sums of unmetered lamps are metered, what they show, and what their lamps would draw by their ratings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.lighting.expected_power import level_share
from ingest.model.fleet import Fleet
from ingest.schema.limits import TECHNOLOGIES

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_N: Final = len(TECHNOLOGIES)
_UNRATED_W: Final = 100.0  # where no lamp of a sum has a rating: it is its own yardstick anyway


@dataclass(frozen=True, slots=True)
class Sums:
    """The metered sums of one sweep: item int64 (m,), record int64 (m,), power_w and voltage_v float64 (m,).

    ``is_of_one_phase`` bool (m,): the voltage is that of one phase, though lamps of the sum hang on others too.
    """

    item: Int64
    record: Int64
    power_w: Float64
    voltage_v: Float64
    is_of_one_phase: Bool


class SumTable:
    """Items are Q circuits and then K cabinets, those whose only meter is the cabinet's."""

    def __init__(self, fleet: Fleet, table: LimitTable, state: LampState) -> None:
        """Add up the ratings by technology."""
        self._fleet, self._state = fleet, state
        self._no_voltage, self._nominal_v = table.scalar("no_voltage"), table.scalar("nominal_voltage")
        self._exponent = table.by_technology("ballast_exponent").astype(np.float64)
        warm_up_s = table.by_technology("warm_up").astype(np.float64)
        self.n = n = fleet.n_circuits + fleet.n_cabinets
        circuit, cabinet = fleet.lamp_circuit.astype(np.int64), fleet.lamp_cabinet.astype(np.int64)
        item = np.concatenate([circuit, np.where(cabinet >= 0, cabinet + fleet.n_circuits, -1)])
        lamp = np.flatnonzero(item >= 0)
        item = item[lamp]
        lamp %= max(1, fleet.n_lamps)
        rated = fleet.rated_power_w[lamp].astype(np.float64)
        is_rated = np.isfinite(rated)
        self.n_lamps = np.bincount(item, minlength=n)
        n_rated = np.bincount(item[is_rated], minlength=n)
        total = np.bincount(item[is_rated], rated[is_rated], minlength=n)
        mean = np.where(n_rated > 0, total / np.maximum(n_rated, 1), _UNRATED_W)
        rated = np.where(is_rated, rated, mean[item])
        kind = fleet.technology[lamp].astype(np.int64) * 2 + fleet.is_dimmable[lamp]
        self._rated_w = np.bincount(item * 2 * _N + kind, rated, minlength=n * 2 * _N).reshape(n, 2 * _N)
        least = np.full(n, np.inf)
        np.minimum.at(least, item, rated)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = self._rated_w.sum(axis=1)
            #: power of the smallest lamp as a share of the sum
            self.least_share = np.where(share > 0, least / share, np.nan)
        of_kind = self._rated_w.reshape(n, _N, 2).sum(axis=2)
        self.is_dimming = self._rated_w[:, 1::2].sum(axis=1) > 0
        self.warm_up_s = (np.where(of_kind > 0, warm_up_s, 0.0)).max(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            self.slow_share = np.nan_to_num(of_kind[:, warm_up_s > 0].sum(axis=1) / share)
            self.ballast_share = np.nan_to_num(of_kind[:, self._exponent > 0].sum(axis=1) / share)
        phase_of = np.zeros((3, fleet.n_circuits), np.bool_)
        known = np.flatnonzero((fleet.phase >= 0) & (circuit >= 0))
        phase_of[fleet.phase[known], circuit[known]] = True
        #: circuits on several phases, of which their meter sees the voltage of one
        self._is_of_phases = phase_of.sum(axis=0) > 1
        self._is_sum = np.zeros(n, np.bool_)
        self._n_metered = np.zeros(fleet.n_circuits, np.int64)
        self._n_changes = -1

    def of(self, sweep: Sweep, records: Int64) -> Sums:
        """The sums that some records tell of; ``records`` int64 (k,) live ones."""
        self._note_lists()
        fleet, batch = self._fleet, sweep.batch
        width = np.diff(batch.circuit_start)[records]
        owner = np.repeat(records, width)
        row = np.arange(len(owner)) - np.repeat(np.cumsum(width) - width, width) + batch.circuit_start[owner]
        circuit = batch.circuit[row].astype(np.int64)
        chosen = np.flatnonzero((circuit >= 0) & self._is_sum[circuit])
        own = batch.controller[records[width == 0]]
        home = fleet.home_cabinet[own].astype(np.int64) + fleet.n_circuits
        bare = records[width == 0][self._is_sum[home]]
        home = home[self._is_sum[home]]
        phases = batch.cabinet_power_w[bare].astype(np.float64)
        mean_v = self._loaded_voltage(sweep, bare)
        own_v = batch.circuit_voltage_v[row[chosen]].astype(np.float64)
        is_of_one_phase = self._is_of_phases[circuit[chosen]]
        if is_of_one_phase.any():  # one phase of three tells little where they move apart
            of_cabinet, n_live = self._mean_voltage(sweep, owner[chosen])
            own_v = np.where(is_of_one_phase & (n_live == 3), of_cabinet, own_v)
            is_of_one_phase = is_of_one_phase & (n_live != 3)
        power = np.where(np.isfinite(phases).any(axis=1), np.nansum(phases, axis=1), np.nan)
        return Sums(
            np.concatenate([circuit[chosen], home]),
            np.concatenate([owner[chosen], bare]),
            np.concatenate([batch.circuit_power_w[row[chosen]].astype(np.float64), power]),
            np.concatenate([own_v, mean_v]),
            np.concatenate([is_of_one_phase, np.zeros(len(bare), np.bool_)]),
        )

    def _mean_voltage(self, sweep: Sweep, records: Int64) -> tuple[Float64, Int64]:
        """Mean voltage of the live phases of some records' cabinets, NaN where there is none, and how many are live."""
        volts = sweep.batch.cabinet_voltage_v[records].astype(np.float64)
        volts[~(volts > self._no_voltage)] = np.nan
        n_live = np.isfinite(volts).sum(axis=1)
        return np.where(n_live > 0, np.nansum(volts, axis=1) / np.maximum(n_live, 1), np.nan), n_live

    def _loaded_voltage(self, sweep: Sweep, records: Int64) -> Float64:
        """Mean voltage of the phases of some records' cabinets, weighted by what each phase draws; float64 (k,).

        A change of one phase's voltage changes the sum by that phase's share of it. NaN where no voltage is known.
        """
        volts = sweep.batch.cabinet_voltage_v[records].astype(np.float64)
        watts = np.abs(sweep.batch.cabinet_power_w[records].astype(np.float64))
        weight = np.where((volts > self._no_voltage) & np.isfinite(watts), watts, 0.0)
        total = weight.sum(axis=1)
        plain, _ = self._mean_voltage(sweep, records)
        loaded: Float64 = (weight * np.nan_to_num(volts)).sum(axis=1) / np.where(total > 0, total, np.nan)
        return np.where(total > 0, loaded, plain)

    def has_few_meters(self, circuit: Int64, n: int) -> Bool:
        """Which of some circuits have fewer than n lamps with a meter of their own; bool (m,)."""
        self._note_lists()
        few: Bool = self._n_metered[circuit] < n
        return few

    def _note_lists(self) -> None:
        """Find out anew which sums have no metered lamp, if agents list other lamps than before."""
        if self._state.n_list_changes == self._n_changes:
            return
        self._n_changes = self._state.n_list_changes
        fleet, n_q = self._fleet, self._fleet.n_circuits
        listed = np.flatnonzero(self._state.is_listed)
        circuit, controller = fleet.lamp_circuit[listed], fleet.lamp_controller[listed]
        self._is_sum = self.n_lamps > 0
        self._n_metered = np.bincount(circuit[circuit >= 0], minlength=n_q)
        self._is_sum[:n_q] &= self._n_metered == 0
        is_free = np.ones(fleet.n_controllers + 1, np.bool_)
        is_free[controller[controller >= 0]] = False
        is_free[-1] = False
        self._is_sum[n_q:] &= is_free[fleet.cabinet_controller]

    def lamps_w(self, lamps: Int64, level: int, volts: float) -> Float64:
        """What each lamp of one sum would draw by its rating; float64 (n,).

        Args:
            lamps: int64 (n,) all lamps of the sum.
            level: commanded %.
            volts: logarithm of voltage / nominal.
        """
        fleet = self._fleet
        rated = fleet.rated_power_w[lamps].astype(np.float64)
        rated = np.where(rated > 0, rated, np.nan)
        rated[np.isnan(rated)] = np.nanmean(rated) if np.isfinite(rated).any() else _UNRATED_W
        technology = fleet.technology[lamps]
        levels = np.where(fleet.is_dimmable[lamps], level, 100).astype(np.uint8)
        watts: Float64 = rated * level_share(technology, levels) * np.exp(self._exponent[technology] * volts)
        return watts

    def shape_w(self, item: Int64, level: Int64, voltage_v: Float64) -> Float64:
        """What the lamps of m sums would draw by their ratings at a level and voltage (NaN = nominal); float64 (m,)."""
        full = np.where(level > 0, 100, 0).astype(np.uint8)
        ratio = np.where(voltage_v > self._no_voltage, voltage_v / self._nominal_v, 1.0)
        total = np.zeros(len(item))
        for technology in range(_N):
            part = self._rated_w[item, 2 * technology : 2 * technology + 2]
            if not part.any():
                continue
            of = np.full(len(item), technology, np.uint8)
            watts = part[:, 0] * level_share(of, full) + part[:, 1] * level_share(of, level.astype(np.uint8))
            exponent = self._exponent[technology]
            total += watts * ratio**exponent if exponent else watts
        return total
