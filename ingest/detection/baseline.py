"""What a healthy lamp draws by itself: the median over its first lit nights, which then replaces the rating.

Samples are taken a few times an hour from settled lamps on which no rule runs or is open, at a voltage at which rules
judge them: nothing is ever learned from a faulty lamp. Those at high levels make the median, and the lamp's present own
power follows its ageing from them; those at lower ones make its own dim curve.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.bands import Bands
from ingest.detection.lamp.sample import Electric, rated_power
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.own_curves import HIGHEST
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import Balance
from ingest.lighting.expected_power import IS_DISCHARGE, level_share, voltage_share
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Rows = slice | Int64

_BLOCK: Final = 65536  # lamps
_SLOT_S: Final = 1200
_SAMPLES: Final = 8  # kept of one night
_LEAST_SAMPLES: Final = 3
_FOLLOW: Final = 0.05
_BRIGHTER: Final = 1.08
_NOON_S: Final = 43200
_DAY_S: Final = 86400


class Baseline:
    """Samples of the running night and medians of the nights before, over L lamps."""

    def __init__(  # measured columns, in the order of the rule
        self,
        fleet: Fleet,
        table: LimitTable,
        state: LampState,
        electric: Electric,
        bands: Bands,
        balance: Balance,
    ) -> None:
        """Nothing is learned yet."""
        self._fleet, self._state, self._bands = fleet, state, bands
        self._electric, self._balance = electric, balance
        self._nights = max(1, int(table.scalar("baseline_nights")))
        self._dark_share = table.by_technology("lamp_failure_power")
        self._lit_w = table.scalar("relay_failure_power")
        self.sample_w = np.full((_SAMPLES, fleet.n_lamps), np.nan, np.float32)
        self.n_samples = np.zeros(fleet.n_lamps, np.uint8)
        self.night_w = np.full((self._nights, fleet.n_lamps), np.nan, np.float32)
        self.n_nights = np.zeros(fleet.n_lamps, np.uint8)
        self.due_s = np.zeros(fleet.n_controllers, np.int64)
        self.night = np.full(fleet.n_controllers, -1, np.int64)

    def due(self, sweep: Sweep) -> Int64:
        """Live records whose controller's next sample is due; int64."""
        wanted: Int64 = np.flatnonzero(sweep.is_live & (sweep.at_s >= self.due_s[sweep.controller]))
        return wanted

    def take(self, sweep: Sweep, records: Int64) -> None:
        """Take a sample of the lamps of some records; readings stand in the state already."""
        fleet = self._fleet
        c = sweep.batch.controller[records]
        self.due_s[c] = sweep.at_s[records] + _SLOT_S
        home = fleet.home_cabinet[c]
        solar_s = np.nan_to_num(fleet.cabinet_longitude[home]) * 240
        night = ((sweep.at_s[records] + solar_s - _NOON_S) // _DAY_S).astype(np.int64)
        is_ended = (self.night[c] >= 0) & (self.night[c] != night)
        self.night[c] = night
        n_lamps = np.diff(fleet.controller_start)[c]
        block = np.cumsum(n_lamps) // _BLOCK  # a whole city is due at once, and what is reckoned should stay in cache
        for part in np.split(np.arange(len(c)), np.flatnonzero(np.diff(block)) + 1):
            ended = part[is_ended[part]]
            if len(ended):
                self._end_night(c[ended])
            self._sample(self._lamps_of(c[part]), np.repeat(sweep.at_s[records[part]], n_lamps[part]))

    def _lamps_of(self, controller: npt.NDArray[np.int32]) -> Rows:
        """The lamps of some controllers, one after another; a slice where they follow each other in the state too."""
        start, end = self._fleet.controller_start[controller], self._fleet.controller_start[controller + 1]
        if (start[1:] == end[:-1]).all():
            return slice(int(start[0]), int(end[-1]))
        before = np.cumsum(end - start) - (end - start)
        return np.repeat(start - before, end - start) + np.arange(int((end - start).sum()))

    def _sample(self, lamp: Rows, at_s: Int64) -> None:
        """Take a sample of lamps. Most of them are healthy, so all are reckoned, and the others left out at last."""
        state, level = self._state, self._state.level[lamp]
        is_healthy = (state.flags[lamp] == 0) & (state.quality[lamp] == 0) & state.has_fitted[lamp]
        is_healthy &= (level <= 100) & state.is_listed[lamp]
        is_healthy &= self._balance.is_settled(lamp, at_s)
        # no power rule judges a lamp at any other voltage: that it runs no rule then does not mean that it is healthy
        voltage_v = state.voltage_v[lamp]
        is_healthy &= (voltage_v >= self._electric.low_v) & (voltage_v <= self._electric.high_v)
        if not is_healthy.any():
            return
        share = level_share(self._fleet.technology[lamp], level)
        share *= voltage_share(voltage_v, self._electric.exponent[lamp], self._electric.nominal_v)
        with np.errstate(divide="ignore", invalid="ignore"):  # of lamps that are left out
            power = state.power_w[lamp] / share
        is_healthy &= np.isfinite(power)
        own = state.own_w[lamp]
        is_healthy &= self._is_lit(lamp, power, own)
        is_dimmed = is_healthy & (level <= HIGHEST)
        if is_dimmed.any():
            self._learn_curve(lamp, level, power / own, is_dimmed & np.isfinite(own))
        is_healthy &= ~is_dimmed
        if not is_healthy.any():
            return
        # no lamp grows: one that draws much more than its own was learned while it was stuck dim
        weight = np.where(power > _BRIGHTER * own, np.float32(1), np.float32(_FOLLOW))
        state.own_w[lamp] = np.where(is_healthy, own + weight * (power - own), own)
        self._keep(lamp, power, is_healthy)
        self._bands.set(state, lamp, level, is_healthy)

    def _is_lit(self, lamp: Rows, power: Float32, own: Float32) -> Bool:
        """Whether lamps burn, of which no rule can tell for want of a rating; the others' rules tell it. Bool (n,)."""
        is_lit = np.ones(len(power), np.bool_)
        rows = np.flatnonzero(np.isnan(rated_power(self._fleet, self._state, lamp)))
        if len(rows):
            lamps = rows + lamp.start if isinstance(lamp, slice) else lamp[rows]
            share = self._dark_share[self._fleet.technology[lamps]]
            is_lit[rows] = power[rows] > np.maximum(self._lit_w, share * np.nan_to_num(own[rows]))
        return is_lit

    def _learn_curve(self, lamp: Rows, level: UInt8, share: Float32, is_healthy: Bool) -> None:
        """Take samples at dim levels; ``share`` of their powers in those by the technology's curve."""
        can_dim = self._fleet.is_dimmable[lamp] & ~IS_DISCHARGE[self._fleet.technology[lamp]]
        self._state.curves.learn(lamp, level, share, is_healthy & can_dim)
        self._bands.set(self._state, lamp, level, is_healthy)

    def _keep(self, lamp: Rows, power: Float32, is_healthy: Bool) -> None:
        """Keep the samples of healthy lamps; ``power`` is used up."""
        chosen = _chosen(lamp, is_healthy)
        if not len(chosen):
            return
        n_samples = self.n_samples[chosen]
        place = n_samples % _SAMPLES
        if isinstance(lamp, slice) and (place == place[0]).all():  # the night's third of each, say: a row as a whole
            row, rest = self.sample_w[place[0], lamp], np.flatnonzero(~is_healthy)
            power[rest] = row[rest]
            row[:] = power
        else:
            self.sample_w[place, chosen] = power[is_healthy]
        self.n_samples[chosen] = np.where(n_samples < 200, n_samples + 1, _SAMPLES)

    def _end_night(self, controller: npt.NDArray[np.int32]) -> None:
        """Close the night of some lamps: its median is kept, the last of the first nights makes the baseline.

        A lamp without rating that burned in a night before, and not in this one, is not waited for: it may be dark for
        good, and nothing else could tell.
        """
        state, own = self._state, self._lamps_of(controller)
        is_lit = self.n_samples[own] >= _LEAST_SAMPLES
        is_dark = ~is_lit & (self.n_nights[own] > 0) & (self.n_nights[own] < self._nights)
        is_dark &= np.isnan(rated_power(self._fleet, state, own))
        lamp, dark = _chosen(own, is_lit), _chosen(own, is_dark)
        if not len(lamp) and not len(dark):
            return
        learning = lamp[self.n_nights[lamp] < self._nights]
        self.night_w[self.n_nights[learning], learning] = np.nanmedian(self.sample_w[:, learning], axis=0)
        learning = np.concatenate([learning, dark])
        self.n_nights[learning] += 1
        done = learning[self.n_nights[learning] >= self._nights]
        state.baseline_w[done] = np.nanmedian(self.night_w[:, done], axis=0)
        state.look_again(done)
        self.n_samples[lamp] = 0
        self.sample_w[:, lamp] = np.nan
        known = done[(state.level[done] <= 100) & (state.flags[done] == 0)]
        self._bands.set(state, known, state.level[known])

    def start_anew(self, lamp: Int64) -> None:
        """Another lamp may hang there now."""
        self.n_samples[lamp] = 0
        self.n_nights[lamp] = 0
        self.sample_w[:, lamp] = np.nan
        self.night_w[:, lamp] = np.nan


def _chosen(lamp: Rows, is_chosen: Bool) -> Int64:
    """Some of n lamps as indices."""
    rows = np.flatnonzero(is_chosen)
    return rows + lamp.start if isinstance(lamp, slice) else lamp[rows]
