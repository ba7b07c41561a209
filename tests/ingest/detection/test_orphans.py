"""Faults that the book holds and detection does not know: they end when the place proves well, and not before."""

from ingest.model.finding import Cleared, Key, Place


def orphan(town, lamp=3):
    return Key("lampFailure", Place(lamp_id=town.fleet.lamp_ids[lamp]))


def test_a_fault_that_nobody_remembers_is_cleared_once_its_lamp_proved_well(kit):
    town = kit.Town(n_cabinets=2, n_circuits=2)
    key = orphan(town)
    town.detection.adopt([key])
    early = town.play(25)
    assert key not in [change.key for change in early]
    late = town.play(30)
    assert [change.key for change in late if isinstance(change, Cleared)] == [key]
    assert town.play(30) == []


def test_a_fault_that_is_there_is_found_again_and_stays(kit):
    town = kit.Town(n_cabinets=2, n_circuits=2)
    town.factor[3] = 0.0
    key = orphan(town)
    town.detection.adopt([key])
    changes = town.play(90)
    assert kit.open_codes(changes) == {"lampFailure": 1}
    assert not [change for change in changes if isinstance(change, Cleared)]


def test_a_reopened_fault_of_a_healthy_lamp_ends_again(kit):
    town = kit.Town(n_cabinets=2, n_circuits=2)
    town.play(5)
    town.detection.mark_repaired(orphan(town))
    assert [change.key for change in town.play(60) if isinstance(change, Cleared)] == [orphan(town)]


def test_a_silent_lamp_proves_nothing(kit):
    town = kit.Town(n_cabinets=2, n_circuits=2)
    key = orphan(town)
    town.is_silent[3] = True
    town.detection.adopt([key])
    assert key not in [change.key for change in town.play(60) if isinstance(change, Cleared)]
