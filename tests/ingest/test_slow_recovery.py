"""A start on a store that gives its records slowly: intake serves first, and judges the old ones beside it in order."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest

from ingest.model.finding import Key, Place
from ingest.pipeline.catch_up import CatchUp, Waiting
from ingest.pipeline.clock import WallClock
from ingest.pipeline.loop import Intake, Pace
from tests.influx_server import InfluxServer
from tests.ingest.city_stand import IngestProcess, Mosquitto, wait_until, write_city
from tests.ingest.played_agents import PlayedFleet
from tests.ingest.slow_influx import SlowInflux


@pytest.fixture
def slow(influx: InfluxServer) -> Iterator[SlowInflux]:
    proxy = SlowInflux(influx.port)
    yield proxy
    proxy.close()


def sweep(fleet: PlayedFleet, first_power_w: float) -> None:
    with fleet.lock:
        fleet.at_ms += 60_000
        for agent in fleet.agents:
            powers = np.full(agent.n_lamps, 90, "<f4")
            powers[0] = first_power_w
            agent.sweep(agent.values(**{"Lamps/Power": powers.tobytes()}))


def reported(city: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(city / "data" / "terang.db")) as database:
        query = "SELECT lamp_id, kind FROM fault_events JOIN faults ON faults.id = fault_id ORDER BY lamp_id, seq"
        return database.execute(query).fetchall()


@pytest.mark.timeout(120)
def test_records_are_acknowledged_while_the_old_ones_cannot_be_read_and_all_are_judged_in_order(
    tmp_path: Path, influx: InfluxServer, slow: SlowInflux, require_debian: Callable[[str], Path]
) -> None:
    url = influx.new_bucket(tmp_path.name).replace(f":{influx.port}", f":{slow.port}")
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    broker.start()
    city = write_city(
        tmp_path / "city",
        n_controllers=2,
        n_lamps=6,
        broker_port=broker.port,
        more=f'[telemetry]\nurl = "{url}"\n[schedule]\non = "00:00"\noff = "00:00"\n',
    )
    ingest = IngestProcess(city, "--clock", "data")
    fleet = PlayedFleet(broker.port, 2, 6)
    try:
        ingest.start()
        wait_until(ingest.is_ready, 60)
        fleet.birth()
        for number in range(14):
            sweep(fleet, 90.0 if number < 12 else 0.0)
        fleet.settle()
        assert reported(city) == [], "two dark samples are no fault yet"
        ingest.kill()
        slow.gate.clear()
        slow.each_s = 0.3
        ingest.start()
        n_births = [agent.n_rebirths for agent in fleet.agents]
        wait_until(lambda: slow.n_held > 0 and ingest.is_ready(), 60)
        wait_until(lambda: all(agent.n_rebirths > n for agent, n in zip(fleet.agents, n_births, strict=True)), 30)
        sweep(fleet, 0.0)  # the third dark sample, if those before it are counted first
        fleet.settle()
        assert slow.n_held == 1, "the old records are still waited for"
        status, page = ingest.page("/readyz")
        assert status == 200
        assert "judged again" in json.loads(page)["warnings"]["memory"]
        assert reported(city) == []
        slow.gate.set()
        wait_until(lambda: bool(reported(city)), 30)
        wait_until(lambda: "memory" not in json.loads(ingest.page("/readyz")[1])["warnings"], 30)
        assert reported(city) == [(f"L-00{n}-000", "opened") for n in range(2)]
        assert ingest.stop() == 0
    except BaseException:
        print(ingest.log())
        raise
    finally:
        slow.gate.set()
        fleet.close()
        ingest.kill()
        broker.stop()


KEYS = [Key("lampFailure", Place(lamp_id=f"L-{n}")) for n in range(4)]


class Stand:
    """Batches are numbers here; detection notes them and answers as set."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.judged: list[int] = []
        self.answers: dict[int, list[Any]] = {}
        self.warnings: list[str | None] = []
        self.errors: list[Exception] = []

    def catch_up(self, read: Callable[[], Iterator[int]]) -> CatchUp:
        def batches() -> Iterator[Any]:
            for number in read():
                yield SimpleNamespace(number=number, at_us=np.zeros(1, np.int64), n_records=1)

        def judge(batch: Any, _now_us: int) -> list[Any]:
            self.judged.append(batch.number)
            answer = self.answers.get(batch.number, [])
            if isinstance(answer, Exception):
                raise answer
            return answer

        return CatchUp(
            batches,
            SimpleNamespace(judge=judge),  # type: ignore[arg-type]  # what is asked of it
            SimpleNamespace(recall=lambda _batch: 7, latest_us=lambda: None),  # type: ignore[arg-type]  # as above
            changes=[],
            now_us=5,
            start_anew=self.errors.append,
            warn=self.warnings.append,
            monotonic=lambda: self.now_s,
        )


def waiting(name: str, n_bytes: int = 1) -> Waiting:
    return Waiting(name, name, (), n_bytes)  # type: ignore[arg-type]  # identified by it


def settle(catch_up: CatchUp) -> list[Any]:
    changes: list[Any] = []

    def step() -> bool:
        changes.extend(catch_up.step())
        return catch_up.is_done

    wait_until(step, 10)
    return changes


def test_what_waits_is_given_back_in_order_and_only_when_the_old_is_judged() -> None:
    stand, gate = Stand(), threading.Event()

    def read() -> Iterator[int]:
        yield 1
        gate.wait(10)
        yield 2

    catch_up = stand.catch_up(read)
    wait_until(lambda: not catch_up.step() and stand.judged == [1], 10)
    for name in "abc":
        catch_up.hold(waiting(name))
    assert catch_up.release() is None
    gate.set()
    settle(catch_up)
    assert stand.judged == [1, 2]
    assert [catch_up.release() for _ in range(4)] == [*map(waiting, "abc"), None]
    assert stand.warnings[-1] is None


def test_the_loop_goes_on_while_old_records_are_read_and_only_what_needs_the_whole_memory_waits() -> None:
    stand, gate, caught_up = Stand(), threading.Event(), MagicMock()

    def read() -> Iterator[int]:
        yield 1
        gate.wait(10)
        yield 2

    catch_up = stand.catch_up(read)
    host, judge, queue = MagicMock(group="terang", sessions={}), MagicMock(), MagicMock(is_empty=True, is_stalled=False)
    host.commands.outgoing.return_value, judge.tick.return_value = [], []
    queue.finish.return_value = None
    picture, snapshot = MagicMock(), MagicMock()
    intake = Intake(
        MagicMock(trouble=None, n_sessions=1, receive=lambda *_: []),
        host,
        judge=judge,
        clock=WallClock(lambda: int(stand.now_s * 1e6)),
        commit_queue=queue,
        dead_letters=MagicMock(),
        metrics=MagicMock(),
        readiness=MagicMock(),
        monotonic=lambda: stand.now_s,
        wall_ms=lambda: int(stand.now_s * 1000),
        pace=Pace(),
        jobs=(picture,),
        jobs_when_caught_up=(snapshot,),
        catch_up=catch_up,
        caught_up=caught_up,
    )

    def turn() -> bool:
        stand.now_s += 1.5
        intake.turn()
        return True

    wait_until(lambda: turn() and stand.judged == [1], 10)
    assert picture.run.called
    judge.tick.assert_not_called()  # nobody is silent for what nobody has read yet
    snapshot.run.assert_not_called()
    caught_up.assert_not_called()
    gate.set()
    wait_until(lambda: turn() and snapshot.run.called, 10)
    assert stand.judged == [1, 2]
    caught_up.assert_called_once_with()
    turn()
    assert judge.tick.called
