"""What is reported of the dark lamps of a sum: how many there are, and when that number is said anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.cabinet.dark_mix import dark_number
from ingest.detection.cabinet.dark_sums import SumTable
from ingest.detection.cabinet.sum_places import SumPlaces
from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.lamp_evidence import number

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_STEADY: Final = 0.5  # of a lamp: what is missing is what it was
_OTHER: Final = 0.25  # of a lamp: it may be another number than the one that was reported
_RUN_UP: Final = 1.5  # warm-ups until repaired lamps of a sum have run up
_MOST_SAMPLES: Final = 250


@dataclass(frozen=True, slots=True)
class Deficit:
    """What one sum lacks.

    Attributes:
        expected_w: what it would draw if all lamps burned; missing_w what of it is missing, sigma_w the standard
            deviation of that.
        level: commanded %.
        volts: logarithm of voltage / nominal.
    """

    expected_w: float
    missing_w: float
    sigma_w: float
    level: int
    volts: float


class DarkReports:
    """Arrays over sums.

    Attributes:
        reported: uint16 (n,) number of dark lamps that was reported last; reported_share what was missing then.
        steady_share: float64 (n,) share of the sum that is missing, as the mean of ``steady_n`` uint8 (n,) samples in a
            row that differ little; steady_s int64 (n,) when these began.
    """

    def __init__(self, sums: SumTable, places: SumPlaces, confirm_s: float, book: ActiveConditions) -> None:
        """Nothing is reported yet. ``confirm_s``: so long another number has to hold before it is reported."""
        self._sums, self._places, self._book = sums, places, book
        self._confirm_s = np.where(sums.slow_share > 0, np.maximum(confirm_s, _RUN_UP * sums.warm_up_s), confirm_s)
        self.reported, self.reported_share = np.zeros(sums.n, np.uint16), np.full(sums.n, np.nan)
        self.steady_share, self.steady_s = np.full(sums.n, np.nan), np.zeros(sums.n, np.int64)
        self.steady_n = np.zeros(sums.n, np.uint8)

    def break_off(self, item: Int64) -> None:
        """What was missing of some sums before says nothing of now."""
        self.steady_share[item] = np.nan

    def follow(self, item: Int64, at_s: Int64, share: Float64, lamp: Float64) -> Bool:
        """Take what is missing; sums of which another number may have been dark for long enough, bool (m,).

        What is missing becomes less and less while repaired lamps run up: no number is read from that.

        Args:
            item: int64 (m,) sums, each once.
            at_s: int64 (m,) data time.
            share: float64 (m,) share of each that is missing.
            lamp: float64 (m,) share of its smallest lamp.
        """
        before = self.steady_share[item]
        has_moved = ~(np.abs(share - before) <= _STEADY * lamp)
        n = np.where(has_moved, 0, self.steady_n[item]).astype(np.float64)
        mean = np.where(has_moved, share, before + (share - before) / (n + 1))
        self.steady_share[item], self.steady_n[item] = mean, np.minimum(n + 1, _MOST_SAMPLES)
        self.steady_s[item[has_moved]] = at_s[has_moved]
        is_long: Bool = at_s - self.steady_s[item] >= self._confirm_s[item]
        is_other: Bool = is_long & ~(np.abs(mean - self.reported_share[item]) <= _OTHER * lamp)
        return is_other

    def tell(  # measured columns, in the order of the rule
        self, item: int, controller: int, at_s: int, since_s: int, found: Deficit, *, is_renewal: bool
    ) -> None:
        """Open a fault; of one that is open say its number anew, if it is clearly another."""
        lamp_w = self._sums.lamps_w(self._places.lamps(item), found.level, found.volts)
        lamp_w *= found.expected_w / lamp_w.sum()
        dark = dark_number(lamp_w, found.missing_w, found.sigma_w)
        if is_renewal and not dark.replaces(int(self.reported[item])):
            return
        self.reported[item], self.reported_share[item] = dark.likely, found.missing_w / found.expected_w
        evidence = {
            "power_w": number(found.expected_w - found.missing_w),
            "expected_power_w": number(found.expected_w),
            "lamps_dark": dark.likely,
            "lamps_dark_uncertainty": round(max(dark.doubt, 0.1), 2),
            "lamps_dark_min": dark.least,
            "lamps_dark_max": dark.most,
            "lamp_power_w": number(found.expected_w / len(lamp_w)),
            "level": found.level,
        }
        self._book.open(self._places.case(item, controller, at_s * 1_000_000, since_s * 1_000_000, evidence))
