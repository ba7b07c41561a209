"""Lamps whose fault stands are not judged again in every sweep, and nothing that is told depends on it."""

import itertools
import os
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.small_town import DIMS
from ingest.detection.lamp.lamp_rules import LampRules
from ingest.detection.memory.stable_regions import QUANTITIES, StableRegions, level_and_status
from ingest.detection.rules import dimming_failure

STANDING = {
    "dark": lambda town: town.factor.__setitem__(3, 0.004),
    "weak": lambda town: town.factor.__setitem__(3, 0.6),
    "strong": lambda town: town.factor.__setitem__(3, 1.5),
    "poor power factor": lambda town: town.power_factor.__setitem__(3, 0.4),
    "hot": lambda town: town.temperature.__setitem__(3, 95.0),
    "driver fault": lambda town: town.status.__setitem__(3, 2),
}


def judged_rows(monkeypatch):
    """The lamps that the exact rules are given, sweep by sweep."""
    seen = []
    judge = LampRules.judge

    def spy(self, sweep, suspects, *others):
        seen.append(suspects.lamp.tolist())
        return judge(self, sweep, suspects, *others)

    monkeypatch.setattr(LampRules, "judge", spy)
    return seen


def is_in_its_box(town, lamp):
    """Whether a lamp's next sample would lie in its region."""
    batch, one = town.sweep(), np.array([lamp])
    measured = np.stack([getattr(batch, name)[one] for name in QUANTITIES])
    reported = level_and_status(batch.level[one], batch.status[one])
    return town.detection._state.stable_regions.covers(one, reported, measured).all()


@pytest.mark.parametrize("technology", ["LED", "HPS"])
@pytest.mark.parametrize("fault", STANDING)
def test_a_standing_fault_is_left_alone_until_anything_changes(kit, monkeypatch, fault, technology):
    town = kit.Town(technology=technology, is_dimmable=technology == "LED", dims=())
    town.play(30)
    STANDING[fault](town)
    codes = kit.open_codes(town.play(30))
    assert len(codes) == 1
    lamp = town.fleet.lamp_index[town.ids[3]]
    seen = judged_rows(monkeypatch)
    town.play(30)
    # a sample far out in the noise; or one that repeats itself, as a dark lamp's does, and the one after it
    assert sum(lamp in rows for rows in seen) <= (10 if fault == "dark" else 4)
    town.factor[3], town.power_factor[3], town.temperature[3], town.status[3] = 1.0, 0.95, 45.0, 0
    assert kit.open_codes([*town.changes, *town.play(25)]) == {}


@pytest.mark.parametrize("fault", ["weak", "strong", "poor power factor", "hot"])
def test_a_noisy_meter_does_not_end_it(kit, monkeypatch, fault):
    """One lamp that leaves its region costs a small city's sweep more than all the others."""
    town = kit.Town(noise=0.01, dims=())
    town.play(30)
    STANDING[fault](town)
    town.play(40)
    seen = judged_rows(monkeypatch)
    town.play(60)
    assert sum(town.fleet.lamp_index[town.ids[3]] in rows for rows in seen) <= 6


@pytest.mark.parametrize("seed", range(20))
def test_no_band_of_the_dim_rule_is_narrower_than_a_box_sees(seed):
    """Bands of less than 3 % of full power end at a power that regions are not laid across."""
    rng, n = np.random.default_rng(seed), 20_001
    full, level, before = 100.0, rng.uniform(40, 100), rng.uniform(20, 100)
    power = np.linspace(20, 110, n, dtype=np.float32)
    yes = np.ones(n, np.bool_)
    expected = SimpleNamespace(
        level=np.full(n, rng.choice([50, 100]), np.uint8),
        is_on=yes,
        is_dimming=yes,
        is_own_known=yes,
        is_voltage_ok=yes,
        own_level_w=np.full(n, level, np.float32),
        own_full_w=np.full(n, full, np.float32),
        before_w=np.full(n, before, np.float32),
        was_wrong=np.full(n, rng.random() < 0.5),
        step_share=np.full(n, rng.choice([0.7, 0.9, 1.3]), np.float32),
        own_dim_w=np.repeat(rng.uniform(40, 90, (2, 1)), n, axis=1).astype(np.float32),
    )
    limits = {"dimming_level": np.float32(80), "lamp_failure_power": np.float32(0.1)}
    window = SimpleNamespace(power_w=power)
    turns = np.array([turn[0] for _, turn in dimming_failure.turns(expected, limits)])
    n_edges = 0
    for mask in (dimming_failure.holds, dimming_failure.judges, dimming_failure.heals):
        edges = np.flatnonzero(np.diff(mask(window, expected, limits).astype(np.int8)))
        n_edges += len(edges)
        for edge, end in itertools.pairwise(edges.tolist()):
            if power[end] - power[edge] < 0.029 * full:
                assert np.nanmin(np.abs(turns[:, None] - power[[edge, end]])) < 0.01, mask.__name__
    assert n_edges


def test_a_level_told_beside_a_lost_reply_ends_the_box(kit):
    """Else a lamp that is back at the region's level would go on being held against the other one."""
    town = kit.Town(dims=())
    town.play(30)
    town.power_factor[3] = 0.4
    town.play(30)
    lamp = town.fleet.lamp_index[town.ids[3]]
    assert is_in_its_box(town, lamp)
    town.level, town.is_silent[3] = 70, True
    town.play(1)
    town.level, town.is_silent[3] = 100, False
    town.play(1)
    assert town.detection._state.level[lamp] == 100


