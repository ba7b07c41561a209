"""Lamps that switch themselves burn by day when it is dark: for four hours under a high sun nothing is told of them."""

import pytest

from tests.ingest.detection.mixed_street import DAY_US, Circuit, Street

HOUR_US = 3_600_000_000
METERED = pytest.mark.parametrize(("metered", "code"), [(1.0, "lampUnexpectedOn"), (0, "unmeteredLoad")])


def by_day(hour, *, switching="lamp", n=8, n_cabinets=1, metered=0.0, has_meter=False, **traits):
    """A street whose lamps were switched off as they should be; ``hour`` after DAY_US, which is 09:00."""
    circuits = (Circuit(n, 170, technology="HPS", metered=metered, has_meter=has_meter),)
    street = Street(
        circuits, n_cabinets, switching=switching, has_contacts=False, start_us=DAY_US + int(hour * HOUR_US),
        interval_s=300, seed=51, **traits,
    )  # fmt: skip
    street.tells_level, street.level = False, 0
    street.play(30)
    assert street.changes == []
    return street


@METERED
@pytest.mark.parametrize(("n_cabinets", "minutes", "is_told"), [(8, 300, False), (1, 220, False), (1, 280, True)])
def test_burning_in_a_dark_afternoon_is_told_after_four_hours(metered, code, n_cabinets, minutes, is_told):
    street = by_day(1.0, n_cabinets=n_cabinets, metered=metered)
    street.is_forced_on[:] = True
    street.play(minutes)
    assert street.ever() == ({code} if is_told else set())


@METERED
def test_a_thunderstorm_after_a_long_noon_is_no_fault(metered, code):
    street = by_day(5.0, n_cabinets=6, metered=metered)
    for cabinet in range(6):
        street.is_forced_on[street.cabinet >= cabinet] = True
        street.is_forced_on[street.cabinet < cabinet] = False
        street.play(25)
    street.is_forced_on[:] = False
    street.play(60)
    assert street.ever() == set()


@pytest.mark.parametrize("has_meter", [True, False])
def test_lamps_that_burn_for_an_hour_after_sunrise_are_no_load_of_others(has_meter):
    """The schedule switches off at 05:16; heavy clouds keep the lamps lit until seven."""
    street = by_day(-4.5, has_meter=has_meter)
    street.is_forced_on[:] = True
    street.play(120)
    street.is_forced_on[:] = False
    street.play(60)
    assert street.ever() == set()


def test_a_cabinet_of_which_nobody_says_how_it_switches_may_have_photocells():
    street = by_day(1.0, switching="")
    street.welded[:] = True
    street.play(120)
    assert street.ever() == set()
    street.play(160)
    assert street.ever() == {"unmeteredLoad"}


def test_a_lamp_that_is_stuck_since_dawn_is_told_before_noon_though_the_others_burn_in_rain():
    street = by_day(-2.0, metered=1.0)
    street.is_forced_on[street.where(0, 3, 3)] = True
    street.play(210)
    street.is_forced_on[:] = True
    street.play(90)
    assert street.codes() == {"lampUnexpectedOn": 1}


def test_what_photocells_draw_in_standby_is_no_load_of_others():
    street = by_day(0, n=60)
    street.tap_w[:] = 56 / 3
    street.play(480)
    assert street.ever() == set()


def test_a_tap_in_a_cabinet_of_photocells_is_told_by_day():
    street = by_day(0)
    street.tap_w[0, 1] = 400
    street.play(300)
    assert street.codes() == {"unmeteredLoad": 1}


def test_a_tap_behind_a_contactor_is_told_within_the_hour():
    circuits = (Circuit(8, 170, technology="HPS", metered=0),)
    street = Street(circuits, start_us=DAY_US, interval_s=300, seed=52)
    street.level = 0
    street.play(30)
    street.tap_w[0, 1] = 400
    street.play(45)
    assert street.codes() == {"unmeteredLoad": 1}
