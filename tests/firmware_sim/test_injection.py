"""Injection: every code and confounder changes the physics that it names, is refused where it makes no sense, mends."""

from __future__ import annotations

import copy
import threading
from datetime import UTC, datetime

import numpy as np
import pytest
from typer.testing import CliRunner

from firmware_sim.__main__ import app
from firmware_sim.control import ControlError, ControlSocket, ask
from firmware_sim.fleet.town import read_town
from firmware_sim.fleet.world import World
from firmware_sim.injection import CONFOUNDERS, FAULTS, KINDS, InjectionError, inject, repair
from firmware_sim.injector import Injector
from ingest.schema.codes import BY_CODE
from tests.contract_codes import CONTRACT_CODES
from tests.firmware_sim.injection_city import write_city

NIGHT_US = int(datetime(2026, 11, 23, 13, 0, tzinfo=UTC).timestamp() * 1e6)  # 20:00 in Jakarta: full level
NOON_US = int(datetime(2026, 11, 23, 5, 0, tzinfo=UTC).timestamp() * 1e6)
MINUTE_US = 60_000_000


@pytest.fixture
def world(tmp_path):
    return World(read_town(write_city(tmp_path)), np.random.default_rng(3), NIGHT_US)


def after(world, minutes, start_us=NIGHT_US):
    """Play some minutes and return the last moment."""
    moment = None
    for minute in range(minutes + 1):
        moment = world.advance(start_us + minute * MINUTE_US)
    return moment


def lamp(world, lamp_id):
    return world.town.lamp_ids.index(lamp_id)


def test_every_code_of_the_contract_can_be_injected_and_nothing_unknown_is_called_a_fault():
    assert set(FAULTS) >= CONTRACT_CODES
    assert set(FAULTS) <= set(BY_CODE)
    assert not set(CONFOUNDERS) & set(BY_CODE)


PLACES = {
    "lampUnexpectedOn": "L-213",
    "relayFailure": "L-213",
    "circuitFailure": "C-1/1",
    "circuitPowerTooLow": "C-3/1",
    "supplyVoltageTooLow": "C-1",
    "supplyVoltageTooHigh": "C-1/2",
    "supplyLoss": "C-1",
    "neutralFailure": "C-1",
    "contactorFailure": "C-1",
    "cabinetDoorOpen": "C-1",
    "unmeteredLoad": "C-1",
    "busFailure": "PJU-1/A",
    "controllerOffline": "PJU-1",
    "brownOut": "C-1",
    "supplyDip": "C-1",
    "agentRestart": "PJU-1",
    "networkGone": "PJU-1",
    "wrongClock": "PJU-1",
}


@pytest.mark.parametrize("code", KINDS)
def test_repair_takes_back_every_cause_and_only_its_own(world, code):
    world.advance(NIGHT_US)
    well = copy.deepcopy((world.condition, world.upset))
    injected = inject(world, code, PLACES.get(code, "L-113"))
    is_same = all(
        np.array_equal(getattr(now, name), getattr(then, name))
        for now, then in zip((world.condition, world.upset), well, strict=True)
        for name in type(now).__slots__
        if name not in {"cycle_on_s", "cycle_off_s"}
    )
    assert is_same == (code == "supplyDip"), "a dip is over as soon as it happened; everything else is a cause"
    repair(world, injected)
    for now, then in zip((world.condition, world.upset), well, strict=True):
        for name in type(now).__slots__:
            np.testing.assert_allclose(getattr(now, name), getattr(then, name), rtol=1e-6, err_msg=name)


def test_a_dead_lamp_is_dark_and_a_blown_pole_fuse_silent_too(world):
    inject(world, "lampFailure", "L-113")
    inject(world, "lampFailure", "L-115", cause="fuse")
    sample = after(world, 2).sample
    dark = [lamp(world, "L-113"), lamp(world, "L-115")]
    assert not sample.is_lit[dark].any()
    assert sample.is_lit.sum() == len(sample.is_lit) - 2
    assert sample.power_w[dark[0]] < 5.0
    assert sample.is_silent[dark].tolist() == [False, True]


