"""A restart forgets nothing: with a snapshot in between, the same changes come as without."""

import io

import numpy as np
import pytest

from ingest.detection.engine import Detection
from ingest.errors import SnapshotError
from ingest.model.batch import SessionEvent
from ingest.schema.live import COLUMNS, DUE_LIT, DUE_OFF, STATE_DARK, STATE_LIT, STATE_UNKNOWN


def through_a_file(memory):
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **memory)
    file.seek(0)
    return dict(np.load(file, allow_pickle=False))


def eventful(kit, restart_at):
    town = kit.Town(n_cabinets=3, n_circuits=3)
    town.lost_replies = 0.02
    told = []
    for minute in range(90):
        if minute == 31:
            town.factor[[3, 40]] = 0.0
        elif minute == 33:
            town.is_powered[town.circuit == 4] = False
            town.is_silent[70] = True
        elif minute == 36:
            town.factor[10] = 0.6
        elif minute == 60:
            town.factor[:], town.is_powered[:], town.is_silent[:] = 1.0, True, False
        if minute in restart_at:
            memory = through_a_file(town.detection.snapshot())
            town.detection = Detection(town.fleet, kit.city_of(dims=town.dims), start_us=town.now_us)
            assert town.detection.restore(memory) == []
        told += town.play(1)
    return told


def test_restart_at_any_minute_changes_nothing(kit):
    plain = eventful(kit, ())
    assert {c.key.code for c in plain} >= {"lampFailure", "circuitFailure", "communicationFailure", "lampPowerTooLow"}
    assert eventful(kit, (5, 32, 34, 35, 38, 41, 46, 61, 70)) == plain


def test_a_memory_taken_over_in_the_middle_of_a_quiet_night_is_judged_on(kit):
    """What a supply fault needs to end is looked for again, though nothing was going on before."""
    sagging, quiet = kit.Town(), kit.Town()
    sagging.play(30)
    sagging.voltage = 199.0
    assert kit.open_codes(sagging.play(20)) == {"supplyVoltageTooLow": 1}
    quiet.play(50)
    assert quiet.detection.restore(through_a_file(sagging.detection.snapshot())) == []
    assert [change.key.code for change in kit.cleared(quiet.play(25))] == ["supplyVoltageTooLow"]


def test_lamp_that_left_the_register_is_no_longer_judged(kit):
    town = kit.Town()
    town.play(30)
    town.factor[[3, 4]] = 0.0
    town.play(5)
    smaller = kit.Town(n_poles=9)  # L-0003 is there, the last lamps are not
    gone = [c.key.place.lamp_id for c in town.detection.replace_fleet(smaller.fleet)]
    assert gone == []
    town.factor[19] = 0.0
    other = kit.Town(n_poles=2)
    changes = town.detection.replace_fleet(other.fleet)
    assert [(c.key.place.lamp_id, c.is_proof) for c in changes] == [("L-0004", False)]


def test_lamp_with_another_rating_starts_its_learning_anew(kit):
    town = kit.Town()
    town.play(30)
    other = kit.Town(rated_w=50.0)
    town.detection.replace_fleet(other.fleet)
    changes = town.play(30)
    assert kit.open_codes(changes) == {"lampPowerTooHigh": town.n}
    assert all(c.evidence["suspected_register_error"] for c in changes)


def test_memory_of_another_version_is_refused_in_words(kit):
    town = kit.Town()
    with pytest.raises(SnapshotError, match="version"):
        town.detection.restore({"version": np.array(0)})


def test_live_picture_has_every_column_in_register_order(kit):
    town = kit.Town()
    town.play(30)
    town.factor[3], town.is_silent[4] = 0.0, True
    town.play(10)
    picture = town.detection.live_picture()
    assert {name: values.dtype.str for name, values in picture.items()} == {
        k: np.dtype(v).str for k, v in COLUMNS.items()
    }
    assert picture["state"][[2, 3, 4]].tolist() == [STATE_LIT, STATE_DARK, STATE_UNKNOWN]
    assert np.isnan(picture["power_w"][4])
    assert (picture["at_us"] == town.now_us).all()


