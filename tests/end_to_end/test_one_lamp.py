"""The whole way of one lamp: meter on a terminal, agent, Mosquitto, ingest, API; it fails, is seen, is repaired."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import ExitStack

import numpy as np
import pytest

from firmware_sim.demo.night import clock_offset_s
from firmware_sim.fleet.bench_meters import Bench, agent_toml
from firmware_sim.fleet.schedule import town_level
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injector import Injector
from firmware_sim.meters import BusLoop, LineTiming

pytestmark = pytest.mark.end_to_end
N_LAMPS = 6


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_city(folder, broker_port):
    text = f'[city]\nname = "Kota Uji"\nlanguage = "en"\n[broker]\nurl = "mqtt://127.0.0.1:{broker_port}"\n'
    (folder / "city.toml").write_text(text, encoding="utf-8")
    with (folder / "cabinets.csv").open("w", newline="", encoding="utf-8") as sink:
        csv.writer(sink).writerows([["cabinet_id", "controller_id", "switching"], ["C-1", "PJU-1", "contactor"]])
    names = ["lamp_id", "cabinet_id", "circuit", "position", "position_source", "latitude", "longitude"]
    with (folder / "lamps.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow([*names, "rated_power_w", "technology", "bus", "address", "profile"])
        for n in range(1, N_LAMPS + 1):
            where = [0.79, 102.0 + 0.0003 * n]
            writer.writerow([f"L-{n}", "C-1", "1", n, "survey", *where, 90, "LED", "A", n, "lamp-node"])


class Street:
    """The lamps, burning in a thread of their own; their meters hang on one pseudo-terminal."""

    def __init__(self, folder, offset_s):
        self.town = read_town(folder)
        self._offset_us = round(offset_s * 1e6)
        self.world = World(self.town, np.random.default_rng(1), self.now_us())
        self.moment = self.world.advance(self.now_us())
        self.injector = Injector(self.world, ["PJU-1"])
        self._loop = BusLoop()
        self._loop.start()
        timing = LineTiming(speed=10.0)
        self.bench = Bench(
            self.world, self.town.controllers[0], lambda: self.moment, timing, np.random.default_rng(2), self._loop
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def now_us(self):
        return time.time_ns() // 1000 + self._offset_us

    def _live(self):
        while not self._stop.wait(0.2):
            self.moment = self.world.advance(self.now_us())

    def close(self):
        self._stop.set()
        self._thread.join()
        self.bench.close()
        self._loop.close()


def start(stack, log, command, **environment):
    sink = stack.enter_context(log.open("wb"))
    process = subprocess.Popen(
        command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    )

    def end():
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(end)
    return process


def wait_for(condition, what, seconds, logs):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.2)
    words = "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in logs)
    raise AssertionError(f"{what} did not come within {seconds} s\n{words}")


def test_a_dark_lamp_is_one_fault_and_closes_after_its_repair(tmp_path, require_debian):
    mosquitto = require_debian("mosquitto")
    broker_port, api_port = free_port(), free_port()
    write_city(tmp_path, broker_port)
    offset_s = clock_offset_s(time.time_ns() // 1000, town_level(read_town(tmp_path)))
    (tmp_path / "mosquitto.conf").write_text(f"listener {broker_port} 127.0.0.1\nallow_anonymous true\n")
    logs = [tmp_path / f"{name}.log" for name in ("mosquitto", "ingest", "agent", "api")]

    def get(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{api_port}{path}", timeout=5) as answer:
            return json.load(answer)

    def faults(state):
        return get(f"/api/v1/faults?include=suppressed&state={state}")["items"]

    with ExitStack() as stack:
        street = Street(tmp_path, offset_s)
        stack.callback(street.close)
        start(stack, logs[0], [mosquitto, "-c", tmp_path / "mosquitto.conf"])
        python = [sys.executable, "-m"]
        start(stack, logs[1], [*python, "ingest", "--city", tmp_path, "--clock", "data", "--status", ""])
        town = street.town
        place = (float(town.cabinet_latitude[0]), float(town.cabinet_longitude[0]))
        broker_url = f"mqtt://127.0.0.1:{broker_port}"
        text = agent_toml(town.group, town.timezone, place, street.bench, broker_url, tmp_path)
        quick = text.replace("interval_s = 3", "interval_s = 1").replace("interval_day_s = 3", "interval_day_s = 1")
        (tmp_path / "agent.toml").write_text(quick, encoding="utf-8")
        agent = [*python, "edge_agent", "run", "--config", tmp_path / "agent.toml"]
        start(stack, logs[2], agent, TERANG_CLOCK_OFFSET_S=str(offset_s))
        start(stack, logs[3], [*python, "dashboard_api", "--city", tmp_path, "--port", str(api_port)])

        wait_for(lambda: get("/api/v1/summary")["lamps"]["lit"] == N_LAMPS, "light on every lamp", 120, logs)
        assert faults("any") == []

        street.injector.inject("lampFailure", "L-3", {})
        (fault,) = wait_for(lambda: faults("open"), "the fault", 90, logs)
        assert (fault["code"], fault["lamp_id"], fault["state"]) == ("lampFailure", "L-3", "open")
        assert fault["evidence"]["power_w"] < 0.2 * fault["evidence"]["expected_power_w"]
        assert get("/api/v1/lamps/L-3")["latest"]["state"] == "dark"

        street.injector.repair("lampFailure", "L-3")
        wait_for(lambda: not faults("open"), "the end of the fault", 90, logs)
        (closed,) = faults("any")
        assert (closed["id"], closed["state"]) == (fault["id"], "closed")
        kinds = [entry["kind"] for entry in get(f"/api/v1/faults/{fault['id']}")["timeline"]]
        assert kinds == ["opened", "closed"]
        powers = [power for power in get("/api/v1/lamps/L-3/readings")["columns"]["power_w"] if power is not None]
        assert min(powers) < 10
        assert max(powers) > 80