def test_a_lamp_on_by_day_needs_a_circuit_that_is_live_by_day(world):
    with pytest.raises(InjectionError, match="dead by day"):
        inject(world, "lampUnexpectedOn", "L-113")
    inject(world, "lampUnexpectedOn", "L-213")
    inject(world, "relayFailure", "L-214")
    sample = after(world, 2, NOON_US).sample
    assert world.town.lamp_ids[int(np.flatnonzero(sample.is_lit)[0])] == "L-213"
    assert sample.is_lit.sum() == 2
    assert sample.status[lamp(world, "L-213")] & 1
    assert not sample.status[lamp(world, "L-214")] & 1


def test_a_cut_cable_darkens_all_beyond_it_and_names_the_span(world):
    injected = inject(world, "cableFailure", "L-114")
    assert injected.span == ("L-113", "L-114")
    assert injected.lamp_ids == tuple(f"L-11{place}" for place in range(4, 9))
    sample = after(world, 2).sample
    assert {world.town.lamp_ids[dark] for dark in np.flatnonzero(~sample.is_live)} == set(injected.lamp_ids)
    with pytest.raises(InjectionError, match="already"):
        inject(world, "cableFailure", "L-116")
    with pytest.raises(InjectionError, match="circuitFailure"):
        inject(world, "cableFailure", "L-121")
    with pytest.raises(InjectionError, match="two at least"):
        inject(world, "cableFailure", "L-128")


def test_a_broken_bus_silences_its_lamps_while_they_burn(world):
    injected = inject(world, "busFailure", "PJU-1/A", after="L-115")
    assert injected.span == ("L-115", "L-116")
    moment = after(world, 2)
    silent = {world.town.lamp_ids[row] for row in np.flatnonzero(moment.quality == 1)}
    assert silent == {"L-116", "L-117", "L-118"}
    assert moment.sample.is_lit.all()


def test_a_hot_luminaire_is_hot_at_once_and_cool_again_after_the_repair(world):
    after(world, 30)
    injected = inject(world, "highTemperature", "L-113")
    here = lamp(world, "L-113")
    later = NIGHT_US + 31 * MINUTE_US
    assert world.advance(later).sample.temperature_c[here] > 85.0
    repair(world, injected)
    assert world.advance(later + MINUTE_US).sample.temperature_c[here] < 80.0


def test_a_lamp_that_does_not_dim_burns_on_at_its_level(world):
    inject(world, "dimmingFailure", "L-113")
    moment = after(world, 2, NIGHT_US + 150 * MINUTE_US)  # 22:30: half light
    power_w = moment.sample.power_w
    assert power_w[lamp(world, "L-113")] > 1.7 * power_w[lamp(world, "L-114")]


def test_dark_lamps_are_for_circuits_without_lamp_meters(world):
    healthy_w = after(world, 2).sample.circuit_power_w.copy()
    injected = inject(world, "circuitPowerTooLow", "C-3/1", lamps=2)
    assert len(injected.lamp_ids) == 2
    circuit = world.town.circuit_names.index(("C-3", "1"))
    now_w = after(world, 4).sample.circuit_power_w
    assert now_w[circuit] == pytest.approx(healthy_w[circuit] - 180.0, rel=0.05)
    with pytest.raises(InjectionError, match="inject lampFailure"):
        inject(world, "circuitPowerTooLow", "C-1/1")


def test_one_dead_phase_takes_its_own_lamps_only(world):
    injected = inject(world, "supplyLoss", "C-1", phase="S")
    assert all(lamp_id.startswith("L-12") for lamp_id in injected.lamp_ids)
    assert len(injected.lamp_ids) == 8
    sample = after(world, 2).sample
    assert {world.town.lamp_ids[dark] for dark in np.flatnonzero(~sample.is_live)} == set(injected.lamp_ids)


