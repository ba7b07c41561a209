"""What a monitoring system hears of workers: a reason from whoever stands by, the city's page from whoever serves."""

from __future__ import annotations

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.workers_stand import Worker, wait_for, write_cities
from tests.influx_server import free_port
from tests.ingest.city_stand import Mosquitto
from tests.postgresql_server import PostgresqlServer

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def why_not(port: int) -> str:
    """The worker's reason; empty where it is ready, or does not answer."""
    status, body = ask(port, "/readyz")
    return str(json.loads(body)["reasons"].get("worker", "")) if status == 503 else ""


def is_ready(port: int) -> bool:
    return ask(port, "/readyz")[0] == 200 and "terang_ingest_broker_up 1.0" in ask(port, "/metrics")[1]


@pytest.mark.parametrize("is_one_port", [False, True], ids=["a port each", "one port"])
def test_somebody_always_answers_and_who_serves_has_the_port(
    tmp_path: Path, require_debian: Callable[[str], Path], stack: ExitStack, *, is_one_port: bool
) -> None:
    postgresql = PostgresqlServer(require_debian("postgresql"))
    postgresql.start()
    stack.callback(postgresql.stop)
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    broker.start()
    stack.callback(broker.stop)
    cities = list(write_cities(tmp_path, broker.port, {"city0": postgresql.make_database()}).values())
    first = free_port()
    ports = [first, first if is_one_port else free_port()]
    workers = [Worker(n, tmp_path, cities, f"127.0.0.1:{port}") for n, port in enumerate(ports)]
    for worker in workers:
        stack.callback(worker.kill)
    wait = partial(wait_for, workers)

    def serving() -> list[int]:
        return [n for n, worker in enumerate(workers) if worker.served()]

    wait(lambda: len(serving()) == 1 and is_ready(ports[serving()[0]]), "the page of who serves", 60)
    (active,) = serving()
    if not is_one_port:
        standby = ports[1 - active]
        wait(lambda: why_not(standby) == "standby: group city0 is served by another worker", "the standby's page", 60)
        assert ask(standby, "/healthz")[0] == 200

    postgresql.halt("fast")
    for port in set(ports):
        wait(lambda: why_not(port).startswith("PostgreSQL does not answer: "), "a reason", 30)  # noqa: B023  # waited for
        assert ask(port, "/healthz")[0] == 200
    postgresql.resume()
    wait(lambda: len(serving()) == 1 and is_ready(ports[serving()[0]]), "who serves, on its page again", 60)

    (active,) = serving()
    other = workers[1 - active]
    if is_one_port:  # who hangs keeps the port: the other serves without it, and has it when that one wakes up
        workers[active].process.send_signal(signal.SIGSTOP)
        wait(lambda: bool(other.served()), "the takeover", 60)
        assert "no status page; it is tried again" in other.log.read_text()
        workers[active].wake()
    else:
        workers[active].kill()
    wait(lambda: bool(other.served()) and is_ready(ports[1 - active]), "the other's page", 60)
    other.process.terminate()
    assert other.process.wait(60) == 0
