"""A worker's status page: why it waits, the city's own figures while it serves, and who yields the port to whom."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest

from ingest.assembly import LOCK_FILE
from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.folder_lock import FolderLock
from ingest.metrics import Metrics
from ingest.options import Options
from ingest.readiness import Readiness
from ingest.workers import status_page as worker_page
from ingest.workers.group_lock import GroupLock, LockLostError
from ingest.workers.status_page import WorkerPage
from ingest.workers.worker import Patience, run_worker
from languages.message import Message, Plain
from tests.influx_server import free_port, wait_until
from tests.ingest.test_worker import city_in
from tests.postgresql_server import PostgresqlServer

WAITING = Message("readiness.waiting_for_lock")


class Port:
    def __init__(self) -> None:
        self.number = free_port()

    def ask(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.number}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def reasons(self) -> dict[str, str]:
        status, body = self.ask("/readyz")
        assert status in {200, 503}
        assert (status == 200) == (not json.loads(body)["reasons"])
        return json.loads(body)["reasons"]


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def pages(port: Port, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[WorkerPage]]:
    monkeypatch.setattr(worker_page, "_RETRY_S", 0.0)
    pages = [WorkerPage("127.0.0.1", port.number, "g") for _ in range(2)]
    yield pages
    for page in pages:
        page.close()


def test_it_says_why_it_waits_and_shows_the_city_while_it_serves(port: Port, pages: list[WorkerPage]) -> None:
    page = pages[0]
    assert port.ask("/healthz") == (0, "")
    page.wait(WAITING)
    assert port.reasons() == {"worker": "waiting for the lock"}
    assert port.ask("/healthz")[0] == 200
    assert port.ask("/metrics") == (200, ""), "figures of nobody would look like an ingest that does nothing"
    metrics, readiness = Metrics(), Readiness()
    page.show(metrics, readiness)
    assert port.reasons() == {"start": "starting"}
    readiness.set("start", None)
    assert port.reasons() == {}
    assert "terang_ingest_broker_up" in port.ask("/metrics")[1]
    page.wait(Message("readiness.leaving"))
    assert port.reasons() == {"worker": "leaves the group"}
    assert port.ask("/metrics") == (200, "")


def test_who_stands_by_yields_the_port_to_who_serves(
    port: Port, pages: list[WorkerPage], capsys: pytest.CaptureFixture[str]
) -> None:
    def said() -> str:
        return "".join(capsys.readouterr())  # where the log goes depends on what else this process has set up

    standby, active = pages
    standby.wait(WAITING)
    readiness = Readiness()
    readiness.set("start", None)
    for _ in range(3):
        active.show(Metrics(), readiness)
    assert port.reasons() == {"worker": "waiting for the lock"}
    assert said().count("no status page; it is tried again") == 1
    standby.wait(Message("readiness.standby", group=Plain("g")), is_anothers=True)
    active.hold()
    assert port.reasons() == {}
    assert "has its status page" in said()
    standby.wait(Message("readiness.standby", group=Plain("g")), is_anothers=True)  # does not even ask for it
    assert said() == ""
    active.close()
    assert port.ask("/readyz") == (0, "")
    standby.wait(Message("readiness.no_postgresql", reason=Plain("gone")))
    assert port.reasons() == {"worker": "PostgreSQL does not answer: gone"}


def test_without_a_status_address_there_is_no_page() -> None:
    page = WorkerPage("127.0.0.1", -1, "g")
    page.wait(WAITING)
    page.show(Metrics(), Readiness())
    page.close()


def test_a_city_that_cannot_be_served_says_why_until_it_is_tried_again(
    postgresql: PostgresqlServer, tmp_path: Path, port: Port
) -> None:
    city = city_in(tmp_path, postgresql.make_database())
    city.data_folder.mkdir(exist_ok=True)
    held, is_stopped = FolderLock(city.data_folder / LOCK_FILE), Event()
    options, patience = Options(status_port=port.number), Patience(look_s=0.1, settle_s=0.0)
    worker = Thread(target=run_worker, args=([city], options, is_stopped, patience))
    worker.start()
    try:
        wait_until(lambda: "another terang-ingest works on this city" in port.ask("/readyz")[1])
        assert port.reasons()["worker"].startswith("cannot serve: ")
    finally:
        is_stopped.set()
        worker.join()
        held.release()
    assert port.ask("/readyz") == (0, "")


def test_a_password_of_the_database_is_not_shown(tmp_path: Path) -> None:
    city = city_in(tmp_path, f"postgresql+psycopg://terang:secret@127.0.0.1:{free_port()}/terang")
    with pytest.raises(UnusableError, match=r"//\*\*\*@127.0.0.1.*refused") as caught:
        open_database(city)
    assert "secret" not in str(caught.value)
    with pytest.raises(LockLostError, match="refused") as lost:
        GroupLock(city).look()
    assert "secret" not in str(lost.value)


def test_a_lock_tells_whether_its_holder_has_the_same_place_on_the_same_machine(
    postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    city = city_in(tmp_path, postgresql.make_database())
    holder, same, other = (GroupLock(city, place) for place in ("127.0.0.1:9108", "127.0.0.1:9108", "127.0.0.1:9109"))
    for lock in (holder, same, other):
        assert not lock.look().has_our_place
    assert holder.claim()
    assert [lock.look().is_taken for lock in (same, other)] == [True, True]
    assert [lock.look().has_our_place for lock in (same, other)] == [True, False]
    for lock in (holder, same, other):
        lock.close()
