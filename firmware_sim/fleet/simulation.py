"""The simulation of a city: virtual agents on the broker, meters for real agents, and the control socket.

Connects the parts of a fleet for ``terang-sim fleet`` and the demo, and starts and stops them in order.
"""

from __future__ import annotations

import json
import logging
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from durable_files.whole_file import replace_file
from firmware_sim.control import ControlSocket
from firmware_sim.errors import SimError
from firmware_sim.expectation import Forecast, guard_of
from firmware_sim.fleet.bench_meters import Bench, BenchError, agent_toml
from firmware_sim.fleet.outages import Churn
from firmware_sim.fleet.player import Pace, Player
from firmware_sim.fleet.real_agent import RealAgent, RealAgentError
from firmware_sim.fleet.town import Controller, Town
from firmware_sim.fleet.uplink import Network
from firmware_sim.fleet.world import World
from firmware_sim.injection import InjectionError
from firmware_sim.injections import Injections
from firmware_sim.injector import Injector
from firmware_sim.meters import BusLoop, LineTiming
from firmware_sim.scenario import read_scenario
from firmware_sim.truth import write_truth
from languages.message import Message, why

AGENTS_FOLDER: Final = "agents"
TRUTH_FILE: Final = "truth.jsonl"
_log = logging.getLogger(__name__)
_MIXED_BENCHES: Final = 3  # from so many on, not all of them have lamp meters
_LONG_CIRCUIT: Final = 8  # lamps: long enough for a break in its middle to show
_DRAIN_S: Final = 20.0  # for what the host has not acknowledged when the last sweep is played
READY_FILE: Final = "agents.json"  # {controller_id: path of its agent.toml}, written when everything stands


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """Which controllers are simulated, and how.

    Attributes:
        n_virtual: maximum number of controllers simulated over MQTT; None = all without simulated meters.
        n_benches: number of controllers with meters on pseudo-terminals, for real agents to read.
        wire_speed: factor by which the serial lines are faster than real ones.
        churn: how often the virtual controllers' connections break.
    """

    n_virtual: int | None = None
    n_benches: int = 0
    wire_speed: float = 1.0
    churn: Churn = field(default_factory=Churn)


