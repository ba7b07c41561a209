"""Meters that ignore a request too soon after the last frame: pauses are learned, dead meters recognised."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_agent.config import parse_config
from edge_agent.errors import ConfigError
from edge_agent.serial.port import open_port
from edge_agent.serial.profile_file import SHIPPED, load_profile, load_profiles, parse_profile
from edge_agent.serial.quiet import STEPS_S, TRIAL_S, Quiet
from edge_agent.serial.sweep import Sweeper
from edge_agent.tables import Table
from firmware_sim.meters import LampNode, LampValues, LineFaults, LineTiming, MeterBus

BASE = {
    "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
    "broker": {"url": "mqtt://127.0.0.1"},
}
BAUD = 115200
N = 12


def visit(quiet: Quiet, answers: Callable[[float], bool], gap_s: float) -> int:
    """One sweep's visit with up to three attempts, each after the gap or the pause; return how many were needed."""
    for attempt in range(3):
        gap = max(gap_s, quiet.pause_s(attempt))
        if answers(gap):
            quiet.answered(gap)
            return attempt + 1
        quiet.silent(gap)
    return 4


@pytest.mark.parametrize("needed_s", [0.01, 0.03, 0.06, 0.1])
def test_device_that_needs_quiet_is_read_from_the_first_sweep_and_soon_at_the_first_attempt(needed_s: float) -> None:
    quiet = Quiet()
    attempts = [visit(quiet, lambda gap: gap >= needed_s, 0.004) for _ in range(40)]
    assert max(attempts) == 2
    assert attempts[8:] == [1] * 32
    assert needed_s <= quiet.learned_s <= TRIAL_S


def test_pause_is_the_shortest_step_that_is_enough() -> None:
    for needed_s, step_s in ((0.01, 0.02), (0.04, 0.05), (0.08, 0.1), (0.12, 0.15)):
        quiet = Quiet()
        for _ in range(40):
            visit(quiet, lambda gap, needed_s=needed_s: gap >= needed_s, 0.004)
        assert quiet.learned_s == step_s


def test_dead_device_teaches_nothing_and_soon_gets_no_extra_time() -> None:
    quiet = Quiet()
    for _ in range(50):
        visit(quiet, lambda _gap: False, 0.004)
    assert quiet.learned_s == 0.0
    assert quiet.pause_s(1) == 0.0


def test_device_that_dies_and_comes_back_keeps_its_pause_within_the_bound() -> None:
    quiet = Quiet()
    for _ in range(20):
        visit(quiet, lambda gap: gap >= 0.03, 0.004)
    learned_s = quiet.learned_s
    for _ in range(100):
        visit(quiet, lambda _gap: False, 0.004)
    assert quiet.learned_s == learned_s
    for _ in range(20):
        assert visit(quiet, lambda gap: gap >= 0.03, 0.004) <= 2


def test_device_that_no_longer_needs_quiet_loses_its_pause() -> None:
    quiet = Quiet()
    for _ in range(20):
        visit(quiet, lambda gap: gap >= 0.08, 0.004)
    for _ in range(2000):
        visit(quiet, lambda _gap: True, 0.004)
    assert quiet.learned_s == 0.0


def test_lossy_line_costs_little_time_over_thousands_of_sweeps() -> None:
    source = random.Random(5)
    paused_s = 0.0
    for _ in range(20):
        quiet = Quiet()
        for _ in range(2000):
            visit(quiet, lambda _gap: source.random() > 0.05, 0.004)
            paused_s += quiet.learned_s
    assert paused_s / 40_000 < 0.005
    assert max(STEPS_S) == TRIAL_S


def lamp(address: int) -> LampValues:
    power = 20.0 + 5.0 * address
    return LampValues(voltage_v=230.0, current_a=power / 230.0, power_w=power)


@pytest.fixture
def stand() -> Iterator[Callable[..., tuple[MeterBus, Sweeper]]]:
    made: list = []

    def start(needed_s: dict[int, float], dead: frozenset[int] = frozenset(), **table) -> tuple[MeterBus, Sweeper]:
        meters = {i: LampNode(lambda i=i: lamp(i), lambda _level: None) for i in range(1, N + 1)}
        faults = LineFaults(quiet_needed_s=needed_s, unreachable=dead)
        bus = MeterBus(meters, LineTiming(baud=BAUD, turnaround_s=0.002), faults, np.random.default_rng(1))
        bus.start()
        lamps = [{"address": i, "lamp_id": f"L{i}", "profile": "lamp-node"} for i in range(1, N + 1)]
        document = {**BASE, "bus": [{"name": "A", "port": bus.port, "baud": BAUD, "lamps": lamps, **table}]}
        config = parse_config(document, Path("agent.toml"), {})
        sweeper = Sweeper(config, load_profiles(config.profile_names, Path()), open_port, time.time, time.monotonic)
        made.extend((sweeper, bus))
        return bus, sweeper

    yield start
    for item in made:
        item.close()


def test_twelve_meters_that_need_sixty_milliseconds_are_all_read_and_their_pauses_shown(stand) -> None:
    _, sweeper = stand(dict.fromkeys(range(1, N + 1), 0.06))
    assert sweeper.sweep(slow=False).n_good == N
    for _ in range(12):
        assert sweeper.sweep(slow=False).n_good == N
    before = sweeper.stats().buses[0]
    assert sweeper.sweep(slow=False).n_good == N
    after = sweeper.stats().buses[0]
    assert after.n_silent - before.n_silent <= 1, "learned: asked once each"
    assert set(after.pauses_ms) >= set(range(2, N + 1))
    assert set(after.pauses_ms.values()) <= {20, 50, 100, 150}


def test_meters_without_the_need_and_dead_ones_learn_no_pause(stand) -> None:
    _, sweeper = stand({5: 0.03}, frozenset({8, 9}))
    for _ in range(12):
        sweeper.sweep(slow=False)
    assert set(sweeper.stats().buses[0].pauses_ms) <= {5}


@pytest.mark.parametrize("where", ["bus", "profile"])
def test_configured_pause_is_kept_before_every_request(stand, monkeypatch, where: str) -> None:
    if where == "profile":
        original = load_profile("lamp-node", SHIPPED)
        monkeypatch.setattr(
            "tests.edge_agent.test_quiet.load_profiles",
            lambda names, _folder: {name: _with_pause(original, 0.04) for name in names},
        )
    table = {"pause_ms": 40} if where == "bus" else {}
    _, sweeper = stand(dict.fromkeys(range(1, N + 1), 0.035), **table)
    for _ in range(3):
        assert sweeper.sweep(slow=False).n_good == N
    stats = sweeper.stats().buses[0]
    assert (stats.n_silent, stats.pauses_ms) == (0, {})


def _with_pause(profile, pause_s: float):
    fields = {name: getattr(profile, name) for name in type(profile).__dataclass_fields__}
    return type(profile)(**fields | {"pause_s": pause_s})


@pytest.mark.parametrize("value", [-1, 1001, float("inf"), "40", True])
def test_impossible_pause_is_refused_by_its_name(value) -> None:
    bus = {"name": "A", "port": "/dev/x", "pause_ms": value, "io": {"address": 1, "profile": "cabinet-io"}}
    with pytest.raises(ConfigError, match="pause_ms"):
        parse_config({**BASE, "bus": [bus]}, Path("agent.toml"), {})
    document = {"title": "t", "source": "s", "pause_ms": value, "contacts": {"door_open": {"input": 0}}}
    with pytest.raises(ConfigError, match="pause_ms"):
        parse_profile("own", Table("own.toml", document))
