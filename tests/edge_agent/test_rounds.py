"""The intervals of sweeps, and what the host receives about them."""

from __future__ import annotations

import zlib
from array import array

import pytest

from edge_agent.clock import AgentClock
from edge_agent.config import SweepConfig
from edge_agent.rounds import Rounds
from edge_agent.wire import BY_NAME, PayloadMessage
from tests.edge_agent.played_session import START_MS, Played
from tests.edge_agent.stub_meters import bytes_array


class Lights:
    def __init__(self) -> None:
        self.lit = True

    def levels(self) -> array:
        return bytes_array(b"\x64" * 4 if self.lit else b"\x00" * 4)

    def is_lit(self) -> bool:
        return self.lit

    def saw(self, sweep) -> None:
        pass


class Beat:
    """Rounds in simulated time; keeps (time, reported interval, whether slow quantities were there)."""

    def __init__(self, folder, **settings) -> None:
        self.played = Played(folder)
        self.lights = Lights()
        clock = AgentClock(lambda: START_MS, lambda: self.played.now_s, lambda: True, 0)
        self.rounds = Rounds(
            self.played.meters,
            self.played.layout,
            self.played.outbox,
            self.lights,
            clock,
            lambda: self.played.now_s,
            SweepConfig(**settings),
        )
        self.sweeps: list[tuple[float, int, bool]] = []

    def run(self, seconds: float) -> None:
        end_s = self.played.now_s + seconds
        while self.played.now_s < end_s:
            if self.rounds.wait_s() <= 0:
                (record,) = self.rounds.turn(0).stored
                message = PayloadMessage()
                message.ParseFromString(zlib.decompress(record.body))
                reported = {metric.alias: metric for metric in message.metrics}
                interval_s = reported[BY_NAME["Sweep/Interval"].alias].int_value
                self.sweeps.append((self.played.now_s, interval_s, BY_NAME["Lamps/Energy"].alias in reported))
            self.played.now_s += 1.0


def test_short_intervals_while_lit_long_ones_by_day_and_slow_quantities_now_and_then(tmp_path):
    beat = Beat(tmp_path)
    beat.run(1801)
    assert [at for at, _, _ in beat.sweeps] == [60.0 * i for i in range(31)]
    assert [at for at, _, is_slow in beat.sweeps if is_slow] == [0.0, 900.0, 1800.0]


def test_a_longer_interval_is_reported_before_it_begins(tmp_path):
    beat = Beat(tmp_path)
    beat.run(61)
    beat.lights.lit = False
    beat.run(700)
    assert [(at, reported) for at, reported, _ in beat.sweeps] == [
        (0, 60),
        (60, 60),
        (120, 300),
        (420, 300),
        (720, 300),
    ]


def test_lamps_that_go_on_are_looked_at_soon(tmp_path):
    beat = Beat(tmp_path)
    beat.lights.lit = False
    beat.run(100)
    beat.lights.lit = True
    beat.run(70)
    assert [(at, reported) for at, reported, _ in beat.sweeps] == [(0, 300), (100, 60), (120, 60)]


@pytest.mark.parametrize("jump_s", [1000.0, 30.0])
def test_missed_sweeps_are_not_caught_up_on(tmp_path, jump_s):
    beat = Beat(tmp_path)
    beat.run(10)
    beat.played.now_s += jump_s
    before = len(beat.sweeps)
    beat.run(59)
    assert len(beat.sweeps) - before <= 1
