"""A reading of bad quality carries no values, whatever stands in its record."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.small_town import city_of
from ingest.detection.engine import Detection
from ingest.model.good_values import with_good_values
from tests.ingest.detection.exact_path import differences
from tests.ingest.detection.random_nights import QUANTITIES, Night

GARBAGE = (0.0, 12.0, 49.0, 1e5, 3e38, -5.0, np.inf)


def with_garbage(batch, rng):
    """The batch whose readings of bad quality hold anything."""
    columns = {name: getattr(batch, name).copy() for name in (*QUANTITIES, "status", "switch_count", "energy_wh")}
    bad = np.flatnonzero(batch.quality != 0)
    for name in QUANTITIES:
        columns[name][bad] = rng.choice(GARBAGE, len(bad))
    for name in ("status", "switch_count", "energy_wh"):
        columns[name][bad] = rng.integers(0, 200, len(bad))
    return replace(batch, **columns)


def without_values(batch):
    bad = batch.quality != 0
    columns = {name: np.where(bad, np.float32(np.nan), getattr(batch, name)) for name in QUANTITIES}
    for name, unknown in (("status", np.uint8(0)), ("switch_count", np.uint32(0xFFFFFFFF))):
        columns[name] = np.where(bad, unknown, getattr(batch, name))
    return replace(batch, **columns)


@pytest.mark.parametrize("seed", range(31, 34))
def test_garbage_in_bad_readings_changes_nothing_that_is_told_or_remembered(seed):
    night, rng = Night(seed), np.random.default_rng(seed)
    town = night.town
    town.lost_replies = 0.05
    clean, garbled = (Detection(town.fleet, city_of(town.limits, town.dims), start_us=town.now_us) for _ in range(2))
    for sweep in range(200):
        batch, now_us = night.step()
        with np.errstate(all="ignore"):
            told = [
                clean.judge(without_values(batch), now_us),
                garbled.judge(with_good_values(with_garbage(batch, rng)), now_us),
            ]
        assert told[0] == told[1], f"sweep {sweep}"
        assert differences(garbled, clean) == [], f"sweep {sweep}"


def test_a_garbled_frame_does_not_restart_a_confirm(kit):
    town = kit.Town(technology="HPS", dims=())
    town.play(30)
    town.factor[3] = 0.6

    def garble(columns):
        at = int(np.flatnonzero(columns["lamp"] == town.fleet.lamp_index["L-0003"])[0])
        for name, value in (("voltage_v", 7.5e4), ("current_a", 0.02), ("power_w", 9.0), ("power_factor", 9.9)):
            columns[name][at] = value
        columns["quality"][at], columns["switch_count"][at] = 2, 77

    town.play(6)
    town.quirk = garble
    assert town.play(1) == []
    town.quirk = None
    (fault,) = town.play(5)
    assert fault.key.code == "lampPowerTooLow"


def test_a_batch_without_such_values_is_left_as_it_is(kit):
    town = kit.Town()
    town.lost_replies = 0.3
    batch = town.sweep()
    assert with_good_values(batch) is batch
