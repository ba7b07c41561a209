"""What a healthy lamp draws by itself: the median over its first lit nights, which then replaces the rating.

Samples are taken a few times an hour, at high levels alone, from settled lamps on which no rule runs or is open:
nothing is ever learned from a faulty lamp. The lamp's present own power follows its ageing from the same samples.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.expected import level_share, voltage_share
from ingest.fleet import Fleet
from ingest.judgement.balance import Balance
from ingest.judgement.lamp_state import LampState
from ingest.judgement.limit_table import LimitTable
from ingest.judgement.own_power import set_bands
from ingest.judgement.sample import Electric
from ingest.judgement.stretches import BLOCK
from ingest.judgement.sweep import Sweep

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_SLOT_S: Final = 1200
_SAMPLES: Final = 8  # kept of one night
_LEAST_SAMPLES: Final = 3
_HIGH_LEVEL: Final = 80
_FOLLOW: Final = 0.05
_BRIGHTER: Final = 1.08
_NOON_S: Final = 43200
_DAY_S: Final = 86400


class Baseline:
    """Samples of the running night and medians of the nights before, over L lamps."""

    def __init__(self, fleet: Fleet, table: LimitTable, state: LampState, electric: Electric, balance: Balance) -> None:
        """Nothing is learned yet."""
        self._fleet, self._table, self._state = fleet, table, state
        self._electric, self._balance = electric, balance
        self._nights = max(1, int(table.scalar("baseline_nights")))
        self.sample_w = np.full((_SAMPLES, fleet.n_lamps), np.nan, np.float32)
        self.n_samples = np.zeros(fleet.n_lamps, np.uint8)
        self.night_w = np.full((self._nights, fleet.n_lamps), np.nan, np.float32)
        self.n_nights = np.zeros(fleet.n_lamps, np.uint8)
        self.due_s = np.zeros(fleet.n_controllers, np.int64)
        self.night = np.full(fleet.n_controllers, -1, np.int64)

    def due(self, sweep: Sweep) -> Int64:
        """Live records whose controller's next sample is due; int64."""
        c = sweep.batch.controller
        wanted: Int64 = np.flatnonzero(sweep.is_live & (sweep.at_s >= self.due_s[c]))
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
        block = np.cumsum(n_lamps) // BLOCK  # a whole city is due at once, and what is reckoned should stay in cache
        for part in np.split(np.arange(len(c)), np.flatnonzero(np.diff(block)) + 1):
            ended = part[is_ended[part]]
            if len(ended):
                self._end_night(self._lamps_of(c[ended]))
            self._sample(self._lamps_of(c[part]), np.repeat(sweep.at_s[records[part]], n_lamps[part]))

    def _lamps_of(self, controller: npt.NDArray[np.int32]) -> Int64:
        """The lamps of some controllers, one after another."""
        start, end = self._fleet.controller_start[controller], self._fleet.controller_start[controller + 1]
        before = np.cumsum(end - start) - (end - start)
        return np.repeat(start - before, end - start) + np.arange(int((end - start).sum()))

    def _sample(self, lamp: Int64, at_s: Int64) -> None:
        state, fleet = self._state, self._fleet
        is_healthy = (state.flags[lamp] == 0) & (state.quality[lamp] == 0) & state.has_fitted[lamp]
        is_high = (state.level[lamp] > _HIGH_LEVEL) & (state.level[lamp] <= 100)
        is_healthy &= is_high & state.is_listed[lamp] & self._balance.is_settled(lamp, at_s)
        lamp = lamp[is_healthy]
        if not len(lamp):
            return
        share = level_share(fleet.technology[lamp], state.level[lamp])
        share = share * voltage_share(state.voltage_v[lamp], self._electric.exponent[lamp], self._electric.nominal_v)
        power = state.power_w[lamp] / share
        told = np.isfinite(power)
        lamp, power = lamp[told], power[told]
        own = state.own_w[lamp]
        # no lamp grows: one that draws much more than its own was learned while it was stuck dim
        weight = np.where(power > _BRIGHTER * own, np.float32(1), np.float32(_FOLLOW))
        state.own_w[lamp] = own + weight * (power - own)
        self.sample_w[self.n_samples[lamp] % _SAMPLES, lamp] = power
        self.n_samples[lamp] = np.where(self.n_samples[lamp] < 200, self.n_samples[lamp] + 1, _SAMPLES)
        set_bands(fleet, state, self._electric, self._table, lamp, state.level[lamp])

    def _end_night(self, lamp: Int64) -> None:
        """Close the night of some lamps: its median is kept, the last of the first nights makes the baseline."""
        state = self._state
        lamp = lamp[(self.n_samples[lamp] >= _LEAST_SAMPLES)]
        if not len(lamp):
            return
        learning = lamp[self.n_nights[lamp] < self._nights]
        self.night_w[self.n_nights[learning], learning] = np.nanmedian(self.sample_w[:, learning], axis=0)
        self.n_nights[learning] += 1
        done = learning[self.n_nights[learning] >= self._nights]
        state.baseline_w[done] = np.nanmedian(self.night_w[:, done], axis=0)
        state.look_again(done)
        self.n_samples[lamp] = 0
        self.sample_w[:, lamp] = np.nan
        known = done[(state.level[done] <= 100) & (state.flags[done] == 0)]
        set_bands(self._fleet, state, self._electric, self._table, known, state.level[known])

    def start_anew(self, lamp: Int64) -> None:
        """Another lamp may hang there now."""
        self.n_samples[lamp] = 0
        self.n_nights[lamp] = 0
        self.sample_w[:, lamp] = np.nan
        self.night_w[:, lamp] = np.nan
