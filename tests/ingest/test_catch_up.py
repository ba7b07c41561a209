"""Old records are judged beside new ones: in order, within limits, and over errors of the store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from unittest.mock import MagicMock

import pytest

from ingest.errors import StoreUnavailableError
from ingest.model.finding import Cleared, Raised
from ingest.pipeline.catch_up import LONGEST_S
from ingest.pipeline.snapshots import SnapshotJob
from tests.ingest.city_stand import wait_until
from tests.ingest.test_slow_recovery import KEYS, Stand, settle, waiting


@pytest.mark.parametrize("limit", ["time", "bytes"])
def test_new_records_wait_no_longer_than_the_limits(limit: str) -> None:
    stand, gate = Stand(), threading.Event()

    def read() -> Iterator[int]:
        yield 1
        gate.wait(10)
        yield 2

    catch_up = stand.catch_up(read)
    wait_until(lambda: not catch_up.step() and stand.judged == [1])
    catch_up.hold(waiting("a", 1 << 30 if limit == "bytes" else 1))
    stand.now_s += LONGEST_S + 1 if limit == "time" else 0
    catch_up.step()
    assert catch_up.is_done
    assert catch_up.release() is not None
    assert "only 1 of the records" in str(stand.warnings[-1])
    gate.set()
    catch_up.step()
    assert stand.judged == [1]


def test_a_store_that_fails_in_the_middle_is_asked_again_and_nothing_is_judged_twice() -> None:
    stand, failures = Stand(), [StoreUnavailableError("busy"), StoreUnavailableError("still")]

    def read() -> Iterator[int]:
        yield 1
        yield 2
        if failures:
            raise failures.pop()
        yield 3

    settle(stand.catch_up(read))
    assert stand.judged == [1, 2, 3]


def test_answers_that_break_the_reader_end_the_recovery_and_not_intake() -> None:
    stand = Stand()

    def read() -> Iterator[int]:
        yield 1
        raise KeyError("column")

    settle(stand.catch_up(read))
    assert stand.judged == [1]


def test_a_memory_that_fits_no_record_is_started_anew() -> None:
    stand = Stand()
    stand.answers[1] = IndexError("no such lamp")  # type: ignore[assignment]  # it is raised
    catch_up = stand.catch_up(lambda: iter((1, 2)))
    settle(catch_up)
    assert stand.judged == [1]
    assert isinstance(stand.errors[0], IndexError)


def test_faults_that_the_old_records_ended_are_known_as_ended() -> None:
    stand = Stand()
    stand.answers = {
        1: [Cleared(KEYS[0], 1), Cleared(KEYS[1], 1), Raised(KEYS[2], 1, 1, (), {}, None, None)],
        2: [Raised(KEYS[1], 2, 2, (), {}, None, None)],
    }
    catch_up = stand.catch_up(lambda: iter((1, 2)))
    assert len(settle(catch_up)) == 4
    assert [catch_up.is_cleared(key) for key in KEYS] == [True, False, False, False]


def test_no_snapshot_is_taken_while_changes_wait_that_no_load_holds() -> None:
    file, queue, untold = MagicMock(), MagicMock(is_empty=True), [True]
    job = SnapshotJob(
        file,
        MagicMock(),
        queue,
        store=MagicMock(),
        received=MagicMock(),
        monotonic=lambda: 0.0,
        has_unreported_changes=lambda: untold[0],
    )
    job.run(1)
    file.write.assert_not_called()
    queue.hold.assert_called_once_with(is_held=True)
    untold[0] = False
    job.run(1)
    file.write.assert_called_once()