def test_a_usual_power_factor_is_no_suspect_at_any_level(kit, monkeypatch):
    """The limit falls with the level; a lamp that is off has none."""
    for level, factor in ((100, 0.82), (50, 0.67), (30, 0.54), (0, 0.0)):
        town = kit.Town(dims=(), switching="lamp")
        town.play(40)
        town.level, town.power_factor[:] = level, factor
        town.play(40)
        seen = judged_rows(monkeypatch)
        town.play(10)
        assert sum(map(len, seen)) < 3 * town.n, level  # of ten: readings that repeat themselves now and then
        monkeypatch.undo()


def test_a_poor_power_factor_is_told_beside_lamps_at_other_levels(kit):
    """Lamps at their own levels: each is held against its own limit."""
    town = kit.Town(dims=(), switching="lamp")
    town.actual_level = np.where(np.arange(town.n) % 2, 100, 30).astype(np.uint8)
    town.quirk = lambda columns: columns.update(level=town.actual_level[columns["lamp"]])
    town.power_factor[:] = np.where(town.actual_level == 100, 0.9, 0.6)
    town.play(40)
    town.power_factor[3] = 0.6  # well enough at 30 %, not at 100
    assert [fault.key.place.lamp_id for fault in kit.raised(town.play(20))] == [town.ids[3]]


def test_a_box_ends_with_what_it_was_made_for(kit, monkeypatch):
    """Another level, status, voltage, a crew's work: the next sample is judged."""
    town = kit.Town(dims=())
    town.play(30)
    town.power_factor[3] = 0.4
    town.play(30)
    lamp = town.fleet.lamp_index[town.ids[3]]
    seen = judged_rows(monkeypatch)
    (key,) = [change.key for change in kit.raised(town.changes)]
    for change in (
        lambda: setattr(town, "level", 70),
        lambda: town.status.__setitem__(3, 4),
        lambda: setattr(town, "voltage", 212.0),
        lambda: town.switch_count.__setitem__(3, 12),
        lambda: town.detection.mark_repaired(key),
    ):
        town.play(3)
        assert is_in_its_box(town, lamp)
        change()
        seen.clear()
        town.play(1)
        assert lamp in seen[0]
        town.switch_count[:] = 0xFFFFFFFF
        town.play(30)


def test_another_lamps_relay_gives_an_open_one_its_meaning(kit):
    """While no node of the cabinet says that its relay is closed, an open one proves nothing."""
    town = kit.Town(dims=())

    def all_open(columns):
        columns["status"][:] = 4

    def one_open(columns):
        columns["status"][town.fleet.lamp_index[town.ids[3]]] = 4

    town.quirk = all_open
    town.play(30)
    town.factor[3] = 0.6
    assert kit.open_codes(town.play(30)) == {"lampPowerTooLow": 1}
    town.quirk = one_open
    assert kit.raised(town.play(10), "relayFailure") != []


@pytest.mark.parametrize("technology", ["LED", "HPS"])
@pytest.mark.parametrize("seed", range(60 if os.environ.get("TERANG_SOAK") else 3))
def test_nothing_that_is_told_depends_on_it(kit, monkeypatch, seed, technology):
    """Random faults come, stay and go; judged with regions and with none."""

    def night():
        rng = np.random.default_rng(seed)
        town = kit.Town(
            n_cabinets=2,
            technology=technology,
            is_dimmable=technology == "LED",
            dims=DIMS if technology == "LED" else (),
            seed=seed,
        )
        town.play(20)
        pictures = []
        for _ in range(60):
            lamps = rng.integers(0, town.n, int(rng.integers(1, 6)))
            what = int(rng.integers(0, 9))
            if what == 0:
                town.factor[lamps] = rng.choice([0.0, 0.004, 0.3, 0.6, 0.74, 1.0, 1.31, 1.5])
            elif what == 1:
                town.power_factor[lamps] = rng.choice([0.4, 0.78, 0.95])
            elif what == 2:
                town.temperature[lamps] = rng.choice([45.0, 83.0, 95.0, np.nan])
            elif what == 3:
                town.status[lamps] = rng.choice([0, 2, 4, 16])
            elif what == 4:
                town.is_silent[lamps] = rng.random() < 0.5
            elif what == 5:
                town.voltage = float(rng.choice([212.0, 220.0, 225.0, 233.0]))
            elif what == 6:
                town.factor[:] = 1.0
            elif what == 7:  # near dim levels and the limits
                town.factor[lamps] = rng.uniform(0.3, 1.4, len(lamps))
            elif town.changes:
                keys = [change.key for change in town.changes[-3:]]
                town.detection.mark_repaired(keys[0])
            town.lost_replies = float(rng.choice([0.0, 0.05]))
            town.play(int(rng.integers(1, 15)))
            picture = town.detection.live_picture()
            pictures.append({name: values.tolist() for name, values in picture.items()})
        return town.changes, repr(pictures)

    with_regions = night()
    monkeypatch.setattr(StableRegions, "covers", lambda _self, _batch, row, _lamp: np.zeros(len(row), np.bool_))
    assert len(with_regions[0]) > 20
    assert night() == with_regions
