"""The disk refuses one step of a commit, whichever: nothing is stored twice or lost, and it goes on by itself."""

import errno
import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.errors import StoreUnavailableError
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.schema.segments import US_PER_DAY
from ingest.telemetry.parquet import ParquetStore
from tests.ingest.block_factory import T0_US, Row, make_block, make_directory

STEPS = [(os, name) for name in ("fsync", "open", "write", "ftruncate", "rename", "replace", "mkdir")]


@contextmanager
def refusing(monkeypatch, number, code, n_times=1):
    """Let the steps of a number, and those after it, fail; yields how many there were."""
    made = Counter()

    def wrapped(name, call):
        def step(*args, **more):
            made["steps"] += 1
            if number <= made["steps"] < number + n_times:
                raise OSError(code, os.strerror(code))
            return call(*args, **more)

        return step

    with monkeypatch.context() as patched:
        for module, name in STEPS:
            patched.setattr(module, name, wrapped(name, getattr(module, name)))
        yield made


def two_days():
    directory = make_directory()
    rows = [Row(0, 1, T0_US), Row(1, 1, T0_US), Row(0, 2, T0_US + US_PER_DAY), Row(2, 1, T0_US - US_PER_DAY)]
    return directory, make_block(directory, rows, ReceivedRangesTable())


def stored(store, directory):
    return Counter(
        (int(batch.controller[i]), int(batch.sequence[i]))
        for batch in store.records(directory, after=0)
        for i in range(batch.n_records)
    )


def n_steps(tmp_path, monkeypatch):
    store = ParquetStore(tmp_path / "counted")
    with refusing(monkeypatch, 1 << 30, errno.ENOSPC) as made:
        store.write(two_days()[1])
    return made["steps"]


@pytest.mark.parametrize(("code", "n_times"), [(errno.ENOSPC, 1), (errno.EIO, 2), (errno.EROFS, 4)])
def test_a_block_of_several_days_is_stored_once_whichever_step_the_disk_refuses(tmp_path, monkeypatch, code, n_times):
    directory, block = two_days()
    for number in range(1, n_steps(tmp_path, monkeypatch) + 1, 2 * n_times):
        root = tmp_path / str(number)
        store = ParquetStore(root)
        with refusing(monkeypatch, number, code, n_times), pytest.raises(StoreUnavailableError):
            store.write(block)
        seen = stored(store, directory)
        store.write(block)
        expected = Counter({(0, 1): 1, (1, 1): 1, (0, 2): 1, (2, 1): 1})
        assert stored(store, directory) == expected, number
        if n_times == 1:
            assert not seen, number
        if number % 3:
            continue
        store.close()
        assert not [path for path in root.iterdir() if not path.name.startswith("day=")]
        reopened = ParquetStore(Path(root))
        assert stored(reopened, directory) == expected
        assert {state.controller_id: state.complete_to for state in reopened.received()} == {
            "PJU-0": 2,
            "PJU-1": 1,
            "PJU-2": 1,
        }
        reopened.close()
