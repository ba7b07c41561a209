"""What a later reading refutes stands in no fault's evidence any more."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from ingest.model.finding import Cleared, Raised
from tests.ingest.detection.lamp_nights import at_night
from tests.ingest.detection.mixed_street import Circuit, Street
from tests.ingest.detection.street_sweeps import INTERVALS, learned, only, sweeps

LEDS = (Circuit(20, 90), Circuit(20, 90))
OF_SILENCE = {"suspected", "load", "is_dark", "silent_s", "quality", "ambiguous"}


def with_a_blown_fuse(**more):
    """A street of which one lamp is silent and dark, and where that lamp stands in it."""
    street = learned(Street(LEDS, seed=31, **more))
    street.is_cut |= street.where(0, 7, 7)
    sweeps(street, 10)
    _, fault = only(street, "lampFailure")
    assert fault.evidence["suspected"] == "pole fuse"
    street.is_cut[:] = False
    return street, int(np.flatnonzero(street.where(0, 7, 7))[0])


def restarted(street):
    memory = street.detection.snapshot()
    street.detection = Detection(street.fleet, city_of(street.limits, street.dims), start_us=street.now_us)
    assert street.detection.restore(memory) == []
    street.detection.listen(None)


def words(street):
    return [change for change in street.changes if isinstance(change, Raised)]


@INTERVALS
@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_lamp_that_answers_dark_has_no_blown_pole_fuse(interval_s, is_restarted):
    street, lamp = with_a_blown_fuse(interval_s=interval_s)
    if is_restarted:
        restarted(street)
    street.factor[lamp] = 0.004
    (word,) = sweeps(street, 1)
    assert not OF_SILENCE & word.evidence.keys()
    assert (word.evidence["power_w"] < 1, word.evidence["level"]) == (True, 100)
    assert word.evidence["voltage_v"] > 200
    assert word.evidence["expected_power_w"] > 80
    assert word.since_us == street.changes[0].since_us
    assert sweeps(street, 40) == []
    assert street.codes() == {"lampFailure": 1}


@INTERVALS
def test_a_lamp_that_answers_alight_has_no_blown_pole_fuse_from_its_first_reading_on(interval_s):
    street, _ = with_a_blown_fuse(interval_s=interval_s)
    (word,) = sweeps(street, 1)
    assert not OF_SILENCE & word.evidence.keys()
    assert word.evidence["power_w"] > 80
    (end,) = sweeps(street, 2)
    assert isinstance(end, Cleared)


def test_a_lamp_that_answers_by_day_has_no_blown_pole_fuse_and_stays_dark_until_it_is_lit():
    street, _ = with_a_blown_fuse(switching="lamp", interval_s=300)
    street.level = 0
    told = street.play(60)
    (word,) = told
    assert not OF_SILENCE & word.evidence.keys()
    assert word.evidence["level"] == 0
    assert street.codes() == {"lampFailure": 1}


def test_a_node_with_its_own_supply_that_reads_no_voltage_leaves_the_pole_fuse_suspected():
    street, lamp = with_a_blown_fuse()
    place = street.fleet_of[lamp]

    def without_voltage(columns):
        row = int(np.flatnonzero(columns["lamp"] == place)[0])
        for name in ("voltage_v", "current_a", "power_w"):
            columns[name][row] = 0.0
        columns["quality"][row] = 0

    street.is_cut |= street.where(0, 7, 7)
    street.quirk = without_voltage
    sweeps(street, 6)
    assert words(street)[-1].evidence["suspected"] == "pole fuse"
    street.quirk = None
    street.is_cut[:] = False
    street.factor[lamp] = 0.004
    (word,) = sweeps(street, 1)
    assert "suspected" not in word.evidence


def test_a_fuse_that_blows_again_is_suspected_again():
    street, lamp = with_a_blown_fuse()
    sweeps(street, 10)
    assert street.codes() == {}
    street.is_cut |= street.where(0, 7, 7)
    sweeps(street, 10)
    assert words(street)[-1].evidence["suspected"] == "pole fuse"
    street.is_cut[:] = False
    street.factor[lamp] = 0.004
    (word,) = sweeps(street, 1)
    assert "suspected" not in word.evidence


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_lamp_that_draws_what_its_register_says_is_no_register_error(kit, is_restarted):
    """Its power is low again before its fault has cleared: then the lamp is wrong, and not the register."""
    town = kit.Town()
    town.factor[5] = 0.6  # from its first lit hour on
    (fault,) = town.play(40)
    assert (fault.key.code, fault.evidence["suspected_register_error"]) == ("lampPowerTooLow", True)
    if is_restarted:
        memory = town.detection.snapshot()
        town.detection = Detection(town.fleet, kit.city_of(dims=town.dims), start_us=town.now_us)
        town.detection.restore(memory)
        town.detection.listen(None)
    town.factor[5] = 1.0
    told = town.play(7)
    town.factor[5] = 0.6
    told += town.play(30)
    (word,) = told
    assert (word.key, word.since_us) == (fault.key, fault.since_us)
    assert "suspected_register_error" not in word.evidence


def test_a_lamp_that_never_fits_stays_a_register_error(kit):
    town = at_night(kit)
    town.factor[5] = 0.0
    town.play(10)
    town.factor[5], town.true_w[5] = 1.0, 150.0
    (fault,) = kit.raised(town.play(40))
    assert fault.evidence["suspected_register_error"] is True
    assert town.play(120) == []


@INTERVALS
def test_that_no_neighbour_answers_is_not_said_any_more_once_one_does(interval_s):
    street = learned(Street((Circuit(2, 90), Circuit(20, 90)), interval_s=interval_s, seed=32))
    street.is_silent |= street.where(0)
    sweeps(street, 10)
    assert street.codes() == {"communicationFailure": 2}
    assert all(fault.evidence["neighbours_answer"] is False for fault in street.standing().values())
    street.is_silent[street.where(0, 1, 1)] = False
    sweeps(street, 2)
    ((key, fault),) = street.standing().items()
    assert key.place.lamp_id == "C0-1-002"
    assert "neighbours_answer" not in fault.evidence
    assert fault.evidence["load"] == "there"
    assert sweeps(street, 20) == []
