"""Upkeep that fails: counted, dated, and a warning on the status page of an ingest that stays ready."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator

import pytest

from ingest.errors import StoreUnavailableError
from ingest.metrics import Metrics
from ingest.pipeline.store_upkeep import Upkeep
from ingest.readiness import Readiness
from ingest.status_page import StatusPage
from tests.influx_server import wait_until

AT, ERRORS = "terang_ingest_upkeep_last_success_timestamp_seconds", "terang_ingest_upkeep_errors_total"


class Store:
    """Raises what it holds, else says whether there is more to do."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.is_more = False

    def upkeep(self, now_us: int) -> bool:
        assert now_us == 7
        if self.trouble is not None:
            raise self.trouble
        return self.is_more


class Stand:
    def __init__(self) -> None:
        self.store, readiness, metrics = Store(), Readiness(), Metrics()
        self.now_us: int | None = 7
        self.upkeep = Upkeep(self.store, lambda: self.now_us, metrics, readiness)  # type: ignore[arg-type]  # its part
        readiness.set("start", None)
        self.page = StatusPage("127.0.0.1", 0, metrics, readiness)
        self.page.start()

    def ask(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page.port}{path}", timeout=5) as answer:
            assert answer.status == 200
            return answer.read().decode()

    def warnings(self) -> dict[str, str]:
        said = json.loads(self.ask("/readyz"))
        assert (said["status"], said["reasons"]) == ("ready", {})
        return said["warnings"]

    def figure(self, name: str) -> float:
        (line,) = [line for line in self.ask("/metrics").splitlines() if line.startswith(name)]
        return float(line.split()[1])


@pytest.fixture
def stand() -> Iterator[Stand]:
    stand = Stand()
    yield stand
    stand.page.stop()


def test_a_failure_is_counted_and_warned_of_until_the_next_success(stand: Stand) -> None:
    assert (stand.figure(AT), stand.figure(ERRORS), stand.warnings()) == (0, 0, {})
    stand.store.is_more = True
    busy_s = stand.upkeep.piece()
    stand.store.is_more = False
    idle_s = stand.upkeep.piece()
    at = stand.figure(AT)
    assert abs(time.time() - at) < 10
    stand.store.trouble = StoreUnavailableError("no room")
    failed_s = stand.upkeep.piece()
    assert busy_s < idle_s < failed_s
    stand.upkeep.piece()
    assert stand.figure(ERRORS) == 2
    assert stand.figure(AT) == at
    assert stand.warnings() == {"upkeep": "it fails and is tried again: no room"}
    stand.store.trouble = None
    stand.upkeep.piece()
    assert stand.figure(AT) >= at
    assert (stand.figure(ERRORS), stand.warnings()) == (2, {})


def test_an_error_that_nobody_foresaw_is_reported_and_does_not_end_the_thread(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_IDLE_S", "_FAILED_S"):
        monkeypatch.setattr(f"ingest.pipeline.store_upkeep.{name}", 0.01)
    stand.store.trouble = KeyError("hours")
    stand.upkeep.start()
    wait_until(lambda: stand.figure(ERRORS) >= 2)
    assert "KeyError: 'hours'" in stand.warnings()["upkeep"]
    stand.store.trouble = None
    wait_until(lambda: not stand.warnings())
    stand.upkeep.stop()


def test_without_a_time_there_is_nothing_to_do_and_nothing_to_tell(stand: Stand) -> None:
    stand.now_us = None
    stand.store.trouble = ValueError("not to be asked")
    stand.upkeep.piece()
    assert (stand.figure(AT), stand.figure(ERRORS), stand.warnings()) == (0, 0, {})
