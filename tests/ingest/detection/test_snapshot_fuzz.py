"""A damaged snapshot of detection's memory ends no start: it is kept under another name, and detection begins anew."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile

import numpy as np
import pytest

from benchmarks.small_town import Town, city_of
from ingest.detection.engine import Detection
from ingest.model.finding import Raised
from ingest.pipeline.clock import WallClock
from ingest.pipeline.snapshots import FILE_NAME, SnapshotFile, recover
from tests.ingest.detection.exact_path import differences
from tests.ingest.detection.snapshot_scene import SNAPSHOT_MINUTE, play_scene, scene_town

IS_SOAK = bool(os.environ.get("TERANG_SOAK"))
N_BYTES, N_CONTENTS = (8_000, 4_000) if IS_SOAK else (150, 80)


class EmptyStore:
    def position(self):
        return 7

    def records(self, _directory, **_after):
        return iter(())


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    town = scene_town()
    play_scene(town, 0, SNAPSHOT_MINUTE)
    folder = tmp_path_factory.mktemp("whole")
    SnapshotFile(folder).write(town.detection.snapshot(), position=7, now_us=town.now_us)
    return town, (folder / FILE_NAME).read_bytes()


def mutated_bytes(data, rng):
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed))
        kind = rng.randrange(6)
        if kind == 0:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[at : at + rng.randint(1, 64)] = rng.randbytes(rng.randint(1, 64))
        elif kind == 2:
            del changed[at:]
        elif kind == 3:
            changed[at : at + 512] = bytes(min(512, len(changed) - at))
        elif kind == 4:
            del changed[at : at + rng.randint(1, 200)]
        else:
            changed[at:at] = changed[: rng.randint(1, 200)]
        if not changed:
            return b""
    return bytes(changed)


def mutated_contents(data, rng):
    """An archive whose checksums are right and whose contents are not."""
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    for name in rng.sample(sorted(arrays), 3):
        values = arrays[name]
        kind = rng.randrange(7)
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            arrays[name] = values.astype("U8") if values.dtype.kind != "U" else np.zeros(values.shape)
        elif kind == 2:
            arrays[name] = values.ravel()[: rng.randint(0, values.size)]
        elif kind == 3:
            arrays[name] = np.array(rng.choice([2**62, -1, float("nan"), "", "{}", '{"cases": [{}], "extra": {}}']))
        elif kind == 4:
            arrays[name] = np.zeros((2, 3, 4), values.dtype)
        elif kind == 5 and values.dtype.kind in "iu":
            arrays[name] = np.full_like(values, np.iinfo(values.dtype).max)
        elif kind == 6 and name == "cases":
            text = str(values)
            at = rng.randrange(len(text))
            arrays[name] = np.array(text[:at] + rng.choice(["", "null", '"', "[" * 5000, "1e999"]) + text[at + 1 :])
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def recovered(town, folder, data):
    """Recover from some bytes; returns the warnings."""
    (folder / FILE_NAME).write_bytes(data)
    detection = Detection(town.fleet, city_of(dims=()), start_us=town.now_us)
    warnings = []
    stores = {"store": EmptyStore(), "directory": None}
    clock = WallClock(lambda: town.now_us)
    catch_up = recover(SnapshotFile(folder), detection, detection, clock, **stores, warn=warnings.append)
    if catch_up is not None:
        catch_up.wait(60.0)
        assert catch_up.is_done
    warnings[:] = [str(warning) for warning in warnings if warning]
    detection.live_picture()
    detection.tick(town.now_us)
    again = detection.snapshot()  # it can be written again
    assert again["version"]
    return detection, warnings


@pytest.mark.timeout(3600 if IS_SOAK else 120)
@pytest.mark.parametrize(("mutate", "n"), [(mutated_bytes, N_BYTES), (mutated_contents, N_CONTENTS)])
def test_no_mutation_escapes_recovery(scene, tmp_path, mutate, n):
    town, data = scene
    n_refused = 0
    for seed in range(n):
        folder = tmp_path / str(seed)
        folder.mkdir()
        damaged = mutate(data, random.Random(seed))
        _, warnings = recovered(town, folder, damaged)
        if warnings:
            n_refused += 1
            (kept,) = folder.glob(f"{FILE_NAME}.damaged-*")
            assert kept.read_bytes() == damaged
            assert kept.name in warnings[0]
            assert not (folder / FILE_NAME).exists()
    assert n_refused > n * (0.9 if mutate is mutated_bytes else 0.1)


def test_a_memory_that_was_restored_in_part_is_forgotten_whole(scene, tmp_path):
    town, data = scene
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    document = json.loads(str(arrays["cases"]))
    assert len(document["cases"]) > 1
    del document["cases"][-1]["code"]  # after the arrays and the other cases were taken
    arrays["cases"] = np.array(json.dumps(document))
    out = io.BytesIO()
    np.savez(out, **arrays)
    detection, warnings = recovered(town, tmp_path, out.getvalue())
    assert warnings
    assert json.loads(str(detection.snapshot()["cases"]))["cases"] == []
    fresh, _ = recovered(town, tmp_path, b"")
    assert differences(detection, fresh) == []


def test_an_archive_that_grows_when_it_is_read_is_refused(scene, tmp_path):
    town, _ = scene
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("version.npy", bytes(50_000_000))
    _, warnings = recovered(town, tmp_path, (tmp_path / "bomb").read_bytes())
    assert "compressed" in warnings[0]


@pytest.mark.parametrize("shape", [(1, 1, 4), (3, 1, 25), (2, 2, 10)])
def test_a_snapshot_of_another_city_leaves_what_the_register_does_not_hold(scene, tmp_path, shape):
    _town, data = scene
    other = Town(n_cabinets=shape[0], n_circuits=shape[1], n_poles=shape[2], dims=(), seed=3)
    detection, warnings = recovered(other, tmp_path, data)
    assert warnings == []
    lamps = set(other.fleet.lamp_ids)
    for change in detection.tell_again():
        assert set(change.lamp_ids) <= lamps
    detection.judge(other.sweep(), other.now_us)


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + bytes(18), b"\0" * 4096])
def test_a_snapshot_with_nothing_in_it_is_set_aside(scene, tmp_path, data):
    _detection, (warning,) = recovered(scene[0], tmp_path, data)
    assert "could not be used" in warning


def test_every_open_condition_is_told_again_with_its_times(scene, tmp_path):
    town, data = scene
    detection, _ = recovered(town, tmp_path, data)
    told = {change.key: change for change in detection.tell_again()}
    cases = detection._book.cases
    assert len(told) > 3
    assert told.keys() == cases.keys()
    for key, change in told.items():
        assert isinstance(change, Raised)
        assert (change.at_us, change.since_us, change.cause) == (
            cases[key].at_us,
            cases[key].since_us,
            cases[key].cause,
        )
    assert [change.key for change in detection.tell_again()] == list(told), "and as often as one asks"


@pytest.mark.parametrize("at_s", [np.iinfo(np.int64).max, np.iinfo(np.int64).min, 10**13])
def test_a_time_that_is_none_is_refused(scene, tmp_path, at_s):
    town, data = scene
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    arrays["controller/context/at_s"] = np.full_like(arrays["controller/context/at_s"], at_s)
    out = io.BytesIO()
    np.savez(out, **arrays)
    _, warnings = recovered(town, tmp_path, out.getvalue())
    assert "controller/context/at_s" in warnings[0]
