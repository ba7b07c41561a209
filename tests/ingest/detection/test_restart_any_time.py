"""A detection that starts anew from its snapshot between any two sweeps says what one says that was not restarted.

And it remembers the same, wherever that is kept: see ``whole_memory``. ``make soak`` plays hundreds of histories.
"""

import io
import os

import numpy as np
import pytest

from benchmarks.small_town import NIGHT_US, city_of
from ingest.detection.engine import Detection
from ingest.errors import SnapshotError
from ingest.model.finding import Key, Place, Raised, StillFailing
from tests.ingest.detection.mixed_street import Circuit, Street
from tests.ingest.detection.random_nights import Night
from tests.ingest.detection.whole_memory import apart

IS_SOAK = bool(os.environ.get("TERANG_SOAK"))
SEEDS = range(150 if IS_SOAK else 2)
SWEEPS = 600 if IS_SOAK else 220
OFTEN = 0.15


def restarted(detection, now_us):
    """The same, from a snapshot's bytes, after a restart that took no time."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **detection.snapshot())
    file.seek(0)
    again = Detection(detection._fleet, detection._city, start_us=now_us)
    assert again.restore(dict(np.load(file, allow_pickle=False))) == []
    again._offline.presence.listening_us = detection._offline.presence.listening_us
    again._offline.presence._ticked_us = detection._offline.presence._ticked_us
    again.set_maintenance(detection._maintenance._windows)
    return again


class Pair:
    """Two detections over the same sweeps, of which the second is restarted again and again."""

    def __init__(self, fleet, city, now_us, seed):
        self.plain, self.other = (Detection(fleet, city, start_us=now_us) for _ in range(2))
        self.rng = np.random.default_rng([seed, 7])
        self.told = []

    def both(self, act):
        plain, other = act(self.plain), act(self.other)
        assert plain == other
        return plain

    def sweep(self, batch, now_us):
        if self.rng.random() < OFTEN:
            self.other = restarted(self.other, now_us)
        with np.errstate(all="ignore"):
            self.told += self.both(lambda d: d.judge(batch, now_us))
            self.told += self.both(lambda d: d.tick(now_us))
        assert apart(self.other, self.plain) == []


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_night_in_which_anything_can_happen(seed):
    night = Night(seed)
    town = night.town
    town.interval_s = 300 if seed % 2 else 60
    pair = Pair(town.fleet, city_of(town.limits, town.dims), town.now_us, seed)
    for _ in range(SWEEPS):
        batch, now_us = night.step()
        for mark in night.marks:
            raised = [change.key for change in pair.told if isinstance(change, Raised)]
            if mark == 0 and raised:
                pair.both(lambda d: d.mark_repaired(raised[-1]))  # noqa: B023
            elif mark == 1:
                window = [("C-0", None, None, now_us, now_us + 600_000_000)]
                pair.both(lambda d: d.set_maintenance(window))  # noqa: B023
        night.marks.clear()
        pair.sweep(batch, now_us)
    assert pair.told


MIXES = (
    (Circuit(12, 90, has_meter=True), Circuit(12, 60), Circuit(9, 40, bus="B")),
    (Circuit(14, 150, "HPS"), Circuit(12, 90, metered=0.5), Circuit(10, 90, "MH", bus="B", has_meter=True)),
    (
        Circuit(16, 90, metered=0.0, has_meter=True),
        Circuit(12, 90),
        Circuit(8, 250, "HPS", metered=0.2, has_meter=True),
    ),
)


def happen(street, rng):
    """A cause begins or ends somewhere."""
    q = int(rng.integers(0, len(street.circuits)))
    pole = int(rng.integers(1, 9))
    what = int(rng.integers(0, 15))
    if what == 0:
        street.is_cut |= street.where(q, pole)
    elif what == 1:
        street.is_fuse_blown[0, q, int(rng.integers(0, 3))] = True
    elif what == 2:
        street.is_fuse_blown[0, q] = True
        street.is_meter_dead[0, q] = rng.random() < 0.5
    elif what == 3:
        street.bus_down = {(0, str(rng.choice(["A", "B"])))}
    elif what in {4, 5}:
        street.is_silent |= street.where(q, pole, pole + int(rng.integers(0, 2)))
    elif what in {6, 7}:
        street.is_cut |= street.where(q, pole, pole)  # a pole fuse
    elif what == 8:
        street.factor[street.where(q, pole, pole + 1)] = rng.choice([0.0, 0.3, 0.6, 1.4])
    elif what == 9:
        street.tap_w[0, int(rng.integers(0, 3))] = rng.choice([0.0, 300.0, 2000.0])
    elif what == 10:
        street.volts[0] = rng.choice([150.0, 200.0, 227.0, 245.0])
    elif what == 11:
        street.level = int(rng.choice([0, 50, 100, 100]))
    elif what == 12:
        street.lost_replies = float(rng.choice([0.0, 0.0, 0.02, 0.1]))
    elif what == 13:
        street.is_supplied[:] = rng.random() < 0.5
    else:
        street.is_cut[:], street.is_silent[:], street.factor[:], street.bus_down = False, False, 1.0, set()
        street.is_fuse_blown[:], street.is_meter_dead[:], street.tap_w[:] = False, False, 0.0
        street.volts[:], street.is_supplied[:], street.level = 227.0, True, 100


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_street_on_which_circuits_cables_and_buses_fail(seed):
    rng = np.random.default_rng([seed, 3])
    interval_s = 300 if seed % 2 else 60
    switching = "lamp" if seed % 3 == 0 else "contactor"
    dims = (("22:00", 70), ("00:30", 50)) if seed % 2 else ()
    street = Street(
        MIXES[seed % 3], interval_s=interval_s, seed=seed, switching=switching, dims=dims, start_us=NIGHT_US
    )
    pair = Pair(street.fleet, city_of(street.limits, street.dims), street.now_us, seed)
    lamp = Place(lamp_id=street.ids[3])
    for sweep in range(SWEEPS):
        if sweep > 25 and rng.random() < 0.12:
            happen(street, rng)
        if rng.random() < 0.01:  # what the book holds open, and detection does not know
            pair.both(lambda d: d.adopt([Key("dimmingFailure", lamp), Key("cabinetDoorOpen", Place(cabinet_id="C-0"))]))
        street.now_us += interval_s * 1_000_000
        pair.sweep(street.sweep(), street.now_us)
    assert pair.told


def slow_street(lost_replies):
    street = Street((Circuit(20, 90), Circuit(20, 90)), interval_s=300, lost_replies=lost_replies, seed=21)
    street.play(1500)
    return street


@pytest.mark.parametrize(("lost_replies", "n"), [(0.0, 3), (0.02, 4)])
def test_how_many_lost_replies_are_no_chance_is_known_after_a_restart(lost_replies, n):
    street = slow_street(lost_replies)
    street.detection = restarted(street.detection, street.now_us)
    street.lost_replies = 0.0
    began_us = street.now_us + 300_000_000
    street.is_silent |= street.where(0, 6, 6)
    told = street.play(60)
    (word,) = [one for one in told if isinstance(one, Raised)]
    assert (word.at_us - began_us) // 300_000_000 + 1 == n


def test_a_snapshot_that_does_not_know_how_often_replies_are_lost_is_read_and_begins_anew():
    street = slow_street(0.0)
    memory = street.detection.snapshot()
    old = {name: values for name, values in memory.items() if "/chance/" not in name and not name.startswith("sums/")}
    assert len(old) < len(memory)
    street.detection = Detection(street.fleet, city_of(), start_us=street.now_us)
    assert street.detection.restore(old) == []
    street.detection.listen(None)
    street.is_silent |= street.where(0, 6, 6)
    (word,) = street.play(60)
    assert word.evidence["samples"] == 4


def test_a_claim_of_repair_is_refuted_as_soon_after_a_restart_as_without(kit):
    told = []
    for is_restarted in (False, True):
        town = kit.Town()
        town.play(30)
        town.factor[5] = 0.6
        (fault,) = kit.raised(town.play(15))
        town.detection.mark_repaired(fault.key)
        minutes = []
        for _ in range(40):
            if is_restarted:
                town.detection = restarted(town.detection, town.now_us)
            minutes += [town.now_us for change in town.play(1) if isinstance(change, StillFailing)]
        told.append(minutes)
    assert told[0] == told[1]
    assert len(told[0]) == 1


def test_a_fault_of_which_only_the_book_knows_ends_as_soon_after_a_restart_as_without(kit):
    told = []
    for is_restarted in (False, True):
        town = kit.Town()
        town.play(15)
        town.detection.adopt([Key("cabinetDoorOpen", Place(cabinet_id="C-0"))])
        ends = []
        for _ in range(60):
            if is_restarted:
                town.detection = restarted(town.detection, town.now_us)
            ends += [change.at_us for change in town.play(1)]
        told.append(ends)
    assert told[0] == told[1]
    assert len(told[0]) == 1


@pytest.mark.parametrize(
    ("name", "mangle"),
    [
        ("n_silent", lambda values: values + 1),
        ("watt", lambda values: values[:-1]),
        ("at_s", lambda values: values[:-1]),
        ("n_sums", lambda values: -values),
        ("meter", lambda values: values.reshape(1, -1)),
    ],
)
def test_sums_of_meters_that_do_not_belong_together_are_refused(name, mangle):
    street = Street((Circuit(12, 90), Circuit(12, 90)), seed=5)
    street.play(40)
    street.is_silent |= street.where(0, 4, 5)
    street.play(6)
    memory = street.detection.snapshot()
    assert len(memory["sums/silent"])
    again = Detection(street.fleet, city_of(), start_us=street.now_us)
    with pytest.raises(SnapshotError, match="do not belong together"):
        again.restore({**memory, f"sums/{name}": mangle(memory[f"sums/{name}"])})


def test_sums_of_meters_of_another_register_are_left():
    street = Street((Circuit(12, 90), Circuit(12, 90)), seed=5)
    street.play(40)
    street.is_silent |= street.where(0, 4, 5)
    street.play(6)
    other = Street((Circuit(12, 90), Circuit(13, 90)), seed=5)
    assert other.detection.restore(street.detection.snapshot()) == []
    assert not len(other.detection.snapshot()["sums/silent"])
