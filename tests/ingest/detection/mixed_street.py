"""Cabinets with three phases, mixed lamps, mixed metering and a network that obeys Ohm, for tests of group codes.

Written from the contract alone: shares no code with ``firmware_sim`` or the small town. Faults are causes (a fuse, a
cut, a wire, a tap), and every reading follows from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.filled_batch import filled_batch
from benchmarks.small_town import NIGHT_US, city_of
from ingest.detection.engine import Detection
from ingest.model.batch import Batch, first_lamps
from ingest.model.finding import Change, Cleared, Raised
from ingest.model.fleet import Fleet
from ingest.model.good_values import with_good_values

MINUTE_US = 60_000_000
DAY_US = NIGHT_US - 11 * 3_600_000_000
LED_LEVELS, LED_SHARES = (0, 10, 25, 50, 75, 100), (0.0, 0.14, 0.28, 0.52, 0.76, 1.0)
MAGNETIC = ("HPS", "MH", "MV")


@dataclass(frozen=True)
class Circuit:
    """One outgoing cable: so many poles, each of which has one lamp."""

    n: int = 10
    watt: float = 100.0
    technology: str = "LED"
    phases: str = "RST"  # the poles take them in turn; one letter = all on it
    metered: float = 1.0  # share of the lamps with a meter, the first ones
    bus: str = "A"
    has_meter: bool = False
    is_surveyed: bool = True
    dimmable: bool | None = None


@dataclass
class Street:
    """Some cabinets, each of these circuits; arrays over all lamps in register order."""

    circuits: tuple[Circuit, ...] = (Circuit(), Circuit())
    n_cabinets: int = 1
    switching: str = "contactor"
    has_cabinet_meter: bool = True
    has_contacts: bool = True
    has_idle_contact: bool = False  # of a contactor that never switches: the lamps do it themselves
    knows_phase: bool = True
    noise: float = 0.005  # of every power and voltage reading
    ballast: float = 2.0
    loss: float = 0.015  # of the power, in the cables
    rating_error: float = 0.03
    interval_s: int = 60
    lost_replies: float = 0.0
    lost_level: int | None = None  # the level that the agent tells of a lamp that did not answer
    seed: int = 1
    start_us: int = NIGHT_US
    limits: dict = field(default_factory=dict)
    dims: tuple = ()
    latitude: float = -6.2
    longitude: float = 106.8

    def __post_init__(self) -> None:
        """Build the register and a healthy night."""
        self.rng = np.random.default_rng(self.seed)
        rows: dict[str, list[Any]] = {name: [] for name in (
            "cabinet", "circuit", "pole", "watt", "technology", "phase", "is_metered", "bus", "survey", "dim",
        )}  # fmt: skip
        for k in range(self.n_cabinets):
            for q, circuit in enumerate(self.circuits):
                for pole in range(circuit.n):
                    is_led = circuit.technology == "LED"
                    values = (
                        k, q, pole + 1, circuit.watt, circuit.technology,
                        "RST".index(circuit.phases[pole % len(circuit.phases)]), pole < circuit.metered * circuit.n,
                        circuit.bus[pole * len(circuit.bus) // circuit.n], circuit.is_surveyed,
                        is_led if circuit.dimmable is None else circuit.dimmable,
                    )  # fmt: skip
                    for name, value in zip(rows, values, strict=True):
                        rows[name].append(value)
        for name, values in rows.items():
            setattr(self, name, np.array(values))
        n = self.n = len(self.pole)
        self.ids = [f"C{k}-{q + 1}-{p:03d}" for k, q, p in zip(self.cabinet, self.circuit, self.pole, strict=True)]
        address = np.zeros(n, int)
        for k in range(self.n_cabinets):
            for bus in np.unique(self.bus):
                here = (self.cabinet == k) & (self.bus == bus)
                address[here] = np.arange(here.sum()) + 1
        lamps = SimpleNamespace(
            lamp_id=self.ids,
            cabinet_id=[f"C-{k}" for k in self.cabinet],
            circuit=[str(q + 1) for q in self.circuit],
            position=self.pole.tolist(),
            position_source=["survey" if is_surveyed else "estimated" for is_surveyed in self.survey],
            rated_power_w=self.watt.astype(float),
            technology=self.technology.tolist(),
            bus=[bus if has else "" for bus, has in zip(self.bus, self.is_metered, strict=True)],
            address=[int(a) if has else None for a, has in zip(address, self.is_metered, strict=True)],
            profile=["pzem-016" if has else "" for has in self.is_metered],
            phase=["RST"[p] if self.knows_phase else "" for p in self.phase],
            is_dimmable=self.dim.astype(bool),
        )
        cabinets = SimpleNamespace(
            cabinet_id=[f"C-{k}" for k in range(self.n_cabinets)],
            controller_id=[f"PJU-{k}" for k in range(self.n_cabinets)],
            latitude=np.full(self.n_cabinets, self.latitude),
            longitude=np.full(self.n_cabinets, self.longitude),
            switching=[self.switching] * self.n_cabinets,
        )
        self.fleet = Fleet.from_register(SimpleNamespace(lamps=lamps, cabinets=cabinets))
        self.detection = Detection(self.fleet, city_of(self.limits, self.dims), start_us=self.start_us)
        self.now_us, self.changes = self.start_us, []
        self.fleet_of = np.array([self.fleet.lamp_index[i] for i in self.ids], np.int32)
        self.true_w = self.watt * (1 + self.rating_error * np.clip(self.rng.standard_normal(n), -2.5, 2.5))
        self.is_magnetic = np.isin(self.technology, MAGNETIC)
        shape = (self.n_cabinets, 3)
        self.volts = np.full(shape, 227.0)
        self.volts_noise = 0.0  # a common one, which all meters see
        self.factor = np.ones(n)
        self.is_silent = np.zeros(n, bool)  # its node or meter is broken
        self.is_cut = np.zeros(n, bool)  # no supply up to this pole
        self.is_reversed = np.zeros(n, bool)  # current terminals the wrong way round
        self.bus_down: set[tuple[int, str]] = set()
        self.is_fuse_blown = np.zeros((self.n_cabinets, len(self.circuits), 3), bool)
        self.is_meter_dead = np.zeros((self.n_cabinets, len(self.circuits)), bool)
        self.tap_w = np.zeros(shape)
        self.level = 100
        self.welded = np.zeros(shape, bool)  # poles of the contactor
        self.tells_level = True
        self.is_supplied = np.ones(self.n_cabinets, bool)
        self.lit_s = np.full(n, 1e9)  # how long each arc has burned
        self.quirk: Callable[[dict], object] | None = None
        self.is_forced_on = np.zeros(n, bool)  # a photocell that sees dark weather

    def where(
        self, circuit: int, first: int = 1, last: int = 10_000, cabinet: int = 0, phase: str = "RST"
    ) -> np.ndarray:
        """Lamps of a circuit from one pole to another, of some phases; bool (n,)."""
        here = (self.circuit == circuit) & (self.pole >= first) & (self.pole <= last) & (self.cabinet == cabinet)
        return here & np.isin(self.phase, ["RST".index(p) for p in phase])

    def sweep(self) -> Batch:
        """One sweep of every cabinet at ``now_us``."""
        rng, n, n_k, n_q = self.rng, self.n, self.n_cabinets, len(self.circuits)
        k, q, p = self.cabinet, self.circuit, self.phase
        volts = self.volts * (1 + self.volts_noise * rng.standard_normal((n_k, 1))) * self.is_supplied[:, None]
        is_on = self.level > 0
        closed = np.full((n_k, 3), is_on or self.switching == "lamp") | self.welded
        is_live = closed[k, p] & ~self.is_cut & ~self.is_fuse_blown[k, q, p] & (volts[k, p] > 50)
        lamp_v = np.where(is_live, volts[k, p], 0.0)
        if self.switching == "lamp":
            level = np.where(is_on | self.is_forced_on, max(self.level, 100 * (not is_on)), 0)
        else:
            level = np.where(closed[k, p], self.level if is_on else 100, 0)
        level = np.where(self.dim, level, np.where(level > 0, 100, 0))
        share = np.where(self.is_magnetic, level > 0, np.interp(level, LED_LEVELS, LED_SHARES))
        arc_dies = self.is_magnetic & (lamp_v < 160)
        self.lit_s = np.where(arc_dies, 0.0, self.lit_s + self.interval_s)
        warm = np.where(self.is_magnetic, np.clip((self.lit_s - 240) / 300, 0.0, 1.0), 1.0)
        power = self.true_w * share * self.factor * warm * is_live
        power = power * np.where(self.is_magnetic, (lamp_v / 230) ** self.ballast, 1.0)
        self.power = power

        def noisy(values: np.ndarray) -> np.ndarray:
            return values * (1 + self.noise * rng.standard_normal(np.shape(values)))

        is_bus_down = np.array([(int(a), str(b)) in self.bus_down for a, b in zip(k, self.bus, strict=True)])
        is_lost = ~is_live | self.is_silent | is_bus_down | (rng.random(n) < self.lost_replies)
        good = np.where(is_lost, np.nan, 1.0)
        sign = np.where(self.is_reversed, -1.0, 1.0)
        rows = np.flatnonzero(self.is_metered)
        told = np.full(n, self.level if self.tells_level else 255)
        told = np.where(self.dim, told, np.where((told > 0) & (told < 255), 100, told))
        if self.lost_level is not None:
            told = np.where(is_lost, self.lost_level, told)
        loss = np.sqrt(1 + 0 * power) * power * self.loss
        phase_w = np.zeros((n_k, 3))
        np.add.at(phase_w, (k, p), power + loss)
        phase_w += self.tap_w * (volts > 50)
        circuit_w = np.zeros((n_k, n_q))
        np.add.at(circuit_w, (k, q), power + loss)
        metered = [i for i, circuit in enumerate(self.circuits) if circuit.has_meter]
        m_k, m_q = np.repeat(np.arange(n_k), len(metered)), np.tile(np.array(metered, int), n_k)
        is_meter_silent = self.is_meter_dead[m_k, m_q] | ~closed[m_k].any(axis=1)
        circuit_good = np.where(is_meter_silent, np.nan, 1.0)
        per_lamp = np.zeros(n_k + 1, np.int64)
        per_lamp[1:] = np.cumsum(np.bincount(k[rows], minlength=n_k))
        f4 = np.float32
        cab = np.where(self.is_supplied[:, None], 1.0, np.nan) if self.has_cabinet_meter else np.full((n_k, 3), np.nan)

        def contact(values: np.ndarray) -> np.ndarray:
            return (np.asarray(values) if self.has_contacts else np.full(n_k, -1)).astype(np.int8)

        is_told = self.switching == "contactor" or self.has_idle_contact
        columns = {
            "controller": np.array([self.fleet.controller_index[f"PJU-{i}"] for i in range(n_k)], np.int32),
            "at_us": np.full(n_k, self.now_us, np.int64),
            "is_historical": np.zeros(n_k, bool),
            "is_clock_synchronised": np.ones(n_k, bool),
            "interval_s": np.full(n_k, self.interval_s, np.uint32),
            "epoch": np.ones(n_k, np.uint64),
            "sequence": np.full(n_k, self.now_us // 1_000_000, np.uint64),
            "lamp_start": per_lamp,
            "lamp": self.fleet_of[rows],
            "voltage_v": np.round(noisy(lamp_v) * good, 1)[rows].astype(f4),
            "current_a": np.round(noisy(power / 0.93 / np.maximum(lamp_v, 1)) * good, 3)[rows].astype(f4),
            "power_w": np.round(noisy(power) * good * sign, 1)[rows].astype(f4),
            "power_factor": np.round(0.93 * good * sign, 2)[rows].astype(f4),
            "temperature_c": np.full(len(rows), np.nan, f4),
            "energy_wh": np.full(len(rows), 0xFFFFFFFF, np.uint32),
            "burning_hours": np.full(len(rows), 0xFFFFFFFF, np.uint32),
            "switch_count": np.full(len(rows), 0xFFFFFFFF, np.uint32),
            "level": told[rows].astype(np.uint8),
            "status": np.zeros(len(rows), np.uint8),
            "quality": is_lost[rows].astype(np.uint8),
            "circuit_start": np.arange(n_k + 1, dtype=np.int64) * len(metered),
            "circuit": np.array(
                [self.fleet.circuit_index[(f"C-{a}", str(b + 1))] for a, b in zip(m_k, m_q, strict=True)], np.int32
            ),
            "circuit_voltage_v": (noisy(volts[m_k].max(axis=1)) * circuit_good).astype(f4),
            "circuit_current_a": np.full(len(m_k), np.nan, f4),
            "circuit_power_w": (noisy(circuit_w[m_k, m_q]) * circuit_good).astype(f4),
            "circuit_energy_wh": np.full(len(m_k), 0xFFFFFFFF, np.uint32),
            "cabinet_voltage_v": (noisy(volts) * cab).astype(f4),
            "cabinet_current_a": np.full((n_k, 3), np.nan, f4),
            "cabinet_power_w": (noisy(phase_w) * cab).astype(f4),
            "cabinet_energy_wh": np.full(n_k, 0xFFFFFFFFFFFFFFFF, np.uint64),
            "is_door_open": contact(np.zeros(n_k)),
            "is_contactor_closed": contact(closed.any(axis=1) if is_told else np.full(n_k, -1)),
            "is_supply_present": contact(self.is_supplied),
            "has_cabinet": np.full(n_k, self.has_cabinet_meter),
        }
        if self.quirk is not None:
            self.quirk(columns)
        return with_good_values(filled_batch(**columns, first_lamp=first_lamps(columns["lamp"], columns["lamp_start"])))

    def play(self, minutes: float, before: Callable[[int], object] | None = None) -> list[Change]:
        """Sweep for some minutes; returns what changed meanwhile."""
        told: list[Change] = []
        for step in range(round(minutes * 60 / self.interval_s)):
            self.now_us += self.interval_s * 1_000_000
            if before is not None:
                before(step)
            told += self.detection.judge(self.sweep(), self.now_us)
            told += self.detection.tick(self.now_us)
        self.changes += told
        return told

    def standing(self) -> dict[Any, Raised]:
        """What stands for itself at the end of all that was played: key -> newest word."""
        found: dict[Any, Raised] = {}
        for change in self.changes:
            if isinstance(change, Raised):
                found[change.key] = change
            elif isinstance(change, Cleared):
                found.pop(change.key, None)
        return {key: change for key, change in found.items() if change.cause is None}

    def codes(self) -> dict[str, int]:
        """Codes that stand for themselves, with how many of each."""
        counts: dict[str, int] = {}
        for key in self.standing():
            counts[key.code] = counts.get(key.code, 0) + 1
        return counts

    def ever(self) -> set[str]:
        """Codes that ever stood for themselves."""
        return {change.key.code for change in self.changes if isinstance(change, Raised) and change.cause is None}
