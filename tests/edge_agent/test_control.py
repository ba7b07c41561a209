"""Control: schedule and commands held over restarts, verified writing, and what is safe when nothing is known."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from edge_agent.clock import AgentClock
from edge_agent.control.command import DimCommand
from edge_agent.control.controller import Control
from tests.edge_agent.stub_meters import StubMeters, lamp_layout

EVENING = int(datetime(2026, 11, 23, 20, 0, tzinfo=ZoneInfo("Asia/Jakarta")).timestamp() * 1000)
DOCUMENT = json.dumps({
    "version": 1, "timezone": "Asia/Jakarta", "on": "sunset", "off": "sunrise", "dim": [{"at": "22:00", "level": 60}],
})  # fmt: skip


class Cabinet:
    """Control over stub meters, in simulated time that begins at 20:00 in Jakarta."""

    def __init__(self, folder, *, start_ms=EVENING, is_vouched=True, last_known_ms=0, **layout) -> None:
        self.now_s = 0.0
        self.start_ms = start_ms
        self.is_vouched = is_vouched
        self.layout = lamp_layout(3, **layout)
        self.clock = AgentClock(self.system_ms, lambda: self.now_s, lambda: self.is_vouched, last_known_ms)
        self.meters = StubMeters(3, self.clock.now_ms)
        place = (-6.2, 106.8, "Asia/Jakarta")
        path = folder / "orders.json"
        self.control = Control(self.layout, place, self.meters, self.clock, lambda: self.now_s, path)

    def system_ms(self) -> int:
        return self.start_ms + int(1000 * self.now_s)

    def run(self, hours: float, step_s: float = 60.0) -> None:
        for _ in range(int(hours * 3600 / step_s)):
            self.now_s += step_s
            self.control.carry_out()
            self.control.saw(self.meters.sweep(slow=False))


def test_lamps_follow_the_schedule_and_nodes_are_written_once_a_step(tmp_path):
    cabinet = Cabinet(tmp_path)
    assert cabinet.control.schedule(DOCUMENT)
    cabinet.run(1)
    assert list(cabinet.control.levels()) == [100] * 3
    assert cabinet.meters.n_writes <= 3
    cabinet.run(1.5)
    assert list(cabinet.control.levels()) == [60] * 3
    assert set(cabinet.meters.levels.values()) == {60}
    assert cabinet.meters.n_writes <= 6
    cabinet.run(9)
    assert list(cabinet.control.levels()) == [0] * 3
    assert not cabinet.control.is_lit()


def test_the_schedule_is_obeyed_for_months_without_network_and_over_restarts(tmp_path):
    Cabinet(tmp_path).control.schedule(DOCUMENT)
    later = EVENING + 120 * 86_400_000
    cabinet = Cabinet(tmp_path, start_ms=later)
    assert cabinet.control.held_schedule() == DOCUMENT
    assert list(cabinet.control.levels()) == [100] * 3
    cabinet.run(3)
    assert list(cabinet.control.levels()) == [60] * 3


def test_a_bad_schedule_leaves_the_old_one_in_force(tmp_path):
    cabinet = Cabinet(tmp_path)
    cabinet.control.schedule(DOCUMENT)
    assert not cabinet.control.schedule('{"version": 2}')
    assert cabinet.control.held_schedule() == DOCUMENT
    assert Cabinet(tmp_path).control.held_schedule() == DOCUMENT


def test_a_dim_command_holds_until_its_time_over_a_restart(tmp_path):
    cabinet = Cabinet(tmp_path)
    cabinet.control.dim(DimCommand(bytes([30, 254, 0]), EVENING + 3_600_000))
    cabinet.run(0.5)
    assert list(cabinet.control.levels()) == [30, 100, 0]
    assert cabinet.meters.levels == {0: 30, 2: 0} | ({1: 100} if 1 in cabinet.meters.levels else {})
    again = Cabinet(tmp_path, start_ms=EVENING + 1_800_000)
    assert list(again.control.levels()) == [30, 100, 0]
    again.run(0.6)
    assert list(again.control.levels()) == [100] * 3


def test_back_to_schedule_and_a_command_that_is_over_already(tmp_path):
    cabinet = Cabinet(tmp_path)
    cabinet.control.dim(DimCommand(bytes([10, 10, 10]), EVENING + 3_600_000))
    cabinet.control.dim(DimCommand(bytes([255, 254, 20]), EVENING - 1))
    assert list(cabinet.control.levels()) == [100, 10, 10]


def test_a_node_that_does_not_take_its_level_is_tried_again_ever_more_rarely(tmp_path):
    cabinet = Cabinet(tmp_path)
    tries: list[float] = []
    cabinet.meters.write_dim = lambda _lamp, _level: tries.append(cabinet.now_s) or False
    cabinet.control.dim(DimCommand(bytes([40, 254, 254]), EVENING + 36_000_000))
    cabinet.run(2, step_s=1)
    assert 10 < len(tries) < 30
    assert tries[0] <= 2
    assert max(b - a for a, b in itertools.pairwise(tries)) <= 601


def test_a_silent_node_costs_no_writes_and_gets_its_level_when_it_answers(tmp_path):
    cabinet = Cabinet(tmp_path)
    cabinet.meters.deaf = {0}
    cabinet.control.saw(cabinet.meters.sweep(slow=False))
    cabinet.control.dim(DimCommand(bytes([40] * 3), EVENING + 36_000_000))
    cabinet.run(0.5)
    assert cabinet.meters.n_writes == 2
    cabinet.meters.deaf = set()
    cabinet.run(0.1)
    assert cabinet.meters.levels[0] == 40


def test_no_node_is_written_to_before_a_sweep_has_heard_it(tmp_path):
    cabinet = Cabinet(tmp_path)
    cabinet.control.dim(DimCommand(bytes([30, 30, 30]), EVENING + 3_600_000))
    cabinet.control.carry_out()
    assert cabinet.meters.n_writes == 0, "silent nodes would hold up the first sweep"
    cabinet.meters.deaf = {1}
    cabinet.run(0.1)
    assert cabinet.meters.levels == {0: 30, 2: 30}


def test_a_node_that_restarted_at_full_light_is_dimmed_again(tmp_path):
    cabinet = Cabinet(tmp_path)
    cabinet.control.dim(DimCommand(bytes([40] * 3), EVENING + 36_000_000))
    cabinet.run(0.1)
    cabinet.meters.levels[1] = 100
    cabinet.run(0.1)
    assert cabinet.meters.levels[1] == 40


def test_the_contactor_switches_lamps_that_cannot_dim(tmp_path):
    cabinet = Cabinet(tmp_path, is_dimmable=False, has_contactor=True)
    cabinet.control.schedule(DOCUMENT)
    cabinet.run(4)
    assert cabinet.meters.is_closed
    assert list(cabinet.control.levels()) == [100] * 3, "a lamp that cannot dim is at 0 or 100"
    cabinet.run(8)
    assert cabinet.meters.is_closed is False
    assert list(cabinet.control.levels()) == [0] * 3
    assert cabinet.meters.n_writes == 0


def test_a_contactor_that_fell_open_is_closed_again(tmp_path):
    cabinet = Cabinet(tmp_path, has_contactor=True)
    cabinet.run(0.1)
    cabinet.meters.is_closed = False
    cabinet.run(0.1)
    assert cabinet.meters.is_closed


def test_a_photocells_lamps_have_no_known_level(tmp_path):
    cabinet = Cabinet(tmp_path, is_dimmable=False)
    cabinet.run(0.1)
    assert list(cabinet.control.levels()) == [255] * 3
    assert cabinet.control.is_lit(), "they ought to burn: sweep at the short interval"


def test_lamps_are_on_while_nobody_knows_the_time(tmp_path):
    noon = EVENING - 8 * 3_600_000
    cabinet = Cabinet(tmp_path, start_ms=noon, is_vouched=False)
    assert list(cabinet.control.levels()) == [0] * 3, "NTP gets its chance first"
    cabinet.run(0.1)
    assert list(cabinet.control.levels()) == [100] * 3
    cabinet.is_vouched = True
    assert list(cabinet.control.levels()) == [0] * 3


def test_unreadable_orders_mean_lamps_follow_the_sun(tmp_path):
    for text in ("", "[]", '{"schedule": 7, "overrides": {}}', '{"schedule": "x", "overrides": {"L-0001": [500, 1]}}'):
        (tmp_path / "orders.json").write_text(text)
        assert list(Cabinet(tmp_path).control.levels()) == [100] * 3


def test_orders_hold_in_memory_while_the_card_is_full(tmp_path, monkeypatch):
    cabinet = Cabinet(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edge_agent.control.orders_keeper.save_orders", full)
        assert cabinet.control.schedule(DOCUMENT)
        cabinet.run(0.1)
    assert not (tmp_path / "orders.json").exists()
    cabinet.run(0.1)
    assert json.loads((tmp_path / "orders.json").read_text())["schedule"] == DOCUMENT


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_levels_are_the_same_before_and_after_a_restart_at_any_hour(tmp_path, hour):
    start_ms = EVENING + hour * 3_600_000
    first = Cabinet(tmp_path, start_ms=start_ms)
    first.control.schedule(DOCUMENT)
    assert Cabinet(tmp_path, start_ms=start_ms).control.levels() == first.control.levels()
