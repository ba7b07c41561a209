"""Learns from quiet sweeps what the meters above lamps usually show beyond the lamps' own sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import PHASES, Balance
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
#: of k meters: place, controller, and what they show, what their lamps draw, share of silent and of rated ones
_Samples = tuple[Int64, Int64, Float64, Float64, Float64, Float64]

_EVERY_S: Final = 300  # quiet sweeps are learned from this often, once there are enough
_UNSURE_SHARE: Final = 0.05  # of the power: lamps that did not answer in a quiet sweep
_SILENT_SHARE: Final = 0.3  # of the power: lamps that were reported silent; of more nobody knows whether they burn
_LONG_SILENT: Final = 30  # sweeps after which lamps that were reported silent are a part of what this cabinet is like


class BalanceLearning:
    """When each of C controllers' next quiet sample is due."""

    def __init__(self, fleet: Fleet, state: LampState, balance: Balance) -> None:
        """Every controller is due."""
        self._fleet, self._state, self._balance = fleet, state, balance
        self.due_s = np.zeros(fleet.n_controllers, np.int64)

    def due(self, sweep: Sweep) -> Int64:
        """Live records with a meter above their lamps whose next quiet sample is due; int64."""
        batch = sweep.batch
        is_due = sweep.is_live & (sweep.at_s >= self.due_s[sweep.controller])
        records = np.flatnonzero(is_due & (sweep.has_cabinet_power | (np.diff(batch.circuit_start) > 0)))
        self.due_s[batch.controller[records]] = sweep.at_s[records] + _EVERY_S
        return records

    def learn(self, sweep: Sweep, records: Int64, is_reported: Bool, is_dark: Bool | None = None) -> None:
        """Take quiet sweeps: lamps behind a meter are settled, and few of them did not answer.

        A lamp that has just fallen silent counts as burning. If the meter then lacks it, the sample is left out: it
        would teach the balance that half of a cut cable's load is its ordinary loss.

        Args:
            sweep: the sweep at hand.
            records: int64 (k,) its records to learn from, each of another controller.
            is_reported: bool (L,) lamps whose silence has been reported as their own.
            is_dark: bool (L,) lamps known to be without load.
        """
        fleet, state, batch = self._fleet, self._state, sweep.batch
        if not len(records):
            return
        controller = batch.controller[records].astype(np.int64)
        own, place = _spread(fleet.controller_start, controller)
        record = records[place]
        drawn = self._balance.burning_w(sweep, own, record)
        if is_dark is not None:
            drawn[is_dark[own]] = 0.0
        is_bare = ~state.is_listed[own]
        silent = state.sweeps_silent(own)
        is_unsure = ~is_bare & (silent > 0) & ~(is_reported[own] & (silent > _LONG_SILENT))
        silent_meters = batch.circuit[np.isnan(batch.circuit_power_w) & (batch.circuit >= 0)]
        if len(silent_meters):  # perhaps dark with their meter
            is_unsure |= is_bare & np.isin(fleet.lamp_circuit[own], silent_meters)
        is_settled = self._balance.are_settled(sweep, own, record)
        is_lost = ~is_bare & (silent > 0) & ~is_unsure
        unsure, rated = np.where(is_unsure, drawn, 0.0), np.where(is_bare, drawn, 0.0)

        is_home = fleet.lamp_cabinet[own] == fleet.home_cabinet[controller][place]
        phases = batch.cabinet_power_w[records].astype(np.float64)
        cabinet_w = np.where(np.isfinite(phases).any(axis=1), np.nansum(phases, axis=1), np.nan)
        columns = (drawn, unsure, rated, np.where(is_lost, drawn, 0.0))
        here = np.flatnonzero(is_home)
        sums = _sums(place[here], [column[here] for column in columns], is_settled[here], len(records))
        samples = [_known(fleet.n_circuits + controller, controller, cabinet_w, *sums)]
        with_phases = self._balance.has_phases[controller]
        if with_phases.any():
            here = np.flatnonzero(is_home & with_phases[place])
            slot = PHASES * place[here] + fleet.phase[own[here]]
            n = PHASES * len(records)
            sums = _sums(slot, [column[here] for column in columns], is_settled[here], n)
            key = (
                self._balance.first_phase
                + PHASES * np.repeat(controller, PHASES)
                + np.tile(np.arange(PHASES), len(records))
            )
            samples.append(_known(key, np.repeat(controller, PHASES), phases.reshape(-1), *sums))

        row, record_of_row = _spread(batch.circuit_start, records)
        circuit = batch.circuit[row].astype(np.int64)
        is_known = circuit >= 0
        if not is_known.any():
            self._take(samples)
            return
        circuit, reported_by = circuit[is_known], controller[record_of_row[is_known]]
        here = np.flatnonzero(fleet.lamp_circuit[own] >= 0)
        behind = fleet.lamp_circuit[own[here]]
        sums = _sums(behind, [column[here] for column in columns], is_settled[here], fleet.n_circuits)
        power_w = batch.circuit_power_w[row[is_known]].astype(np.float64)
        is_quiet, columns_w = sums
        samples.append(
            _known(circuit, reported_by, power_w, is_quiet[circuit], [values[circuit] for values in columns_w])
        )
        self._take(samples)

    def _take(self, samples: Sequence[_Samples]) -> None:
        key, controller, *watts = (np.concatenate(column) for column in zip(*samples, strict=True))
        soon = self._balance.meters.take(key, *watts)
        if len(soon):
            self.due_s[controller[np.isin(key, soon)]] = 0


def _known(key: Int64, controller: Int64, power_w: Float64, is_quiet: Bool, sums: Sequence[Float64]) -> _Samples:
    """Of some meters, each once, those whose lamps are quiet and known well enough."""
    lamps_w, unsure_w, rated_w, lost_w = sums
    is_known = (unsure_w <= _UNSURE_SHARE * lamps_w) & (lost_w <= _SILENT_SHARE * lamps_w) & (lamps_w > 0)
    good = np.flatnonzero(is_quiet & is_known)
    return key[good], controller[good], power_w[good], lamps_w[good], unsure_w[good], rated_w[good]


def _spread(start: Int64, chosen: Int64) -> tuple[Int64, Int64]:
    """Items of some ranges ``start[i]:start[i + 1]``, and which of ``chosen`` each belongs to; int64 (n,) both."""
    counts = start[chosen + 1] - start[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    ends = np.cumsum(counts)
    return np.arange(len(owner)) + (start[chosen] - (ends - counts))[owner], owner


def _sums(
    meter: npt.NDArray[np.integer], columns: Sequence[Float64], is_settled: Bool, n_meters: int
) -> tuple[Bool, list[Float64]]:
    """Whether each of n meters has lamps and all are settled, and the sums of the columns behind it; (n,) all."""
    n_lamps = np.bincount(meter, minlength=n_meters)
    n_settled = np.bincount(meter[is_settled], minlength=n_meters)
    found = [np.bincount(meter, column, minlength=n_meters).astype(np.float64) for column in columns]
    is_quiet: Bool = (n_lamps > 0) & (n_settled == n_lamps)
    return is_quiet, found
