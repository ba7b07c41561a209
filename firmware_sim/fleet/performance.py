"""One performance of a city: virtual agents on the broker, benches for real agents, and the control door.

Wires the fleet's parts together for ``terang-sim fleet`` and the demo; owns their order of start and end.
"""

from __future__ import annotations

import json
import logging
import os
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from firmware_sim.control import ControlDoor
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
from firmware_sim.injector import Injector
from firmware_sim.meters import BusLoop, LineTiming
from firmware_sim.scenario import read_scenario
from firmware_sim.stage import Stage
from firmware_sim.truth import write_truth

AGENTS_FOLDER: Final = "agents"
TRUTH_FILE: Final = "truth.jsonl"
_log = logging.getLogger(__name__)
_MIXED_BENCHES: Final = 3  # from so many on, not all of them have lamp meters
_LONG_CIRCUIT: Final = 8  # lamps: long enough for a break in its middle to show
_DRAIN_S: Final = 20.0  # for what the host has not acknowledged when the last sweep is played
READY_FILE: Final = "agents.json"  # {controller_id: path of its agent.toml}, written when everything stands


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays.

    Attributes:
        n_virtual: at most so many controllers are played over MQTT; None = all that have no bench.
        n_benches: so many controllers get meters on pseudo-terminals, for real agents to read.
        wire_speed: factor by which the benches' lines are faster than true.
        churn: how restless the virtual controllers' connections are.
    """

    n_virtual: int | None = None
    n_benches: int = 0
    wire_speed: float = 1.0
    churn: Churn = field(default_factory=Churn)


class Performance:
    """A city being played; ``turn`` until it should end, then ``close``."""

    def __init__(
        self,
        town: Town,
        broker: tuple[str, int],
        cast: Cast,
        pace: Pace,
        seed: int,
        scenario: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the stage in the city's data folder.

        Raises:
            SimError: a scenario is wrong, a bench cannot be laid out, or another simulation plays this city.
        """
        self._data = town.folder / "data"
        self.world = World(town, np.random.default_rng(seed), pace.start_us)
        benched = _benched(town, cast.n_benches)
        real = [town.controllers[index].controller_id for index in benched]
        steps = [] if scenario is None else read_scenario(scenario, self.world, pace.start_us, real)
        virtual = [index for index in range(len(town.controllers)) if index not in set(benched)][: cast.n_virtual]
        self._benched = benched
        self._door = ControlDoor(self._data, self._handle)
        self._stage = Stage(self.world, steps, real)
        self._n_told = -1
        self._monotonic = monotonic
        self._over_s: float | None = None  # since when the last sweep is played
        self.player = Player(self.world, virtual, broker, pace, monotonic, seed, self._stage, cast.churn)
        self._injector = Injector(
            self.world,
            stage=self._stage,
            forecast=Forecast(self.world, pace.interval_s, guard_of(town.folder), pace.slow_s),
        )
        self._loop = BusLoop()
        self._loop.start()
        timing = LineTiming(speed=cast.wire_speed, is_baud_checked=False)
        rng = np.random.default_rng(seed + 1)
        self.benches = [
            Bench(self.world, town.controllers[index], lambda: self.player.moment, timing, rng, self._loop)
            for index in benched
        ]
        folder = self._data / AGENTS_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self._network = Network()
        self._agents = [RealAgent(controller_id, folder, self._network, broker) for controller_id in real]
        self._write_agents(town, folder)
        self._tell_truth()

    def _write_agents(self, town: Town, folder: Path) -> None:
        written: dict[str, str] = {}
        for bench, agent in zip(self.benches, self._agents, strict=True):
            cabinet = bench.controller.cabinet
            place = (float(town.cabinet_latitude[cabinet]), float(town.cabinet_longitude[cabinet]))
            text = agent_toml(town.group, town.timezone, place, bench, f"mqtt://127.0.0.1:{agent.port}", folder)
            agent.config_path.write_text(text, encoding="utf-8")
            written[agent.controller_id] = str(agent.config_path)
        beside = self._data / f"{READY_FILE}.tmp"
        beside.write_text(json.dumps(written), encoding="utf-8")
        os.replace(beside, self._data / READY_FILE)  # noqa: PTH105  (the atomic one)

    def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._injector.handle(request)
        try:
            self._bring_to_benches()
        except RealAgentError:
            told = answer.get("injected")
            if told is not None:
                self._injector.repair(told["code"], told["place"])
            raise
        self._tell_truth()
        return answer

    def _bring_to_benches(self) -> None:
        """Let real agents and their lines feel what is wrong now.

        Raises:
            RealAgentError: an agent that should stop cannot be found.
        """
        upset = self.world.upset
        for bench in self.benches:
            bench.follow(upset)
        for index, agent in zip(self._benched, self._agents, strict=True):
            agent.follow(is_offline=bool(upset.is_offline[index]), is_down=bool(upset.is_down[index]))

    def _tell_truth(self) -> None:
        """Keep the log on disk as true as the city: whoever reads it need not wait for the end."""
        if self._stage.n_changes != self._n_told:
            self._n_told = self._stage.n_changes
            write_truth(self._data / TRUTH_FILE, self._stage.truths)

    def begin_with_faults(self, seed: int) -> None:
        """A few faults of different kinds, so that a reader sees some at once."""
        for request in opening_faults(self.world, seed):
            try:
                self._handle({"do": "inject", **request})
            except InjectionError as error:  # a lamp of that circuit, say: an opening needs no particular fault
                _log.info("not injected: %s", error)

    def turn(self) -> None:
        """Play for a moment.

        Raises:
            SimError: the pace cannot be held.
        """
        self.player.turn()
        if self._stage.n_changes != self._n_told:
            self._tell_truth()
            try:
                self._bring_to_benches()
            except RealAgentError as error:
                _log.warning("%s", error)
        self._door.answer()

    @property
    def is_over(self) -> bool:
        """Everything has been played, and the host, if there is one, has it all."""
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
        """Good-byes, then the doors; the truth log is complete."""
        write_truth(self._data / TRUTH_FILE, self._stage.truths)
        for agent in self._agents:
            agent.release()
        self.player.close()
        for bench in self.benches:
            bench.close()
        self._loop.close()
        self._network.close()
        self._door.close()
        (self._data / READY_FILE).unlink(missing_ok=True)


