"""The sweeper against the simulator's meters, whose encoder shares no code with the agent, over damaged lines."""

import time
from pathlib import Path

import numpy as np
import pytest

from edge_agent.__main__ import main
from edge_agent.config import parse_config
from edge_agent.serial.port import open_port
from edge_agent.serial.profile_file import load_profiles
from edge_agent.serial.sweep import Sweeper
from edge_agent.wire import Quality
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

BAUD = 115200
N_LAMPS = 16
BASE = {
    "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
    "broker": {"url": "mqtt://127.0.0.1"},
}


def lamp(address: int) -> LampValues:
    """Every address burns another power, so that a reading on the wrong lamp shows."""
    power = 20.0 + 5.0 * address
    return LampValues(
        voltage_v=230.0, current_a=power / 230.0, power_w=power, energy_wh=1000 * address, switch_count=address
    )


@pytest.fixture
def start_bus():
    buses = []

    def start(meters, faults: LineFaults | None = None, seed: int = 1) -> MeterBus:
        timing = LineTiming(baud=BAUD, turnaround_s=0.002)
        buses.append(MeterBus(meters, timing, faults or LineFaults(), np.random.default_rng(seed)))
        buses[-1].start()
        return buses[-1]

    yield start
    for bus in buses:
        bus.close()


@pytest.fixture
def start_sweeper():
    sweepers = []

    def start(bus: MeterBus, **devices) -> Sweeper:
        table = {"name": "A", "port": bus.port, "baud": BAUD, **devices}
        config = parse_config({**BASE, "bus": [table]}, Path("agent.toml"), {})
        profiles = load_profiles(config.profile_names, Path())
        sweepers.append(Sweeper(config, profiles, open_port, time.time, time.monotonic))
        return sweepers[-1]

    yield start
    for sweeper in sweepers:
        sweeper.close()


def lamps(profile: str, n: int = N_LAMPS) -> list[dict]:
    return [{"address": i + 1, "lamp_id": f"L{i + 1}", "profile": profile} for i in range(n)]


def nodes(n: int = N_LAMPS) -> dict:
    return {address: LampNode(lambda address=address: lamp(address)) for address in range(1, n + 1)}


FAULTS = {
    "bit errors": LineFaults(bit_error=0.003),
    "lost bytes": LineFaults(dropped_byte=0.003),
    "stray bytes around every reply": LineFaults(stray_byte=1.0),
    "truncated replies": LineFaults(truncation=0.08),
    "unheard requests": LineFaults(no_reply=0.08),
    "another device answering": LineFaults(other_device=0.08),
    "late replies": LineFaults(late_reply=0.1, late_s=0.06),
    "very late replies": LineFaults(late_reply=0.1, late_s=0.25),
    "echo": LineFaults(has_echo=True),
    "echo and noise": LineFaults(has_echo=True, bit_error=0.002, no_reply=0.03, stray_byte=0.3),
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_damaged_line_never_yields_a_wrong_reading_and_loses_few(start_bus, start_sweeper, faults: LineFaults) -> None:
    sweeper = start_sweeper(start_bus(nodes(), faults), lamps=lamps("lamp-node"))
    n_good, n_sweeps = 0, 6
    for number in range(n_sweeps):
        sweep = sweeper.sweep(slow=number % 2 == 1)
        for i, quality in enumerate(sweep.quality):
            if quality != Quality.GOOD:
                continue
            n_good += 1
            assert sweep.power[i] == pytest.approx(lamp(i + 1).power_w, abs=0.06)
            if "switch_count" in sweep.quantities:
                assert sweep.switch_count[i] == i + 1
    assert n_good >= 0.97 * n_sweeps * N_LAMPS


def test_stuck_bus_is_silence_and_comes_back(start_bus, start_sweeper) -> None:
    bus = start_bus(nodes(4))
    sweeper = start_sweeper(bus, lamps=lamps("lamp-node", 4))
    assert sweeper.sweep(slow=False).n_good == 4
    bus.faults = LineFaults(is_stuck=True)
    for _ in range(4):
        assert sweeper.sweep(slow=False).n_good == 0
    bus.faults = LineFaults()
    assert max(sweeper.sweep(slow=False).n_good for _ in range(3)) == 4


def test_dim_commands_are_held_by_the_node_over_a_bad_line(start_bus, start_sweeper) -> None:
    meters = nodes(6)
    bus = start_bus(meters, LineFaults(no_reply=0.15, bit_error=0.003))
    sweeper = start_sweeper(bus, lamps=lamps("lamp-node", 6))
    sweeper.sweep(slow=False)
    verified = [sweeper.write_dim(i, 10 * (i + 1)) for i in range(6)]
    assert sum(verified) >= 5
    for i, is_held in enumerate(verified):
        assert not is_held or meters[i + 1].level_percent == 10 * (i + 1)


@pytest.mark.parametrize(("profile", "device"), [("pzem-016", Pzem), ("pzem-004t", Pzem), ("sdm120", Sdm120)])
def test_every_single_phase_meter_is_read(start_bus, start_sweeper, profile: str, device) -> None:
    sweeper = start_sweeper(start_bus({3: device(lambda: lamp(3))}), lamps=lamps(profile, 3)[2:])
    sweep = sweeper.sweep(slow=True)
    assert list(sweep.quality) == [Quality.GOOD]
    assert sweep.voltage[0] == pytest.approx(230.0, abs=0.05)
    assert sweep.current[0] == pytest.approx(35 / 230, abs=0.0006)
    assert sweep.power[0] == pytest.approx(35.0, abs=0.05)
    assert sweep.energy_wh[0] == 3000


def test_cabinet_meter_contacts_and_contactor(start_bus, start_sweeper) -> None:
    state = {"closed": False}
    values = ThreePhaseValues(
        voltage_v=(231.0, 0.0, 229.0), current_a=(3.0, 0.0, 2.0), power_w=(680.0, 0.0, 450.0), energy_wh=7_654_321
    )
    board = CabinetIo(
        lambda: CabinetContacts(is_door_open=True, is_contactor_closed=state["closed"]),
        on_coil=lambda is_on: state.update(closed=is_on),
    )
    sweeper = start_sweeper(
        start_bus({200: Sdm630(lambda: values), 210: board}),
        cabinet={"address": 200, "profile": "sdm630"},
        io={"address": 210, "profile": "cabinet-io"},
    )
    cabinet = sweeper.sweep(slow=True).cabinet
    assert cabinet.voltage == pytest.approx((231.0, 0.0, 229.0), abs=0.01)
    assert cabinet.power == pytest.approx((680.0, 0.0, 450.0), abs=0.01)
    assert cabinet.energy_wh == pytest.approx(7_654_321, abs=1)
    assert (cabinet.door_open, cabinet.supply_present, cabinet.contactor_closed) == (True, True, False)
    assert sweeper.set_contactor(True)
    assert sweeper.sweep(slow=False).cabinet.contactor_closed is True


def test_a_scan_tells_a_single_phase_meter_from_a_three_phase_one(start_bus, capsys) -> None:
    values = ThreePhaseValues(voltage_v=(231.0, 0.0, 229.0), current_a=(3.0, 0.0, 2.0), power_w=(680.0, 0.0, 450.0))
    bus = start_bus({1: Sdm120(lambda: lamp(1)), 2: Sdm630(lambda: values)})
    assert main(["scan", "--port", bus.port, "--baud", str(BAUD), "--last", "3"]) == 0
    found = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[3:]}
    assert "sdm120" in found["1"]
    assert "sdm630  " in found["2"]
    assert "sdm120" not in found["2"]
