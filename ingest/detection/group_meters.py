"""What the meters of circuits and cabinets cannot show is unknown: no rule, sum or learning takes an absurd value.

Nothing here knows a right value; it knows what cannot be. A power far beyond all lamps is believed from the second
sample on, since somebody may have tapped the cable, and one beyond any cabinet never. A meter's direction does not turn
over for one sample. A phase or a circuit that draws power, or whose lamps go on, has its voltage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Places, places
from ingest.detection.meter_direction import with_loads
from ingest.model.batch import Batch
from ingest.model.fleet import Fleet

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_UNRATED_W: Final = 100.0
_MANY, _MORE_W = 2.0, 1_000.0  # times the rated power, and on top of it: more than the lamps can draw
_ANY, _TAPPED_W = 4.0, 70_000.0  # the same for what no lamps and no tap together can draw: 100 A on three phases
_ALIVE_W: Final = 10.0  # what has no voltage draws nothing
_NOTHING_V: Final = 1.0  # what a dead phase shows: then one meter alone does not deny it
_DIRECTED_W: Final = 5.0  # less has no direction


class MeterMemory:
    """The newest sample of n meters.

    Attributes:
        direction: int8 (n,) -1, 1 or 0 unknown.
        is_high: bool (n,) beyond what its lamps can draw.
        has_power: bool (n,) it has shown a power before.
    """

    def __init__(self, n: int) -> None:
        """Nothing was seen."""
        self.direction = np.zeros(n, np.int8)
        self.is_high = np.zeros(n, np.bool_)
        self.has_power = np.zeros(n, np.bool_)


class PhaseMemory:
    """The newest samples of the three phases of C meters: as ``MeterMemory``, (3, C) each."""

    def __init__(self, n: int) -> None:
        """Nothing was seen."""
        self.direction = np.zeros((3, n), np.int8)
        self.is_high = np.zeros((3, n), np.bool_)
        self.has_power = np.zeros((3, n), np.bool_)

    def of_phase(self, phase: int) -> MeterMemory:
        """One phase, as views: what is written there is written here."""
        memory = MeterMemory(0)
        memory.direction, memory.is_high = self.direction[phase], self.is_high[phase]
        memory.has_power = self.has_power[phase]
        return memory


class GroupMeters:
    """Makes unknown what cannot be, for cabinets (of C controllers) and Q circuits.

    Attributes:
        phases: of the cabinets' meters, by phase.
        circuits: of the circuits' meters.
    """

    def __init__(self, fleet: Fleet, table: LimitTable) -> None:
        """Add up the ratings."""
        self._fleet = fleet
        self._no_voltage, self._dip_v = table.scalar("no_voltage"), table.scalar("dip_voltage")
        self._most_v = table.scalar("neutral_voltage")
        rated_w = np.where(np.isfinite(fleet.rated_power_w), fleet.rated_power_w, _UNRATED_W).astype(np.float64)
        of_circuit, of_controller = fleet.lamp_circuit >= 0, fleet.lamp_controller >= 0
        self._circuit_w: Float64 = np.bincount(
            fleet.lamp_circuit[of_circuit], rated_w[of_circuit], minlength=fleet.n_circuits
        ).astype(np.float64)
        self._cabinet_w: Float64 = np.bincount(
            fleet.lamp_controller[of_controller], rated_w[of_controller], minlength=fleet.n_controllers
        ).astype(np.float64)
        self._cabinets = PhaseMemory(fleet.n_controllers)
        self.phases = [self._cabinets.of_phase(phase) for phase in range(3)]
        self.circuits = MeterMemory(fleet.n_circuits)

    def take(self, batch: Batch) -> Batch:
        """A batch whose live records carry what can be, as loads; of absurd values NaN."""
        is_live = ~batch.is_historical & (batch.controller >= 0)
        if not is_live.any():
            return with_loads(batch)
        live: Places = slice(None) if is_live.all() else np.flatnonzero(is_live)
        powers: dict[str, Any] = {
            "cabinet_power_w": self._cabinet_powers(batch, live),
            "circuit_power_w": self._circuit_powers(batch, is_live),
        }
        batch = with_loads(_with(batch, powers))
        phases_v, circuits_v = self._phase_voltages(batch, is_live), self._circuit_voltages(batch)
        return _with(batch, {"cabinet_voltage_v": phases_v, "circuit_voltage_v": circuits_v})

    def _cabinet_powers(self, batch: Batch, live: Places) -> Float32:
        power_w = batch.cabinet_power_w
        shown_w = power_w[live]
        is_none = np.isnan(shown_w)
        if is_none.all():  # of no meter anything changes, and nothing is beside a power that was told
            return power_w
        c, memory = places(batch.controller[live]), self._cabinets
        absurd = _is_absurd(memory, c, np.ascontiguousarray(shown_w.T), self._cabinet_w[c])
        is_none, is_known = np.ascontiguousarray(is_none.T), np.isfinite(shown_w).T
        if is_none.any():  # a phase that is there, and whose power was told before, has one
            volts = batch.cabinet_voltage_v[live]
            is_alive = (volts >= self._no_voltage).T & (is_known[0] | is_known[1] | is_known[2])
            absurd |= is_none & memory.has_power[:, c] & is_alive
        memory.has_power[:, c] |= is_known
        is_absurd = absurd[0] | absurd[1] | absurd[2]
        if is_absurd.any():  # a sum without one of its phases would be a wrong one
            power_w = power_w.copy()
            power_w[np.flatnonzero(is_absurd) if isinstance(live, slice) else live[is_absurd]] = np.nan
        return power_w

    def _circuit_powers(self, batch: Batch, is_live: Bool) -> Float32:
        power_w = batch.circuit_power_w
        if not len(power_w):
            return power_w
        is_judged = batch.circuit >= 0
        if not is_live.all():
            is_judged &= np.repeat(~batch.is_historical, np.diff(batch.circuit_start))
        row = np.flatnonzero(is_judged)
        circuit = batch.circuit[row].astype(np.int64)
        absurd = row[_is_absurd(self.circuits, circuit, power_w[row], self._circuit_w[circuit])]
        if len(absurd):
            power_w = power_w.copy()
            power_w[absurd] = np.nan
        return power_w

    def _circuit_voltages(self, batch: Batch) -> Float32:
        volts = batch.circuit_voltage_v
        if not len(volts):
            return volts
        absurd = (volts > self._most_v) | ((volts < self._no_voltage) & (batch.circuit_power_w > _ALIVE_W))
        return np.where(absurd, np.float32(np.nan), volts) if absurd.any() else volts

    def _phase_voltages(self, batch: Batch, is_live: Bool) -> Float32:
        volts = batch.cabinet_voltage_v
        is_dead, absurd = volts < self._no_voltage, volts > self._most_v
        if is_dead.any():
            does_draw = batch.cabinet_power_w > _ALIVE_W
            for r in np.flatnonzero((is_dead[:, 0] | is_dead[:, 1] | is_dead[:, 2]) & is_live).tolist():
                do_lamps_go_on = self._do_lamps_go_on(batch, r, is_dead[r] | np.isnan(volts[r]))
                is_nothing = volts[r] < _NOTHING_V
                goes_on = np.where(is_nothing, does_draw[r] & do_lamps_go_on, does_draw[r] | do_lamps_go_on)
                absurd[r] |= is_dead[r] & goes_on
        return np.where(absurd, np.float32(np.nan), volts) if absurd.any() else volts

    def _do_lamps_go_on(self, batch: Batch, record: int, is_dead: Bool) -> Bool:
        """Phases of a record of which most lamps answer with a voltage; bool (3,). A few may be on another phase."""
        rows = slice(int(batch.lamp_start[record]), int(batch.lamp_start[record + 1]))
        known = batch.lamp[rows] >= 0
        lamp = batch.lamp[rows][known].astype(np.int64)
        is_fed = (batch.quality[rows] == 0)[known] & (batch.voltage_v[rows][known] > self._dip_v)
        phase = self._fleet.phase[lamp]
        go_on = np.zeros(3, np.bool_)
        if is_dead.all():  # whatever phase they are on
            go_on[:] = len(lamp) > 0 and 2 * is_fed.sum() > len(lamp)
            return go_on
        for p in range(3):
            go_on[p] = bool((phase == p).any()) and 2 * is_fed[phase == p].sum() > (phase == p).sum()
        return go_on


def _with(batch: Batch, columns: Mapping[str, Float32]) -> Batch:
    """A batch with some columns of another; itself where it has them already."""
    changed: dict[str, Any] = {name: new for name, new in columns.items() if new is not getattr(batch, name)}
    return replace(batch, **changed) if changed else batch


def _is_absurd(memory: MeterMemory | PhaseMemory, place: Places, power_w: Float32, rated_w: Float64) -> Bool:
    """Which of n meters' powers are not believed, by what each showed before; notes what they show now.

    Args:
        memory: of all meters.
        place: the n meters in it.
        power_w: float32 (n,) or, of three phases, (3, n); what is returned is bool of this shape.
        rated_w: float64 (n,) of the lamps behind each.
    """
    with np.errstate(invalid="ignore"):
        drawn_w = np.abs(power_w)
        is_directed = drawn_w > _DIRECTED_W
        is_high = drawn_w > _MANY * rated_w + _MORE_W
    before, was_high = memory.direction[..., place], memory.is_high[..., place]
    now = np.where(is_directed, np.where(power_w < 0, np.int8(-1), np.int8(1)), before)
    absurd: Bool = is_directed & (before != 0) & (now != before)
    if is_high.any():
        absurd |= is_high & (~was_high | (drawn_w > _ANY * rated_w + _TAPPED_W))
    memory.direction[..., place] = now
    memory.is_high[..., place] = np.where(np.isfinite(power_w), is_high, was_high)
    return absurd
