"""The four faults that a crew must hear of first, and that nothing else is said."""


def test_healthy_night_raises_nothing(kit):
    town = kit.Town(n_cabinets=3)
    town.lost_replies = 0.02
    assert town.play(120) == []


def test_dark_lamp_raises_one_failure_after_three_samples_and_clears_after_repair(kit):
    town = kit.Town()
    town.play(30)
    town.factor[4] = 0.005
    changes = town.play(2)
    assert changes == []
    changes = town.play(3)
    (fault,) = changes
    assert fault.key.code == "lampFailure"
    assert fault.lamp_ids == ("L-0004",)
    assert fault.at_us - fault.since_us == 2 * kit.MINUTE_US
    assert fault.evidence["power_w"] < 2
    assert fault.evidence["expected_power_w"] == 100.0
    assert fault.evidence["samples"] == 3
    town.factor[4] = 1.0
    (clear,) = town.play(20)
    assert (clear.key, clear.is_proof) == (fault.key, True)


def test_one_silent_lamp_is_a_communication_failure_whose_load_is_there(kit):
    town = kit.Town()
    town.play(30)
    town.is_silent[4] = True
    (fault,) = town.play(10)
    assert fault.key.code == "communicationFailure"
    assert fault.evidence["load"] == "there"
    assert "ambiguous" not in fault.evidence
    town.is_silent[4] = False
    (clear,) = town.play(2)
    assert clear.key == fault.key


def test_dead_circuit_is_one_fault_with_all_its_lamps(kit):
    town = kit.Town()
    town.play(30)
    town.is_powered[town.circuit == 1] = False
    changes = town.play(30)
    (fault,) = changes
    assert fault.key.code == "circuitFailure"
    assert (fault.key.place.cabinet_id, fault.key.place.circuit) == ("C-0", "2")
    assert len(fault.lamp_ids) == town.n_poles
    town.is_powered[:] = True
    assert kit.open_codes([*changes, *town.play(10)]) == {}


def test_controller_that_says_nothing_is_offline_until_it_speaks(kit):
    town = kit.Town(n_cabinets=2)
    town.play(30)
    changes = town.play(10, controllers=[1])
    (fault,) = changes
    assert fault.key.code == "controllerOffline"
    assert fault.key.place.controller_id == "PJU-0"
    assert len(fault.lamp_ids) == town.n_circuits * town.n_poles
    (clear,) = town.play(2)
    assert clear.key == fault.key
