"""What may be in storage after a power cut, and who may read it: every case opens, is said, and is counted."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import struct
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.control.orders_file import HeldOrders, save_orders
from edge_agent.outbox.queue import Outbox
from edge_agent.outbox.record import Circumstances, encode_body
from edge_agent.outbox.waiting import Draft
from tests.edge_agent.played_session import START_MS, Played
from tests.edge_agent.stub_meters import StubMeters, lamp_layout

LAYOUT = lamp_layout(3)
METERS = StubMeters(3, lambda: START_MS)
BODY = encode_body(METERS.sweep(True), LAYOUT, Circumstances(array("B", [100] * 3), True, 60))


def outbox_at(path: Path) -> Outbox:
    return Outbox(path, retention_s=1e7, max_bytes=50_000_000, random_epoch=lambda: random.getrandbits(62) + 1)


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The files of an agent that was killed with twenty records in the log and none folded into the file."""
    path = tmp_path / "street" / "outbox.db"
    child = os.fork()
    if not child:
        outbox = outbox_at(path)
        for i in range(20):
            outbox.append(Draft(START_MS + i, float(i), LAYOUT, BODY))
        os._exit(0)
    os.waitpid(child, 0)
    assert path.stat().st_size > 0
    assert Path(f"{path}-wal").stat().st_size > 0
    return path


def goes_on(path: Path) -> Outbox:
    """Open it, store a record, and close it: what an agent has to be able to do whatever stands there."""
    outbox = outbox_at(path)
    assert outbox.append(Draft(START_MS, outbox.run_s, LAYOUT, BODY))
    return outbox


def test_log_beside_intact_file_is_used(killed: Path) -> None:
    outbox = goes_on(killed)
    assert (outbox.last_sequence, outbox.n_set_aside, outbox.trouble) == (21, 0, "")
    outbox.close()


@pytest.mark.parametrize("is_missing", [False, True])
def test_log_beside_empty_or_missing_file_is_set_aside_counted_and_said(killed: Path, caplog, is_missing: bool) -> None:
    log = Path(f"{killed}-wal").read_bytes()
    if is_missing:
        killed.unlink()
    else:
        killed.write_bytes(b"")
    outbox = goes_on(killed)
    assert outbox.n_set_aside == 1
    assert "set aside" in outbox.trouble
    assert "its log is not" in caplog.text
    assert killed.with_name(f"{killed.name}.corrupt-1-wal").read_bytes() == log
    assert outbox.last_sequence == 1
    outbox.close()


def test_second_power_cut_does_not_overwrite_what_the_first_left(killed: Path) -> None:
    log = Path(f"{killed}-wal").read_bytes()
    for n in (1, 2):
        killed.write_bytes(b"")
        Path(f"{killed}-wal").write_bytes(log + bytes([n]))
        outbox = outbox_at(killed)
        outbox.close()
        assert killed.with_name(f"{killed.name}.corrupt-{n}-wal").read_bytes() == log + bytes([n])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(random.Random(1).randbytes(100_000)),
        lambda path: path.write_bytes(bytes(path.stat().st_size)),
        lambda path: path.write_bytes(b"SQLite format 3\0"),
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(path.read_bytes()[:1500]),
        lambda path: path.write_bytes(b"hello\n"),
    ],
    ids=["garbage", "zeros", "magic alone", "header alone", "one page and a half", "text"],
)
@pytest.mark.parametrize("has_log", [True, False])
def test_spoilt_file_never_keeps_the_agent_from_storing(killed: Path, spoil: Callable, has_log: bool) -> None:
    if not has_log:
        outbox_at(killed).close()  # folds the log into the file
    spoil(killed)
    outbox = goes_on(killed)
    assert outbox.n_set_aside == 1 or outbox.last_sequence == 21, "neither said nor recovered from the log"
    outbox.close()
    outbox = goes_on(killed)
    assert outbox.n_set_aside == 0
    outbox.close()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize(
    "place",
    [
        lambda path: path.mkdir(),
        lambda path: path.symlink_to(path.name),
        lambda path: path.symlink_to("/no/such/disk/outbox.db"),
        lambda path: path.symlink_to("/dev/zero"),
        os.mkfifo,
    ],
    ids=["folder", "link to itself", "link to nowhere", "device", "pipe"],
)
def test_what_is_no_file_never_keeps_the_agent_from_storing(killed: Path, caplog, place: Callable, suffix: str) -> None:
    outbox_at(killed).close()  # the log is folded into the file
    path = Path(f"{killed}{suffix}")
    path.unlink(missing_ok=True)
    place(path)
    outbox = goes_on(killed)
    assert outbox.last_sequence == (1 if not suffix else 21)
    assert "not a regular file" in caplog.text
    outbox.close()
    assert outbox_at(killed).last_sequence == (1 if not suffix else 21)


