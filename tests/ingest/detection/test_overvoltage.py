"""More than 300 V: of one meter its own fault, of several lamps of a circuit the supply's."""

import numpy as np
import pytest


def at_voltage(town, rows, volts):
    def quirk(columns):
        at = np.flatnonzero(np.isin(columns["lamp"], [town.fleet.lamp_index[town.ids[row]] for row in rows]))
        columns["voltage_v"][at] = volts + 0.3 * np.arange(len(at))

    return quirk


@pytest.mark.parametrize("volts", [308.0, 335.0, 395.0])
def test_several_lamps_at_the_voltage_of_a_broken_neutral_have_no_broken_meters(kit, volts):
    town = kit.Town(dims=())
    town.play(30)
    town.quirk = at_voltage(town, (2, 5, 8), volts)
    assert kit.raised(town.play(30), "meterFailure") == []


@pytest.mark.parametrize("rows", [(3,), (3, 14)])
def test_one_lamp_of_a_circuit_has_a_broken_meter(kit, rows):
    town = kit.Town(dims=())
    town.play(30)
    town.quirk = at_voltage(town, rows, 330.0)
    assert len(kit.raised(town.play(10), "meterFailure")) == len(rows)


def test_what_no_grid_brings_about_is_the_meters(kit):
    town = kit.Town(dims=())
    town.play(30)
    town.quirk = at_voltage(town, (2, 5), 900.0)
    assert len(kit.raised(town.play(10), "meterFailure")) == 2
