"""Meters of some controllers on pseudo-terminals, to be read by real agents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from firmware_sim.electrical.daylight import illuminance, sun_elevation
from firmware_sim.electrical.sample import RESTARTED
from firmware_sim.errors import SimError
from firmware_sim.fleet.town import Controller
from firmware_sim.fleet.upset import Upset
from firmware_sim.fleet.world import Moment, World
from firmware_sim.meters import (
    BusLoop,
    CabinetIo,
    LampNode,
    LampValues,
    LineFaults,
    LineTiming,
    Meter,
    MeterBus,
    Pzem,
    Sdm120,
    Sdm630,
)
from firmware_sim.snapshots import cabinet_values, circuit_values, contacts, lamp_values
from languages.message import Message, Plain

CABINET_ADDRESS: Final = 240
CIRCUIT_ADDRESS: Final = 220  # circuit n of the cabinet answers at 220 + n
IO_ADDRESS: Final = 241
SUM_METERS_BUS: Final = "A"  # where a cabinet without lamp meters has its own


class BenchError(SimError):
    """A controller's meters cannot be laid out."""


class Bench:
    """The buses of one controller; ``ports`` names their pseudo-terminals by bus."""

    def __init__(
        self,
        world: World,
        controller: Controller,
        moment: Callable[[], Moment],
        timing: LineTiming,
        rng: np.random.Generator,
        loop: BusLoop,
    ) -> None:
        """Lay the controller's meters out on its buses; the first bus carries the cabinet's own.

        Raises:
            BenchError: a lamp without bus and address, or an address that two devices would share.
        """
        self.controller = controller
        self._world = world
        self._moment = moment
        self._lux, self._lux_at_us = 0, -1
        self._spoils = np.zeros((2, len(controller.lamps)), np.float32)
        names = sorted(set(controller.buses))
        if controller.metering != "lamp":
            names = [SUM_METERS_BUS]
        elif not names or "" in names or (controller.addresses < 1).any():
            raise BenchError(Message("sim.no_bus", controller_id=Plain(controller.controller_id)))
        self._buses: dict[str, MeterBus] = {}
        for name in names:
            meters = self._lamp_meters(name)
            if name == names[0]:
                meters |= self._cabinet_meters()
            self._buses[name] = MeterBus(meters, timing, LineFaults(), rng, loop=loop)
        for bus in self._buses.values():
            bus.start()

    def follow(self, upset: Upset) -> None:
        """Bring the lines to what is wrong with the lamps' replies now."""
        lamps = self.controller.lamps
        now = np.stack([upset.reply_loss[lamps], upset.reply_garble[lamps]])
        if np.array_equal(now, self._spoils):
            return
        self._spoils = now
        for name, bus in self._buses.items():
            rows = [row for row, own in enumerate(self.controller.buses) if own == name]
            loss, garble = (
                {int(self.controller.addresses[row]): float(chances[row]) for row in rows if chances[row] > 0.0}
                for chances in now
            )
            bus.faults = dataclasses.replace(bus.faults, no_reply_from=loss, garbled_from=garble)

    @property
    def ports(self) -> dict[str, Path]:
        """Path of each bus's pseudo-terminal."""
        return {name: Path(bus.port) for name, bus in self._buses.items()}

    def _lamp_meters(self, bus: str) -> dict[int, Meter]:
        meters: dict[int, Meter] = {}
        controller = self.controller
        for row, name in enumerate(controller.buses):
            if name != bus or controller.metering != "lamp":
                continue
            address = int(controller.addresses[row])
            if address in meters:
                raise BenchError(
                    Message(
                        "sim.shared_address",
                        controller_id=Plain(controller.controller_id),
                        address=address,
                        bus=Plain(bus),
                    )
                )
            meters[address] = self._meter(controller.profiles[row], int(controller.lamps[row]))
        return meters

    def _meter(self, profile: str, lamp: int) -> Meter:
        def values() -> LampValues:
            if self._world.bus_place[lamp] > self._world.upset.bus_broken_after[lamp]:
                return LampValues(voltage_v=0, current_a=0, power_w=0, is_silent=True)
            return lamp_values(self._moment().sample, lamp, self._illuminance_lux())

        if profile != "lamp-node":
            return Sdm120(values) if profile == "sdm120" else Pzem(values)

        def dim(level: int) -> None:
            self._world.node_level[lamp] = level

        def tell_restart() -> None:
            self._world.state.is_restarted[lamp] = False
            self._moment().sample.status[lamp] &= ~RESTARTED & 0xFF

        return LampNode(values, dim, tell_restart)

    def _illuminance_lux(self) -> int:
        """Daylight on the nodes' sensors [lx], worked out once a moment."""
        at_us = self._moment().sample.at_us
        if at_us != self._lux_at_us:
            town, cabinet = self._world.town, self.controller.cabinet
            place = slice(cabinet, cabinet + 1)
            elevation = sun_elevation(at_us, town.cabinet_latitude[place], town.cabinet_longitude[place])
            self._lux, self._lux_at_us = round(float(illuminance(elevation)[0])), at_us
        return self._lux

    def _cabinet_meters(self) -> dict[int, Meter]:
        cabinet = self.controller.cabinet
        meters: dict[int, Meter] = {CABINET_ADDRESS: Sdm630(lambda: cabinet_values(self._moment().sample, cabinet))}
        for number, circuit in enumerate(self._metered_circuits(), start=1):
            meters[CIRCUIT_ADDRESS + number] = Sdm120(self._circuit_values(circuit))

        def switch(is_closed: bool) -> None:
            self._world.coil[cabinet] = int(is_closed)

        meters[IO_ADDRESS] = CabinetIo(lambda: contacts(self._moment().sample, cabinet), switch)
        return meters

    def _metered_circuits(self) -> list[int]:
        return self.controller.circuits.tolist() if self.controller.has_circuit_meters else []

    def _circuit_values(self, circuit: int) -> Callable[[], LampValues]:
        return lambda: circuit_values(self._moment().sample, circuit)

    def close(self) -> None:
        """Close the pseudo-terminals."""
        for bus in self._buses.values():
            bus.close()


