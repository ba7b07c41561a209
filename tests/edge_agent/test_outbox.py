"""The outbox against power cuts and its own limits."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.errors import Fatal
from tests.edge_agent.filled_outbox import bodies, draft, opened


def test_numbers_begin_at_one_and_have_no_gaps_over_restarts(tmp_path):
    given_numbers = []
    for life in range(3):
        outbox = opened(tmp_path / "o.db")
        epoch = outbox.epoch
        for i in range(5):
            given_numbers += [record.sequence for record in outbox.append(draft(10 * life + i))]
        outbox.acknowledge(epoch, outbox.last_sequence)
        outbox.close()
    assert given_numbers == list(range(1, 16))
    assert opened(tmp_path / "o.db").epoch == epoch


def test_acknowledged_records_are_deleted_but_the_newest_stays_for_the_birth(tmp_path):
    outbox = opened(tmp_path / "o.db")
    for i in range(10):
        outbox.append(draft(i))
    assert outbox.acknowledge(outbox.epoch, 10)
    assert (outbox.n_held, outbox.numbering().pending) == (0, 0)
    outbox.close()
    outbox = opened(tmp_path / "o.db")
    assert [record.sequence for record in outbox.fetch(0, 99)] == [10]
    assert outbox.newest().sequence == 10
    assert (outbox.n_held, outbox.last_sequence) == (0, 10)


@pytest.mark.parametrize(("is_other_epoch", "sequence"), [(True, 2), (False, 4), (False, 0), (False, 1 << 63)])
def test_a_foreign_or_impossible_acknowledgement_changes_nothing(tmp_path, is_other_epoch, sequence):
    outbox = opened(tmp_path / "o.db")
    for i in range(3):
        outbox.append(draft(i))
    assert not outbox.acknowledge(outbox.epoch + is_other_epoch, sequence)
    assert outbox.n_held == 3


def test_old_records_are_dropped_by_running_time_and_counted(tmp_path):
    outbox = opened(tmp_path / "o.db", retention_s=100)
    for i in range(50):
        outbox.append(draft(i, run_s=10.0 * i))
    assert outbox.n_held == 11
    assert outbox.n_dropped == 39
    assert outbox.first_held == 40
    assert outbox.numbering().pending == 11
    outbox.close()
    assert opened(tmp_path / "o.db", retention_s=100).n_dropped == 39


def test_the_file_keeps_to_its_size_by_dropping_the_oldest(tmp_path):
    outbox = opened(tmp_path / "o.db", max_bytes=200_000)
    for i in range(400):
        outbox.append(draft(i, n_bytes=2000))
    assert outbox.size_bytes < 300_000
    assert bodies(outbox) == [(i + 1, i) for i in range(outbox.first_held - 1, 400)]
    assert outbox.n_dropped == outbox.first_held - 1 > 200


def test_a_sweep_that_ends_after_closing_is_no_record(tmp_path):
    outbox = opened(tmp_path / "o.db")
    outbox.close()
    assert outbox.append(draft(0)) == []


def test_a_second_agent_on_the_same_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("edge_agent.outbox.file.LOCK_WAIT_S", 0.1)
    outbox = opened(tmp_path / "o.db")
    outbox.append(draft(0))
    with pytest.raises(Fatal, match=r"o\.db: .*locked"):
        opened(tmp_path / "o.db")
    outbox.close()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Fatal, match="file"):
        opened(tmp_path / "file" / "o.db")


@given(cut=st.floats(0, 1), seed=st.integers(0, 1 << 16))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_power_cut_at_any_byte_of_the_log_leaves_whole_records_in_order(written, tmp_path_factory, cut, seed):
    folder, epoch = written
    copy = tmp_path_factory.mktemp("cut") / "o.db"
    shutil.copy(folder / "o.db", copy)
    log = (folder / "o.db-wal").read_bytes()
    at = int(cut * len(log))
    torn = random.Random(seed).randbytes(min(512, len(log) - at))  # a sector that was being written
    Path(f"{copy}-wal").write_bytes(log[:at] + torn)
    outbox = opened(copy)
    if outbox.epoch != epoch:  # not even the schema had reached storage: a new outbox
        assert outbox.last_sequence == 0
    assert bodies(outbox) == [(i + 1, i) for i in range(outbox.last_sequence)]
    assert outbox.append(draft(0))[0].sequence == outbox.last_sequence
    outbox.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, int]:
    """An outbox as it is in storage at the moment of a power cut: all in the log, nothing folded in."""
    folder = tmp_path_factory.mktemp("written")
    outbox = opened(folder / "live.db")
    for i in range(40):
        outbox.append(draft(i))
    for suffix in ("", "-wal"):
        shutil.copy(folder / f"live.db{suffix}", folder / f"o.db{suffix}")
    outbox.close()
    return folder, outbox.epoch