def test_file_cut_anywhere_never_keeps_the_agent_from_storing(killed: Path) -> None:
    outbox_at(killed).close()
    whole = killed.read_bytes()
    for size in range(1, len(whole), 397):
        killed.write_bytes(whole[:size])
        outbox = goes_on(killed)
        assert outbox.n_set_aside == 1, f"cut to {size} bytes"
        outbox.close()
        for left in killed.parent.glob("outbox.db*"):
            left.unlink()


def test_leftover_shared_memory_file_is_no_obstacle(killed: Path) -> None:
    Path(f"{killed}-shm").write_bytes(random.Random(2).randbytes(32768))
    outbox = goes_on(killed)
    assert outbox.last_sequence == 21
    outbox.close()


def test_log_of_garbage_is_no_obstacle(killed: Path) -> None:
    outbox_at(killed).close()
    Path(f"{killed}-wal").write_bytes(random.Random(3).randbytes(50_000))
    outbox = goes_on(killed)
    assert outbox.last_sequence == 21
    outbox.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE number SET value = 'abc' WHERE name = 'epoch'",
        "UPDATE number SET value = -1 WHERE name = 'epoch'",
        "INSERT OR REPLACE INTO number VALUES ('gone', 'much')",
        "INSERT OR REPLACE INTO number VALUES ('acknowledged', -7)",
        "UPDATE record SET run_s = 'late' WHERE sequence = 20",
        "UPDATE record SET run_s = 9e99 WHERE sequence = 20",
        "UPDATE record SET at_ms = 'now' WHERE sequence = 20",
    ],
)
def test_impossible_numbers_are_corruption(killed: Path, statement: str) -> None:
    outbox_at(killed).close()
    with sqlite3.connect(killed) as database:
        database.execute(statement)
    database.close()
    outbox = goes_on(killed)
    assert outbox.n_set_aside == 1
    outbox.close()


@pytest.mark.parametrize("value", ["'text'", "-5", "x'00'", "1e300"])
@pytest.mark.parametrize("column", ["at_ms", "body", "layout"])
def test_spoilt_record_goes_out_with_its_number_and_blocks_nothing(tmp_path: Path, column: str, value: str) -> None:
    played = Played(tmp_path)
    for _ in range(5):
        played.sweep()
    played.outbox.close()
    with sqlite3.connect(tmp_path / "outbox.db") as database:
        database.execute(f"UPDATE record SET {column} = {value} WHERE sequence = 3")
    database.close()
    again = Played(tmp_path)
    again.connect()
    again.sweep()
    again.run(5)
    numbers = [kind for kind, _, _ in again.sent]
    assert numbers.count("NDATA") == 6
    again.outbox.close()


def test_outbox_and_orders_are_for_their_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        path = tmp_path / "var" / "terang" / "outbox.db"
        outbox = goes_on(path)
        save_orders(path.with_name("outbox.db.orders.json"), HeldOrders())
        for name in ("outbox.db", "outbox.db-wal", "outbox.db.orders.json"):
            assert stat.S_IMODE(path.with_name(name).stat().st_mode) == 0o600, name
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        outbox.close()
    finally:
        os.umask(previous)


def test_open_outbox_of_an_earlier_version_is_closed_to_others(killed: Path) -> None:
    killed.chmod(0o644)
    goes_on(killed).close()
    assert stat.S_IMODE(killed.stat().st_mode) == 0o600


def test_pages_in_the_log_alone_are_whole_numbers_of_the_files_page(killed: Path) -> None:
    """The premise of the cases above: an agent's file is never empty while its log has contents."""
    page = struct.unpack(">H", killed.read_bytes()[16:18])[0]
    assert killed.stat().st_size % page == 0
