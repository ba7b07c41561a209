"""Snapshots of before are read with all that they hold; those of now store rules by name.

``snapshots/by_position.npz`` was written by version 2, which stored a lamp's flags by the position of its twelve rules.
"""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from ingest.detection.snapshot import upgraded
from tests.ingest.detection.exact_path import differences
from tests.ingest.detection.snapshot_scene import MINUTES, SNAPSHOT_MINUTE, play_scene, scene_town

BY_POSITION = Path(__file__).parent / "snapshots" / "by_position.npz"


def restored(town, memory):
    town.detection = Detection(town.fleet, city_of(dims=()), start_us=town.now_us)
    assert town.detection.restore(memory) == []
    town.detection.listen(None)
    return town


def lamps_apart(town, plain):
    """What two towns remember otherwise of lamps; sums at meters are learned a sweep sooner after a restart."""
    return [text for text in differences(town.detection, plain.detection) if not text.startswith("meter/")]


def played():
    town = scene_town()
    play_scene(town, 0, SNAPSHOT_MINUTE)
    return town


def read(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def is_kept_in(memory, name):
    """Whether a snapshot holds an array; of what its version did not know, detection begins anew, but not of lamps."""
    return name.startswith("lamp/") or name in memory or f"{name}#shape" in memory


def test_a_snapshot_that_stored_rules_by_position_is_read_with_its_state():
    memory = read(BY_POSITION)
    assert int(memory["version"]) == 2
    assert any(name.startswith("lamp/state/flags") for name in memory)
    plain = played()
    town = restored(played(), memory)
    memory = upgraded(memory)
    state = town.detection._state
    assert sum(state.is_open(rule, np.arange(town.n)).sum() for rule in range(12)) >= 8
    told = []
    for minute in range(SNAPSHOT_MINUTE, MINUTES):
        now = play_scene(town, minute, minute + 1)
        assert now == play_scene(plain, minute, minute + 1)
        told += now
        if minute > SNAPSHOT_MINUTE + 5:  # every lamp has answered since
            apart = [text for text in lamps_apart(town, plain) if is_kept_in(memory, text.partition("[")[0])]
            assert apart == []
    assert len(told) > 10


@pytest.mark.parametrize("minute", [20, 32, 76, 101])
def test_a_snapshot_of_now_is_read_with_its_state(minute):
    plain, town = scene_town(), scene_town()
    for each in (plain, town):
        play_scene(each, 0, minute)
    memory = town.detection.snapshot()
    assert not any("flags" in name for name in memory)
    restored(town, memory)
    for at in range(minute, 110):
        assert play_scene(town, at, at + 1) == play_scene(plain, at, at + 1)
        assert lamps_apart(town, plain) == []


def test_lamps_that_are_still_learning_or_attended_are_so_after_a_restart():
    town = scene_town()
    play_scene(town, 0, 34)
    before = town.detection._state.marks()
    assert 0 < before.is_attended.sum() < town.n
    after = restored(town, town.detection.snapshot()).detection._state.marks()
    np.testing.assert_array_equal(after.is_attended, before.is_attended)
    np.testing.assert_array_equal(after.is_learning, before.is_learning)


def test_arrays_that_were_called_otherwise_are_read_whether_stored_whole_or_in_parts():
    town = played()
    memory = town.detection.snapshot()
    former = {
        "is_status_reported": "is_status_told", "level_reported": "level_told", "level_reported_s": "level_told_s",
        "switch_reported_s": "switch_told_s", "reported": "told",
    }  # fmt: skip
    assert not any("told" in name for name in memory)
    old = {}
    for key, values in memory.items():
        holder, slash, array = key.rpartition("/")
        name, mark, part = array.partition("#")
        old[f"{holder}{slash}{former.get(name, name)}{mark}{part}"] = values
    stored = {name.rpartition("/")[2] for name in old if "told" in name}
    assert {name.partition("#")[0] for name in stored} == set(former.values())
    assert any("#at" in name for name in stored)
    assert {name.replace("told", "") for name in read(BY_POSITION) if "told" in name} <= {
        name.replace("told", "") for name in old
    }
    assert differences(restored(played(), old).detection, restored(played(), memory).detection) == []
