"""The bus in simulated time: what is asked, in which order, how long it takes, and what comes of it."""

import random
from pathlib import Path

import pytest

from edge_agent.config import parse_config
from edge_agent.serial.bus import Bus
from edge_agent.serial.frames import read_registers
from edge_agent.serial.plan import plan_bus
from edge_agent.serial.poll import PlannedRequest, Role
from edge_agent.serial.profile import RegisterBlock
from edge_agent.serial.profile_file import load_profiles
from edge_agent.serial.reading import Quality


def config_of(n_lamps: int, profile: str = "lamp-node", **bus: object):
    document = {
        "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
        "broker": {"url": "mqtt://127.0.0.1"},
        "bus": [
            {
                "name": "A",
                "port": "/dev/null",
                "lamps": [{"address": i + 1, "lamp_id": f"L{i + 1}", "profile": profile} for i in range(n_lamps)],
                **bus,
            }
        ],
    }
    return parse_config(document, Path("agent.toml"), {})


def bus_on(wire, config) -> Bus:
    profiles = load_profiles(config.profile_names, Path())
    meters = plan_bus(config, config.buses[0], profiles)
    return Bus(config.buses[0], meters, lambda _bus: wire, wire.monotonic, wire.sleep)


def run(bus: Bus, *, is_slow: bool = False, budget_s: float = 48.0) -> dict[int, tuple[Quality, dict[str, float]]]:
    readings = bus.sweep(is_slow=is_slow, budget_s=budget_s, between=lambda: None)
    return {meter.address: (reading.quality, reading.values) for meter, reading in readings.items()}


def wire_limit_s(wire, n_request: int, n_reply: int, turnaround_s: float) -> float:
    return (n_request + 3.5 + n_reply + 3.5) * wire.character_s + turnaround_s


def test_healthy_bus_is_read_at_the_limit_of_the_wire(make_wire, make_node) -> None:
    wire = make_wire([make_node(i + 1) for i in range(100)])
    bus = bus_on(wire, config_of(100))
    readings = run(bus)
    assert all(quality is Quality.GOOD for quality, _ in readings.values())
    assert readings[7][1]["power"] == pytest.approx(90.0)
    limit = 100 * wire_limit_s(wire, 8, 5 + 28, 0.01)
    assert wire.now <= limit * 1.001


def test_slow_sweep_adds_temperature_and_counters(make_wire, make_node) -> None:
    bus = bus_on(make_wire([make_node(1)]), config_of(1))
    assert "burning_hours" not in run(bus)[1][1]
    values = run(bus, is_slow=True)[1][1]
    assert values["temperature"] == pytest.approx(41.5)
    assert values["burning_hours"] == 1234
    assert values["switch_count"] == 77


def test_dead_meters_are_quarantined_and_cost_next_to_nothing(make_wire, make_node) -> None:
    nodes = [make_node(i + 1) for i in range(100)]
    wire = make_wire(nodes)
    bus = bus_on(wire, config_of(100))
    run(bus)
    healthy_s = wire.now
    for node in nodes[10:20]:
        node.is_alive = False
    for _ in range(3):
        run(bus)
    assert bus.stats().quarantined == tuple(range(11, 21))
    started = wire.now
    for _ in range(8):
        readings = run(bus)
        assert all(readings[i + 1][0] is Quality.GOOD for i in range(10))
    assert (wire.now - started) / 8 < 1.03 * healthy_s


def test_everyone_is_back_in_the_first_sweep_after_the_contactor_closed(make_wire, make_node) -> None:
    nodes = [make_node(i + 1) for i in range(120)]
    wire = make_wire(nodes)
    bus = bus_on(wire, config_of(120))
    run(bus)
    for node in nodes:
        node.is_alive = False
    for _ in range(40):
        run(bus)
    assert len(bus.stats().quarantined) == 120
    for node in nodes:
        node.is_alive = True
    readings = run(bus)
    assert len(readings) == 120
    assert all(quality is Quality.GOOD for quality, _ in readings.values())


