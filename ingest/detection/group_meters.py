"""What the meters of circuits and cabinets cannot show is unknown: no rule, sum or learning takes an absurd value.

Nothing here knows a right value; it knows what cannot be. A power far beyond all lamps is believed from the second
sample on, since somebody may have tapped the cable, and one beyond any cabinet never. A meter's direction does not turn
over for one sample. A phase or a circuit that draws power, or whose lamps go on, has its voltage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.meter_direction import with_loads
from ingest.model.batch import Batch
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
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
        self.phases = [MeterMemory(fleet.n_controllers) for _ in range(3)]
        self.circuits = MeterMemory(fleet.n_circuits)

    def take(self, batch: Batch) -> Batch:
        """A batch whose live records carry what can be, as loads; of absurd values NaN."""
        live = np.flatnonzero(~batch.is_historical & (batch.controller >= 0))
        if not len(live):
            return with_loads(batch)
        c = batch.controller[live].astype(np.int64)
        cabinet_w, rated_w = batch.cabinet_power_w, self._cabinet_w[c]
        is_absurd = np.zeros(len(live), np.bool_)
        for phase, memory in enumerate(self.phases):
            is_absurd |= _is_absurd(memory, c, cabinet_w[live, phase], rated_w)
            # a phase that is there, and whose power was told before, has one
            is_absurd |= np.isnan(cabinet_w[live, phase]) & memory.has_power[c] & self._is_alive(batch, live, phase)
            memory.has_power[c] |= np.isfinite(cabinet_w[live, phase])
        if is_absurd.any():  # a sum without one of its phases would be a wrong one
            cabinet_w = cabinet_w.copy()
            cabinet_w[live[is_absurd]] = np.nan
        powers: dict[str, Any] = {"cabinet_power_w": cabinet_w, "circuit_power_w": self._circuit_powers(batch)}
        batch = with_loads(replace(batch, **powers))
        phases_v, circuits_v = self._phase_voltages(batch, live), self._circuit_voltages(batch)
        volts: dict[str, Any] = {"cabinet_voltage_v": phases_v, "circuit_voltage_v": circuits_v}
        return replace(batch, **volts)

    def _is_alive(self, batch: Batch, live: Int64, phase: int) -> Bool:
        alive: Bool = batch.cabinet_voltage_v[live, phase] >= self._no_voltage
        alive &= np.isfinite(batch.cabinet_power_w[live]).any(axis=1)
        return alive

    def _circuit_powers(self, batch: Batch) -> Float32:
        power_w = batch.circuit_power_w
        if not len(power_w):
            return power_w
        is_live = np.repeat(~batch.is_historical, np.diff(batch.circuit_start))
        row = np.flatnonzero(is_live & (batch.circuit >= 0))
        circuit = batch.circuit[row].astype(np.int64)
        absurd = row[_is_absurd(self.circuits, circuit, power_w[row], self._circuit_w[circuit])]
        if len(absurd):
            power_w = power_w.copy()
            power_w[absurd] = np.nan
        return power_w

    def _circuit_voltages(self, batch: Batch) -> Float32:
        volts = batch.circuit_voltage_v
        absurd = (volts > self._most_v) | ((volts < self._no_voltage) & (batch.circuit_power_w > _ALIVE_W))
        return np.where(absurd, np.float32(np.nan), volts) if absurd.any() else volts

    def _phase_voltages(self, batch: Batch, live: Int64) -> Float32:
        volts = batch.cabinet_voltage_v
        is_dead = volts < self._no_voltage
        absurd, does_draw = volts > self._most_v, batch.cabinet_power_w > _ALIVE_W
        for r in live[is_dead[live].any(axis=1)].tolist():
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


def _is_absurd(memory: MeterMemory, place: Int64, power_w: Float32, rated_w: Float64) -> Bool:
    """Which of n meters' powers are not believed, by what each showed before; bool (n,). Notes what they show now."""
    with np.errstate(invalid="ignore"):
        drawn_w, direction = np.abs(power_w), np.sign(power_w)
    is_directed = drawn_w > _DIRECTED_W
    is_high = drawn_w > _MANY * rated_w + _MORE_W
    absurd: Bool = drawn_w > _ANY * rated_w + _TAPPED_W
    absurd |= is_high & ~memory.is_high[place]
    now = np.where(is_directed, direction, memory.direction[place]).astype(np.int8)
    absurd |= is_directed & (memory.direction[place] != 0) & (now != memory.direction[place])
    known = np.isfinite(power_w)
    memory.direction[place] = now
    memory.is_high[place] = np.where(known, is_high, memory.is_high[place])
    return absurd
