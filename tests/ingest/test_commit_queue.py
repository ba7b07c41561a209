"""The commit queue: two loads in order, each written after the one before it is booked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from sqlalchemy.exc import DataError, OperationalError

from ingest.errors import DamagedDatabaseError, RetryError, StoreRefusedError, StoreUnavailableError
from ingest.faultbook.book import Applied
from ingest.jobs.faults import FaultJob
from ingest.metrics import Metrics
from ingest.model.block import Block
from ingest.model.received_ranges import StoredRanges
from ingest.pipeline.commit_queue import CommitQueue, Load
from ingest.readiness import Readiness
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.workers.group_lock import FencedError
from tests.ingest.seeded_blocks import EPOCH, block_of, town


class Stand:
    """A store and a fault book that fail on demand, and note in which order they are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.now_s, self.write_s = 100.0, 0.0
        store = SimpleNamespace(write=self._write)
        book = SimpleNamespace(apply=lambda changes, _now_us: self._do(f"tell {changes[0]}"))
        dead_letters = SimpleNamespace(write=MagicMock())
        more: Any = {"metrics": MagicMock(), "readiness": MagicMock(), "monotonic": lambda: self.now_s}
        self.commit_queue = CommitQueue(store, dead_letters, book, **more)  # type: ignore[arg-type]  # what it asks of them

    def _write(self, block: str) -> None:
        self.now_s += self.write_s
        self._do(f"write {block}")

    def _do(self, what: str) -> None:
        self.asked.append(what)
        if self.failures.get(what):
            raise self.failures[what].pop(0)

    def start(self, name: str, n_bytes: int = 0) -> Load:
        """Send a load off whose block and only change have this name."""
        load = Load(name, [], [name], n_bytes=n_bytes)  # type: ignore[arg-type, list-item]  # identified by it
        self.commit_queue.start(load)
        return load


@pytest.fixture
def stand() -> Any:
    stand = Stand()
    yield stand
    stand.commit_queue.close()


def test_the_second_is_written_when_the_first_is_stored_and_reported(stand: Stand) -> None:
    first, second = stand.start("a"), stand.start("b")
    assert not stand.commit_queue.may_start
    assert stand.commit_queue.finish(5) is first
    assert stand.commit_queue.may_start
    third = stand.start("c")
    assert stand.commit_queue.finish(5) is second
    assert stand.commit_queue.finish(5) is third
    assert stand.commit_queue.finish(5) is None
    assert stand.commit_queue.is_empty
    assert stand.asked == ["write a", "tell a", "write b", "tell b", "write c", "tell c"]


@pytest.mark.parametrize("step", ["write a", "tell a"])
def test_what_fails_holds_up_what_is_behind_it(step: str, stand: Stand) -> None:
    stand.failures[step] = [RetryError("full"), RetryError("still full")]
    first, second = stand.start("a"), stand.start("b")
    for _ in range(2):
        assert stand.commit_queue.finish(5) is None
        assert stand.commit_queue.is_stalled
        assert stand.commit_queue.finish(5) is None  # not before its time
        stand.now_s += 60
    assert stand.commit_queue.finish(5) is first
    assert not stand.commit_queue.is_stalled
    assert stand.commit_queue.finish(5) is second
    assert "write b" not in stand.asked[: stand.asked.index("tell a")]
    assert stand.asked.count("write a") == (3 if step == "write a" else 1)
    assert stand.asked[-2:] == ["write b", "tell b"]


class PickyStore:
    """Takes every record but those with some numbers, and is down now and then."""

    def __init__(self, poison: set[int], error: Exception, down_before: int = -1) -> None:
        self.poison, self.error, self.down_before = poison, error, down_before
        self.written: list[int] = []
        self.received: dict[str, StoredRanges] = {}
        self.n_asked = 0

    def write(self, block: Block) -> None:
        self.n_asked += 1
        if self.n_asked == self.down_before:
            raise StoreUnavailableError("full")
        numbers = block.batch.sequence.tolist()
        if self.poison & set(numbers):
            raise self.error
        self.written += numbers
        self.received |= {ranges.controller_id: ranges for ranges in block.received}


