"""Agents that tell level 255 of every lamp that does not answer: of a cabinet that is switched off they tell none."""

import numpy as np
import pytest

from ingest.lighting.sun_height import elevation
from ingest.model.finding import Raised
from tests.ingest.detection.mixed_street import NIGHT_US, Circuit, Street

MINUTE_US = 60_000_000


def switched_off_us():
    """Ten minutes before the sunrise that follows ``NIGHT_US``, as city.toml says."""
    times_s = NIGHT_US // 1_000_000 + np.arange(12 * 60) * 60
    heights = elevation(times_s, np.full(720, -6.2), np.full(720, 106.8))
    return int(times_s[np.flatnonzero(heights > -0.833)[0]]) * 1_000_000 - 10 * MINUTE_US


def at_dawn(early_minutes, **traits):
    circuits = (Circuit(12, 170, technology="HPS"), Circuit(12, 90))
    street = Street(circuits, lost_level=255, seed=31, start_us=switched_off_us() - 60 * MINUTE_US, **traits)
    street.play(60 - early_minutes)
    assert street.changes == []
    return street


@pytest.mark.parametrize("interval_s", [60, 300])
@pytest.mark.parametrize(
    ("early_minutes", "has_contacts"),
    [(-7, True), (-2, True), (0, True), (2, True), (7, True), (-7, False), (-2, False), (0, False), (2, False)],
)
def test_a_contactor_that_opens_at_dawn_is_not_stuck(early_minutes, interval_s, has_contacts):
    """Its controller's clock, or its place, may be minutes off the server's."""
    street = at_dawn(early_minutes, interval_s=interval_s, has_contacts=has_contacts)
    street.level = 0
    street.play(120)
    assert street.changes == []


def test_a_contactor_that_opens_an_hour_before_dawn_is_stuck_until_dawn():
    street = at_dawn(55)
    street.level = 0
    street.play(30)
    assert street.ever() == {"contactorFailure"}


def test_a_contactor_that_stays_closed_is_stuck():
    street = at_dawn(0)
    street.level, street.welded[:] = 0, True
    street.play(40)
    (opened,) = [change for change in street.changes if isinstance(change, Raised)]
    assert opened.key.code == "contactorFailure"
    assert opened.evidence["kind"] == "stuck_on"
