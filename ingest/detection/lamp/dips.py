"""Dips of the supply that put discharge lamps out: inferred from the lamps that go out together.

No meter shows a dip of less than a second between two samples. A lamp that is put out cools, strikes and runs up, and
the next dip may come while it does: what counts is that an arc burned in the sweep before, not that it was warm.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.lamp_state import LIT_DARK, LampState
from ingest.lighting.expected_power import IS_DISCHARGE
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

COOLING_S: Final = 1200  # after a dip arcs cool, strike and run up: what comes back until then was no change of its own
_DIP_LAMPS: Final = 3  # so many discharge lamps of a circuit, and half of them, going out at once: the supply dipped
_DIP_PAIR: Final = 2  # or so many, if the circuit has no others
_WEAK_SHARE: Final = 0.2  # of a circuit's or a controller's discharge lamps: aged arcs go out alone in a short dip
_AGAIN_LAMPS: Final = 2  # so many, and the same share of those that burn, after a dip: the next one
_HOT: Final = 0.5  # of the warm-up, on top of it: an arc that goes out hot has to cool before it strikes
_WITNESSES: Final = 5  # so many that have struck tell how long the others may take
_SLOWER: Final = 2.5  # times as long as the slowest of those
_LONGEST: Final = 2.0  # warm-ups; no arc takes longer


class Dips:
    """Arrays over C controllers.

    Attributes:
        dip_s: int64 (C,) when their arcs last went out together, 0 = never.
        struck_s: int64 (C,) when one of those last struck again; n_struck how many have.
        put_out: int64 (m,) lamps of the sweep at hand that start anew.
    """

    def __init__(self, fleet: Fleet, state: LampState, warm_up_s: Int64) -> None:
        """Nothing is known of any dip; ``warm_up_s`` int64 (L,)."""
        self._fleet, self._state, self._warm_up_s = fleet, state, warm_up_s
        self.is_discharge = IS_DISCHARGE[fleet.technology]
        self.dip_s, self.struck_s, self.n_struck = (np.zeros(fleet.n_controllers, np.int64) for _ in range(3))
        self.put_out = np.zeros(0, np.int64)
        placed = (fleet.lamp_circuit >= 0) & self.is_discharge
        self.n_discharge = np.bincount(fleet.lamp_circuit[placed], minlength=max(1, fleet.n_circuits))
        placed &= fleet.lamp_controller >= 0
        self._n_discharge_there = np.bincount(fleet.lamp_controller[placed], minlength=fleet.n_controllers)

    def restrike(self, circuit: Int64, at_s: Int64) -> None:
        """The supply of these circuits dipped: their discharge lamps start anew."""
        fleet = self._fleet
        for q, at in zip(circuit.tolist(), at_s.tolist(), strict=True):
            lamps = fleet.cable_order[fleet.circuit_start[q] : fleet.circuit_start[q + 1]]
            self._state.lit_from_s[lamps] = at

    def note(self, controller: int, at_s: int, *, is_dip: bool) -> None:
        """All lamps of a controller start anew; ``is_dip``: their supply was seen to be gone or low."""
        start = self._fleet.controller_start
        own = slice(int(start[controller]), int(start[controller + 1]))
        self._state.lit_from_s[own] = at_s
        if is_dip:
            arcs = np.flatnonzero(self.is_discharge[own] & self._state.is_burning[own]) + own.start
            self._state.is_burning[arcs] = False
            self._state.look_again(arcs)
            self._begin(controller, at_s)

    def _begin(self, controller: int, at_s: int) -> None:
        self.dip_s[controller], self.struck_s[controller], self.n_struck[controller] = at_s, 0, 0

    def is_cooling(self, lamp: Int64, at_s: Int64) -> Bool:
        """Discharge lamps whose arc a dip or an outage may have put out; switched on, it was cold; bool (n,)."""
        lit_from_s, switched_s = self._state.lit_from_s[lamp], self._state.switched_s[lamp]
        cooling: Bool = self.is_discharge[lamp] & (lit_from_s > switched_s)
        return cooling & (at_s - lit_from_s.astype(np.int64) <= COOLING_S)

    def take(self, lamp: Int64, at_s: Int64, goes_out: Bool, strikes: Bool) -> Bool:
        """Rows whose discharge lamp went out in a dip; it warms up anew, and so do those that were dark already.

        Those may have struck and gone out again between two samples.

        Args:
            lamp: int64 (n,) whose present light stands in the state already.
            at_s: int64 (n,) data time.
            goes_out: bool (n,) it burned in the sample before, and does not now.
            strikes: bool (n,) the other way round.
        """
        is_dip = np.zeros(len(lamp), np.bool_)
        self.put_out = np.zeros(0, np.int64)
        is_arc = self.is_discharge[lamp] & (self._fleet.lamp_circuit[lamp] >= 0)
        struck = np.flatnonzero(strikes & is_arc)
        if len(struck):
            self._note_strikes(lamp[struck], at_s[struck])
        rows = np.flatnonzero(goes_out & is_arc)
        if len(rows):
            is_dip[rows] = self._note_out(lamp[rows], at_s[rows])
        return is_dip

    def _note_out(self, lamp: Int64, at_s: Int64) -> Bool:
        """Which of k discharge lamps that go out were put out by a dip; bool (k,)."""
        fleet = self._fleet
        circuit, controller = fleet.lamp_circuit[lamp], fleet.lamp_controller[lamp]
        n_out = np.bincount(circuit, minlength=fleet.n_circuits)
        n_out_there = np.bincount(controller, minlength=fleet.n_controllers)
        is_common = (n_out >= _DIP_LAMPS) & (2 * n_out >= self.n_discharge)
        is_common |= (n_out >= _DIP_PAIR) & (n_out == self.n_discharge)
        is_wide = (n_out_there >= _DIP_LAMPS) & (2 * n_out_there >= self._n_discharge_there)
        is_whole = is_common[circuit] | is_wide[controller]
        hit, first = np.unique(circuit[is_whole], return_index=True)
        self.restrike(hit.astype(np.int64), at_s[is_whole][first])
        is_weak = (n_out >= _DIP_LAMPS) & (n_out >= _WEAK_SHARE * self.n_discharge)
        is_weak_there = (n_out_there >= _DIP_LAMPS) & (n_out_there >= _WEAK_SHARE * self._n_discharge_there)
        is_soon = at_s - self.dip_s[controller] <= COOLING_S
        is_shared = is_whole | is_weak[circuit] | is_weak_there[controller]
        is_shared |= (
            is_soon & (n_out_there[controller] >= _AGAIN_LAMPS) & self._is_share_of_burning(controller.astype(np.int64))
        )
        self._start_anew(lamp[is_soon & ~is_shared], at_s[is_soon & ~is_shared])
        found, first = np.unique(controller[is_shared], return_index=True)
        for c, at in zip(found.tolist(), at_s[is_shared][first].tolist(), strict=True):
            self._begin(c, at)
            dark = self._dark(c)
            self._start_anew(dark, np.full(len(dark), at))
        return is_shared | is_soon

    def _is_share_of_burning(self, controller: Int64) -> Bool:
        """Whether those of k lamps that went out on one controller are many beside those that burn on; bool (k,)."""
        fleet, is_share = self._fleet, np.zeros(len(controller), np.bool_)
        for c in np.unique(controller).tolist():
            own = slice(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
            n_burning = int((self._state.is_burning[own] & self.is_discharge[own]).sum())
            n_out = int((controller == c).sum())
            is_share[controller == c] = n_out >= _WEAK_SHARE * (n_out + n_burning)
        return is_share

    def _start_anew(self, lamp: Int64, at_s: Int64) -> None:
        """Lamps that cool from now on: until one knows better, they take half a warm-up more than cold ones."""
        if len(lamp):
            self._state.lit_from_s[lamp] = at_s + (_HOT * self._warm_up_s[lamp]).astype(np.int64)
            self.put_out = np.concatenate([self.put_out, lamp])

    def _note_strikes(self, lamp: Int64, at_s: Int64) -> None:
        """Lamps that were put out strike: they run up from now on, and tell how long others may take."""
        controller = self._fleet.lamp_controller[lamp].astype(np.int64)
        since_s = at_s - self.dip_s[controller]
        chosen = np.flatnonzero(self.is_cooling(lamp, at_s) & (since_s <= COOLING_S) & (since_s > 0))
        if not len(chosen):
            return
        state = self._state
        struck = lamp[chosen]
        state.lit_from_s[struck] = np.maximum(state.lit_from_s[struck], at_s[chosen])
        c = controller[chosen]
        np.add.at(self.n_struck, c, 1)
        self.struck_s[c] = at_s[chosen]
        for one in np.unique(c[self.n_struck[c] >= _WITNESSES]).tolist():
            dark = self._dark(one)
            warm_up_s = self._warm_up_s[dark]
            wait_s = np.full(len(dark), _SLOWER * (self.struck_s[one] - self.dip_s[one]))
            wait_s = np.clip(wait_s, warm_up_s, _LONGEST * warm_up_s).astype(np.int64)
            dark, wait_s, warm_up_s = (v[state.lit_from_s[dark] >= self.dip_s[one]] for v in (dark, wait_s, warm_up_s))
            state.lit_from_s[dark] = self.dip_s[one] + wait_s - warm_up_s

    def _dark(self, controller: int) -> Int64:
        """Discharge lamps of a controller that were seen to be dark last; int64."""
        start, state = self._fleet.controller_start, self._state
        own = np.arange(int(start[controller]), int(start[controller + 1]))
        dark: Int64 = own[self.is_discharge[own] & (state.lit[own] == LIT_DARK) & ~state.is_burning[own]]
        return dark