def picky(store: PickyStore, folder: Path, n_records: int = 40) -> tuple[CommitQueue, Load, Metrics, DeadLetters]:
    directory = town(n_records, 2)
    block = block_of(directory)
    numbered = replace(block.batch, sequence=np.arange(1, n_records + 1, dtype=np.uint64))
    received = tuple(StoredRanges(f"PJU-{i:03d}", EPOCH, i + 1) for i in range(n_records))
    metrics, letters = Metrics(), DeadLetters(folder)
    book: Any = SimpleNamespace(apply=lambda _changes, _now_us: None)
    queue = CommitQueue(store, letters, book, metrics=metrics, readiness=Readiness(), monotonic=iter_time())  # type: ignore[arg-type]  # what it asks of it
    load = Load(replace(block, batch=numbered, received=received), [], [])
    queue.start(load)
    return queue, load, metrics, letters


def iter_time() -> Any:
    """A clock that goes on by a minute whenever somebody looks."""
    minutes = iter(range(0, 10_000_000, 60))
    return lambda: float(next(minutes))


@pytest.mark.parametrize("poison", [{1}, {40}, {20, 21}, {1, 7, 30, 40}])
@pytest.mark.parametrize("error", [StoreRefusedError("never"), ValueError("surrogates"), OverflowError("too large")])
def test_a_record_that_no_store_takes_is_set_aside_alone(poison: set[int], error: Exception, tmp_path: Path) -> None:
    store = PickyStore(poison, error)
    queue, load, metrics, letters = picky(store, tmp_path)
    assert queue.finish(5) is load
    queue.close()
    assert sorted(store.written) == sorted(set(range(1, 41)) - poison), "all others once"
    assert store.received == {ranges.controller_id: ranges for ranges in load.block.received}  # type: ignore[union-attr]  # it has one
    count = metrics.registry.get_sample_value("terang_ingest_complaints_total", {"reason": "unstorable"})
    assert count == len(poison)
    kept = [json.loads(line)["text"] for line in (tmp_path / "quarantine.jsonl").read_text().splitlines()]
    assert sorted(text.split(":")[0] for text in kept) == sorted(f"PJU-{n - 1:03d}" for n in poison)
    assert not letters.take()


@pytest.mark.parametrize("down_before", range(1, 14))
def test_a_store_that_goes_down_during_the_search_is_waited_for_and_nothing_is_doubled(
    down_before: int, tmp_path: Path
) -> None:
    store = PickyStore({7}, ValueError("never"), down_before)
    queue, load, _, _ = picky(store, tmp_path)
    committed = [queue.finish(5) for _ in range(4)]
    queue.close()
    assert load in committed
    assert sorted(store.written) == sorted(set(range(1, 41)) - {7})


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no disk"), OSError("no disk"), ValueError("any")])
def test_a_store_that_takes_nothing_at_all_is_waited_for(error: Exception, tmp_path: Path) -> None:
    store = PickyStore(set(range(1, 201)), error)
    queue, load, _, _ = picky(store, tmp_path, 200)
    assert queue.finish(20) is None
    assert queue.is_stalled
    store.poison = set()
    assert load in [queue.finish(5) for _ in range(3)]
    queue.close()
    assert sorted(store.written) == list(range(1, 201))


class PickyBook:
    def __init__(self, poison: str, error: Exception) -> None:
        self.poison, self.error, self.reported = poison, error, []

    def apply(self, changes: list[Any], _now_us: int) -> Applied:
        if any(change.key == self.poison for change in changes):
            raise self.error
        self.reported += [change.key for change in changes]
        return Applied(n_opened=len(changes))


