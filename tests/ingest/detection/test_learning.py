"""What is learned of a lamp, and what makes detection learn it anew."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from tests.ingest.detection.random_nights import Night

MOST_SWEEPS = 260


def inconsistencies(detection):
    """What the flags of lamps say that the counters and the learned powers do not."""
    state, rules = detection._state, detection._rules
    lamps = np.arange(len(state.flags))
    found = []
    is_learning = (state.flags & state.bits.learning) != 0
    if (np.isnan(state.own_w) != is_learning).any():
        found.append("learning")
    for rule, debounce in enumerate(rules.debounce):
        if (state.is_open(rule, lamps) != debounce.is_open).any():
            found.append(f"open {rules.rules[rule].name}")
        if (state.is_running(rule, lamps) != (debounce.is_open | (debounce.count != 0))).any():
            found.append(f"running {rules.rules[rule].name}")
    return found


@pytest.mark.parametrize("seed", range(901, 905))
def test_flags_always_say_what_counters_and_learned_powers_say(seed):
    night = Night(seed)
    town = night.town
    detection = Detection(town.fleet, city_of(town.limits, town.dims), start_us=town.now_us)
    told = []
    for sweep in range(MOST_SWEEPS):
        batch, now_us = night.step()
        for mark in night.marks:
            raised = [change.key for change in told if not hasattr(change, "is_proof")]
            if mark == 0 and raised:
                detection.mark_repaired(raised[-1])
        night.marks.clear()
        with np.errstate(all="ignore"):
            told += detection.judge(batch, now_us)
        assert inconsistencies(detection) == [], f"sweep {sweep}"


def lamp_replaced_after_failure(kit, **kwargs):
    """A town whose lamp 3 failed, and was replaced by a healthy one without a claim of repair."""
    town = kit.Town(dims=(), **kwargs)
    town.play(30)
    town.factor[3] = 0.0
    assert kit.open_codes(town.play(10)) == {"lampFailure": 1}
    town.factor[3] = 1.0
    (cleared,) = town.play(10)
    assert cleared.key.code == "lampFailure"
    return town


def test_a_replaced_lamp_is_learned_and_its_weakness_is_no_register_error(kit):
    town = lamp_replaced_after_failure(kit)
    town.play(30)
    assert town.detection._state.has_fitted[3]
    town.factor[3] = 0.6
    (fault,) = town.play(30)
    assert fault.key.code == "lampPowerTooLow"
    assert "suspected_register_error" not in fault.evidence


def test_a_replaced_lamp_gets_a_baseline_of_its_own(kit):
    town = kit.Town(dims=())
    town.play(30)
    baseline = town.detection._baseline
    baseline.n_nights[:] = len(baseline.night_w)  # learned long ago
    baseline.night_w[:] = town.detection._state.baseline_w[:] = 100.0
    town.factor[3] = 0.0
    town.play(10)
    town.factor[3] = 1.0
    town.play(10)
    assert baseline.n_nights[3] == 0
    assert np.isnan(baseline.night_w[:, 3]).all()
    assert np.isnan(town.detection._state.baseline_w[3])
    assert np.isfinite(town.detection._state.baseline_w[4])


@pytest.mark.parametrize(("volts", "level"), [(80.0, 100), (195.0, 100), (320.0, 100), (80.0, 50)])
def test_nothing_is_learned_from_lamps_at_a_voltage_out_of_limits(kit, volts, level):
    """Drivers go out, or draw less, where a neutral is broken: no power rule judges that, and nobody may learn it."""
    town = kit.Town(n_poles=3, dims=(), interval_s=300)
    town.play(60)
    town.level = level
    town.play(120)
    state, baseline = town.detection._state, town.detection._baseline
    before = [array.copy() for array in (state.own_w, state.curves.n_samples, baseline.n_samples)]
    town.voltage, town.factor[:] = volts, 0.8
    town.play(180)
    for learned, array in zip((state.own_w, state.curves.n_samples, baseline.n_samples), before, strict=True):
        np.testing.assert_array_equal(learned, array)


def test_a_lamp_that_was_out_at_a_low_voltage_on_its_first_night_is_no_brighter_afterwards(kit):
    town = kit.Town(n_poles=3, dims=(), interval_s=300, limits={"baseline_nights": 1})
    town.play(100)
    town.voltage, town.factor[3] = 80.0, 0.0
    town.play(300)
    town.voltage, town.factor[3] = 225.0, 1.0
    town.now_us += 18 * 60 * kit.MINUTE_US
    town.play(60)
    assert kit.open_codes(town.changes) == {}
    assert town.detection._state.baseline_w[3] == pytest.approx(100.0, rel=0.03)
