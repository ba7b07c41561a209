"""Simulated meters on an RS-485 line: devices with their register maps, and a bus on a pseudo-terminal.

Has its own Modbus RTU encoder and is independent of the agent: a codec fault shared by both ends cannot pass here.
"""

from firmware_sim.meters.bus import MeterBus
from firmware_sim.meters.bus_loop import BusLoop
from firmware_sim.meters.cabinet_io import CabinetIo
from firmware_sim.meters.eastron import Sdm120, Sdm630
from firmware_sim.meters.lamp_meters import LampNode, Pzem
from firmware_sim.meters.line import LineFaults, LineTiming
from firmware_sim.meters.registers import Meter
from firmware_sim.meters.values import CabinetContacts, LampValues, ThreePhaseValues

__all__ = [
    "BusLoop",
    "CabinetContacts",
    "CabinetIo",
    "LampNode",
    "LampValues",
    "LineFaults",
    "LineTiming",
    "Meter",
    "MeterBus",
    "Pzem",
    "Sdm120",
    "Sdm630",
    "ThreePhaseValues",
]
