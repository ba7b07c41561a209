"""Faults of the shared line: damage, echoes, late and lost replies, noise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from firmware_sim.errors import FrameError
from firmware_sim.meters import LampNode, LineFaults, LineTiming, Pzem, rtu

if TYPE_CHECKING:
    from firmware_sim.meters import Meter

from tests.firmware_sim.meter_line import GOOD, READ_TEN, ask, line, power_of, pzems, values


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
