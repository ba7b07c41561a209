"""The simulated street of the short chaos run: meters on pseudo-terminals, and every process that may be killed."""

from __future__ import annotations

import csv
import itertools
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from firmware_sim.fleet.bench_meters import Bench, agent_toml
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injector import Injector
from firmware_sim.meters import BusLoop, LineTiming
from tests.ingest.city_stand import REPOSITORY

LAST_INTERVAL_S = 3600  # of an agent that is only to deliver what it holds


class Victim(Protocol):
    def start(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True)
class Blow:
    """One kill: who, how long after the blow before, and how long it stays down."""

    after_s: float
    victim: str
    down_s: float


def make_schedule(seed: int, victims: list[str], duration_s: float) -> list[Blow]:
    """Everyone in turn, each round in another order, at random moments: start-ups are hit as well as steady runs."""
    source = random.Random(seed)
    schedule: list[Blow] = []
    for _ in itertools.count():
        for victim in source.sample(victims, len(victims)):
            schedule.append(Blow(source.uniform(0.2, 2.6), victim, source.uniform(0.0, 1.2)))
            if sum(blow.after_s + blow.down_s for blow in schedule) >= duration_s:
                return schedule
    raise AssertionError


def write_city(folder: Path, broker_port: int, n_cabinets: int, n_lamps: int, more: str = "") -> None:
    text = f'[city]\nname = "Kota Uji"\nlanguage = "en"\n[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\n{more}'
    (folder / "city.toml").write_text(text, encoding="utf-8")
    with (folder / "cabinets.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(["cabinet_id", "controller_id", "switching"])
        writer.writerows([[f"C-{c}", f"PJU-{c}", "contactor"] for c in range(1, n_cabinets + 1)])
    names = ["lamp_id", "cabinet_id", "circuit", "position", "position_source", "latitude", "longitude"]
    with (folder / "lamps.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow([*names, "rated_power_w", "technology", "bus", "address", "profile"])
        for c, n in itertools.product(range(1, n_cabinets + 1), range(1, n_lamps + 1)):
            where = [0.79 + 0.002 * c, 102.0 + 0.0003 * n]
            writer.writerow([f"L-{c}-{n}", f"C-{c}", "1", n, "survey", *where, 90, "LED", "A", n, "lamp-node"])


class Street:
    """The lamps, burning in a thread of their own, in a night that ``offset_s`` moves to."""

    def __init__(self, folder: Path, offset_s: float, seed: int) -> None:
        self.town = read_town(folder)
        self._offset_us = round(offset_s * 1e6)
        self.world = World(self.town, np.random.default_rng(seed), self.now_us())
        self.moment = self.world.advance(self.now_us())
        self._loop = BusLoop()
        self._loop.start()
        timing = LineTiming(speed=1000.0, is_baud_checked=False)
        rng = np.random.default_rng(seed + 1)
        controllers = self.town.controllers
        self.benches = [Bench(self.world, c, lambda: self.moment, timing, rng, self._loop) for c in controllers]
        self.injector = Injector(self.world, [c.controller_id for c in controllers])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def now_us(self) -> int:
        return time.time_ns() // 1000 + self._offset_us

    def _live(self) -> None:
        while not self._stop.wait(0.2):
            self.moment = self.world.advance(self.now_us())

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for bench in self.benches:
            bench.close()
        self._loop.close()


class AgentProcess:
    """A real ``terang-agent`` on a bench.

    Attributes:
        history: (epoch, sequence) -> at_ms of every record that was seen in the outbox of the dead agent.
        n_reused: numbers that stood there with two different times.
    """

    def __init__(self, street: Street, number: int, folder: Path, broker_port: int, interval_s: float) -> None:
        town, bench = street.town, street.benches[number]
        self.controller_id = bench.controller.controller_id
        self.outbox = folder / f"{self.controller_id}.db"
        self.log = folder / f"{self.controller_id}.log"
        self.history: dict[tuple[int, int], int] = {}
        self.n_reused = 0
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        self._environment["TERANG_CLOCK_OFFSET_S"] = str(street._offset_us / 1e6)
        place = (float(town.cabinet_latitude[number]), float(town.cabinet_longitude[number]))
        text = agent_toml(town.group, town.timezone, place, bench, f"mqtt://127.0.0.1:{broker_port}", folder)
        quick = "[outbox]\nresend_after_s = 2\nrate_per_s = 500\n"
        self._text = text.replace("[outbox]\n", quick).replace("slow_s = 60", f"slow_s = {LAST_INTERVAL_S}")
        self._process: subprocess.Popen[bytes] | None = None
        self.set_interval(interval_s)

    @property
    def _config(self) -> Path:
        return self._folder / f"{self.controller_id}.toml"

    def set_interval(self, interval_s: float) -> None:
        """From the next start on."""
        text = self._text.replace("interval_s = 3\n", f"interval_s = {interval_s}\n")
        self._config.write_text(text.replace("interval_day_s = 3\n", f"interval_day_s = {interval_s}\n"))

    def start(self) -> None:
        command = [sys.executable, "-m", "edge_agent", "run", "--config", str(self._config)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log, cwd=self._folder)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.read_outbox()

    def stop(self) -> None:
        """As systemd does."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.wait(60) == 0
            self._process = None
            self.read_outbox()

    def read_outbox(self) -> dict[str, int]:
        """Take a dead agent's records into the history, from a copy, and return its kept numbers."""
        if not self.outbox.exists():
            return {}
        copy = self._folder / f"{self.controller_id}.copy"
        shutil.copyfile(self.outbox, copy)
        wal, wal_copy = self.outbox.with_name(self.outbox.name + "-wal"), copy.with_name(copy.name + "-wal")
        wal_copy.unlink(missing_ok=True)
        if wal.exists():
            shutil.copyfile(wal, wal_copy)
        database = sqlite3.connect(copy)
        try:
            numbers: dict[str, int] = dict(database.execute("SELECT name, value FROM number"))
            rows = database.execute("SELECT sequence, at_ms FROM record").fetchall()
        except sqlite3.OperationalError:  # killed before it had made its tables
            return {}
        finally:
            database.close()
        for sequence, at_ms in rows:
            self.n_reused += self.history.setdefault((numbers["epoch"], sequence), at_ms) != at_ms
        return numbers

    @property
    def last(self) -> int:
        """The newest number seen."""
        return max((sequence for _, sequence in self.history), default=0)
