"""The shared line on a real pseudo-terminal: timing, collisions and every line fault."""

from __future__ import annotations

import statistics
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import serial

from firmware_sim.electrical import build_plant, healthy, initial_state, step
from firmware_sim.errors import BusError, FrameError
from firmware_sim.meters import (
    BusLoop,
    LampNode,
    LampValues,
    LineFaults,
    LineTiming,
    MeterBus,
    Pzem,
    Sdm120,
    rtu,
)
from firmware_sim.snapshots import lamp_values

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


@pytest.mark.parametrize(
    "faults",
    [
        LineFaults(bit_error=0.2),
        LineFaults(dropped_byte=0.2),
        LineFaults(truncation=1.0),
        LineFaults(no_reply=1.0),
        LineFaults(request_error=1.0),
        LineFaults(is_stuck=True),
        LineFaults(unreachable=frozenset({1, 2})),
        LineFaults(stray_byte=1.0),
    ],
)
def test_damaged_line_gives_no_clean_frame_and_recovers(faults: LineFaults) -> None:
    with line(pzems(), faults=faults) as (bus, master):
        master.timeout = 0.03
        for _ in range(3):
            with pytest.raises(FrameError):
                rtu.unwrap(ask(master, 1, n_bytes=64))
        bus.faults = GOOD
        time.sleep(0.06)
        master.timeout = 0.3
        assert power_of(ask(master, 1)) == 1.0


def test_stray_bytes_leave_the_reply_findable() -> None:
    with line(pzems(), faults=LineFaults(stray_byte=1.0)) as (_, master):
        master.timeout = 0.05
        heard = ask(master, 1, n_bytes=64)
        assert len(heard) > 25
        assert rtu.find_read_reply(heard, 1, 4)[6:8] == (10).to_bytes(2, "big")


def test_echo_comes_before_the_reply() -> None:
    with line(pzems(), faults=LineFaults(has_echo=True)) as (_, master):
        heard = ask(master, 1, n_bytes=33)
        assert heard[:8] == rtu.wrap(1, READ_TEN)
        assert power_of(heard[8:]) == 1.0


def test_another_device_answers_with_a_valid_checksum_and_impossible_values() -> None:
    with line(pzems(), faults=LineFaults(other_device=1.0)) as (_, master):
        # the captured reply of a device that is no PZEM
        assert ask(master, 1) == bytes.fromhex(
            "01 04 14 00 05 00 00 37 14 0a 5e 00 19 00 00 1a 45 0c 67 00 17 00 00 ad 5b"
        )


def test_late_reply_falls_into_the_next_request() -> None:
    with line(pzems(), faults=LineFaults(late_reply=1.0, late_s=0.15)) as (bus, master):
        master.timeout = 0.05
        assert ask(master, 1) == b""
        bus.faults = GOOD
        time.sleep(0.02)
        master.timeout = 0.3
        master.write(rtu.wrap(2, READ_TEN))
        assert power_of(master.read(25)) == 2.0
        assert power_of(master.read(25)) == 1.0


def test_one_lost_reply_in_fifty_is_one_in_fifty() -> None:
    with line(pzems(), faults=LineFaults(no_reply=0.02), seed=4) as (_, master):
        master.timeout = 0.02
        lost = sum(ask(master, 1 + n % 3) == b"" for n in range(400))
    assert 2 <= lost <= 18


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


def test_master_at_another_baud_rate_is_only_noise_where_the_line_minds() -> None:
    timing = LineTiming(baud=2400, is_instant=True, is_baud_checked=True)
    with line(pzems(), timing) as (bus, master):
        assert ask(master, 1) == b""
        assert bus.n_requests == 0
        master.baudrate = 2400
        assert len(ask(master, 1)) == 25


def test_noise_from_the_master_never_stops_the_line() -> None:
    rng = np.random.default_rng(11)
    nodes: dict[int, Meter] = {1: LampNode(values), 2: Pzem(values)}
    with line(nodes, LineTiming(baud=9600, speed=10.0)) as (bus, master):
        for _ in range(40):
            noise = rng.bytes(int(rng.integers(1, 60)))
            # half of it with a valid checksum, so that it reaches the devices
            master.write(noise if rng.random() < 0.5 else rtu.wrap(int(rng.integers(0, 3)), noise))
            time.sleep(0.012)
        time.sleep(0.05)
        assert bus.n_requests > 5
        assert len(ask(master, 2)) == 25


def test_a_poor_contact_spoils_one_meters_replies_and_nobody_elses() -> None:
    faults = LineFaults(no_reply_from={1: 0.3}, garbled_from={2: 0.3})
    with line(pzems(), faults=faults) as (_bus, master):
        master.timeout = 0.08
        outcome = {1: [0, 0, 0], 2: [0, 0, 0], 3: [0, 0, 0]}  # good, garbled, nothing
        for _ in range(60):
            for address, counts in outcome.items():
                master.write(rtu.wrap(address, READ_TEN))
                reply = master.read(25)
                try:
                    rtu.unwrap(reply)
                except FrameError:
                    counts[1 if reply else 2] += 1
                else:
                    counts[0] += 1
    assert outcome[3] == [60, 0, 0]
    assert outcome[1][1] == outcome[2][2] == 0
    assert 8 <= outcome[1][2] <= 30
    assert 8 <= outcome[2][1] <= 30
