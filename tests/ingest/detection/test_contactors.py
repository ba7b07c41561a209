"""``contactorFailure`` where nobody tells of the contact, and samples within the switching guard."""

import numpy as np
import pytest

from ingest.model.finding import Cleared, Raised
from tests.ingest.detection.mixed_street import DAY_US, NIGHT_US, Circuit, Street

INTERVALS = pytest.mark.parametrize("interval_s", [60, 300])


def by_day(interval_s, **traits):
    """A street after a healthy hour of the night and one of the day."""
    circuits = (Circuit(12, 90, has_meter=traits.pop("has_meter", False)), Circuit(12, 90))
    street = Street(circuits, interval_s=interval_s, seed=21, **traits)
    street.play(60 if interval_s == 60 else 150)
    street.level, street.now_us = 0, DAY_US + 86_400_000_000
    street.play(60)
    assert street.changes == []
    return street


@INTERVALS
@pytest.mark.parametrize("has_meter", [True, False])
@pytest.mark.parametrize("has_cabinet_meter", [True, False])
def test_a_contactor_without_a_contact_that_was_stuck_on_is_healthy_when_its_lamps_fall_silent(
    interval_s, has_meter, has_cabinet_meter
):
    street = by_day(interval_s, has_contacts=False, has_meter=has_meter, has_cabinet_meter=has_cabinet_meter)
    street.welded[:] = True
    street.play(40)
    assert street.codes() == {"contactorFailure": 1}
    street.welded[:] = False
    street.play(4 * interval_s / 60)
    assert street.codes() == {}
    assert street.ever() == {"contactorFailure"}


@INTERVALS
@pytest.mark.parametrize("technology", ["LED", "HPS"])
def test_stuck_on_is_seen_where_circuits_alone_are_metered(interval_s, technology):
    circuits = (Circuit(12, 90, metered=0, has_meter=True, technology=technology),) * 2
    street = Street(circuits, interval_s=interval_s, seed=23, has_contacts=False, has_cabinet_meter=False)
    street.play(60 if interval_s == 60 else 150)
    street.level, street.now_us = 0, DAY_US + 86_400_000_000
    street.play(60)
    assert street.changes == []
    street.welded[:] = True
    street.play(40)
    assert street.ever() == {"contactorFailure"}
    street.welded[:] = False
    street.play(4 * interval_s / 60)
    assert street.codes() == {}
    street.play(60)
    assert street.ever() == {"contactorFailure"}


@INTERVALS
def test_lamps_that_are_only_not_heard_do_not_end_it(interval_s):
    street = by_day(interval_s, has_contacts=False)
    street.welded[:] = True
    street.play(40)
    street.bus_down = {(0, "A")}
    street.play(40)
    assert "contactorFailure" in street.codes()


@INTERVALS
def test_samples_within_the_switching_guard_do_not_open_it(interval_s):
    street = Street((Circuit(12, 90), Circuit(12, 90)), interval_s=interval_s, seed=22, start_us=NIGHT_US)
    street.level, street.now_us = 0, DAY_US
    street.play(40)

    def stays_open(columns):
        columns["is_contactor_closed"][:] = 0

    street.quirk, street.is_cut[:] = stays_open, True
    street.level, switched_us = 100, street.now_us + interval_s * 1_000_000
    street.play(40)
    (opened,) = [c for c in street.changes if isinstance(c, Raised) and c.key.code == "contactorFailure"]
    samples = np.arange(switched_us, opened.at_us + 1, interval_s * 1_000_000)
    outside = samples[samples - switched_us >= 600_000_000]
    assert len(outside) >= 3
    assert opened.at_us - switched_us == max(900, 600 + 2 * interval_s) * 1_000_000
    assert not any(isinstance(change, Cleared) for change in street.changes)


@INTERVALS
@pytest.mark.parametrize("has_contacts", [True, False])
def test_a_contactor_that_stays_closed_when_all_lamps_are_told_to_be_off_by_night_is_one_fault(
    interval_s, has_contacts
):
    street = Street((Circuit(6, 90), Circuit(6, 90)), interval_s=interval_s, seed=25, has_contacts=has_contacts)
    street.play(60 if interval_s == 60 else 150)
    street.level = 0
    street.welded[:] = True
    street.play(50)
    assert street.codes() == {"contactorFailure": 1}
    assert street.ever() == {"contactorFailure"}
    street.welded[:] = False
    street.play(4 * interval_s / 60)
    assert street.codes() == {}
    street.level = 100
    street.play(60)
    assert street.ever() == {"contactorFailure"}


@INTERVALS
def test_one_lamp_that_burns_on_when_all_are_told_to_be_off_by_night_is_the_lamps(interval_s):
    circuits = (Circuit(6, 90), Circuit(6, 90))
    street = Street(circuits, interval_s=interval_s, seed=26, switching="lamp", has_idle_contact=True)
    street.play(60 if interval_s == 60 else 150)
    street.level = 0
    street.is_forced_on[3] = True
    street.play(60)
    assert street.codes() == {"lampUnexpectedOn": 1}