class Simulation:
    """A running simulation of a city; call ``turn`` until it should end, then ``close``."""

    def __init__(
        self,
        town: Town,
        broker: tuple[str, int],
        options: FleetOptions,
        pace: Pace,
        seed: int,
        scenario: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the simulation in the city's data folder.

        Raises:
            SimError: a scenario is invalid, meters cannot be assigned, or another simulation runs for this city.
        """
        self._data = town.folder / "data"
        self.world = World(town, np.random.default_rng(seed), pace.start_us)
        pty_controllers = _pty_controllers(town, options.n_benches)
        real = [town.controllers[index].controller_id for index in pty_controllers]
        steps = [] if scenario is None else read_scenario(scenario, self.world, pace.start_us, real)
        virtual = [index for index in range(len(town.controllers)) if index not in set(pty_controllers)][
            : options.n_virtual
        ]
        self._pty_controllers = pty_controllers
        self._control = ControlSocket(self._data, self._handle)
        self._injections = Injections(self.world, steps, real)
        self._n_written = -1
        self._monotonic = monotonic
        self._over_s: float | None = None  # since when the last sweep is played
        self.player = Player(self.world, virtual, broker, pace, monotonic, seed, self._injections, options.churn)
        self._injector = Injector(
            self.world,
            injections=self._injections,
            forecast=Forecast(self.world, pace.interval_s, guard_of(town.folder), pace.slow_s),
        )
        self._loop = BusLoop()
        self._loop.start()
        timing = LineTiming(speed=options.wire_speed, is_baud_checked=False)
        rng = np.random.default_rng(seed + 1)
        self.benches = [
            Bench(self.world, town.controllers[index], lambda: self.player.moment, timing, rng, self._loop)
            for index in pty_controllers
        ]
        folder = self._data / AGENTS_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._network = Network()
        self._agents = [RealAgent(controller_id, folder, self._network, broker) for controller_id in real]
        self._write_agents(town, folder)
        self._write_truth()

    def _write_agents(self, town: Town, folder: Path) -> None:
        written: dict[str, str] = {}
        for bench, agent in zip(self.benches, self._agents, strict=True):
            cabinet = bench.controller.cabinet
            place = (float(town.cabinet_latitude[cabinet]), float(town.cabinet_longitude[cabinet]))
            text = agent_toml(town.group, town.timezone, place, bench, f"mqtt://127.0.0.1:{agent.port}", folder)
            agent.config_path.write_text(text, encoding="utf-8")
            written[agent.controller_id] = str(agent.config_path)
        replace_file(self._data / READY_FILE, json.dumps(written).encode(), is_synced=False)

    def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._injector.handle(request)
        try:
            self._follow_injections()
        except RealAgentError:
            described = answer.get("injected")
            if described is not None:
                self._injector.repair(described["code"], described["place"])
            raise
        self._write_truth()
        return answer

    def _follow_injections(self) -> None:
        """Apply the active injections to real agents and their serial lines.

        Raises:
            RealAgentError: an agent that should stop cannot be found.
        """
        upset = self.world.upset
        for bench in self.benches:
            bench.follow(upset)
        for index, agent in zip(self._pty_controllers, self._agents, strict=True):
            agent.follow(is_offline=bool(upset.is_offline[index]), is_down=bool(upset.is_down[index]))

    def _write_truth(self) -> None:
        """Write the truth log if an injection started or ended."""
        if self._injections.n_changes != self._n_written:
            self._n_written = self._injections.n_changes
            write_truth(self._data / TRUTH_FILE, self._injections.truths)

    def begin_with_faults(self, seed: int) -> None:
        """Inject a few faults of different kinds at the start."""
        for request in opening_faults(self.world, seed):
            try:
                self._handle({"do": "inject", **request})
            except InjectionError as error:  # a lamp of that circuit, say: an opening needs no particular fault
                _log.info("not injected: %s", error)

    def turn(self) -> None:
        """Run one step.

        Raises:
            SimError: the pace cannot be held.
        """
        self.player.turn()
        if self._injections.n_changes != self._n_written:
            self._write_truth()
            try:
                self._follow_injections()
            except RealAgentError as error:
                _log.warning("%s", error)
        self._control.answer()

    @property
    def is_over(self) -> bool:
        """Whether all sweeps were sent, and acknowledged if there is a host."""
        player = self.player
        if not player.is_over:
            return False
        if self._over_s is None:
            self._over_s = self._monotonic()
        is_patient = player.is_host_there and self._monotonic() - self._over_s < _DRAIN_S
        return not (is_patient and player.n_waiting)

    def figures(self) -> Mapping[str, int]:
        """Sweeps played, messages sent, records that wait for the host."""
        agents = self.player.agents
        return {
            "sweeps": self.player.n_sweeps,
            "sent": sum(agent.n_sent for agent in agents),
            "waiting": self.player.n_waiting,
        }

    def close(self) -> None:
        """Write the truth log, disconnect the agents and close all sockets."""
        write_truth(self._data / TRUTH_FILE, self._injections.truths)
        for agent in self._agents:
            agent.release()
        self.player.close()
        for bench in self.benches:
            bench.close()
        self._loop.close()
        self._network.close()
        self._control.close()
        (self._data / READY_FILE).unlink(missing_ok=True)


def opening_faults(world: World, seed: int) -> list[dict[str, str]]:
    """Injection requests for the start: dark lamps, a broken cable, a lost circuit."""
    town, rng = world.town, np.random.default_rng(seed)
    metered = [controller for controller in town.controllers if controller.metering == "lamp"]
    if not metered:
        return []
    n_dark = max(3, len(town.lamp_ids) // 250)
    lamps = [lamp_id for controller in metered for lamp_id in controller.lamp_ids]
    requests = [{"code": "lampFailure", "place": str(lamp_id)} for lamp_id in rng.choice(lamps, n_dark, replace=False)]
    members = np.bincount(town.plant.circuit, minlength=town.plant.n_circuits)
    long = [
        int(number)
        for controller in metered
        for number in controller.circuits
        if members[number] >= _LONG_CIRCUIT and town.circuit_names[number][1]
    ]
    if len(long) > 1:
        cut, lost = (int(number) for number in rng.choice(long, 2, replace=False))
        on_cut = np.flatnonzero(town.plant.circuit == cut)
        middle = on_cut[np.argsort(town.plant.rank[on_cut])[len(on_cut) // 2]]
        requests.append({"code": "cableFailure", "place": town.lamp_ids[int(middle)]})
        requests.append({"code": "circuitFailure", "place": "/".join(town.circuit_names[lost])})
    return requests


def broker_of(city: Path, given: str) -> tuple[str, int]:
    """Host and port of the broker: as given, else of ``city.toml``.

    Raises:
        SimError: neither names one that can be reached over plain MQTT.
    """
    text = given
    if not text:
        try:
            document = tomllib.loads((city / "city.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SimError(Message("sim.at", where=city / "city.toml", reason=why(error))) from error
        text = str(document.get("broker", {}).get("url", "mqtt://127.0.0.1:1883")).removeprefix("mqtt://")
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SimError(Message("sim.broker", text=text))
    return host, int(port)


def _pty_controllers(town: Town, n_benches: int) -> list[int]:
    """The smallest controllers that have buses and addresses, so that a sweep takes seconds.

    Of three or more, one is a cabinet that only measures its circuits.
    """
    able = [index for index, controller in enumerate(town.controllers) if _has_bus(controller)]
    able.sort(key=lambda index: len(town.controllers[index].lamps))
    by_circuit = [index for index, controller in enumerate(town.controllers) if controller.metering == "circuit"]
    by_circuit.sort(key=lambda index: len(town.controllers[index].lamps))
    if n_benches >= _MIXED_BENCHES:
        able[n_benches - 1 :] = [*by_circuit[:1], *able[n_benches - 1 :]]
    if n_benches > len(able):
        raise BenchError(Message("sim.benches", n=n_benches, able=len(able)))
    return able[:n_benches]


def _has_bus(controller: Controller) -> bool:
    return controller.metering == "lamp" and "" not in controller.buses and bool((controller.addresses >= 1).all())
