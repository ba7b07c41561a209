"""Absurd values of circuits' and cabinets' meters: one of them changes nothing, and real faults are told as ever."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import Circuit, Street

UNMETERED = (Circuit(14, 60, metered=0, has_meter=True), Circuit(14, 150, "HPS", metered=0, has_meter=True))
CABINET_ONLY = (Circuit(14, 60, metered=0), Circuit(14, 90, metered=0))
METERED = (Circuit(14, 60), Circuit(14, 150, "HPS", has_meter=True))
LAYOUTS = {"circuits": UNMETERED, "cabinet": CABINET_ONLY, "lamps": METERED}


def spoil(field, value, phase=1):
    """A change of one sweep's columns: one value of the cabinet (of a phase), or of the first circuit."""

    def quirk(columns):
        values = columns[field]
        if values.ndim == 2:
            values[0, phase] = value
        elif len(values):
            values[0] = value

    return quirk


def once(street, quirk, minutes):
    """One spoiled sweep, and so many minutes after it."""
    street.quirk = quirk
    street.play(street.interval_s / 60)
    street.quirk = None
    street.play(minutes)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cabinet_power_w", 1e6),
        ("cabinet_power_w", 9e3),
        ("cabinet_power_w", -500.0),
        ("cabinet_power_w", np.nan),
        ("cabinet_power_w", np.inf),
        ("circuit_power_w", 1e6),
        ("circuit_power_w", -500.0),
        ("cabinet_voltage_v", 5.0),
        ("cabinet_voltage_v", 6553.5),
        ("circuit_voltage_v", 5.0),
    ],
)
def test_one_absurd_value_changes_nothing(layout, field, value):
    street = Street(LAYOUTS[layout], noise=0.003, interval_s=120, seed=3)
    street.play(30)
    for _ in range(2):
        once(street, spoil(field, value), 40)
    assert street.changes == []


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", range(3))
def test_absurd_values_now_and_then_all_night_change_nothing(layout, seed):
    street = Street(LAYOUTS[layout], noise=0.003, interval_s=120, seed=seed)
    rng = np.random.default_rng(seed)
    choices = [
        *(("cabinet_power_w", value) for value in (1e6, -500.0, 0.0, np.nan)),
        *(("cabinet_voltage_v", value) for value in (1000.0, 5.0, 6553.5)),
        *(("circuit_power_w", value) for value in (1e6, 0.0, np.nan)),
    ]

    def quirk(columns):
        if rng.random() < 0.04:
            field, value = choices[rng.integers(len(choices))]
            spoil(field, value, rng.integers(3))(columns)

    street.play(20)
    street.quirk = quirk
    street.play(6 * 60)
    assert street.changes == []


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("has_contacts", [True, False])
def test_a_dead_phase_and_a_dead_supply_are_told_at_once(layout, has_contacts):
    street = Street(LAYOUTS[layout], seed=4, has_contacts=has_contacts)
    street.play(30)
    street.volts[0, 1] = 0
    street.play(1)
    assert street.codes() == {"supplyLoss": 1}
    street.volts[0] = 0
    street.play(1)
    assert "supplyLoss" in street.codes()
    street.volts[:] = 227
    street.play(40)
    assert "supplyLoss" not in street.codes()


def test_a_dead_phase_without_powers_is_told_unless_its_lamps_answer():
    for is_true in (True, False):
        street = Street(METERED, seed=5)
        street.play(30)
        street.quirk = lambda columns: columns["cabinet_power_w"].fill(np.nan)
        street.play(10)
        if is_true:
            street.volts[0, 2] = 0
        else:

            def quirk(columns):
                columns["cabinet_power_w"].fill(np.nan)
                columns["cabinet_voltage_v"][0, 2] = 5.0

            street.quirk = quirk
        street.play(1)
        assert street.codes() == ({"supplyLoss": 1} if is_true else {})


def test_a_tap_is_told_whatever_its_size():
    for tap_w in (700.0, 15_000.0):
        street = Street(METERED, seed=6)
        street.play(30)
        street.tap_w[0, 1] = tap_w
        street.play(34)
        assert street.codes() == {"unmeteredLoad": 1}


def test_a_phase_that_the_cabinet_does_not_have_is_not_born_of_an_absurd_voltage():
    street = Street((Circuit(14, 60, phases="R"), Circuit(14, 90, phases="R")), knows_phase=False, seed=7)
    street.volts[0, 1:] = 0
    street.play(30)
    once(street, spoil("cabinet_voltage_v", 6553.5), 10)
    assert street.changes == []


def test_a_cut_is_named_rightly_while_a_voltage_is_absurd():
    street = Street((Circuit(14, 100), Circuit(14, 100)), seed=8)
    street.play(60)
    street.is_cut[street.where(0, 9)] = True
    street.play(1)
    once(street, spoil("cabinet_voltage_v", 5.0), 4)
    ((key, change),) = street.standing().items()
    assert (key.code, change.span) == ("cableFailure", ("C0-1-008", "C0-1-009"))


@pytest.mark.parametrize("value", [0.0, 1e6, np.nan])
@pytest.mark.parametrize("layout", ["cabinet", "circuits"])
def test_an_absurd_power_at_a_dim_level_says_nothing_of_another_level(layout, value):
    dims = (("21:00", 70), ("22:00", 50), ("23:00", 100))
    street = Street(LAYOUTS[layout], noise=0.003, interval_s=120, seed=9, dims=dims)
    for minutes, level in ((60, 100), (60, 70), (60, 50), (90, 100)):
        street.level = level
        street.play(minutes / 2)
        once(street, spoil("cabinet_power_w", value, phase=0), minutes / 2 - 2)
    assert street.changes == []
