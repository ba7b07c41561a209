"""Windows of maintenance: what a crew works on raises nothing, and hides nothing that others share."""

import numpy as np
import pytest


def lit(kit, **kwargs):
    town = kit.Town(**kwargs)
    assert town.play(40) == []
    return town


def work_on(town, kit, *, circuit=None, lamp=None, minutes=90):
    town.detection.set_maintenance([("C-0", circuit, lamp, 0, town.now_us + minutes * kit.MINUTE_US)])


def codes(kit, changes):
    return sorted(fault.key.code for fault in kit.raised(changes))


@pytest.mark.parametrize("lamp", ["L-0000", "L-0005"])
def test_one_lamp_under_maintenance_hides_no_breaker(kit, lamp):
    town = lit(kit, n_circuits=2)
    work_on(town, kit, circuit="1", lamp=lamp)
    town.is_powered[: town.n_poles] = False
    town.factor[: town.n_poles] = 0.0
    assert codes(kit, town.play(20)) == ["circuitFailure"]


def test_one_lamp_under_maintenance_hides_no_cable_and_no_bus(kit):
    town = lit(kit, n_circuits=2)
    work_on(town, kit, circuit="1", lamp=f"L-{town.n_poles - 1:04d}")
    tail = slice(town.n_poles - 6, town.n_poles)
    town.is_powered[tail] = False
    town.factor[tail] = 0.0
    assert codes(kit, town.play(20)) == ["cableFailure"]
    town.is_powered[tail], town.factor[tail] = True, 1.0
    town.play(30)
    town.is_bus_up[0, 0] = False
    assert "busFailure" in codes(kit, town.play(20))


def test_a_lone_lamp_or_two_beside_it_are_not_told_as_a_group(kit):
    town = lit(kit, n_circuits=2)
    work_on(town, kit, circuit="1", lamp="L-0005")
    town.is_silent[5] = True
    assert town.play(40) == []


def test_a_circuit_under_maintenance_is_told_neither_as_dark_nor_as_open(kit):
    town = lit(kit, n_circuits=2)
    work_on(town, kit, circuit="1")
    town.is_powered[: town.n_poles] = False
    town.factor[: town.n_poles] = 0.0
    assert town.play(60) == []


@pytest.mark.parametrize(
    ("place", "n_dark", "told"), [("lamp", 1, 0), ("lamp", 4, 1), ("circuit", 15, 0), (None, 15, 0)]
)
def test_a_sum_tells_what_is_missing_beside_the_lamps_under_maintenance(kit, place, n_dark, told):
    town = lit(kit, lamp_meters=False, n_poles=15, n_circuits=2, circuit_meters=False, is_dimmable=False)
    town.play(60)
    circuit, lamp = {"lamp": ("1", "L-0007"), "circuit": ("1", None), None: (None, None)}[place]
    work_on(town, kit, circuit=circuit, lamp=lamp)
    first = 7 if n_dark == 1 else 0
    town.factor[first : first + n_dark] = 0.0
    changes = town.play(60)
    assert codes(kit, changes) == ["circuitPowerTooLow"] * told


def test_a_silent_circuit_meter_is_told_beside_one_lamp_under_maintenance(kit):
    town = lit(kit, lamp_meters=False, n_poles=15, n_circuits=2, circuit_meters=True, cabinet_meter=True)
    town.play(60)
    work_on(town, kit, circuit="1", lamp="L-0000")

    def without_first(columns):
        for name in ("circuit_power_w", "circuit_voltage_v", "circuit_current_a"):
            if name in columns and len(columns[name]):
                columns[name][::2] = np.nan

    town.quirk = without_first
    town.factor[:15] = 0.0
    town.is_powered[:15] = False
    assert "circuitFailure" in codes(kit, town.play(30))


def test_the_voltage_of_a_circuit_under_maintenance_is_not_told(kit):
    town = lit(kit, n_circuits=2)
    work_on(town, kit, circuit="1")

    def low(columns):
        columns["voltage_v"][: town.n_poles] = 190.0

    town.quirk = low
    assert codes(kit, town.play(30)) == []
    town.detection.set_maintenance([])
    assert codes(kit, town.play(30)) == ["supplyVoltageTooLow"]
