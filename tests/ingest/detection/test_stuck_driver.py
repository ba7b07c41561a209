"""A driver that does not follow its level draws the same power at two of them; a partly dead string scales."""

import numpy as np
import pytest

CURVE = {0: 0.0, 50: 0.5025, 70: 0.705, 80: 0.805, 85: 0.855, 100: 1.0}  # of this street's own drivers


class Street:
    """A town whose drivers have a curve of their own, of which some keep a level."""

    def __init__(self, kit, **kwargs):
        self.kit, self.town = kit, kit.Town(n_poles=6, **kwargs)
        self.stuck = {}
        self.health = np.ones(self.town.n)
        self.town.quirk = self._draw

    def _draw(self, columns):
        town = self.town
        at = {lamp: i for i, lamp in enumerate(columns["lamp"].tolist())}
        for row, lamp_id in enumerate(town.ids):
            level = self.stuck.get(row, town.level)
            i = at[town.fleet.lamp_index[lamp_id]]
            power = town.true_w[row] * CURVE[level] * self.health[row] * (1 + 0.003 * town.rng.standard_normal())
            columns["power_w"][i] = np.round(power, 1)
            columns["current_a"][i] = power / 0.95 / 225

    def play(self, level, minutes=40):
        self.town.level = level
        return self.town.play(minutes)

    def standing(self):
        return self.kit.open_codes(self.town.changes)


def faults(changes, code):
    return [change for change in changes if change.key.code == code and hasattr(change, "evidence")]


@pytest.mark.parametrize("levels", [(70, 50, 100), (50, 100), (70, 100)])
def test_stuck_at_half_from_full_light_on_is_told_at_the_step_that_proves_it(kit, levels):
    street = Street(kit)
    street.play(100)
    street.stuck[3] = 50
    (suspected,) = street.play(100)
    assert suspected.key.code == "lampPowerTooLow"
    assert suspected.evidence["suspected"] == "dimming"
    assert "suspected_register_error" not in suspected.evidence
    told = [street.play(level) for level in levels]
    assert street.standing() == {"dimmingFailure": 1}
    if levels[0] == 70:
        (opened,) = faults(told[0], "dimmingFailure")
        assert opened.lamp_ids == ("L-0003",)
        (explained,) = [c for c in faults(told[0], "lampPowerTooLow") if c.cause is not None]
        assert explained.cause.code == "dimmingFailure"
    del street.stuck[3]
    street.play(100)
    street.play(70)
    assert street.standing() == {}


def test_it_stays_open_at_the_level_it_is_stuck_at(kit):
    street = Street(kit)
    street.play(100)
    street.stuck[3] = 50
    for level in (100, 70, 50, 50, 50):
        street.play(level)
    assert street.standing() == {"dimmingFailure": 1}


@pytest.mark.parametrize("stuck", [50, 70])
def test_stuck_at_the_step_up(kit, stuck):
    street = Street(kit)
    street.play(100)
    street.play(stuck)
    street.stuck[3] = stuck
    changes = street.play(100)
    assert kit.open_codes(changes) == {"dimmingFailure": 1}


def test_stuck_at_full_light(kit):
    street = Street(kit)
    street.play(100)
    street.stuck[3] = 100
    changes = street.play(70)
    assert kit.open_codes(changes) == {"dimmingFailure": 1}
    street.play(50)
    assert street.standing() == {"dimmingFailure": 1}


@pytest.mark.parametrize(("level", "told"), [(80, {"dimmingFailure": 1}), (85, {})])
def test_a_step_down_above_the_dimming_level_proves_nothing(kit, level, told):
    street = Street(kit)
    street.play(100)
    street.stuck[3] = 100
    street.play(level)
    assert street.standing() == told


def test_stuck_just_below_full_light_is_told_at_the_step_up(kit):
    street = Street(kit)
    street.play(100)
    street.play(85)
    street.stuck[3] = 85
    street.play(100)
    assert street.standing() == {"dimmingFailure": 1}


def test_stuck_from_its_first_hour_is_proved_by_the_step_although_the_register_might_have_been_wrong(kit):
    street = Street(kit)
    street.stuck[3] = 50
    (suspected,) = street.play(100)
    assert (suspected.key.code, suspected.evidence["suspected"]) == ("lampPowerTooLow", "dimming")
    assert suspected.evidence["suspected_register_error"] is True
    street.play(70)
    assert street.standing() == {"dimmingFailure": 1}


