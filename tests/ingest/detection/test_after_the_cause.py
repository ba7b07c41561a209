"""A fault that was open when a higher cause came keeps its place below it, and is judged anew after it."""

import numpy as np
import pytest

from ingest.model.finding import Cleared, Raised

CHILDREN = {
    "lampFailure", "controlGearFailure", "highTemperature", "communicationFailure", "lampPowerTooLow",
    "powerFactorTooLow", "unmeteredLoad",
}  # fmt: skip
CAUSES = ["supplyLoss", "neutralFailure", "contactorFailure", "busFailure", "circuitFailure", "controllerOffline"]
LONGEST_CLEAR_MIN = 45  # half an hour of unmeteredLoad, after the guard and the cause's own clearing


def break_some(town, *, is_broken):
    """Faults of every kind on circuit 1, or none any more."""
    town.factor[3], town.factor[4] = (0.0, 0.6) if is_broken else (1.0, 1.0)
    town.is_silent[2] = is_broken
    town.temperature[1] = 95.0 if is_broken else 45.0
    town.power_factor[0] = 0.4 if is_broken else 0.95
    town.extra_w[:] = 400.0 if is_broken else 0.0
    town.status[5] = 2 if is_broken else 0


def bring(town, cause, *, is_there):
    """A higher cause, or its end."""
    town.is_supplied[:] = not (is_there and cause == "supplyLoss")
    town.phase_v[:] = [260, 180, 225] if is_there and cause == "neutralFailure" else np.nan
    town.contactor = False if is_there and cause == "contactorFailure" else None
    town.is_bus_up[:] = not (is_there and cause == "busFailure")
    town.is_powered[:6] = not (is_there and cause == "circuitFailure")


def standing(town):
    """The conditions that hold: code -> the code of their cause."""
    held = {}
    for change in town.changes:
        if isinstance(change, Raised):
            held[change.key] = change.cause.code if change.cause else None
        elif isinstance(change, Cleared):
            held.pop(change.key, None)
    return {key.code: cause for key, cause in held.items()}


def below(kit, cause, minutes=40):
    """A town with faults of every kind, and then their cause for some time."""
    town = kit.Town(n_poles=6, dims=())
    town.play(30)
    break_some(town, is_broken=True)
    town.play(40)
    assert standing(town) == dict.fromkeys(CHILDREN)
    if cause == "controllerOffline":
        town.now_us += minutes * 60_000_000
        town.changes += town.detection.tick(town.now_us)
    else:
        bring(town, cause, is_there=True)
        town.play(minutes)
    assert standing(town)[cause] is None
    return town


@pytest.mark.parametrize("cause", CAUSES)
def test_what_holds_still_stands_for_itself_again_without_having_been_closed(kit, cause):
    town = below(kit, cause)
    assert set(standing(town)) >= CHILDREN
    explained = {code for code, by in standing(town).items() if by == cause}
    assert {"lampFailure", "lampPowerTooLow", "highTemperature"} <= explained
    before = len(town.changes)
    bring(town, cause, is_there=False)
    town.play(LONGEST_CLEAR_MIN)
    told = town.changes[before:]
    assert standing(town) == dict.fromkeys(CHILDREN)
    assert {change.key.code for change in told if isinstance(change, Cleared)} == {cause}


@pytest.mark.parametrize("cause", CAUSES)
def test_what_was_mended_meanwhile_is_closed_by_its_own_rule(kit, cause):
    town = below(kit, cause)
    before = len(town.changes)
    bring(town, cause, is_there=False)
    break_some(town, is_broken=False)
    town.play(LONGEST_CLEAR_MIN)
    told = [change for change in town.changes[before:] if isinstance(change, Cleared)]
    assert standing(town) == {}
    assert {change.key.code for change in told} == CHILDREN | {cause}
    assert all(change.is_proof for change in told)


@pytest.mark.parametrize("cause", ["supplyLoss", "contactorFailure"])
def test_a_tap_is_not_gone_while_nothing_has_power(kit, cause):
    town = below(kit, cause, minutes=70)  # twice its own clearing time
    assert standing(town)["unmeteredLoad"] == cause


def answer_without_voltage(town):
    """Nodes with a supply of their own go on answering while their lamps' is gone."""

    def answers(columns):
        if town.is_supplied.all() and town.is_powered.all():
            return
        at = [town.fleet.lamp_index[lamp_id] for lamp_id in town.ids]
        dead = np.array(at)[~(town.is_supplied[town.cabinet] & town.is_powered)]
        for name in ("voltage_v", "current_a", "power_w", "power_factor"):
            columns[name][dead] = 0.0
        columns["quality"][dead], columns["status"][dead] = 0, 0

    town.quirk = answers


@pytest.mark.parametrize("switching", ["lamp", "contactor"])
@pytest.mark.parametrize("place", ["cabinet", "circuit"])
def test_a_welded_relay_is_not_mended_by_an_outage_in_which_its_node_answers(kit, switching, place):
    town = kit.Town(n_poles=6, dims=(), switching=switching)
    town.play(30)
    town.actual_level = np.full(town.n, 100, np.uint8)
    answer_without_voltage(town)
    welded = town.fleet.lamp_index[town.ids[3]]
    outage = town.quirk

    def with_a_welded_relay(columns):
        columns["status"][welded] = 0
        outage(columns)

    town.quirk = with_a_welded_relay
    town.play(10)
    assert standing(town) == {"relayFailure": None}
    before = len(town.changes)
    (town.is_supplied if place == "cabinet" else town.is_powered)[: 1 if place == "cabinet" else 6] = False
    town.play(20)
    assert "relayFailure" in standing(town)
    town.is_supplied[:], town.is_powered[:] = True, True
    town.play(30)
    assert standing(town) == {"relayFailure": None}
    assert "relayFailure" not in {c.key.code for c in town.changes[before:] if isinstance(c, Cleared)}


def test_a_lamp_on_by_day_is_not_off_because_its_supply_is_gone(kit):
    town = kit.Town(n_poles=6, dims=(), switching="lamp", start_us=kit.NIGHT_US + 16 * 3600 * 1_000_000)
    town.level, town.actual_level = 0, np.zeros(town.n, np.uint8)
    town.actual_level[3] = 100
    answer_without_voltage(town)
    town.play(40)
    assert standing(town) == {"lampUnexpectedOn": None}
    town.is_supplied[:] = False
    town.play(20)
    assert standing(town)["lampUnexpectedOn"] == "supplyLoss"
    town.is_supplied[:] = True
    town.play(10)
    assert standing(town) == {"lampUnexpectedOn": None}
    town.actual_level[3] = 0
    town.play(5)
    assert standing(town) == {}