def test_everyone_behind_a_dead_cable_is_back_in_the_first_sweep_too(make_wire, make_node) -> None:
    nodes = [make_node(i + 1) for i in range(120)]
    wire = make_wire(nodes)
    bus = bus_on(wire, config_of(120))
    for node in nodes:
        node.is_alive = False
    for _ in range(30):
        run(bus)
    for node in nodes[40:]:  # the first forty stay dead
        node.is_alive = True
    readings = run(bus)
    assert [address for address, (quality, _) in readings.items() if quality is Quality.GOOD] != []
    assert sum(quality is Quality.GOOD for quality, _ in readings.values()) == 80


def test_start_by_day_with_all_lamps_without_supply_is_over_in_one_sweep(make_wire, make_node) -> None:
    nodes = [make_node(i + 1) for i in range(120)]
    for node in nodes:
        node.is_alive = False
    wire = make_wire(nodes)
    bus = bus_on(wire, config_of(120))
    run(bus)
    first_s = wire.now
    assert first_s < 60
    run(bus)
    assert wire.now - first_s < 3


def test_lost_reply_is_asked_for_again_in_the_same_sweep(make_wire, make_node) -> None:
    wire = make_wire([make_node(i + 1) for i in range(20)])
    lost = iter([True])
    wire.mangle = lambda request, reply: None if request[0] == 5 and next(lost, False) else reply
    readings = run(bus_on(wire, config_of(20)))
    assert readings[5][0] is Quality.GOOD
    assert [request[0] for _, request in wire.requests][-1] == 5


def test_late_reply_is_never_given_to_the_next_meter(make_wire, make_node) -> None:
    nodes = [make_node(i + 1) for i in range(10)]
    for node in nodes:
        node.input[3] = 100 * node.address
    wire = make_wire(nodes)
    bus = bus_on(wire, config_of(10))
    run(bus)
    for late_ms in range(0, 400, 7):
        wire.late_s = late_ms / 1000 * 0.99
        for address, (quality, values) in run(bus).items():
            if quality is Quality.GOOD:
                assert values["power"] == pytest.approx(10.0 * address)


def test_late_reply_to_one_block_is_not_taken_for_another_block_of_the_same_meter(make_wire, make_node) -> None:
    # two requests of equal length, so that only time can tell their replies apart
    node = make_node(1, delay_s=0.05)
    node.input = [0x4366, 0x3334] + [0] * 4 + [0x3F99, 0x999A] + [0] * 4 + [0x4280, 0] + [0] * 16 + [0x3F66, 0x6666]
    wire = make_wire([node], character_s=10 / 2400)
    bus = bus_on(wire, config_of(1, "sdm120", baud=2400))
    profile = bus.meters[0].profile
    bus.meters[0].requests[False] = tuple(
        PlannedRequest(read_registers(1, 4, block.first, block.count), profile.decoder(block))
        for block in (RegisterBlock(0, 2), RegisterBlock(30, 2))
    )
    run(bus)
    n_good = 0
    for late_ms in range(0, 900, 31):
        wire.late_s = late_ms / 1000
        bus.meters[0].n_failed_sweeps = 0  # no quarantine here
        quality, values = run(bus)[1]
        if quality is Quality.GOOD:
            n_good += 1
            assert values["voltage"] == pytest.approx(230.2, abs=1e-3)
            assert values["power_factor"] == pytest.approx(0.9, abs=1e-3)
    assert n_good > 3


@pytest.mark.parametrize("noise", [b"\x00", b"\x00\x00\xff", b"\x01", b"\x01\x04", b"\x01\x04\x1c", bytes(range(40))])
def test_stray_bytes_before_and_after_a_reply_do_no_harm(make_wire, make_node, noise: bytes) -> None:
    wire = make_wire([make_node(i + 1) for i in range(3)])
    wire.mangle = lambda _request, reply: noise + reply + noise
    readings = run(bus_on(wire, config_of(3)))
    assert [quality for quality, _ in readings.values()] == [Quality.GOOD] * 3


def test_echoing_adapter_is_read_and_written_through(make_wire, make_node) -> None:
    node = make_node(1)
    wire = make_wire([node])
    wire.is_echoing = True
    bus = bus_on(wire, config_of(1))
    assert bus.write_dim(bus.meters[0], 60)
    assert run(bus)[1][0] is Quality.GOOD
    assert bus.write_dim(bus.meters[0], 40)
    assert node.holding == [40]


