"""The agent's codec and profiles against the simulator's own encoder, over a real terminal: neither knows the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_agent.__main__ import main
from firmware_sim.meters import (
    CabinetContacts,
    CabinetIo,
    LampNode,
    LampValues,
    LineFaults,
    LineTiming,
    MeterBus,
    Pzem,
    Sdm120,
    Sdm630,
    ThreePhaseValues,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LAMP = LampValues(
    voltage_v=229.7,
    current_a=0.516,
    power_w=114.9,
    energy_wh=2_200_431,
    power_factor=0.97,
    temperature_c=41.2,
    illuminance_lux=37,
    level_percent=70,
    burning_hours=70_321,
    switch_count=812,
)
CABINET = ThreePhaseValues(
    voltage_v=(231.5, 0.0, 228.25),
    current_a=(10.5, 0.0, 5.25),
    power_w=(2210.0, 0.0, 1105.5),
    energy_wh=123_456_000,
)
CONTACTS = CabinetContacts(is_door_open=True, is_supply_present=False, is_contactor_closed=True)


@pytest.fixture(params=[0.0, 1.0], ids=["clean", "stray bytes"])
def port(request: pytest.FixtureRequest) -> Iterator[str]:
    meters = {
        1: LampNode(lambda: LAMP),
        2: Pzem(lambda: LAMP),
        3: Sdm120(lambda: LAMP),
        4: Sdm630(lambda: CABINET),
        5: CabinetIo(lambda: CONTACTS, is_coil_on=True),
    }
    faults = LineFaults(stray_byte=request.param)
    bus = MeterBus(meters, LineTiming(speed=4.0), faults, np.random.default_rng(1))
    bus.start()
    yield bus.port
    bus.close()


PZEM_SHOWN = {
    "voltage": "229.7",
    "current": "0.516",
    "power": "114.9",
    "energy_wh": "2200431",
    "frequency": "50.0",
    "power_factor": "0.97",
}
NODE_SHOWN = {
    **PZEM_SHOWN,
    "temperature": "41.2",
    "illuminance": "37",
    "level": "70",
    "burning_hours": "70321",
}
SDM630_SHOWN = {
    "voltage_r": "231.5",
    "voltage_s": "0.0",
    "current_t": "5.250",
    "power_r": "2210.0",
    "power_t": "1105.5",
    "energy_wh": "123456000",
}
CONTACTS_SHOWN = {"door_open": "yes", "supply_present": "no", "contactor_closed": "yes"}


@pytest.mark.parametrize(
    ("address", "profile", "shown"),
    [
        (1, "lamp-node", NODE_SHOWN),
        (2, "pzem-016", PZEM_SHOWN),
        (2, "pzem-004t", PZEM_SHOWN),
        (3, "sdm120", PZEM_SHOWN),
        (4, "sdm630", SDM630_SHOWN),
        (5, "cabinet-io", CONTACTS_SHOWN),
    ],
)
def test_agent_reads_what_the_device_measures(
    port: str, capsys: pytest.CaptureFixture[str], address: int, profile: str, shown: dict[str, str]
) -> None:
    assert main(["read", "--port", port, "--address", str(address), "--profile", profile]) == 0
    rows = {row[0]: row[1:] for line in capsys.readouterr().out.splitlines() if (row := line.split())}
    for quantity, value in shown.items():
        assert value in rows[quantity]