@pytest.mark.parametrize(
    ("code", "place", "params", "reason"),
    [
        ("lampBroken", "L-113", {}, "unknown code 'lampBroken'"),
        ("lampFailure", "L-999", {}, "no lamp named 'L-999'"),
        ("lampFailure", "C-1", {}, "no lamp named 'C-1'"),
        ("circuitFailure", "C-1/9", {}, "named 'C-1/9'"),
        ("busFailure", "PJU-1/Z", {}, "named 'PJU-1/Z'"),
        ("lampFailure", "L-113", {"cause": "rust"}, "one of 'dead', 'fuse', 'relay'"),
        ("lampFailure", "L-113", {"volts": 3}, "unknown parameter 'volts'"),
        ("dimmingFailure", "L-113", {"level": "half"}, "level 'half' is no whole number"),
        ("dimmingFailure", "L-313", {}, "does not dim"),
        ("contactorFailure", "C-2", {"stuck": "on"}, "live all day"),
        ("unmeteredLoad", "C-1", {"watts": "nan"}, "must be below 1e+06"),
        ("lampPowerTooHigh", "L-113", {"factor": 0.9}, "must be above 1"),
    ],
)
def test_nonsense_is_refused_in_one_line_and_changes_nothing(world, code, place, params, reason):
    well = copy.deepcopy(world.condition)
    with pytest.raises(InjectionError) as refusal:
        inject(world, code, place, **params)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)
    for name in type(well).__slots__:
        assert np.array_equal(getattr(world.condition, name), getattr(well, name))


def test_the_door_injects_lists_and_repairs(world, tmp_path):
    injector = Injector(world, real_controllers=["PJU-2"])
    answer = injector.handle({"do": "inject", "code": "lampFailure", "place": "L-113", "cause": "fuse"})
    assert answer["injected"]["lamp_ids"] == ["L-113"]
    assert injector.handle({"do": "inject", "code": "cabinetDoorOpen", "place": "C-1", "params": {}})
    with pytest.raises(InjectionError, match="holds already"):
        injector.handle({"do": "inject", "code": "lampFailure", "place": "L-113"})
    held = injector.handle({"do": "list"})["held"]
    assert [(fault["code"], fault["params"]) for fault in held] == [
        ("lampFailure", {"cause": "fuse"}),
        ("cabinetDoorOpen", {}),
    ]
    with pytest.raises(InjectionError, match="real agent"):
        injector.handle({"do": "inject", "code": "wrongClock", "place": "PJU-2"})
    assert len(injector.handle({"do": "repair", "place": "L-113"})["repaired"]) == 1
    with pytest.raises(InjectionError, match="not injected there"):
        injector.handle({"do": "repair", "place": "L-113"})
    with pytest.raises(InjectionError, match="inject, repair or list"):
        injector.handle({"do": "break"})
    assert not world.condition.flags.any()


def test_a_refusal_reaches_the_person_at_the_terminal(world, tmp_path):
    control = ControlSocket(tmp_path, Injector(world).handle)
    is_over = threading.Event()

    def play():
        while not is_over.wait(0.01):
            control.answer()

    player = threading.Thread(target=play)
    player.start()
    try:
        with pytest.raises(ControlError, match="no lamp named 'L-0'"):
            ask(tmp_path, {"do": "inject", "code": "lampFailure", "place": "L-0"})
        assert ask(tmp_path, {"do": "inject", "code": "lampFailure", "place": "L-111"})["injected"]["code"]
    finally:
        is_over.set()
        player.join()
        control.close()


@pytest.mark.parametrize("command", ["town", "fleet", "inject", "repair", "list"])
def test_every_command_tells_how_it_is_used(command):
    answer = CliRunner().invoke(app, [command, "--help"])
    assert answer.exit_code == 0, answer.exception