@pytest.mark.parametrize(
    "error", [ValueError("NUL"), OverflowError("too large"), DataError("INSERT", {}, Exception("NUL"))]
)
def test_a_change_that_the_database_cannot_take_holds_up_no_other(error: Exception) -> None:
    metrics = Metrics()
    book = PickyBook("c", error)
    changes: Any = [SimpleNamespace(key=key) for key in "abcdefg"]
    assert FaultJob(book, metrics).apply(changes, 0).n_opened == 6  # type: ignore[arg-type]  # what it asks of it
    assert book.reported == list("abdefg")
    assert metrics.registry.get_sample_value("terang_ingest_complaints_total", {"reason": "unbooked"}) == 1


@pytest.mark.parametrize("error", [OperationalError("INSERT", {}, Exception("locked")), FencedError("fenced")])
def test_a_database_that_is_away_is_waited_for_with_every_change(error: Exception) -> None:
    book = PickyBook("c", error)
    changes: Any = [SimpleNamespace(key=key) for key in "abcdefg"]
    with pytest.raises(RetryError):
        FaultJob(book).apply(changes, 0)  # type: ignore[arg-type]  # as above
    assert not book.reported


def test_while_held_no_load_starts_before_the_queue_is_empty(stand: Stand) -> None:
    first = stand.start("a")
    stand.commit_queue.hold(is_held=True)
    assert not stand.commit_queue.may_start
    assert stand.commit_queue.finish(5) is first
    assert stand.commit_queue.may_start  # what is sent off now lands alone
    stand.start("b")
    assert not stand.commit_queue.may_start
    stand.commit_queue.hold(is_held=False)
    assert stand.commit_queue.may_start


def test_a_slow_store_is_given_loads_that_it_writes_in_seconds(stand: Stand) -> None:
    def write(n_bytes: int, seconds: float) -> int:
        stand.write_s = seconds
        stand.start("a", n_bytes)
        assert stand.commit_queue.finish(5) is not None
        return stand.commit_queue.most_bytes

    assert write(32 << 20, 0.3) > 1 << 30, "no limit where none is needed"
    assert write(32 << 20, 40.0) == pytest.approx(4 << 20, rel=1e-3)
    assert write(10_000, 0.1) == pytest.approx(4 << 20, rel=1e-3), "a small load says nothing of large ones"
    assert write(4 << 20, 5.0) == pytest.approx(4 << 20, rel=1e-3)
    assert write(4 << 20, 0.5) == pytest.approx(40 << 20, rel=1e-3), "it is quick again"
    assert write(40 << 20, 1000.0) == 1 << 20


def test_an_outage_is_not_taken_for_slowness(stand: Stand) -> None:
    stand.failures["write a"] = [StoreUnavailableError("full")]
    stand.start("a", 32 << 20)
    assert stand.commit_queue.finish(5) is None
    stand.now_s += 3600
    assert stand.commit_queue.finish(5) is not None
    assert stand.commit_queue.most_bytes > 1 << 30


def test_the_stores_bookkeeping_waits_for_the_write_at_hand_and_hinders_nothing_by_failing(stand: Stand) -> None:
    def settle() -> None:
        stand.asked.append("settle")
        raise StoreUnavailableError("busy")

    first = stand.start("a")
    stand.commit_queue.after_write(settle)
    second = stand.start("b")
    assert stand.commit_queue.finish(5) is first
    assert stand.commit_queue.finish(5) is second
    assert [what for what in stand.asked if not what.startswith("tell")] == ["write a", "settle", "write b"]
    assert not stand.commit_queue.is_stalled


def test_a_damaged_fault_book_is_no_stall_but_goes_up(stand: Stand) -> None:
    stand.failures["tell a"] = [DamagedDatabaseError("malformed")]
    stand.start("a")
    with pytest.raises(DamagedDatabaseError):
        stand.commit_queue.finish(5)