def test_agent_that_lists_its_lamps_in_another_order_is_judged_the_same(kit):
    plain, mixed = kit.Town(n_cabinets=2), kit.Town(n_cabinets=2)
    order = np.random.default_rng(5).permutation(plain.n_circuits * plain.n_poles)
    order = np.concatenate([order, order + len(order)])
    measured = ["voltage_v", "current_a", "power_w", "power_factor", "temperature_c"]
    names = ["lamp", *measured, "energy_wh", "burning_hours", "switch_count", "level", "status", "quality"]
    mixed.quirk = lambda columns: columns.update({name: columns[name][order] for name in names})
    told = []
    for town in (plain, mixed):
        town.play(30)
        town.factor[5] = 0.0
        town.is_powered[town.circuit == 1] = False
        told.append(town.play(15))
    assert told[0] == told[1]
    assert len(told[0]) == 2


def test_hours_in_which_nobody_listened_make_nobody_offline(kit):
    town = kit.Town(n_cabinets=2)
    town.play(30)
    memory = through_a_file(town.detection.snapshot())
    town.now_us += 180 * kit.MINUTE_US
    town.detection = Detection(town.fleet, kit.city_of(dims=town.dims), start_us=town.now_us)
    town.detection.restore(memory)
    town.detection.listen(town.now_us)
    assert town.detection.tick(town.now_us) == []
    assert town.play(4, controllers=[1]) == []
    (fault,) = kit.raised(town.play(4, controllers=[1]))
    assert (fault.key.code, fault.key.place.controller_id) == ("controllerOffline", town.fleet.controller_ids[0])


def test_a_death_that_was_heard_is_told_soon_after_a_restart(kit):
    town = kit.Town(n_cabinets=2)
    town.play(30)
    at = town.now_us
    town.detection.session(SessionEvent(0, is_birth=False, at_us=at), at)
    town.play(2, controllers=[1])
    memory = through_a_file(town.detection.snapshot())
    town.now_us += 30 * kit.MINUTE_US
    town.detection = Detection(town.fleet, kit.city_of(dims=town.dims), start_us=town.now_us)
    town.detection.restore(memory)
    town.detection.listen(town.now_us)
    assert town.detection.tick(town.now_us) == []
    (fault,) = kit.raised(town.play(2, controllers=[1]))
    assert (fault.key.code, fault.since_us) == ("controllerOffline", at)


def test_in_data_time_listening_begins_with_the_first_record(kit):
    town = kit.Town(n_cabinets=2)
    town.play(30)
    memory = through_a_file(town.detection.snapshot())
    before_us = town.now_us
    town.now_us += 10 * kit.MINUTE_US
    town.detection = Detection(town.fleet, kit.city_of(dims=town.dims), start_us=before_us)
    town.detection.restore(memory)
    town.detection.listen(None)
    assert town.detection.tick(before_us) == []
    assert town.play(1, controllers=[0]) == []  # it moves data time on; the other one speaks next
    assert town.play(3) == []


def test_live_picture_says_which_lamps_should_be_lit(kit):
    town = kit.Town()
    assert set(town.detection.live_picture()["due"].tolist()) == {DUE_LIT}  # by the schedule: nothing was heard yet
    town.play(5)
    assert set(town.detection.live_picture()["due"].tolist()) == {DUE_LIT}
    by_day = kit.Town()
    by_day.now_us += 10 * 3600 * 1_000_000
    by_day.level = 0
    by_day.play(5)
    assert set(by_day.detection.live_picture()["due"].tolist()) == {DUE_OFF}


def test_temperatures_that_a_memory_lacks_are_noticed_after_it_was_taken_over(kit):
    """The screen counts who never told one; it must count again when the memory is another's."""
    cold, warm = kit.Town(), kit.Town()
    cold.temperature[:] = np.nan
    cold.play(5)
    warm.play(10)
    has_temperature = warm.detection._state.has_temperature
    assert has_temperature.all()
    memory = through_a_file(cold.detection.snapshot())
    assert warm.detection.restore(memory) == []
    assert not has_temperature.any()
    warm.play(20)
    assert has_temperature.all()


def test_lost_replies_are_counted_from_the_first_whatever_a_memory_says_of_a_lamp_that_answers(kit):
    town = kit.Town()
    town.play(10)
    town.detection._state.silent_sweeps[:] = 9
    assert town.detection.restore(through_a_file(town.detection.snapshot())) == []
    lamp = np.array([3])
    town.is_silent[lamp] = True
    for n_lost in (1, 2, 3):
        town.play(1)
        assert town.detection._state.sweeps_silent(lamp).tolist() == [n_lost]
