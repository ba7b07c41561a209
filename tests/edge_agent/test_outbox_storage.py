"""The outbox on storage that is full, corrupt, read-only or failing."""

from __future__ import annotations

import random
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.outbox.waiting import WaitingRoom
from tests.edge_agent.filled_outbox import bodies, draft, opened


def test_a_full_card_stops_nothing_and_keeps_the_order(tmp_path):
    outbox = opened(tmp_path / "o.db")
    for i in range(20):
        outbox.append(draft(i))
    outbox._storage.file.release_reserve()
    with file_size_limit(4096):
        for i in range(20, 60):
            assert outbox.append(draft(i)) == []
        assert outbox.n_waiting == 40
        assert bodies(outbox) == [(i + 1, i) for i in range(20)], "what is in storage can still be read and sent"
        outbox.acknowledge(outbox.epoch, 5)
    assert [record.sequence for record in outbox.append(draft(60))] == list(range(21, 62))
    assert bodies(outbox) == [(i + 1, i) for i in range(5, 61)]
    outbox.close()
    assert opened(tmp_path / "o.db").n_held == 56


def test_the_reserve_keeps_a_full_card_going_for_a_while(small_card):
    outbox = opened(small_card / "o.db")
    outbox.append(draft(0))
    fill(small_card)
    stored = 0
    while outbox.append(draft(stored + 1, n_bytes=4000)) and stored < 10_000:
        stored += 1
    assert stored > 50
    assert outbox.n_waiting == 1
    (small_card / "ballast").unlink()
    assert [record.sequence for record in outbox.append(draft(stored + 2))] == [stored + 2, stored + 3]
    outbox.close()


def test_an_outbox_that_goes_on_being_acknowledged_lives_on_a_full_card(small_card):
    outbox = opened(small_card / "o.db")
    for i in range(30):
        outbox.append(draft(i))
    fill(small_card)
    for i in range(30, 400):
        outbox.append(draft(i))
        outbox.acknowledge(outbox.epoch, outbox.last_sequence)
    assert outbox.n_waiting == 0
    assert outbox.last_sequence == 400
    outbox.close()


def test_memory_is_bounded_while_the_card_is_full():
    room = WaitingRoom(max_bytes=10_000)
    n_lost = sum(room.add(draft(i, n_bytes=1000)) for i in range(25))
    assert (n_lost, len(room)) == (15, 10)
    assert [item.at_ms - 1_795_000_000_000 for item in room.all()] == list(range(15, 25))


def test_a_corrupt_file_is_set_aside_and_a_new_epoch_begins(tmp_path):
    outbox = opened(tmp_path / "o.db")
    outbox.append(draft(0))
    outbox.close()
    (tmp_path / "o.db").write_bytes(b"garbage" * 1000)
    again = opened(tmp_path / "o.db")
    assert again.epoch != outbox.epoch
    assert (again.last_sequence, again.n_set_aside) == (0, 1)
    assert (tmp_path / "o.db.corrupt-1").read_bytes().startswith(b"garbage")
    again.append(draft(1))
    again.close()
    (tmp_path / "o.db").write_bytes(b"")
    assert opened(tmp_path / "o.db").epoch not in {outbox.epoch, again.epoch}, "an empty file is a new outbox"


def test_another_programs_database_is_not_written_into(tmp_path):
    with sqlite3.connect(tmp_path / "o.db") as database:
        database.execute("CREATE TABLE precious (x)")
    database.close()
    outbox = opened(tmp_path / "o.db")
    assert outbox.n_set_aside == 1
    database = sqlite3.connect(tmp_path / "o.db.corrupt-1")
    assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("precious",)]
    database.close()


def test_corruption_while_running_costs_the_epoch_but_not_the_sweep_at_hand(tmp_path):
    outbox = opened(tmp_path / "o.db")
    for i in range(2000):
        outbox._waiting.add(draft(i))
    outbox.append(draft(2000))
    bd_seq = outbox.next_bd_seq()
    outbox._storage.file._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    epoch = outbox.epoch
    size = (tmp_path / "o.db").stat().st_size
    with (tmp_path / "o.db").open("r+b") as file:
        file.seek(8192)
        file.write(random.Random(1).randbytes(size - 8192))
    outbox._storage.file._db.execute("PRAGMA shrink_memory")
    seen = [outbox.append(draft(3000 + i)) for i in range(2) if outbox.fetch(1, 5000) is not None]
    assert outbox.n_set_aside == 1
    assert outbox.epoch != epoch
    assert [record.sequence for records in seen for record in records] == [1, 2]
    assert outbox.next_bd_seq() == bd_seq + 1, "the session's number goes on"


def test_a_card_beyond_use_leaves_an_outbox_in_memory(small_card):
    fill(small_card)
    outbox = opened(small_card / "o.db")
    for i in range(3):
        assert [record.sequence for record in outbox.append(draft(i))] == [i + 1]
    assert outbox.next_bd_seq() == 0
    assert outbox.acknowledge(outbox.epoch, 2)
    assert bodies(outbox) == [(3, 2)]
    outbox.close()


def test_a_card_that_has_turned_read_only_does_not_silence_the_agent(small_card):
    on_disk = opened(small_card / "o.db")
    on_disk.append(draft(0))
    on_disk.close()
    remount(small_card, "ro")
    outbox = opened(small_card / "o.db")
    assert outbox.epoch != on_disk.epoch
    assert [record.sequence for record in outbox.append(draft(1))] == [1]
    assert "memory" in outbox.trouble
    outbox.close()
    remount(small_card, "rw")
    assert bodies(opened(small_card / "o.db")) == [(1, 0)], "what storage has is sent by the first start that can write"


def test_a_card_that_fails_for_minutes_is_given_up_and_what_waited_is_numbered_anew(tmp_path, monkeypatch):
    outbox = opened(tmp_path / "o.db")
    on_card = outbox.append(draft(0, run_s=0))
    epoch = outbox.epoch
    monkeypatch.setattr(
        "edge_agent.outbox.storage.is_read_only", lambda _: True
    )  # a mount in use cannot be turned so by a test
    outbox._storage.file.release_reserve()
    with file_size_limit(4096):
        given = [outbox.append(draft(i, run_s=60.0 * i)) for i in range(1, 10)]
    numbers = [[record.sequence for record in records] for records in given]
    assert numbers == [[], [], [], [], [], [1, 2, 3, 4, 5, 6], [7], [8], [9]]
    assert outbox.epoch != epoch
    assert {record.epoch for records in given for record in records} == {outbox.epoch}
    assert outbox.numbering_of(on_card[0]) is None, "a number of the old epoch must not go out under the new one"
    outbox.close()


class file_size_limit:  # noqa: N801 - reads as a statement
    """No file of this process may grow beyond so many bytes: what full storage does to SQLite's writes."""

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._n_bytes, self._before[1]))

    def __exit__(self, *_) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@pytest.fixture
def small_card(tmp_path, give_up) -> Iterator[Path]:
    """A file system of 4 MB."""
    folder = tmp_path / "card"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        give_up("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass
