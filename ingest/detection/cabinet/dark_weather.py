"""Photocells in rain: lamps that switch themselves burn by day when it is dark, and that is no fault.

Lit by day is judged only after four hours under a high sun, and not while such lamps of several other cabinets burn
too. Of lamps without a meter it is the cabinet's load that tells of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.sweep import Sweep
from ingest.lighting.sun_height import elevation
from ingest.model.batch import LEVEL_UNKNOWN
from ingest.model.fleet import SWITCHING_LAMP, SWITCHING_UNKNOWN, Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_HIGH_SUN: Final = 15.0  # degrees
_LONG_S: Final = 4 * 3600
_OTHERS: Final = 5  # cabinets
_LATELY_S: Final = 900
_LEAST_W: Final = 5.0
_LEAST_SHARE: Final = 0.3
_EVER: Final = np.iinfo(np.int64).max


class DarkWeather:
    """Arrays over C controllers."""

    def __init__(self, fleet: Fleet) -> None:
        """Nothing is known yet."""
        self._fleet = fleet
        self.burning_s = np.zeros(fleet.n_controllers, np.int64)  # photocell lamps were last seen lit by day

    def look(self, sweep: Sweep, level_reported_s: Int64) -> Int64:
        """Since when lamps must burn by day to be told of now; int64 (C,), 0 where none is told of.

        Where lamps do not switch themselves there is no such time.

        ``level_reported_s`` int64 (C,): when each controller last reported a level at all, 0 = never.
        """
        fleet, batch = self._fleet, sweep.batch
        told_since_s = np.full(fleet.n_controllers, _EVER, np.int64)
        if not (sweep.level_low == LEVEL_UNKNOWN).any():
            return told_since_s
        is_photocell = sweep.is_live & (sweep.level_low == LEVEL_UNKNOWN) & (sweep.fallback_level == 0)
        is_photocell &= level_reported_s[sweep.controller] == 0
        switching = fleet.cabinet_switching[fleet.home_cabinet[sweep.controller]]
        may_be = (switching == SWITCHING_LAMP) | ((switching == SWITCHING_UNKNOWN) & (batch.is_contactor_closed < 0))
        is_photocell &= (sweep.width > 0) | may_be
        records = np.flatnonzero(is_photocell)
        if not len(records):
            return told_since_s
        controller = batch.controller[records].astype(np.int64)
        row = np.flatnonzero(np.repeat(is_photocell, sweep.width) & (batch.lamp >= 0) & (batch.quality == 0))
        rated = np.nan_to_num(fleet.rated_power_w[batch.lamp[row]])
        row = row[batch.power_w[row] > np.maximum(_LEAST_W, _LEAST_SHARE * rated)]
        lit = np.unique(sweep.record_of(row))
        self.note(batch.controller[lit].astype(np.int64), sweep.at_s[lit])
        at_s = sweep.at_s[records]
        home = fleet.home_cabinet[controller]
        latitude = np.nan_to_num(fleet.cabinet_latitude[home])
        longitude = np.nan_to_num(fleet.cabinet_longitude[home])
        # the sun's height has one summit a day: what is high at both ends was high between them
        is_high = elevation(at_s, latitude, longitude) > _HIGH_SUN
        is_high &= elevation(at_s - _LONG_S, latitude, longitude) > _HIGH_SUN
        is_burning = (self.burning_s > 0) & (self.burning_s >= at_s.max() - _LATELY_S)
        n_others = is_burning.sum() - is_burning[controller]
        told_since_s[controller] = np.where(is_high & (n_others < _OTHERS), at_s - _LONG_S, 0)
        return told_since_s

    def note(self, controller: Int64, at_s: Int64) -> None:
        """Photocell lamps of some controllers, int64 (n,), were seen lit by day; int64 (n,)."""
        self.burning_s[controller] = at_s
