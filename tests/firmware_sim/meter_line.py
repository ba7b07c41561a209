"""A line of simulated meters on a pseudo-terminal, and a master that asks them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import serial

from firmware_sim.meters import LampValues, LineFaults, LineTiming, MeterBus, Pzem, rtu

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from firmware_sim.meters import Meter

READ_TEN = bytes.fromhex("04 0000 000a")
INSTANT = LineTiming(is_instant=True)
GOOD = LineFaults()


def values(power_w: float = 24.2) -> LampValues:
    return LampValues(voltage_v=224.5, current_a=0.108, power_w=power_w, energy_wh=6205, power_factor=1.0, status=1)


def pzems(n_meters: int = 3) -> dict[int, Meter]:
    return {address: Pzem(lambda address=address: values(float(address))) for address in range(1, n_meters + 1)}


@contextmanager
def line(
    meters: Mapping[int, Meter], timing: LineTiming = INSTANT, faults: LineFaults = GOOD, seed: int = 1
) -> Iterator[tuple[MeterBus, serial.Serial]]:
    bus = MeterBus(meters, timing, faults, np.random.default_rng(seed))
    bus.start()
    master = serial.Serial(bus.port, 9600, timeout=0.25)
    try:
        yield bus, master
    finally:
        master.close()
        bus.close()


def ask(master: serial.Serial, address: int, pdu: bytes = READ_TEN, n_bytes: int = 25) -> bytes:
    master.reset_input_buffer()
    master.write(rtu.wrap(address, pdu))
    return bytes(master.read(n_bytes))


def power_of(frame: bytes) -> float:
    _, pdu = rtu.unwrap(frame)
    return int.from_bytes(pdu[8:10], "big") / 10.0
