"""The sweeper on real pseudo-terminals: threads, ports that vanish, commands in mid-sweep, every metering class."""

import math
import threading
import time
from pathlib import Path

import pytest

from edge_agent.config import parse_config
from edge_agent.errors import ConfigError
from edge_agent.serial.port import open_port
from edge_agent.serial.profile_file import load_profiles
from edge_agent.serial.sweep import Sweeper
from edge_agent.wire import Quality

BASE = {
    "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
    "broker": {"url": "mqtt://127.0.0.1"},
}


def config_of(*buses: dict):
    return parse_config({**BASE, "bus": list(buses)}, Path("agent.toml"), {})


def lamps(first: int, n: int, profile: str = "lamp-node") -> list[dict]:
    return [{"address": i + 1, "lamp_id": f"L{first + i}", "profile": profile} for i in range(n)]


@pytest.fixture
def start_sweeper():
    sweepers = []

    def start(config) -> Sweeper:
        profiles = load_profiles(config.profile_names, Path())
        sweepers.append(Sweeper(config, profiles, open_port, time.time, time.monotonic))
        return sweepers[-1]

    yield start
    for sweeper in sweepers:
        sweeper.close()


def test_two_buses_fill_one_sweep_in_the_order_of_the_lamp_list(make_pty_bus, make_node, start_sweeper) -> None:
    near = [make_node(i + 1) for i in range(4)]
    far = [make_node(i + 1) for i in range(3)]
    for i, node in enumerate(near + far):
        node.input[3] = 10 * (i + 1)
    far[1].is_alive = False
    one, two = make_pty_bus(near, "one"), make_pty_bus(far, "two")
    sweeper = start_sweeper(
        config_of(
            {"name": "A", "port": str(one.path), "lamps": lamps(0, 4)},
            {"name": "B", "port": str(two.path), "lamps": lamps(4, 3)},
        )
    )
    before = time.time() * 1000
    sweep = sweeper.sweep(slow=False)
    assert before - 1 <= sweep.at_ms <= time.time() * 1000 + 1
    assert list(sweep.quality) == [0, 0, 0, 0, 0, Quality.NO_RESPONSE, 0]
    assert [round(p, 1) for i, p in enumerate(sweep.power) if i != 5] == [1, 2, 3, 4, 5, 7]
    assert math.isnan(sweep.power[5])
    assert sweep.status[0] == 1
    assert sweep.status[5] == 0
    assert sweep.driven_level[0] == 100
    assert "energy_wh" not in sweep.quantities
    assert set(sweep.energy_wh) == {0xFFFFFFFF}
    assert sweeper.stats().buses[1].errors == {2: 1}


def test_slow_sweep_brings_energy_temperature_hours_and_switchings(make_pty_bus, make_node, start_sweeper) -> None:
    bus = make_pty_bus([make_node(1)])
    sweeper = start_sweeper(config_of({"name": "A", "port": str(bus.path), "lamps": lamps(0, 1)}))
    sweep = sweeper.sweep(slow=True)
    assert sweep.quantities == sweeper.available
    assert (sweep.energy_wh[0], sweep.burning_hours[0], sweep.switch_count[0]) == (6205, 1234, 77)
    assert sweep.temperature[0] == pytest.approx(41.5)


def test_adapter_pulled_and_plugged_in_again_is_read_again(make_pty_bus, make_node, start_sweeper) -> None:
    bus = make_pty_bus([make_node(1), make_node(2)])
    sweeper = start_sweeper(config_of({"name": "A", "port": str(bus.path), "lamps": lamps(0, 2)}))
    assert sweeper.sweep(slow=False).n_good == 2
    bus.unplug()
    assert sweeper.sweep(slow=False).n_good == 0
    assert not sweeper.stats().buses[0].is_open
    time.sleep(1.1)
    assert sweeper.sweep(slow=False).n_good == 0
    bus.plug_in()
    time.sleep(2.1)
    assert sweeper.sweep(slow=False).n_good == 2
    assert sweeper.stats().buses[0].n_opened == 2


def test_port_that_is_not_there_leaves_everything_unknown_and_the_other_bus_alone(
    make_pty_bus, make_node, start_sweeper
) -> None:
    bus = make_pty_bus([make_node(1)])
    sweeper = start_sweeper(
        config_of(
            {"name": "A", "port": "/dev/serial/by-id/none", "lamps": lamps(0, 2)},
            {"name": "B", "port": str(bus.path), "lamps": lamps(2, 1)},
        )
    )
    sweep = sweeper.sweep(slow=False)
    assert list(sweep.quality) == [1, 1, 0]
    assert "No such file" in sweeper.stats().buses[0].port_error