def agent_toml(
    town_group: str, timezone: str, place: tuple[float, float], bench: Bench, broker_url: str, folder: Path
) -> str:
    """The agent's file for a bench, as an installer would have written it."""
    controller = bench.controller
    lines = [
        "[controller]",
        f'group = "{town_group}"',
        f'id = "{controller.controller_id}"',
        f"latitude = {place[0]:.6f}",
        f"longitude = {place[1]:.6f}",
        f'timezone = "{timezone}"',
        "[broker]",
        f'url = "{broker_url}"',
        "[sweep]",
        "interval_s = 3",
        "interval_day_s = 3",
        "slow_s = 60",
        "[outbox]",
        f'path = "{folder / (controller.controller_id + ".db")}"',
    ]
    for number, (name, port) in enumerate(bench.ports.items()):
        lines += ["[[bus]]", f'name = "{name}"', f'port = "{port}"', "baud = 9600", "lamps = ["]
        for lamp_id, bus, address, profile in zip(
            controller.lamp_ids, controller.buses, controller.addresses.tolist(), controller.profiles, strict=True
        ):
            if bus == name and controller.metering == "lamp":
                lines.append(
                    f'    {{ address = {address}, lamp_id = "{lamp_id}", profile = "{profile or "pzem-016"}" }},'
                )
        lines.append("]")
        if number == 0:
            lines.append(f'cabinet = {{ address = {CABINET_ADDRESS}, profile = "sdm630" }}')
            circuits = ", ".join(
                f'{{ address = {CIRCUIT_ADDRESS + place}, circuit = "{name}", profile = "sdm120" }}'
                for place, name in enumerate(controller.circuit_names, start=1)
            )
            if controller.has_circuit_meters:
                lines.append(f"circuits = [{circuits}]")
            lines.append(f'io = {{ address = {IO_ADDRESS}, profile = "cabinet-io" }}')
    return "\n".join(lines) + "\n"
