"""Which faulty lamps are steady: no rule changes anything while their readings stay near the ones just judged.

Found by asking the rules themselves at points of a region around the sample: its corners, and some powers between them.
A rule's mask is the same in the whole region if it is the same at these, since each is bounded by limits of power,
voltage, power factor and temperature one by one, and none of its bands is narrower than the powers are apart; a rule
with other bands declares where they end (``turns``), and no region holds such an end. A rule whose masks change with
time has no region.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.bands import Bands
from ingest.detection.lamp.own_power import fits_register
from ingest.detection.lamp.sample import Electric, Levels, expect, rated_power
from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.flag_bits import Flags
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.stable_regions import QUANTITIES, level_and_status
from ingest.detection.memory.suspects import MEASURED, Suspects
from ingest.detection.rules import RuleSet, Window
from ingest.detection.rules.window import STATUS_RESTARTED
from ingest.model.batch import LEVEL_UNKNOWN, Batch
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float32 = npt.NDArray[np.float32]
Bool = npt.NDArray[np.bool_]
T = TypeVar("T")

_POWERS: Final = 5  # are asked at: half the reach apart
_POWER_SHARE: Final = np.float32(0.058)  # a dim level is looked for in a band of 3 % of the full power
_LEAST_W: Final = np.float32(1)  # of a dark lamp, if that is no more than the same share of its full power
_VOLTAGE_V: Final = 6.0
_COLD_C: Final = -59.0
_HOT_C: Final = 199.0
_MOST_PF: Final = 1e6  # without a bound
_HAIR_C: Final = 0.001
_POWER_FACTOR: Final = 0.04
_TEMPERATURE_C: Final = 3.0
_ANY_A: Final = np.float32(1e6)  # whether the power is too much for the current, each row says by itself
_P, _PF, _T, _V = range(len(QUANTITIES))
# power, voltage, the others together: no rule looks at two of those
_POINTS: Final = tuple((i, v, o) for i in range(_POWERS) for v in (0, 1) for o in (0, 1))


class Steadiness:
    """Gives regions to steady lamps after their samples were judged."""

    def __init__(
        self,
        fleet: Fleet,
        table: LimitTable,
        state: LampState,
        electric: Electric,
        bands: Bands,
        rules: RuleSet,
        debounce: Sequence[Debounce],
    ) -> None:
        """``debounce`` of each rule."""
        self._fleet, self._table, self._state, self._electric = fleet, table, state, electric
        self._bands, self._rules, self._debounce = bands, rules, debounce
        self._low_v, self._high_v = electric.low_v, min(electric.high_v, bands.most_v)
        bit = state.bits.of
        self._hidden_by = [bit(sum(1 << other for other in rules.hiding(rule))) for rule in rules]
        self._restless = bit(sum(1 << i for i, rule in enumerate(rules) if rule.is_time_dependent))

    def covers(self, suspects: Suspects) -> Bool:
        """Which of some rows need no judging, since their lamp is steady and they lie in its region; bool (n,)."""
        measured = suspects.measured
        covered = self._state.stable_regions.covers(suspects.lamp, suspects.reported, measured[: len(QUANTITIES)])
        covered &= suspects.is_plain & ~suspects.is_frozen
        current = measured[MEASURED.index("current_a")]
        limits = self._table.of_lamps(self._fleet.technology, suspects.lamp)
        covered &= ~self._rules.exceeds_current(measured[_P], measured[_V], current, limits)
        return covered

    def note(self, batch: Batch, row: Int64, lamp: Int64, window: Window, levels: Levels, is_settled: Bool) -> None:
        """Renew the regions of n lamps whose rows were just judged; those that are not steady have none."""
        state = self._state
        state.stable_regions.drop(lamp)
        flags = state.flags[lamp]
        running, is_open = state.bits.running_rules(flags), state.bits.open_rules(flags)
        is_still = (is_open != 0) & (((running | is_open) & self._restless) == 0) & is_settled & levels.is_reported
        is_still &= ~levels.is_guessed & (batch.level[row] != LEVEL_UNKNOWN)
        is_still &= ~window.is_frozen & ((window.status & STATUS_RESTARTED) == 0)
        is_still &= (
            window.is_relay_reported | ~window.is_status_reported
        )  # else another lamp's word would change what it means
        some = np.flatnonzero(is_still)
        if len(some):
            some = some[self._is_waiting_for_nothing(lamp[some], running[some], is_open[some])]
        if len(some):
            rows = batch, row[some], lamp[some]
            self._find_region(*rows, _take(window, some), _take(levels, some), running[some], is_open[some])

    def _is_waiting_for_nothing(self, lamp: Int64, running: Flags, is_open: Flags) -> Bool:
        """No counter is on its way to a verdict: a rule that is not open is hidden by one that is, and full."""
        waits = np.zeros(len(lamp), np.bool_)
        for rule, debounce in enumerate(self._debounce):
            rows = np.flatnonzero(_has(running | is_open, rule))
            if not len(rows):
                continue
            runs, confirm = debounce.look(lamp[rows]), debounce.confirm
            is_full = (runs["count"] >= confirm.samples) & (runs["elapsed_s"] >= confirm.seconds)
            is_hidden = (is_open[rows] & self._hidden_by[rule]) != 0
            waits[rows] |= np.where(runs["is_open"], runs["count"] != 0, ~(is_full & is_hidden))
        return ~waits

    def _find_region(
        self,
        batch: Batch,
        row: Int64,
        lamp: Int64,
        window: Window,
        levels: Levels,
        running: Flags,
        is_open: Flags,
    ) -> None:
        values = np.stack([getattr(batch, name)[row] for name in QUANTITIES], axis=1)
        low, high = values.copy(), values.copy()
        own_w = self._state.own_w[lamp]
        full_w = np.where(np.isfinite(own_w), own_w, rated_power(self._fleet, self._state, lamp))
        power_w = np.fmin(np.abs(values[:, _P]), full_w)
        reach_w = np.fmin(np.maximum(_POWER_SHARE * power_w, _LEAST_W), _POWER_SHARE * full_w)
        for quantity, reach in ((_P, reach_w), (_PF, _POWER_FACTOR), (_T, _TEMPERATURE_C), (_V, _VOLTAGE_V)):
            low[:, quantity] -= reach
            high[:, quantity] += reach
        low[:, _V] = np.maximum(low[:, _V], self._low_v)
        high[:, _V] = np.minimum(high[:, _V], self._high_v)
        is_known = np.isfinite(values)
        low[~is_known], high[~is_known] = np.inf, -np.inf
        points = self._points(lamp, window, levels, low, high)
        is_inside = (values[:, _V] >= self._low_v) & (
            values[:, _V] <= self._high_v
        )  # else it was not judged as they are
        is_steady = is_known[:, _P] & is_inside & self._is_same(*points, running, is_open)
        some = np.flatnonzero(is_steady)
        if not len(some):
            return
        self._state.stable_regions.put(
            lamp[some], level_and_status(batch.level[row[some]], batch.status[row[some]]), low[some], high[some]
        )
        bits = running[some], is_open[some]
        self._quieten(lamp[some], _take(window, some), _take(levels, some), low[some], high[some], *bits)

    def _quieten(  # one of each for the same lamps
        self,
        lamp: Int64,
        window: Window,
        levels: Levels,
        low: Float32,
        high: Float32,
        running: Flags,
        is_open: Flags,
    ) -> None:
        """Let the screen pass n steady lamps where it sees all that matters: with nothing wrong but the power."""
        bands = self._bands
        least_pf = bands.least_pf(lamp, levels.level)
        low[:, _PF], high[:, _PF] = np.maximum(least_pf, -_MOST_PF), min(bands.most_pf, _MOST_PF)
        low[:, _T], high[:, _T] = _COLD_C, min(bands.below_c - _HAIR_C, _HOT_C)
        low[:, _V], high[:, _V] = self._low_v, self._high_v
        wide = replace(window, power_factor=low[:, _PF], temperature_c=low[:, _T])  # whether they are known or not
        is_seen = (levels.level > 0) & ~bands.is_never(lamp, levels.level)
        is_seen &= self._is_same(*self._points(lamp, wide, levels, low, high), running, is_open)
        seen = np.flatnonzero(is_seen)
        state, quiet = self._state, lamp[seen]
        state.low_w[quiet], state.high_w[quiet] = low[seen, _P], high[seen, _P]
        state.least_pf[quiet] = least_pf[seen]

    def _points(
        self, lamp: Int64, window: Window, levels: Levels, low: Float32, high: Float32
    ) -> tuple[Int64, Window, Levels]:
        """The samples at the points of n regions, one point of all after another: 20 n lamps, window and levels."""
        n = len(lamp)
        every = np.tile(np.arange(n), len(_POINTS))
        ends = (low, high)
        way_up = np.array([point[0] / (_POWERS - 1) for point in _POINTS], np.float32).repeat(n)
        powers = low[every, _P] * (1 - way_up) + high[every, _P] * way_up

        def at(quantity: int, which: int) -> Float32:
            return np.concatenate([ends[point[which]][:, quantity] for point in _POINTS])

        def unless_unknown(values: Float32, reported: Float32) -> Float32:
            return np.where(np.isnan(reported[every]), np.float32(np.nan), values)

        wide = replace(
            _take(window, every),
            power_w=powers,
            voltage_v=at(_V, 1),
            power_factor=unless_unknown(at(_PF, 2), window.power_factor),
            temperature_c=unless_unknown(at(_T, 2), window.temperature_c),
            current_a=np.full(len(every), _ANY_A),
        )
        return lamp[every], wide, _take(levels, every)

    def _is_same(self, lamp: Int64, window: Window, levels: Levels, running: Flags, is_open: Flags) -> Bool:
        """StableRegions at whose points every rule says what leaves its counters as they are; bool (n,)."""
        n = len(running)
        expected = expect(self._fleet, self._state, self._electric, lamp, levels, window.voltage_v)
        limits = self._table.of(self._fleet.technology[lamp])

        def at_points(mask: Bool) -> Bool:
            return mask.reshape(len(_POINTS), n)

        same = ~at_points(self._rules.spoiled(window, expected, limits)).any(axis=0)
        is_learning = (self._state.flags[lamp[:n]] & self._state.bits.learning) != 0
        same &= ~(is_learning & at_points(fits_register(window, expected, limits)).any(axis=0))
        for quantity, turn in self._rules.turns(expected, limits):
            is_above = at_points(getattr(window, quantity) >= turn)
            same &= is_above.all(axis=0) | ~is_above.any(axis=0)
        touched = int(np.bitwise_or.reduce(running | is_open))
        for rule, detector in enumerate(self._rules):
            holds = detector.holds(window, expected, limits)
            is_touched = bool(touched >> rule & 1)
            if not is_touched and not holds.any():
                continue
            judges = detector.judges(window, expected, limits)
            held = at_points(holds & judges)
            if not is_touched:
                same &= ~held.any(axis=0)
                continue
            heals = ~holds if detector.heals is None else detector.heals(window, expected, limits)
            opened, waits = _has(is_open, rule), _has(running & ~is_open, rule)
            is_healed = at_points(heals & judges).any(axis=0)
            same &= np.where(opened, ~is_healed, np.where(waits, held.all(axis=0), ~held.any(axis=0)))
        result: Bool = same
        return result


def _has(bits: Flags, rule: int) -> Bool:
    has: Bool = (bits >> bits.dtype.type(rule)) & bits.dtype.type(1) != 0
    return has


def _take(columns: T, rows: Int64) -> T:
    """Some rows of a dataclass of arrays (n,)."""
    return type(columns)(**{f.name: getattr(columns, f.name)[rows] for f in fields(columns)})  # type: ignore[arg-type]