@pytest.mark.parametrize("share", [0.34, 0.42, 0.5, 0.52, 0.6, 0.7])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_partly_dead_string_is_never_told_as_stuck(kit, share, is_new):
    street = Street(kit)
    if not is_new:
        street.play(100)
    street.health[3] = share
    for level in (100, 70, 50, 100):
        street.play(level)
    assert street.standing() == {"lampPowerTooLow": 1}
    assert faults(street.town.changes, "dimmingFailure") == []


@pytest.mark.parametrize("share", [0.475, 0.485, 0.52, 0.53])
@pytest.mark.parametrize("hours_off", [0, 10])
def test_a_lamp_replaced_by_one_of_about_half_the_power_is_not_told_as_stuck_at_half(kit, share, hours_off):
    street = Street(kit)
    street.play(100)
    street.play(50)
    if hours_off:
        street.stuck = dict.fromkeys(range(street.town.n), 0)
        street.play(0, 60 * hours_off)
        street.stuck = {}
    street.health[3] = share
    street.play(100)
    assert street.standing() == {"lampPowerTooLow": 1}
    street.play(50)
    assert street.standing() == {"lampPowerTooLow": 1}
    assert faults(street.town.changes, "dimmingFailure") == []


@pytest.mark.parametrize("factor", [1.55, 1.7, 1.84, 1.95])
def test_a_shorted_ballast_at_a_low_level_is_not_stuck_at_full_light(kit, factor):
    street = Street(kit)
    for level in (100, 70, 50):
        street.play(level)
    street.health[3] = factor
    street.play(50)
    street.play(100)
    assert street.standing() == {"lampPowerTooHigh": 1}
    assert faults(street.town.changes, "dimmingFailure") == []


def test_steps_there_and_back_within_the_guard_prove_nothing(kit):
    street = Street(kit)
    street.play(100)
    street.town.level = 70
    street.town.actual_level = None
    street.stuck = dict.fromkeys(range(street.town.n), 100)  # the sweep's first sample is from before the step
    street.town.play(1)
    street.stuck = {}
    street.play(100, 40)
    street.play(70, 40)
    assert street.town.changes == []


def test_healthy_drivers_say_nothing_at_any_level(kit):
    street = Street(kit, noise=0.01)
    street.town.true_w = street.town.rng.uniform(88, 112, street.town.n)
    for level in (100, 70, 50, 100, 50, 70, 100):
        street.play(level)
    assert street.town.changes == []


def test_stuck_at_full_light_at_a_low_level_is_told_at_the_step_up(kit):
    street = Street(kit)
    for level in (100, 70, 50):
        street.play(level)
    street.stuck[3] = 100  # not what it drew before the last step
    (suspected,) = street.play(50)
    assert (suspected.key.code, suspected.evidence["suspected"]) == ("lampPowerTooHigh", "dimming")
    told = street.play(100)
    (opened,) = faults(told, "dimmingFailure")
    assert opened.lamp_ids == ("L-0003",)
    assert street.standing() == {"dimmingFailure": 1}
    del street.stuck[3]
    street.play(70)
    assert street.standing() == {}


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_a_string_that_has_followed_a_step_is_suspected_of_dimming_no_more(kit, share):
    street = Street(kit)
    street.play(100)
    street.health[3] = share
    (suspected,) = street.play(100)
    assert suspected.evidence["suspected"] == "dimming"
    told = street.play(50)
    (cleared,) = faults(told, "lampPowerTooLow")
    assert "suspected" not in cleared.evidence
    assert cleared.since_us == suspected.since_us
    for level in (100, 70, 100):
        assert street.play(level) == []
    assert street.standing() == {"lampPowerTooLow": 1}


def test_a_lamp_mended_at_a_level_that_its_power_before_the_step_fits_is_not_stuck(kit):
    street = Street(kit)
    street.play(100)
    street.health[3] = 0.5
    street.play(100)
    street.play(50)
    street.health[3] = 1.0
    changes = street.play(50)
    assert faults(changes, "dimmingFailure") == []
    assert street.standing() == {}


def test_a_string_that_seemed_stuck_is_so_no_more_once_it_scales_with_a_step(kit):
    street = Street(kit)
    street.play(100)
    street.play(50)
    street.health[3] = CURVE[50]  # as it is switched up, half of it fails
    street.play(100)
    assert street.standing() == {"dimmingFailure": 1}
    street.play(70)
    assert street.standing() == {"lampPowerTooLow": 1}
    street.play(100)
    assert street.standing() == {"lampPowerTooLow": 1}