def test_port_in_use_is_said_so(make_pty_bus, make_node, start_sweeper) -> None:
    bus = make_pty_bus([make_node(1)])
    config = config_of({"name": "A", "port": str(bus.path), "lamps": lamps(0, 1)})
    first, second = start_sweeper(config), start_sweeper(config)
    assert first.sweep(slow=False).n_good == 1
    assert second.sweep(slow=False).n_good == 0
    assert "in use" in second.stats().buses[0].port_error


def test_dim_command_slips_into_a_running_sweep(make_pty_bus, make_node, start_sweeper) -> None:
    nodes = [make_node(i + 1) for i in range(40)]
    bus = make_pty_bus(nodes)
    sweeper = start_sweeper(config_of({"name": "A", "port": str(bus.path), "lamps": lamps(0, 40)}))
    sweeps = []
    thread = threading.Thread(target=lambda: sweeps.append(sweeper.sweep(slow=False)))
    thread.start()
    while nodes[2].n_asked == 0:
        time.sleep(0.002)
    assert sweeper.write_dim(39, 50)
    assert thread.is_alive()
    thread.join()
    assert nodes[39].holding == [50]
    assert sweeps[0].n_good == 40


def test_lamp_without_dimming_refuses_a_dim_command(make_pty_bus, make_node, start_sweeper) -> None:
    bus = make_pty_bus([make_node(1)])
    sweeper = start_sweeper(config_of({"name": "A", "port": str(bus.path), "lamps": lamps(0, 1, "pzem-016")}))
    assert not sweeper.can_dim(0)
    assert not sweeper.write_dim(0, 50)


def words_of(*values: float) -> list[int]:
    import struct  # noqa: PLC0415 - only here

    return [word for value in values for word in struct.unpack(">HH", struct.pack(">f", value))]


def test_cabinet_without_a_single_lamp_meter(make_pty_bus, make_node, start_sweeper) -> None:
    meter, board = make_node(200), make_node(210)
    meter.input = words_of(230.1, 0.0, 228.9, 5.0, 0.0, 4.0, 1100.0, 0.0, 880.0) + [0] * 54 + words_of(1234.5)
    bus = make_pty_bus([meter, board])
    sweeper = start_sweeper(
        config_of(
            {
                "name": "A",
                "port": str(bus.path),
                "cabinet": {"address": 200, "profile": "sdm630"},
                "io": {"address": 210, "profile": "cabinet-io"},
            }
        )
    )
    sweep = sweeper.sweep(slow=True)
    assert sweep.n_lamps == 0
    assert sweep.cabinet.voltage == pytest.approx((230.1, 0.0, 228.9), abs=1e-3)
    assert sweep.cabinet.power == pytest.approx((1100.0, 0.0, 880.0))
    assert sweep.cabinet.energy_wh == 1_234_500
    assert (sweep.cabinet.door_open, sweep.cabinet.supply_present, sweep.cabinet.contactor_closed) == (
        False,
        True,
        True,
    )
    assert sweeper.sweep(slow=False).cabinet.energy_wh is None
    assert sweeper.set_contactor(True)
    assert board.coils == [True]
    meter.is_alive = board.is_alive = False
    sweep = sweeper.sweep(slow=False)
    assert all(math.isnan(voltage) for voltage in sweep.cabinet.voltage)
    assert sweep.cabinet.door_open is None


def test_cabinet_metered_by_circuit_only(make_pty_bus, make_node, start_sweeper) -> None:
    meters = [make_node(201), make_node(202), make_node(203)]
    meters[1].is_alive = False
    bus = make_pty_bus(meters)
    sweeper = start_sweeper(
        config_of(
            {
                "name": "A",
                "port": str(bus.path),
                "circuits": [{"address": 201 + i, "circuit": f"{i + 1}", "profile": "pzem-016"} for i in range(3)],
            }
        )
    )
    sweep = sweeper.sweep(slow=True)
    assert list(sweep.circuits.quality) == [0, 1, 0]
    assert sweep.circuits.power[0] == pytest.approx(90.0)
    assert math.isnan(sweep.circuits.power[1])
    assert list(sweep.circuits.energy_wh) == [6205, 0xFFFFFFFF, 6205]
    assert sweep.quantities == {"circuits.voltage", "circuits.current", "circuits.power", "circuits.energy_wh"}


def test_io_board_in_a_lamps_place_is_refused_with_file_and_bus() -> None:
    config = config_of({"name": "A", "port": "/dev/null", "lamps": lamps(0, 1, "cabinet-io")})
    with pytest.raises(ConfigError, match=r"agent\.toml: bus A, L0: profile cabinet-io measures no voltage"):
        Sweeper(config, load_profiles(config.profile_names, Path()), open_port, time.time, time.monotonic)
