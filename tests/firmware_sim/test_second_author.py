"""The second author's cities: the electrical model, the account of faults, and a city through the pipeline."""

from __future__ import annotations

import ast
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmarks.second_author as package
from benchmarks.second_author import Job, play_city
from benchmarks.second_author.city import draw_city
from benchmarks.second_author.controller import Controller
from benchmarks.second_author.meters import read
from benchmarks.second_author.physics import solve
from benchmarks.second_author.score import settle
from benchmarks.second_author.verdict import Injected, Place
from benchmarks.truth.shown import Shown
from edge_agent.wire import decode_payload

FOLDER = Path(package.__file__).parent
GENERATOR = [
    "sparkplug",
    "daylight",
    "street",
    "stage",
    "physics",
    "meters",
    "controller",
    "verdict",
    "city",
    "lamp_stories",
    "meter_stories",
    "cable_stories",
    "cabinet_stories",
    "quiet_stories",
]
LAMP_STORIES = {"burnt_out", "died_while_away", "hot_only", "partial_strings", "shorted_ballast", "wattage_replaced"}


@pytest.fixture(scope="module")
def city():
    return draw_city(2, n_nights=2, lamps=150)


@pytest.mark.parametrize("name", GENERATOR)
def test_the_generator_shares_no_code_with_the_simulator_or_the_first_author(name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    own = {"firmware_sim", "edge_agent", "ingest", "benchmarks", "dashboard_api"}
    assert not [module for module in modules if module.split(".")[0] in own]


def test_power_into_every_circuit_is_its_lamps_power_and_a_small_cable_loss(city):
    for stage in city.stages:
        state = solve(stage)
        lamps = np.stack(
            [state.watt[:, stage.street.circuit == c].sum(axis=1) for c in range(state.circuit_w.shape[1])], axis=1
        )
        lit = lamps > 100
        loss = (state.circuit_w - lamps)[lit] / lamps[lit]
        assert np.median(loss) > 0
        assert np.percentile(loss, 99) < 0.05


def test_voltage_falls_along_the_cable(city):
    stage = next(stage for stage in city.stages if stage.street.n >= 30)
    state = solve(stage)
    sweep = int(np.flatnonzero(stage.grid.is_on)[-5])
    line = stage.street.on_circuit(0)
    line = line[stage.street.phase[line] == stage.street.phase[line[0]]]
    line = line[state.volt[sweep, line] > 0]
    assert state.volt[sweep, line[-1]] < state.volt[sweep, line[0]]


def test_two_drawings_of_a_seed_send_the_same_bytes():
    def bodies():
        stage = draw_city(7, n_nights=2, lamps=40).stages[0]
        return [(m.topic, m.body) for m in Controller(stage, read(stage, solve(stage))).messages()]

    assert bodies() == bodies()


def test_the_agents_decoder_reads_what_the_own_encoder_wrote(city):
    stage = city.stages[0]
    shown = read(stage, solve(stage))
    birth, data = [m.body for m, _ in zip(Controller(stage, shown).messages(), range(2), strict=False)]
    born = decode_payload(birth)
    names = {metric.alias: metric.name for metric in born.metrics if metric.alias is not None}
    power = next(m for m in decode_payload(data).metrics if names.get(m.alias) == "Lamps/Power")
    np.testing.assert_array_equal(np.frombuffer(_bytes(power.value), "<f4"), shown.watt[0])


@pytest.mark.parametrize("seed", [10, 12, 15])
def test_a_lamp_is_left_alone_until_it_was_lit_for_long_enough_to_show_that_it_is_well(seed):
    for stage in draw_city(seed).stages:
        own = [one for one in stage.injected if one.place.lamp_id and one.situation in LAMP_STORIES]
        for lamp_id in {one.place.lamp_id for one in own}:
            mine = sorted((one for one in own if one.place.lamp_id == lamp_id), key=lambda one: one.begin_s)
            for former, later in itertools.pairwise(mine):
                well_s = former.end_s - 24 * 3600  # it is reported for a day longer
                lit = [max(n.on_s, well_s) + 3600 for n in stage.grid.nights if n.off_s > well_s + 3600]
                assert later.begin_s >= min(lit), (former, later)


def test_no_door_is_opened_while_its_controller_is_away():
    for stage in draw_city(411).stages:
        for one in stage.injected:
            if one.situation == "door":
                assert all(one.end_s - 3600 <= a.begin_s or one.begin_s >= a.end_s for a in stage.absences)


def _bytes(value):
    return value if isinstance(value, bytes) else np.asarray(value, "<f4").tobytes()


def _judged(city, injected, stretches):
    stage = city.stages[0]
    before, stage.injected[:] = list(stage.injected), injected
    try:
        return settle(replace(city, stages=(stage,)), stretches, "test")
    finally:
        stage.injected[:] = before


def _dark(city, **changes):
    street = city.streets[0]
    lamp = street.lamp_ids[0]
    reported = {
        "situation": "burnt_out",
        "code": "lampFailure",
        "place": Place(street.cabinet_id, lamp_id=lamp),
        "begin_s": 1e6,
        "end_s": 1e6 + 7200,
        "ready_s": 1e6 + 180,
        "sweep_s": 60,
        "lamp_ids": frozenset({lamp}),
    }
    return Injected(**(reported | changes))


def _opened(city, code="lampFailure", lamp=0, at_s=1e6 + 180):
    name = city.streets[0].lamp_ids[lamp]
    us = int(at_s * 1e6)
    return Shown("F", code, {"lamp_id": name}, us, (name,), None, {}, shown_us=us)


def test_a_fault_at_its_lamp_is_found_and_its_delay_is_the_rules(city):
    tally = _judged(city, [_dark(city)], [_opened(city)])["lampFailure"]
    assert (tally.n, tally.n_found, tally.n_right, tally.n_false, tally.delays) == (1, 1, 1, 0, [3])


@pytest.mark.parametrize("changes", [{"lamp": 1}, {"at_s": 1e6 + 90_000}, {"code": "meterFailure"}])
def test_another_lamp_time_or_code_is_false_and_leaves_the_fault_missed(city, changes):
    tallies = _judged(city, [_dark(city)], [_opened(city, **changes)])
    assert tallies["lampFailure"].n_found == 0
    assert sum(tally.n_false for tally in tallies.values()) == 1


def test_what_the_catalogue_leaves_open_is_not_false(city):
    injected = _dark(city, code="dimmingFailure", also=frozenset({"lampFailure"}))
    tallies = _judged(city, [injected], [_opened(city)])
    assert sum(tally.n_false for tally in tallies.values()) == 0
    assert tallies["dimmingFailure"].n_found == 0


def test_a_small_city_goes_through_the_real_pipeline():
    outcome = play_city(Job(2, n_nights=2, lamps=120))
    assert outcome.n_rebirths == 0
    n, n_found = (sum(getattr(tally, name) for tally in outcome.tallies.values()) for name in ("n", "n_found"))
    assert n >= 5
    assert n_found >= 0.8 * n


def _two_breakers(city, hours_between):
    """A stage, its circuit's breaker tripped before dawn until some hours after it, and once more before dusk."""
    stage = next(s for s in city.stages if s.street.habits.switching == "contactor" and s.street.habits.n_circuits > 1)
    first, second = stage.grid.nights[:2]
    place = Place(stage.street.cabinet_id, "1")
    common = {"situation": "breaker_trips", "code": "circuitFailure", "place": place, "sweep_s": 60}
    former = Injected(**common, begin_s=first.off_s - 7200, end_s=first.off_s + 3600 * hours_between, ready_s=None)
    later = Injected(**common, begin_s=second.on_s - 7200, end_s=second.on_s + 10800, ready_s=second.on_s + 900.0)
    us = [int(at * 1e6) for at in (former.begin_s + 180, second.on_s + 7200)]
    where = {"cabinet_id": stage.street.cabinet_id, "circuit": "1"}
    return (
        stage,
        former,
        later,
        Shown("F", "circuitFailure", where, us[0], (), None, {}, shown_us=us[0], closed_us=us[1]),
    )


def _found(city, stage, injected, shown):
    before, stage.injected[:] = list(stage.injected), injected
    try:
        return settle(replace(city, stages=(stage,)), [shown], "test")["circuitFailure"]
    finally:
        stage.injected[:] = before


def test_a_fault_that_no_reading_could_end_before_the_next_one_at_its_place_is_the_next_ones_too(city):
    stage, former, later, shown = _two_breakers(city, 5)
    tally = _found(city, stage, [former, later], shown)
    assert (tally.n, tally.n_found, tally.n_false, tally.delays) == (1, 1, 0, [])


def test_a_fault_that_lit_lamps_could_have_ended_is_not(city):
    stage, former, later, shown = _two_breakers(city, 5)
    early = replace(former, end_s=stage.grid.nights[0].off_s - 1800 + 3600)  # repaired while the lamps were lit
    assert _found(city, stage, [early, later], shown).n_found == 0


@pytest.mark.parametrize("closed_s", [-3600, 0])
def test_a_fault_that_was_closed_before_the_next_one_could_be_told_is_not(city, closed_s):
    stage, former, later, shown = _two_breakers(city, 5)
    gone = replace(shown, closed_us=int((later.begin_s + closed_s) * 1e6))
    assert _found(city, stage, [former, later], gone).n_found == 0


def test_a_fault_at_another_place_is_not(city):
    stage, former, later, shown = _two_breakers(city, 5)
    elsewhere = replace(shown, place=shown.place | {"circuit": "2"})
    other = replace(former, place=Place(stage.street.cabinet_id, "2"))
    assert _found(city, stage, [other, later], elsewhere).n_found == 0


@pytest.mark.parametrize(("hours", "n"), [(5, 0), (-1, 1)])
def test_a_dead_circuit_below_a_neutral_that_was_mended_unseen_is_not_scored(city, hours, n):
    """Mended while the lamps were lit, the neutral could have been seen whole: then the circuit is asked for."""
    stage, former, later, hidden = _two_breakers(city, hours)
    neutral = replace(former, situation="neutral_of_circuit", code="neutralFailure")
    broken = Shown(
        "N", "neutralFailure", hidden.place, hidden.opened_us, (), None, {},
        shown_us=hidden.opened_us, closed_us=hidden.closed_us,
    )  # fmt: skip
    us = int((later.ready_s + 60) * 1e6)
    hidden = replace(hidden, opened_us=us, shown_us=None, causes=["N"])
    before, stage.injected[:] = list(stage.injected), [neutral, later]
    try:
        tally = settle(replace(city, stages=(stage,)), [broken, hidden], "test")["circuitFailure"]
    finally:
        stage.injected[:] = before
    assert (tally.n, tally.n_found) == (n, 0)
