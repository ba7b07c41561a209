"""The shared line on a real pseudo-terminal: timing, addresses and collisions."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import serial

from firmware_sim.electrical import build_plant, healthy, initial_state, step
from firmware_sim.errors import BusError, FrameError
from firmware_sim.meters import BusLoop, LampNode, LampValues, LineTiming, MeterBus, Pzem, Sdm120, rtu
from firmware_sim.snapshots import lamp_values

if TYPE_CHECKING:
    from firmware_sim.meters import Meter

from tests.firmware_sim.meter_line import GOOD, INSTANT, READ_TEN, ask, line, power_of, pzems, values


def test_each_meter_answers_at_its_own_address_alone() -> None:
    with line(pzems()) as (bus, master):
        for address in (1, 2, 3):
            reply = ask(master, address)
            assert rtu.unwrap(reply)[0] == address
            assert power_of(reply) == address
        master.timeout = 0.05
        assert ask(master, 4) == b""
        assert bus.n_requests == 4


def test_exchange_takes_the_lines_own_time() -> None:
    timing = LineTiming()
    byte_s = 10 / 9600
    expected_s = 8 * byte_s + 3.5 * byte_s + 0.005 + 25 * byte_s
    with line(pzems(), timing) as (_, master):
        took = []
        for _ in range(15):
            began = time.perf_counter()
            assert len(ask(master, 1)) == 25
            took.append(time.perf_counter() - began)
            time.sleep(timing.silence_s)
    assert min(took) >= expected_s * 0.995
    # the best exchange shows the line's timing, the median what a busy machine adds
    assert min(took) <= expected_s * 1.03
    assert statistics.median(took) <= expected_s * 1.15


def test_speed_shortens_everything_by_its_factor() -> None:
    slow, fast = LineTiming(baud=2400, turnaround_s=0.01), LineTiming(baud=2400, turnaround_s=0.01, speed=20.0)
    for attribute in ("byte_s", "silence_s", "thinking_s"):
        assert getattr(fast, attribute) == pytest.approx(getattr(slow, attribute) / 20.0)
    assert LineTiming(baud=115200).silence_s == 0.00175
    assert LineTiming(baud=9600, bits_per_byte=11).byte_s == pytest.approx(11 / 9600)


def test_one_thread_serves_many_lines_at_once() -> None:
    loop = BusLoop()
    loop.start()
    timing = LineTiming(speed=4.0)
    buses = [MeterBus(pzems(), timing, GOOD, np.random.default_rng(n), loop=loop) for n in range(8)]
    masters = []
    try:
        for bus in buses:
            bus.start()
            masters.append(serial.Serial(bus.port, 9600, timeout=1.0))
        began = time.perf_counter()
        for _ in range(5):
            for master in masters:
                master.write(rtu.wrap(2, READ_TEN))
            for master in masters:
                assert power_of(master.read(25)) == 2.0
        took_s = time.perf_counter() - began
        one_s = (36.5 * timing.byte_s + timing.thinking_s) * 5
        assert one_s <= took_s < 3 * one_s
    finally:
        for master in masters:
            master.close()
        for bus in buses:
            bus.close()
        loop.close()


def test_request_in_pieces_is_one_request_if_no_silence_comes_between() -> None:
    with line(pzems(), LineTiming(baud=1200)) as (bus, master):
        request = rtu.wrap(1, READ_TEN)
        master.timeout = 1.0
        for start in range(0, 8, 2):
            master.write(request[start : start + 2])
        assert len(master.read(25)) == 25
        assert bus.n_requests == 1


def test_pause_inside_a_request_makes_it_two_broken_ones() -> None:
    with line(pzems(), LineTiming(baud=9600)) as (bus, master):
        request = rtu.wrap(1, READ_TEN)
        master.write(request[:4])
        time.sleep(0.05)
        master.write(request[4:])
        assert master.read(25) == b""
        assert bus.n_requests == 0
        assert len(ask(master, 1)) == 25


def test_wrong_checksum_gets_no_answer() -> None:
    with line(pzems()) as (_, master):
        master.write(rtu.wrap(1, READ_TEN)[:-1] + b"\x00")
        assert master.read(1) == b""
        assert len(ask(master, 1)) == 25


def test_general_address_works_with_one_pzem_and_collides_with_two() -> None:
    with line(pzems(1)) as (_, master):
        assert rtu.unwrap(ask(master, 0xF8))[0] == 0xF8
    with line(pzems(3)) as (_, master), pytest.raises(FrameError):
        rtu.unwrap(ask(master, 0xF8))


def test_broadcast_is_obeyed_and_not_answered() -> None:
    levels: list[int] = []
    nodes: dict[int, Meter] = {n: LampNode(values, on_dim=levels.append) for n in (1, 2)}
    with line(nodes) as (_, master):
        assert ask(master, 0, bytes.fromhex("06 0000 0028"), 8) == b""
    assert levels == [40, 40]


def test_meter_without_supply_is_silent_on_the_line() -> None:
    dead = LampValues(voltage_v=0.0, current_a=0.0, power_w=0.0, is_silent=True)
    with line({1: Pzem(lambda: dead), 2: Pzem(values)}) as (_, master):
        assert ask(master, 1) == b""
        assert len(ask(master, 2)) == 25


def test_different_devices_share_one_line() -> None:
    with line({1: Pzem(values), 2: LampNode(values), 3: Sdm120(values)}) as (_, master):
        assert len(ask(master, 1)) == 25
        assert len(ask(master, 2, bytes.fromhex("04 0000 0011"), 39)) == 39
        assert len(ask(master, 3, bytes.fromhex("04 0000 0002"), 9)) == 9


def test_running_plant_is_read_over_the_wire() -> None:
    plant = build_plant(rated_power_w=[60.0, 90.0], technology=0, cabinet=0, circuit=0, is_dimmable=True)
    condition, rng = healthy(plant), np.random.default_rng(2)
    state = initial_state(plant, rng)
    level = np.array([100, 100], dtype=np.uint8)
    sample = step(plant, condition, state, 60_000_000, level, True, rng)

    def dim(lamp: int, percent: int) -> None:
        level[lamp] = percent

    nodes: dict[int, Meter] = {
        n + 1: LampNode(lambda n=n: lamp_values(sample, n), on_dim=lambda p, n=n: dim(n, p)) for n in (0, 1)
    }
    with line(nodes) as (_, master):
        assert power_of(ask(master, 2)) == pytest.approx(90.0, rel=0.006)
        assert ask(master, 2, bytes.fromhex("06 0000 0032"), 8) == rtu.wrap(2, bytes.fromhex("06 0000 0032"))
        sample = step(plant, condition, state, 120_000_000, level, True, rng)
        assert power_of(ask(master, 2)) == pytest.approx(46.8, rel=0.006)
        assert power_of(ask(master, 1)) == pytest.approx(60.0, rel=0.006)
        condition.is_supply_lost[0] = True
        sample = step(plant, condition, state, 180_000_000, level, True, rng)
        assert ask(master, 1) == b""


def test_port_is_a_raw_terminal_that_passes_every_byte() -> None:
    with line({1: Pzem(lambda: replace(values(), energy_wh=0x0A0D1113))}) as (_, master):
        frame = ask(master, 1)
        assert frame[13:17] == bytes.fromhex("11 13 0a 0d")
        assert rtu.unwrap(frame)


@pytest.mark.parametrize("address", [0, 248, -1])
def test_address_that_no_device_may_have_is_refused(address: int) -> None:
    with pytest.raises(BusError, match=r"1\.\.247"):
        MeterBus({address: Pzem(values)}, INSTANT, GOOD, np.random.default_rng(1))


def test_closed_bus_gives_its_descriptors_back_and_cannot_start_again() -> None:
    def n_open() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = n_open()
    for _ in range(3):
        bus = MeterBus(pzems(), INSTANT, GOOD, np.random.default_rng(1))
        bus.start()
        bus.close()
        bus.close()
    assert n_open() == before
    with pytest.raises(BusError, match="closed"):
        bus.start()


def test_bus_that_never_started_leaves_nothing_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    MeterBus(pzems(), INSTANT, GOOD, np.random.default_rng(1)).close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
