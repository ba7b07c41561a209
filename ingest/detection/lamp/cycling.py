"""Uncommanded on/off changes of lamps, seen in their power or counted by their nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.dips import Dips
from ingest.detection.memory.cabinet_context import CabinetContext
from ingest.detection.memory.lamp_state import LIT_DARK, LIT_UNKNOWN, LIT_YES, LampState
from ingest.detection.memory.limit_table import LampLimits, LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.rules import Expected, Window
from ingest.detection.rules.cycling_failure import lit_powers
from ingest.detection.rules.window import STATUS_RESTARTED
from ingest.model.batch import UNKNOWN_UINT32, Batch
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]

_CHRONIC_S = 1800  # a node that restarts alone more often than this speaks for itself, not for its circuit
_WILD_COUNT = 10_000  # a switch-on counter that jumped further was exchanged
_FASTEST_S = 4  # from one switching on to the next, for long: a counter that rose faster is another node's
_SOME_COUNTS = 10
_REPORTED_S = 1800  # counters are reported at least so often while their controller is heard
_MOST_SHARE, _MORE_W = 2.0, 20.0  # of a lamp's rating, and on top of it: what it never draws
_UNRATED_W = 1_000.0
_SHARED_LAMPS = 3  # of a circuit; fewer have nothing in common


class CycleCounter:
    """Keeps the rings of changes in the lamp state."""

    def __init__(self, fleet: Fleet, state: LampState, table: LimitTable, context: CabinetContext) -> None:
        """Start with nothing known."""
        self._fleet, self._state, self._context = fleet, state, context
        self._window_s = int(table.scalar("cycling_window"))
        self._n_changes = int(table.scalar("cycling_changes"))
        self._dip_v = table.scalar("dip_voltage")
        self.dips = Dips(fleet, state, table.by_technology("warm_up")[fleet.technology].astype(np.int64))

    def note_dips(self, sweep: Sweep, is_cut: Bool) -> None:
        """Lamps of cabinets that are cut or dipped (bool (R,)) warm up anew when they are back.

        And of those from which nothing came for a while: nobody knows what their supply did.
        """
        for r in np.flatnonzero((is_cut & sweep.is_live) | sweep.is_after_gap).tolist():
            self.dips.note(int(sweep.batch.controller[r]), int(sweep.at_s[r]), is_dip=bool(is_cut[r]))

    def note_restarts(self, lamp: Int64, at_s: Int64, window: Window) -> None:
        """Restarted nodes and lamps at a dipped voltage warm up again; a restart speaks for its circuit."""
        state, fleet = self._state, self._fleet
        dipped = np.flatnonzero(self.dips.is_discharge[lamp] & (window.voltage_v < self._dip_v))
        state.lit_from_s[lamp[dipped]] = at_s[dipped]
        rows = np.flatnonzero(window.is_status_reported & ((window.status & STATUS_RESTARTED) != 0))
        if not len(rows):
            return
        is_news = at_s[rows] - state.restarted_s[lamp[rows]] > _CHRONIC_S
        state.restarted_s[lamp[rows]] = at_s[rows]
        state.lit_from_s[lamp[rows]] = at_s[rows]
        circuit = fleet.lamp_circuit[lamp[rows]]
        is_shared = (
            np.bincount(circuit[circuit >= 0], minlength=fleet.n_circuits)[circuit] > 1 if fleet.n_circuits else False
        )
        chosen = np.flatnonzero((circuit >= 0) & (is_news | is_shared) & (self.dips.n_discharge[circuit] > 0))
        _, first = np.unique(circuit[chosen], return_index=True)
        chosen = chosen[first]
        self.dips.restrike(circuit[chosen].astype(np.int64), at_s[rows[chosen]])

    def count(  # measured columns, in the order of the rule
        self,
        batch: Batch,
        row: Int64,
        lamp: Int64,
        at_s: Int64,
        window: Window,
        expected: Expected,
        is_settled: Bool,
        is_wild: Bool,
        is_ending: Bool,
        limits: LampLimits,
    ) -> Window:
        """The window with its changes filled in; changes by command, warm-up or a dip of the circuit are none.

        A wild sample (bool (n,)) says nothing of light or darkness. Where a lamp's time may be over (``is_ending`` bool
        (n,)) its going out is no dip.
        """
        state = self._state
        on_w, off_w = lit_powers(expected, limits)
        power, before = window.power_w, state.lit[lamp]
        now = np.where(power >= on_w, LIT_YES, np.where(power < off_w, LIT_DARK, before)).astype(np.uint8)
        now = np.where(
            expected.is_on & expected.is_voltage_ok & ~is_wild, now, np.where(expected.is_off, LIT_UNKNOWN, before)
        )
        is_change = (before != LIT_UNKNOWN) & (now != LIT_UNKNOWN) & (now != before) & is_settled
        is_change &= (now == LIT_DARK) | ~self.dips.is_cooling(lamp, at_s)
        state.lit[lamp] = now
        is_told = expected.is_on & expected.is_voltage_ok & ~is_wild & np.isfinite(power) & np.isfinite(off_w)
        was_burning, burns = state.is_burning[lamp], power >= off_w
        state.is_burning[lamp] = np.where(is_told, burns, was_burning & ~expected.is_off)
        goes_out = is_told & was_burning & ~burns & ~is_ending
        strikes = is_told & ~was_burning & burns & (before == LIT_DARK)
        is_change &= ~self.dips.take(lamp, at_s, goes_out, strikes)
        rows = np.flatnonzero(is_change)
        if len(rows):
            ring = state.changes_s[:, lamp[rows]]
            state.changes_s[:, lamp[rows]] = np.concatenate([at_s[rows][None].astype(np.uint32), ring[:-1]])
        is_counted = self._count_switches(batch, row, lamp, at_s, window)
        n = self._recent(state.changes_s, lamp, at_s)
        n_counted = self._recent(state.switch_counted_s, lamp, at_s)
        n_changes = np.maximum(n, 2 * n_counted).astype(np.uint8)
        return replace(window, is_change=is_change | is_counted, n_changes=n_changes)

    def first_change_s(self, lamp: Int64, at_s: Int64) -> Int64:
        """When the first change within the window was, seen or counted; int64 (n,), ``at_s`` if there is none."""
        rings = np.concatenate([self._state.changes_s[:, lamp], self._state.switch_counted_s[:, lamp]]).astype(np.int64)
        is_recent = (rings > 0) & (at_s - rings <= self._window_s)
        first: Int64 = np.where(is_recent, rings, at_s).min(axis=0)
        return first

    def _recent(self, rings: npt.NDArray[np.uint32], lamp: Int64, at_s: Int64) -> Int64:
        """Changes within the window; int64 (n,). Most lamps have none, which the newest place of their ring says."""
        n = np.zeros(len(lamp), np.int64)
        rows = np.flatnonzero(rings[0, lamp])
        ring = rings[:, lamp[rows]].astype(np.int64)
        n[rows] = ((ring > 0) & (at_s[rows] - ring <= self._window_s)).sum(axis=0)
        return n

    def _count_switches(self, batch: Batch, row: Int64, lamp: Int64, at_s: Int64, window: Window) -> Bool:
        """Uncommanded switch-ons by the node's own counter; rows in which it grew by itself."""
        state, counts = self._state, window.switch_count
        is_grown = np.zeros(len(lamp), np.bool_)
        before = state.switch_count[lamp]
        is_reported = counts != UNKNOWN_UINT32
        delta = counts.astype(np.int64) - before
        since_s = at_s - state.switch_reported_s[lamp]  # its last change; nobody notes a counter that stands still
        was_away = self._context.gap_s[self._fleet.lamp_controller[lamp]] > state.switch_reported_s[lamp]
        since_s = np.where(was_away, since_s, np.minimum(since_s, _REPORTED_S))
        most = np.minimum(_WILD_COUNT, _SOME_COUNTS + since_s // _FASTEST_S)
        is_sane = is_reported & (before != UNKNOWN_UINT32) & (delta > 0) & (delta < most)
        # a switching on by command, or with the supply after a dip or an outage, is none of the lamp's own
        is_supply = state.lit_from_s[lamp] > state.switch_reported_s[lamp]
        uncommanded = np.where(is_sane, delta - np.maximum(state.commanded_on[lamp], is_supply), 0)
        rows = np.flatnonzero(uncommanded > 0)
        if len(rows):
            uncommanded[rows[self._is_another(batch, row[rows], lamp[rows], at_s[rows])]] = 0
            rows = np.flatnonzero(uncommanded > 0)
        if len(rows):
            uncommanded[rows] = self._unexplained(lamp[rows], at_s[rows], delta[rows], uncommanded[rows])
        for _ in range(state.switch_counted_s.shape[0]):
            rows = np.flatnonzero(uncommanded > 0)
            if len(rows):
                ring = state.switch_counted_s[:, lamp[rows]]
                stamp = at_s[rows][None].astype(np.uint32)
                state.switch_counted_s[:, lamp[rows]] = np.concatenate([stamp, ring[:-1]])
                is_grown[rows] = True
                uncommanded[rows] -= 1
        # one that stands still is no news, here as for the lamps that the screen passes
        news = np.flatnonzero(is_reported & (counts != before))
        state.switch_count[lamp[news]] = counts[news]
        state.switch_reported_s[lamp[news]] = at_s[news]
        state.counted_wh[lamp[news]], state.counted_h[lamp[news]] = (
            batch.energy_wh[row[news]],
            batch.burning_hours[row[news]],
        )
        state.commanded_on[lamp[news]] = 0
        return is_grown

    def _is_another(self, batch: Batch, row: Int64, lamp: Int64, at_s: Int64) -> Bool:
        """Whether the counters that n lamps tell beside the switchings are another node's; bool (n,).

        Those of one node do not fall, and rise by no more than the lamp can burn and draw in the time between.
        """
        since_h = (at_s - self._state.switch_reported_s[lamp]) / 3600
        most_w = _MOST_SHARE * np.nan_to_num(self._fleet.rated_power_w[lamp], nan=_UNRATED_W) + _MORE_W
        is_another = np.zeros(len(lamp), np.bool_)
        for now, before, most in (
            (batch.energy_wh[row], self._state.counted_wh[lamp], most_w * since_h + 1),
            (batch.burning_hours[row], self._state.counted_h[lamp], since_h + 1),
        ):
            is_known = (now != UNKNOWN_UINT32) & (before != UNKNOWN_UINT32)
            rise = now.astype(np.int64) - before
            is_another |= is_known & ((rise < 0) | (rise > most))
        return is_another

    def _unexplained(self, lamp: Int64, at_s: Int64, delta: Int64, uncommanded: Int64) -> Int64:
        """Of switchings of n lamps without a command that was seen, those that schedule and supply do not explain.

        Over a gap the schedule's are credited first. And what half of a circuit's lamps have in common is the supply's.
        """
        reported_s = self._state.switch_reported_s[lamp].astype(np.int64)
        controller, circuit = self._fleet.lamp_controller[lamp].astype(np.int64), self._fleet.lamp_circuit[lamp]
        rest = np.minimum(uncommanded, delta - self._context.switchings_on(controller, reported_s, at_s))
        in_circuit = np.flatnonzero((rest > 0) & (circuit >= 0))
        if len(in_circuit):
            order = in_circuit[np.lexsort((-rest[in_circuit], circuit[in_circuit]))]
            found, first = np.unique(circuit[order], return_index=True)
            n_lamps = np.diff(self._fleet.circuit_start)[found]
            middle = (n_lamps + 1) // 2 - 1  # so many lamps with more stand before it
            has_middle = (n_lamps >= _SHARED_LAMPS) & (np.diff(np.append(first, len(order))) > middle)
            shared = np.zeros(max(1, self._fleet.n_circuits), np.int64)
            shared[found[has_middle]] = rest[order[first[has_middle] + middle[has_middle]]]
            rest[in_circuit] -= shared[circuit[in_circuit]]
        unexplained: Int64 = np.maximum(rest, 0)
        return unexplained
