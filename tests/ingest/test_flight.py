"""Two loads on their way: in order, each behind what the one before it promised."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from ingest.errors import RetryError, StoreRefusedError, StoreUnavailableError
from ingest.pipeline.commit_queue import CommitQueue, Load


class Stand:
    """A store and a fault book that fail on demand, and note in which order they are asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failures: dict[str, list[Exception]] = {}
        self.now_s, self.write_s = 100.0, 0.0
        store = SimpleNamespace(write=self._write)
        book = SimpleNamespace(apply=lambda changes, _now_us: self._do(f"tell {changes[0]}"))
        quarantine = SimpleNamespace(write=MagicMock())
        more: Any = {"metrics": MagicMock(), "readiness": MagicMock(), "monotonic": lambda: self.now_s}
        self.flight = CommitQueue(store, quarantine, book, **more)  # type: ignore[arg-type]  # what it asks of them

    def _write(self, block: str) -> None:
        self.now_s += self.write_s
        self._do(f"write {block}")

    def _do(self, what: str) -> None:
        self.asked.append(what)
        if self.failures.get(what):
            raise self.failures[what].pop(0)

    def start(self, name: str, n_bytes: int = 0) -> Load:
        """Send a load off whose block and only change have this name."""
        load = Load(name, [], [name], n_bytes=n_bytes)  # type: ignore[arg-type, list-item]  # told apart by it
        self.flight.start(load)
        return load


@pytest.fixture
def stand() -> Any:
    stand = Stand()
    yield stand
    stand.flight.close()


def test_the_second_is_written_when_the_first_is_stored_and_told(stand: Stand) -> None:
    first, second = stand.start("a"), stand.start("b")
    assert not stand.flight.may_start
    assert stand.flight.finish(5) is first
    assert stand.flight.may_start
    third = stand.start("c")
    assert stand.flight.finish(5) is second
    assert stand.flight.finish(5) is third
    assert stand.flight.finish(5) is None
    assert stand.flight.is_empty
    assert stand.asked == ["write a", "tell a", "write b", "tell b", "write c", "tell c"]


@pytest.mark.parametrize("step", ["write a", "tell a"])
def test_what_fails_holds_up_what_is_behind_it(step: str, stand: Stand) -> None:
    stand.failures[step] = [RetryError("full"), RetryError("still full")]
    first, second = stand.start("a"), stand.start("b")
    for _ in range(2):
        assert stand.flight.finish(5) is None
        assert stand.flight.is_stalled
        assert stand.flight.finish(5) is None  # not before its time
        stand.now_s += 60
    assert stand.flight.finish(5) is first
    assert not stand.flight.is_stalled
    assert stand.flight.finish(5) is second
    assert "write b" not in stand.asked[: stand.asked.index("tell a")]
    assert stand.asked.count("write a") == (3 if step == "write a" else 1)
    assert stand.asked[-2:] == ["write b", "tell b"]


def test_a_block_that_is_refused_for_good_is_told_and_passed_over(stand: Stand) -> None:
    stand.failures["write a"] = [StoreRefusedError("never")]
    first, second = stand.start("a"), stand.start("b")
    assert stand.flight.finish(5) is first
    assert first.block is None
    assert stand.flight.finish(5) is second


def test_held_nothing_starts_before_all_has_landed(stand: Stand) -> None:
    first = stand.start("a")
    stand.flight.hold(is_held=True)
    assert not stand.flight.may_start
    assert stand.flight.finish(5) is first
    assert stand.flight.may_start  # what is sent off now lands alone
    stand.start("b")
    assert not stand.flight.may_start
    stand.flight.hold(is_held=False)
    assert stand.flight.may_start


def test_a_slow_store_is_given_loads_that_it_writes_in_seconds(stand: Stand) -> None:
    def write(n_bytes: int, seconds: float) -> int:
        stand.write_s = seconds
        stand.start("a", n_bytes)
        assert stand.flight.finish(5) is not None
        return stand.flight.most_bytes

    assert write(32 << 20, 0.3) > 1 << 30, "no limit where none is needed"
    assert write(32 << 20, 40.0) == pytest.approx(4 << 20, rel=1e-3)
    assert write(10_000, 0.1) == pytest.approx(4 << 20, rel=1e-3), "a small load says nothing of large ones"
    assert write(4 << 20, 5.0) == pytest.approx(4 << 20, rel=1e-3)
    assert write(4 << 20, 0.5) == pytest.approx(40 << 20, rel=1e-3), "it is quick again"
    assert write(40 << 20, 1000.0) == 1 << 20


def test_an_outage_is_not_taken_for_slowness(stand: Stand) -> None:
    stand.failures["write a"] = [StoreUnavailableError("full")]
    stand.start("a", 32 << 20)
    assert stand.flight.finish(5) is None
    stand.now_s += 3600
    assert stand.flight.finish(5) is not None
    assert stand.flight.most_bytes > 1 << 30
