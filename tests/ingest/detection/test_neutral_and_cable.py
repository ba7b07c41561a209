"""A neutral that was mended by day, and a cable that is cut before the evening: what one phase alone can tell."""

import numpy as np
import pytest

from tests.ingest.detection.mixed_street import DAY_US, Circuit, Street
from tests.ingest.detection.street_sweeps import INTERVALS

SHIFTED = (258.0, 168.0, 259.0)


def shifting(street, volts):
    """A reader of the first circuit whose phases have other voltages than the cabinet."""

    def quirk(columns):
        for row, lamp in enumerate(columns["lamp"].tolist()):
            at = int(np.flatnonzero(street.fleet_of == lamp)[0])
            v = volts[street.phase[at]]
            if street.circuit[at] == 0 and columns["quality"][row] == 0 and v is not None:
                columns["voltage_v"][row] = v

    return quirk


def with_a_broken_neutral(interval_s, volts=SHIFTED):
    street = Street((Circuit(12, 90), Circuit(12, 90)), interval_s=interval_s, seed=41)
    street.play(40 * interval_s / 60)
    street.quirk = shifting(street, volts)
    street.play(8 * interval_s / 60)
    assert street.codes() == {"neutralFailure": 1}
    ((key, _),) = street.standing().items()
    assert key.place.circuit == "1"
    return street


@INTERVALS
@pytest.mark.parametrize("n_alive", [1, 2, 3])
def test_a_cable_cut_after_the_neutral_was_mended_by_day_is_shown_in_the_evening(interval_s, n_alive):
    """What is left of the circuit burns at its usual voltage: without a neutral it had no return."""
    street = with_a_broken_neutral(interval_s)
    street.level = 0
    street.quirk = None
    street.play(600)
    street.is_cut |= street.where(0, n_alive + 1)
    street.level = 100
    street.play(10 * interval_s / 60 + 15)
    assert street.codes() == {"cableFailure": 1}


@INTERVALS
def test_a_neutral_that_is_still_broken_stays_so_while_one_phase_alone_answers(interval_s):
    street = with_a_broken_neutral(interval_s)
    street.is_cut |= street.where(0, 2)
    street.play(15 * interval_s / 60)
    assert street.codes() == {"neutralFailure": 1}


@INTERVALS
def test_a_phase_that_never_moved_proves_nothing_of_the_neutral(interval_s):
    street = with_a_broken_neutral(interval_s, (228.0, 195.0, 262.0))
    street.is_silent |= street.where(0, phase="ST")
    street.play(15 * interval_s / 60)
    assert street.codes()["neutralFailure"] == 1


def test_by_day_without_any_answer_the_neutral_stays_broken():
    street = with_a_broken_neutral(300)
    street.level = 0
    street.quirk = None
    street.play(600)
    assert street.now_us > DAY_US
    assert street.codes() == {"neutralFailure": 1}
