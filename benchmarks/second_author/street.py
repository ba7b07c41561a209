"""What stands in one cabinet's streets, and the register files that describe it (with the register's own errors)."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

PHASES: Final = "RST"
SPAN_M: Final = 38.0
_SPAN_OHM: Final = SPAN_M * 1.91e-3
"""One conductor of 16 mm2 aluminium from pole to pole at 20 degrees (1.91 ohm/km, IEC 60228)."""
_DESIGN_DROP_V: Final = 6.0
"""What the planner allows at the last lamp; longer circuits got thicker cable."""


@dataclass(frozen=True)
class Habits:
    """How a cabinet is built and measured; what the situations may rely on."""

    name: str
    n_lamps: int
    n_circuits: int
    switching: str  # contactor | lamp
    technology: str  # LED | HPS | mixed
    metered_share: float  # of lamps; 0 = none
    cabinet_meter: bool
    circuit_meters: bool
    phases: str = "three"  # three: lamps rotate R S T; uneven: as they came; single: a circuit hangs on one phase
    contacts: bool = True  # door, supply and contactor contacts
    own_supply: bool = False  # nodes live on beyond a dead cable and read 0 V
    photocell: bool = False
    node: bool = True  # lamp nodes; else bare meters without status, temperature and switch count
    buses: str = "one"  # one | circuits (a bus carries whole circuits) | mixed (plus two lamps of another circuit)
    surveyed: bool = True
    battery: bool = True  # the controller outlives its supply
    ratings: tuple[int, ...] = (40, 60, 90)
    reversed_circuit: bool = False  # one circuit meter is connected the wrong way round
    meters_below_contactor: bool = False  # circuit meters are dead by day
    metered_circuits: int | None = None  # only lamps of the first so many circuits have meters


@dataclass(frozen=True)
class Street:
    """One cabinet and its lamps in the register's order; arrays are (n,) over lamps.

    `power_w` is what a lamp really draws at 100 % and 230 V, `register_w` what the city wrote down. `circuit` and
    `phase` count from 0, `pole` from 1 along its circuit. `meter_of` is the lamp that a lamp's meter really measures.
    """

    habits: Habits
    index: int
    lamp_ids: tuple[str, ...]
    circuit: Ints
    pole: Ints
    phase: Ints
    is_hps: Bools
    register_w: Floats
    power_w: Floats
    exponent: Floats
    power_factor: Floats
    dim_floor: Floats
    is_metered: Bools
    bus: Ints
    meter_of: Ints
    span_ohm: Floats  # (c,) one conductor, pole to pole
    latitude: float
    longitude: float

    @property
    def cabinet_id(self) -> str:
        """Its name in the register."""
        return f"K-{self.index:02d}"

    @property
    def controller_id(self) -> str:
        """Its Sparkplug edge node."""
        return f"RPI-{self.index:02d}"

    @property
    def n(self) -> int:
        """Number of lamps."""
        return len(self.lamp_ids)

    @property
    def metered(self) -> Ints:
        """Indices of the lamps in `Lamps/Id`."""
        return np.flatnonzero(self.is_metered)

    def circuit_name(self, circuit: int) -> str:
        """Name of a circuit in the register."""
        return str(circuit + 1)

    def bus_name(self, bus: int) -> str:
        """Name of a serial bus in the register."""
        return "XYZ"[bus]

    def on_circuit(self, circuit: int) -> Ints:
        """Lamps of a circuit along its cable."""
        lamps = np.flatnonzero(self.circuit == circuit)
        return lamps[np.argsort(self.pole[lamps], kind="stable")]


def draw_street(habits: Habits, index: int, rng: np.random.Generator, latitude: float, longitude: float) -> Street:
    """Draw the lamps of one cabinet."""
    n, m = habits.n_lamps, habits.n_circuits
    weight = rng.dirichlet(np.full(m, 12.0)) if m > 1 else np.ones(1)
    sizes = np.maximum(np.floor(weight * n).astype(int), min(6, n // m))
    while sizes.sum() != n:
        sizes[np.argmax(sizes) if sizes.sum() > n else np.argmin(sizes)] += -1 if sizes.sum() > n else 1
    circuit = np.repeat(np.arange(m), sizes)
    pole = np.concatenate([np.arange(1, size + 1) for size in sizes])
    phase = circuit % 3 if habits.phases == "single" else (pole - 1 + circuit) % 3
    if habits.phases == "uneven":
        phase = np.where(rng.random(n) < 0.35, rng.integers(0, 3, m)[circuit], phase)
    is_hps = np.full(n, habits.technology == "HPS")
    if habits.technology == "mixed":
        is_hps = rng.random(m)[circuit] < 0.5
    register = rng.choice(habits.ratings, m)[circuit].astype(float)
    power = register * rng.normal(1.0, 0.015, n) * rng.choice((0.93, 1.0, 1.07), p=(0.2, 0.6, 0.2))
    power[is_hps] *= 1.0 + rng.uniform(-0.02, 0.04, int(is_hps.sum()))
    metered = rng.random(n) < habits.metered_share
    if habits.metered_share >= 1:
        metered[:] = True
    if habits.metered_circuits is not None:
        metered &= circuit < habits.metered_circuits
    if habits.buses == "one":
        bus = np.zeros(n, np.int64)
    else:
        bus = (circuit >= (m + 1) // 2).astype(np.int64)
        if habits.buses == "mixed":
            strays = rng.choice(np.flatnonzero(bus == 1), min(2, int((bus == 1).sum())), replace=False)
            bus[strays] = 0
    meter_of = np.arange(n)
    if n >= 40 and metered.all() and rng.random() < 0.3:
        # Two meters of one circuit, of equal lamps, are swapped: harmless until somebody counts positions.
        first = int(rng.integers(0, n - 4))
        if circuit[first] == circuit[first + 3] and bus[first] == bus[first + 3]:
            meter_of[[first, first + 3]] = meter_of[[first + 3, first]]
    moment = np.bincount(circuit, power / 230.0 * pole, m) * (2.2 if habits.phases == "single" else 0.6)
    return Street(
        habits, index, tuple(f"T{index:02d}-{k:03d}" for k in range(n)), circuit, pole, phase, is_hps, register, power,
        np.where(is_hps, rng.uniform(1.6, 2.2) + rng.normal(0, 0.03, n), 0.0),
        np.where(is_hps, rng.uniform(0.86, 0.92, n), rng.uniform(0.93, 0.98, n)),
        rng.uniform(0.0, 0.06, n), metered, bus, meter_of,
        np.minimum(_SPAN_OHM, _DESIGN_DROP_V / moment),
        latitude + 0.011 * index, longitude + 0.004 * (index % 3),
    )  # fmt: skip


_LAMP_COLUMNS: Final = (
    "lamp_id", "cabinet_id", "circuit", "position", "position_source", "latitude", "longitude", "rated_power_w",
    "technology", "bus", "address", "profile", "phase", "dimmable", "street",
)  # fmt: skip


def write_city(folder: Path, name: str, streets: Sequence[Street]) -> None:
    """Write `city.toml`, `lamps.csv` and `cabinets.csv` of a city."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(
        f'[city]\nname = "{name}"\ngroup = "lain"\nhost_id = "lain"\ntimezone = "Asia/Jakarta"\nlanguage = "en"\n'
        '[schedule]\non = "sunset+10m"\noff = "sunrise-10m"\n'
        'dim = [{ at = "22:00", level = 70 }, { at = "00:30", level = 50 }, { at = "04:30", level = 100 }]\n',
        "utf-8",
    )
    with (folder / "cabinets.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("cabinet_id", "controller_id", "name", "latitude", "longitude", "metered", "switching"))
        for s in streets:
            rows.writerow((
                s.cabinet_id, s.controller_id, s.habits.name, f"{s.latitude:.6f}", f"{s.longitude:.6f}",
                "true" if s.habits.cabinet_meter else "false", s.habits.switching,
            ))  # fmt: skip
    with (folder / "lamps.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(_LAMP_COLUMNS)
        for s in streets:
            for k in range(s.n):
                rows.writerow(_lamp_row(s, k))


def _lamp_row(s: Street, k: int) -> tuple[object, ...]:
    along = SPAN_M * s.pole[k] / 111_000
    north, east = (along, 0.0003 * s.circuit[k]) if s.circuit[k] % 2 == 0 else (0.0003 * s.circuit[k], along)
    address = int((s.is_metered[:k] & (s.bus[:k] == s.bus[k])).sum()) + 1
    meter = (s.bus_name(s.bus[k]), address, "lamp-node" if s.habits.node else "pzem-016")
    return (
        s.lamp_ids[k], s.cabinet_id, s.circuit_name(s.circuit[k]), s.pole[k],
        "survey" if s.habits.surveyed else "estimated", f"{s.latitude + north:.6f}", f"{s.longitude + east:.6f}",
        f"{s.register_w[k]:g}", "HPS" if s.is_hps[k] else "LED", *(meter if s.is_metered[k] else ("", "", "")),
        PHASES[s.phase[k]], "false" if s.is_hps[k] or s.habits.photocell else "true", f"Jalan {s.index}",
    )  # fmt: skip
