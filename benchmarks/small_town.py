"""A small town written by hand: lamps on cables behind cabinets, whose faults are causes and not readings.

For the tests of detection and the plots of its manual; knows nothing of ``firmware_sim``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.filled_batch import filled_batch
from ingest.detection.engine import Detection
from ingest.lighting.expected_power import IS_DISCHARGE, level_share
from ingest.model.batch import Batch, first_lamps
from ingest.model.finding import Change
from ingest.model.fleet import Fleet
from ingest.model.good_values import with_good_values
from ingest.schema.city import City
from ingest.schema.limits import TECHNOLOGIES
from ingest.schema.sections import CitySection, DimStep, ScheduleSection

MINUTE_US = 60_000_000
NIGHT_US = 1_795_438_800_000_000  # 2026-11-23 20:00 in Jakarta: dark, before the first dim step
DIMS = (("22:00", 70), ("00:30", 50), ("04:30", 100))


def city_of(limits: dict[str, Any] | None = None, dims: tuple[tuple[str, int], ...] = DIMS) -> City:
    """A city with these limits and dim steps, the rest by default."""
    return City(
        city=CitySection(name="Kota Uji"),
        schedule=ScheduleSection(dim=tuple(DimStep(at=at, level=level) for at, level in dims)),
        limits=limits or {},
        folder=Path("/nonexistent"),
    )


@dataclass
class Town:
    """``n_cabinets`` cabinets of ``n_circuits`` circuits of ``n_poles`` lamps; arrays are in register order."""

    n_cabinets: int = 1
    n_circuits: int = 2
    n_poles: int = 10
    technology: str = "LED"
    switching: str = "contactor"
    rated_w: float = 100.0
    n_buses: int = 1
    is_surveyed: bool = True
    circuit_meters: bool = True
    cabinet_meter: bool = True
    lamp_meters: bool = True
    is_node: bool = True
    is_dimmable: bool = True
    has_contacts: bool = True
    noise: float = 0.004
    interval_s: int = 60
    limits: dict = field(default_factory=dict)
    seed: int = 7
    start_us: int = NIGHT_US
    dims: tuple = DIMS

    def __post_init__(self) -> None:
        """Build the register, the fleet, and a healthy night."""
        self.rng = np.random.default_rng(self.seed)
        per = self.n_circuits * self.n_poles
        n = self.n_cabinets * per
        row = np.arange(n)
        self.cabinet, self.circuit = row // per, row // self.n_poles
        self.pole = row % self.n_poles + 1
        self.bus = (row // max(1, per // self.n_buses)) % self.n_buses
        self.ids = [f"L-{i:04d}" for i in row]
        metered = self.lamp_meters
        lamps = SimpleNamespace(
            lamp_id=self.ids,
            cabinet_id=[f"C-{k}" for k in self.cabinet],
            circuit=[str(q % self.n_circuits + 1) for q in self.circuit],
            position=self.pole.tolist(),
            position_source=["survey" if self.is_surveyed else "estimated"] * n,
            rated_power_w=np.full(n, self.rated_w),
            technology=[self.technology] * n,
            bus=[f"{'AB'[b]}" if metered else "" for b in self.bus],
            address=(row % per + 1).tolist() if metered else [None] * n,
            profile=["lamp-node" if self.is_node else "pzem-016"] * n,
            phase=[""] * n,
            is_dimmable=np.full(n, self.is_dimmable),
        )
        cabinets = SimpleNamespace(
            cabinet_id=[f"C-{k}" for k in range(self.n_cabinets)],
            controller_id=[f"PJU-{k}" for k in range(self.n_cabinets)],
            latitude=np.full(self.n_cabinets, -6.2),
            longitude=np.full(self.n_cabinets, 106.8),
            switching=[self.switching] * self.n_cabinets,
        )
        self.register = SimpleNamespace(lamps=lamps, cabinets=cabinets)
        self.fleet = Fleet.from_register(self.register)
        self.now_us = self.start_us
        self.detection = Detection(self.fleet, city_of(self.limits, self.dims), start_us=self.start_us)
        self.changes = []
        self.n = n
        self.true_w = np.full(n, self.rated_w)  # at 100 %
        self.factor = np.ones(n)  # share of its power that the lamp draws: 0 = dark
        self.is_silent = np.zeros(n, bool)  # node or meter broken
        self.is_powered = np.ones(n, bool)  # cable whole up to here
        self.is_bus_up = np.ones((self.n_cabinets, self.n_buses), bool)
        self.voltage = 225.0
        self.level = 100
        self.power_factor = np.full(n, 0.95)
        self.temperature = np.full(n, 45.0)
        self.status = np.zeros(n, np.uint8)
        self.actual_level = None  # what single lamps really do, where it is not the command
        self.switch_count = np.full(n, 0xFFFFFFFF, np.uint32)
        self.loss = 0.0
        self.extra_w = np.zeros(self.n_cabinets)
        self.lost_replies = 0.0
        self.is_door_open = np.zeros(self.n_cabinets, bool)
        self.is_supplied = np.ones(self.n_cabinets, bool)
        self.phase_v = np.full((self.n_cabinets, 3), np.nan)
        self.contactor = None  # forced state, where it does not follow the command
        self.tell_level = True
        self.quirk = None  # a function that may spoil the batch's columns

    def index(self, cabinet: int, circuit: int, pole: int) -> int:
        """Register row of a pole."""
        return (cabinet * self.n_circuits + circuit) * self.n_poles + pole - 1

    def sweep(self, controllers: list[int] | None = None) -> Batch:
        """One sweep of some controllers (all) at ``now_us``."""
        chosen = np.arange(self.n_cabinets) if controllers is None else np.asarray(controllers)
        rng, n = self.rng, self.n
        closed = np.full(self.n_cabinets, self.level > 0 if self.switching == "contactor" else True)
        if self.contactor is not None:
            closed[:] = self.contactor
        live = self.is_powered & self.is_supplied[self.cabinet] & closed[self.cabinet]
        level = np.full(n, self.level, np.uint8) if self.actual_level is None else self.actual_level
        if self.contactor is True and self.switching == "contactor":
            level = np.where(level == 0, 100, level).astype(np.uint8)
        technology = np.full(n, TECHNOLOGIES.index(self.technology), np.uint8)
        share = level_share(technology, level.astype(np.uint8)).astype(float)
        if IS_DISCHARGE[technology[0]] and self.technology in {"HPS", "MH", "MV"}:
            share = share * (self.voltage / 230) ** 2
        power = np.where(live, self.true_w * share * self.factor, 0.0)
        meter = power * (1 + self.noise * rng.standard_normal(n))
        volts = self.voltage + 0.3 * rng.standard_normal(n)
        bus_up = self.is_bus_up[self.cabinet, self.bus]
        is_silent = ~live | self.is_silent | ~bus_up | (rng.random(n) < self.lost_replies)
        quality = is_silent.astype(np.uint8)
        nan = np.where(is_silent, np.nan, 1.0)
        relay = (level > 0).astype(np.uint8) if self.is_node else np.zeros(n, np.uint8)
        rows = np.flatnonzero(np.isin(self.cabinet, chosen)) if self.lamp_meters else np.zeros(0, np.int64)
        fleet_of = np.array([self.fleet.lamp_index[i] for i in self.ids], np.int32)
        r = len(chosen)
        per = self.n_circuits * self.n_poles if self.lamp_meters else 0
        circuits = np.flatnonzero(np.isin(np.arange(self.n_cabinets * self.n_circuits) // self.n_circuits, chosen))
        circuit_w = np.bincount(self.circuit, power, minlength=self.n_cabinets * self.n_circuits)
        cabinet_w = np.bincount(self.cabinet, power, minlength=self.n_cabinets) * (1 + self.loss) + self.extra_w
        q = len(circuits) if self.circuit_meters else 0
        has_cabinet = self.cabinet_meter
        phases = np.where(np.isfinite(self.phase_v), self.phase_v, self.voltage)[chosen]
        phases = np.where(self.is_supplied[chosen][:, None], phases, np.nan)
        cab = np.repeat((cabinet_w[chosen] * (1 + 0.003 * rng.standard_normal(r)))[:, None] / 3, 3, axis=1)
        f4 = np.float32
        columns = {
            "controller": np.array([self.fleet.controller_index[f"PJU-{k}"] for k in chosen], np.int32),
            "at_us": np.full(r, self.now_us, np.int64),
            "is_historical": np.zeros(r, bool),
            "is_clock_synchronised": np.ones(r, bool),
            "interval_s": np.full(r, self.interval_s, np.uint32),
            "epoch": np.ones(r, np.uint64),
            "sequence": np.full(r, self.now_us // 1_000_000, np.uint64),
            "lamp_start": np.arange(r + 1, dtype=np.int64) * per,
            "lamp": fleet_of[rows],
            "voltage_v": np.round(volts * nan, 1)[rows].astype(f4),
            "current_a": np.round(power / np.maximum(self.power_factor, 0.1) / self.voltage * nan, 3)[rows].astype(f4),
            "power_w": np.round(meter * nan, 1)[rows].astype(f4),
            "power_factor": (self.power_factor * nan)[rows].astype(f4),
            "temperature_c": (self.temperature * nan)[rows].astype(f4),
            "energy_wh": np.full(len(rows), 0xFFFFFFFF, np.uint32),
            "burning_hours": np.full(len(rows), 0xFFFFFFFF, np.uint32),
            "switch_count": self.switch_count[rows].copy(),
            "level": np.full(len(rows), self.level if self.tell_level else 255, np.uint8),
            "status": np.where(is_silent, 0, relay | self.status)[rows].astype(np.uint8),
            "quality": quality[rows],
            "circuit_start": np.arange(r + 1, dtype=np.int64) * (self.n_circuits if q else 0),
            "circuit": np.array(
                [
                    self.fleet.circuit_index[(f"C-{c // self.n_circuits}", str(c % self.n_circuits + 1))]
                    for c in circuits
                ]
                if q
                else [],
                np.int32,
            ),
            "circuit_voltage_v": np.full(q, self.voltage, f4),
            "circuit_current_a": np.full(q, np.nan, f4),
            "circuit_power_w": (circuit_w[circuits] * (1 + 0.003 * rng.standard_normal(len(circuits)))).astype(f4)[:q],
            "circuit_energy_wh": np.full(q, 0xFFFFFFFF, np.uint32),
            "cabinet_voltage_v": (phases if has_cabinet else np.full((r, 3), np.nan)).astype(f4),
            "cabinet_current_a": np.full((r, 3), np.nan, f4),
            "cabinet_power_w": (cab if has_cabinet else np.full((r, 3), np.nan)).astype(f4),
            "cabinet_energy_wh": np.full(r, 0xFFFFFFFFFFFFFFFF, np.uint64),
            "is_door_open": (self.is_door_open[chosen] if self.has_contacts else np.full(r, -1)).astype(np.int8),
            "is_contactor_closed": (closed[chosen] if self.has_contacts else np.full(r, -1)).astype(np.int8),
            "is_supply_present": (self.is_supplied[chosen] if self.has_contacts else np.full(r, -1)).astype(np.int8),
            "has_cabinet": np.full(r, has_cabinet),
        }
        if self.quirk is not None:
            self.quirk(columns)
        return with_good_values(filled_batch(**columns, first_lamp=first_lamps(columns["lamp"], columns["lamp_start"])))

    def play(
        self,
        minutes: float,
        before: Callable[[int], object] | None = None,
        controllers: list[int] | None = None,
    ) -> list[Change]:
        """Sweep for some minutes; returns the changes of this stretch, which ``changes`` keeps too."""
        told = []
        for step in range(round(minutes * 60 / self.interval_s)):
            self.now_us += self.interval_s * 1_000_000
            if before is not None:
                before(step)
            told += self.detection.judge(self.sweep(controllers), self.now_us)
            told += self.detection.tick(self.now_us)
        self.changes += told
        return told
