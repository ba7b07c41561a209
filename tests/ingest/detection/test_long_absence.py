"""Counters rise while nobody listens: what schedule and supply explain is no lamp's own doing."""

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection

DAY_US = 86_400_000_000


def evening(kit, **kwargs):
    """A town at 20:00 whose nodes count their switchings on."""
    town = kit.Town(dims=(), n_cabinets=2, **kwargs)
    town.switch_count[:] = 100 + np.arange(town.n)
    town.play(30)
    return town


def restarted(town):
    """Ingest ended and started again with its snapshot."""
    again = Detection(town.fleet, city_of(town.limits, town.dims), start_us=town.now_us)
    assert again.restore(town.detection.snapshot()) == []
    again.listen(None)
    town.detection = again


@pytest.mark.parametrize("is_ingest_down", [False, True])
@pytest.mark.parametrize(("days", "technology"), [(1, "LED"), (2, "HPS"), (3, "LED"), (30, "HPS"), (60, "LED")])
def test_dusks_in_an_absence_are_no_cycling(kit, days, technology, is_ingest_down):
    town = evening(kit, technology=technology)
    town.now_us += days * DAY_US
    town.switch_count[:] += days
    if is_ingest_down:
        restarted(town)
    assert "cyclingFailure" not in {change.key.code for change in kit.raised(town.play(60))}


def test_a_failed_lamp_is_told_after_the_absence_of_all(kit):
    town = evening(kit)
    town.now_us += 3 * DAY_US
    town.switch_count[:] += 3
    town.factor[3] = 0.0
    changes = town.play(40)
    assert kit.open_codes(changes) == {"lampFailure": 1}
    assert kit.raised(changes, "lampFailure")[0].lamp_ids == ("L-0003",)


def test_outages_of_the_supply_in_an_absence_are_no_cycling(kit):
    town = evening(kit)
    town.now_us += 3 * DAY_US
    town.switch_count[:] += 3 + 4
    assert kit.raised(town.play(40), "cyclingFailure") == []


def test_a_lamp_that_cycles_through_an_absence_is_told(kit):
    town = evening(kit)
    town.now_us += 3 * DAY_US
    town.switch_count[:] += 3
    town.switch_count[3] += 30
    (fault,) = kit.raised(town.play(40), "cyclingFailure")
    assert fault.lamp_ids == ("L-0003",)


def test_a_lamp_that_cycles_in_the_evening_is_told_as_soon_as_ever(kit):
    town = evening(kit)
    town.switch_count[3] += 2
    (fault,) = town.play(1)
    assert (fault.key.code, fault.lamp_ids) == ("cyclingFailure", ("L-0003",))


@pytest.mark.parametrize("technology", ["LED", "HPS"])
def test_an_agent_that_comes_back_just_after_dusk_finds_cold_lamps(kit, technology):
    town = evening(kit, technology=technology)
    dusk_s = int(town.detection._context._timetable.since_us[0] // 1_000_000)
    town.now_us = dusk_s * 1_000_000 + DAY_US + 60_000_000
    town.factor[:] = 0.15
    town.play(3)
    town.factor[:] = 0.7
    town.play(5)
    town.factor[:] = 1.0
    town.play(30)
    assert kit.raised(town.changes) == []


@pytest.mark.parametrize("is_ingest_down", [False, True])
def test_a_dim_step_in_an_absence_holds_nothing_up_after_it(kit, is_ingest_down):
    town = kit.Town(n_poles=6)
    town.play(60)  # 21:00
    town.now_us += 90 * kit.MINUTE_US
    town.factor[3], town.level = 0.0, 70  # since 22:00
    if is_ingest_down:
        restarted(town)
    town.play(4)
    assert kit.open_codes(town.changes) == {"lampFailure": 1}


def test_a_step_that_the_schedule_does_not_explain_is_waited_for(kit):
    town = kit.Town(n_poles=6)
    town.play(60)
    town.now_us += 90 * kit.MINUTE_US
    town.factor[3], town.level = 0.0, 50  # by command: nobody knows since when
    town.play(9)
    assert town.changes == []
    town.play(5)
    assert kit.open_codes(town.changes) == {"lampFailure": 1}
