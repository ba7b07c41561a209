"""A level that a controller's lamps all told before needs no look; any other word of any lamp is noticed at once."""

from dataclasses import fields, replace

import numpy as np
import pytest

from ingest.detection.screen.screen import Screen
from ingest.model.batch import first_lamps


def levels_of(town):
    """What each lamp told last. Its power would betray most that went unnoticed, a sweep later."""
    return town.detection._state.level_raw


@pytest.mark.parametrize("other", [50, 100])
def test_one_lamp_that_leaves_the_others_level_is_noticed_and_so_is_its_return(kit, other):
    town = kit.Town(n_cabinets=3, dims=())
    town.level = 70
    town.play(20)
    lamp = town.fleet.lamp_index[town.ids[25]]

    def one_apart(columns):
        columns["level"][columns["lamp"] == lamp] = other

    for quirk, expected in ((one_apart, other), (None, 70), (one_apart, other), (one_apart, other), (None, 70)):
        town.quirk = quirk
        town.play(1)
        assert levels_of(town)[lamp] == expected
        assert (np.delete(levels_of(town), lamp) == 70).all()


def test_a_lamp_in_another_controllers_record_is_not_taken_for_known_afterwards(kit):
    town = kit.Town(n_cabinets=2, dims=())
    town.play(20)
    foreign = town.fleet.lamp_index[town.ids[30]]

    def lend(columns):
        columns["lamp"][4], columns["level"][4] = foreign, 50

    town.quirk = lend
    town.play(1, controllers=[0])
    assert levels_of(town)[foreign] == 50
    town.quirk = None
    town.play(1, controllers=[1])
    assert levels_of(town)[foreign] == 100


def test_a_memory_that_is_taken_over_is_looked_at(kit):
    dimmed, town = kit.Town(dims=()), kit.Town(dims=())
    dimmed.level = 70
    dimmed.play(20)
    town.play(20)
    assert town.detection.restore(dimmed.detection.snapshot()) == []
    assert (levels_of(town) == 70).all()
    town.play(1)
    assert (levels_of(town) == 100).all()


def test_a_quiet_city_is_not_looked_through_for_levels(kit, monkeypatch):
    town, known = kit.Town(n_cabinets=3, dims=()), []
    look = Screen._pick

    def spy(self, block, state, *, is_forced, is_known):
        known.append(is_known)
        return look(self, block, state, is_forced=is_forced, is_known=is_known)

    monkeypatch.setattr(Screen, "_pick", spy)
    town.play(3)
    town.level = 70
    town.play(2)
    assert known == [False, True, True, False, True]


def test_a_record_without_lamps_leaves_the_others_known(kit):
    """A cabinet without lamp meters stands beside metered ones in most cities."""
    town = kit.Town(n_cabinets=3, dims=())
    screen, sweeps = town.detection._screen, []
    look = screen.known_levels.look

    def spy(sweep):
        sweeps.append(look(sweep))
        return sweeps[-1]

    screen.known_levels.look = spy
    plain = town.sweep

    def with_a_bare_cabinet(controllers=None):
        batch = plain(controllers)
        bare = np.append(batch.lamp_start[:-1], batch.lamp_start[-2])
        n = int(bare[-1])
        lamps = {
            f.name: getattr(batch, f.name)[:n] for f in fields(batch) if len(getattr(batch, f.name)) == batch.n_readings
        }
        return replace(batch, **lamps, lamp_start=bare, first_lamp=first_lamps(batch.lamp[:n], bare))

    town.sweep = with_a_bare_cabinet
    town.play(3)
    assert [is_known for _, is_known in sweeps] == [False, True, True]