def opening_faults(world: World, seed: int) -> list[dict[str, str]]:
    """Requests for what a town has on an ordinary night: dark lamps, a broken cable, a lost circuit."""
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
            raise SimError(f"{city / 'city.toml'}: {error}") from error
        text = str(document.get("broker", {}).get("url", "mqtt://127.0.0.1:1883")).removeprefix("mqtt://")
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise SimError(f"broker {text!r}: not HOST:PORT; --broker names one")
    return host, int(port)


def _benched(town: Town, n_benches: int) -> list[int]:
    """The smallest controllers that have buses and addresses: a bench should sweep in seconds.

    Of three benches and more, one is a cabinet that only measures its circuits, as the common case in a poor city.
    """
    able = [index for index, controller in enumerate(town.controllers) if _has_bus(controller)]
    able.sort(key=lambda index: len(town.controllers[index].lamps))
    by_circuit = [index for index, controller in enumerate(town.controllers) if controller.metering == "circuit"]
    by_circuit.sort(key=lambda index: len(town.controllers[index].lamps))
    if n_benches >= _MIXED_BENCHES:
        able[n_benches - 1 :] = [*by_circuit[:1], *able[n_benches - 1 :]]
    if n_benches > len(able):
        raise BenchError(f"{n_benches} benches wanted, but {len(able)} controllers have lamps with bus and address")
    return able[:n_benches]


def _has_bus(controller: Controller) -> bool:
    return controller.metering == "lamp" and "" not in controller.buses and bool((controller.addresses >= 1).all())