def test_echo_of_a_write_to_a_dead_node_is_not_taken_for_success(make_wire, make_node) -> None:
    node = make_node(1)
    node.is_alive = False
    wire = make_wire([node])
    wire.is_echoing = True
    bus = bus_on(wire, config_of(1))
    assert not bus.write_dim(bus.meters[0], 60)


def test_node_that_answers_but_does_not_obey_is_distinguished_from_one_that_does(make_wire, make_node) -> None:
    node = make_node(1)
    wire = make_wire([node])
    bus = bus_on(wire, config_of(1))

    def ignore(request: bytes, reply: bytes) -> bytes:
        if request[1] == 6:
            node.holding[0] = 100
        return reply

    wire.mangle = ignore
    assert not bus.write_dim(bus.meters[0], 60)


def test_garbled_exception_and_implausible_have_their_own_quality(make_wire, make_node) -> None:
    nodes = [make_node(i + 1) for i in range(4)]
    nodes[2].input = nodes[2].input[:5]
    nodes[3].input = [5, 14100, 55, 2654, 25, 0, 6725, 3175, 23, 0, 0, 0, 0, 0]
    wire = make_wire(nodes)
    wire.mangle = lambda request, reply: reply[:9] + b"\x55" + reply[10:] if request[0] == 2 else reply
    readings = run(bus_on(wire, config_of(4)))
    assert [readings[i][0] for i in (1, 2, 3, 4)] == [
        Quality.GOOD,
        Quality.GARBLED,
        Quality.DEVICE_EXCEPTION,
        Quality.IMPLAUSIBLE,
    ]
    assert not readings[4][1]


def test_babbling_line_ends_in_bounded_time(make_wire, make_node) -> None:
    wire = make_wire([make_node(i + 1) for i in range(10)])
    wire.schedule(0.0, bytes(range(1, 256)) * 400)  # 106 s of noise
    run(bus_on(wire, config_of(10)))
    assert wire.now < 30


def test_vanished_adapter_is_reopened_and_nobody_is_quarantined_for_it(make_wire, make_node) -> None:
    wire = make_wire([make_node(i + 1) for i in range(5)])
    bus = bus_on(wire, config_of(5))
    run(bus)
    wire.is_gone = True
    for _ in range(4):
        assert all(quality is Quality.NO_RESPONSE for quality, _ in run(bus).values())
        wire.now += 60
    assert bus.stats().quarantined == ()
    wire.is_gone = False
    assert all(quality is Quality.GOOD for quality, _ in run(bus).values())


def test_contacts_are_read_and_the_contactor_coil_is_verified(make_wire, make_node) -> None:
    board = make_node(210)
    wire = make_wire([board])
    bus = bus_on(wire, config_of(0, io={"address": 210, "profile": "cabinet-io"}))
    assert bus.meters[0].role is Role.IO
    assert run(bus)[210][1] == {"door_open": 0.0, "supply_present": 1.0, "contactor_closed": 1.0}
    assert bus.write_contactor(bus.meters[0], is_closed=True)
    assert board.coils == [True]
    board.is_alive = False
    assert not bus.write_contactor(bus.meters[0], is_closed=False)


@pytest.mark.parametrize("seed", range(25))
def test_a_machine_that_runs_the_agent_late_neither_ends_a_sweep_nor_loses_replies(make_wire, make_node, seed) -> None:
    chance = random.Random(seed)
    wire = make_wire([make_node(i + 1) for i in range(20)])
    # up to half a second without the processor after one wait in four: past the end of every reply
    wire.stall_s = lambda: chance.random() * 0.5 if chance.random() < 0.25 else 0.0
    if seed % 2:  # half a frame first, the rest late: the deadline for a reply's end passes as well
        wire.mangle = lambda _request, reply: reply[:5] if chance.random() < 0.1 else reply
    bus = bus_on(wire, config_of(20))
    n_good = 0
    for _ in range(5):
        n_good += sum(quality is Quality.GOOD for quality, _ in run(bus, budget_s=1000.0).values())
    assert n_good == 100 if seed % 2 == 0 else n_good > 90
