"""Nights in which anything can happen to any lamp, for comparing two detections on the same batches."""

from dataclasses import replace

import numpy as np

from benchmarks.small_town import DIMS, Town
from ingest.model.batch import Batch
from ingest.model.good_values import with_good_values
from ingest.schema.limits import TECHNOLOGIES

HOUR_US = 3_600_000_000
FACTORS = [0.0, 0.004, 0.15, 0.3, 0.52, 0.6, 0.74, 0.76, 0.9, 1.0, 1.0, 1.29, 1.31, 1.5]
WILD = [np.nan, np.inf, -np.inf, -5.0, -1.0, 0.0, 1e30, 310.0, 1.2, -1.2]
QUANTITIES = ("power_w", "voltage_v", "current_a", "power_factor", "temperature_c")


def random_town(seed):
    """A town with a mix of technologies, ratings that are wrong or unknown, and nodes beside plain meters."""
    rng = np.random.default_rng(seed)
    town = Town(
        n_cabinets=int(rng.integers(1, 4)),
        n_poles=int(rng.integers(4, 11)),
        technology=str(rng.choice(["LED", "HPS"])),
        switching=str(rng.choice(["contactor", "lamp", "unknown"])),
        is_node=bool(rng.random() < 0.8),
        circuit_meters=bool(rng.random() < 0.5),
        noise=float(rng.choice([0.0005, 0.004, 0.01])),
        dims=DIMS if rng.random() < 0.7 else (),
        seed=seed,
    )
    lamps = town.register.lamps
    if rng.random() < 0.7:
        lamps.technology = [str(name) for name in rng.choice(TECHNOLOGIES, town.n)]
    lamps.is_dimmable = rng.random(town.n) < 0.8
    lamps.rated_power_w = np.where(rng.random(town.n) < 0.1, np.nan, town.rated_w * rng.uniform(0.8, 1.2, town.n))
    town.fleet = type(town.fleet).from_register(town.register)
    return town


class Night:
    """Plays one seed's night: a batch a call, the same for every detection that is given it."""

    def __init__(self, seed):
        self.rng = np.random.default_rng([seed, 1])
        self.seed, self.town = seed, random_town(seed)
        self.marks = []  # (keys or windows) for the detections, taken by the caller
        self._spoil = []

    def step(self):
        """Something happens, then one sweep; returns ``(batch, now_us)``."""
        rng, town = self.rng, self.town
        if rng.random() < 0.25:
            self._happen()
        if rng.random() < 0.01:
            town.now_us += int(rng.integers(1, 9)) * HOUR_US  # through dusk and dawn
        town.now_us += town.interval_s * 1_000_000
        chosen = None if rng.random() < 0.9 else [int(rng.integers(0, town.n_cabinets))]
        batch = town.sweep(chosen)
        return self._spoiled(batch), town.now_us

    def _happen(self):
        rng, town = self.rng, self.town
        lamps = rng.integers(0, town.n, int(rng.integers(1, 6)))
        what = int(rng.integers(0, 16))
        if what == 0:
            town.factor[lamps] = rng.choice(FACTORS)
        elif what == 1:
            town.factor[lamps] = rng.uniform(0.3, 1.4, len(lamps))
        elif what == 2:
            town.power_factor[lamps] = rng.choice([0.4, 0.78, 0.95, 0.99, -0.9, -1.2])
        elif what == 3:
            town.temperature[lamps] = rng.choice([45.0, 79.9, 83.0, 95.0, np.nan, -70.0])
        elif what == 4:
            town.status[lamps] = rng.choice([0, 2, 4, 8, 16, 32])
        elif what == 5:
            town.is_silent[lamps] = rng.random() < 0.5
        elif what == 6:
            town.voltage = float(rng.choice([190.0, 204.0, 212.0, 225.0, 233.0, 243.0]))
        elif what == 7:
            town.factor[:], town.power_factor[:], town.temperature[:], town.status[:] = 1.0, 0.95, 45.0, 0
            town.is_silent[:], town.is_powered[:], town.voltage = False, True, 225.0
            town.actual_level = None
        elif what == 8:
            town.level = int(rng.choice([0, 0, 10, 25, 30, 50, 70, 80, 90, 100, 100, 100]))
        elif what == 9:
            town.tell_level = not town.tell_level if rng.random() < 0.5 else True
        elif what == 10:
            town.actual_level = np.full(town.n, town.level, np.uint8)
            town.actual_level[lamps] = rng.choice([0, 50, 70, 100])
        elif what == 11:
            town.is_powered[town.circuit == int(rng.integers(0, town.circuit.max() + 1))] = rng.random() < 0.6
        elif what == 12:
            town.lost_replies = float(rng.choice([0.0, 0.02, 0.2]))
        elif what == 13:
            told = town.switch_count[lamps]
            town.switch_count[lamps] = np.where(told == 0xFFFFFFFF, 7, told + rng.integers(0, 3, len(lamps)))
        elif what == 14:
            self._spoil = [int(i) for i in lamps] if rng.random() < 0.6 else []
        elif what == 15:
            self.marks.append(int(rng.integers(0, 3)))

    def _spoiled(self, batch):
        """A copy of which some readings repeat, are wild, or carry open relay bits or levels of their own."""
        rng = self.rng
        columns = {f: getattr(batch, f) for f in Batch.__dataclass_fields__}
        n = len(batch.lamp)
        for name in (*QUANTITIES, "status", "quality", "level"):
            columns[name] = columns[name].copy()
        rows = np.flatnonzero(np.isin(batch.lamp, self._spoil))
        for row in rows.tolist():
            what = int(rng.integers(0, 6))
            if what == 0:
                columns[str(rng.choice(QUANTITIES))][row] = rng.choice(WILD)
            elif what == 1:
                columns["status"][row] = rng.integers(0, 64)
            elif what == 2:
                columns["status"][row] &= 0xFE
            elif what == 3:
                columns["quality"][row] = rng.integers(0, 6)
            elif what == 4:
                columns["level"][row] = rng.choice([0, 50, 100, 255, 120])
            elif columns["quality"][row] == 0:
                for name, value in (("voltage_v", 225.1), ("current_a", 0.467), ("power_w", 100.3)):
                    columns[name][row] = value
        if n and rng.random() < 0.02:  # one reading of anyone
            columns[str(rng.choice(QUANTITIES))][int(rng.integers(0, n))] = rng.choice(WILD)
        if rng.random() < 0.02:
            columns["is_historical"] = rng.random(batch.n_records) < 0.5
        return with_good_values(replace(batch, **columns))
