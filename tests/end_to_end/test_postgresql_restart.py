"""PostgreSQL goes down under workers at work, and comes back: nothing is lost, and every group has one worker again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.workers_stand import faults_of, set_up, wait_for, words_of
from tests.ingest.city_stand import stored_readings, stored_records
from tests.postgresql_server import PostgresqlServer

N_WORKERS, N_GROUPS = 2, 2
DOWN_S = 12  # longer than a worker takes an unanswered lock for its own

pytestmark = [pytest.mark.chaos, pytest.mark.end_to_end, pytest.mark.timeout(240)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_workers_outlive_their_database(
    tmp_path: Path, require_debian: Callable[[str], Path], stack: ExitStack, mode: str
) -> None:
    postgresql = PostgresqlServer(require_debian("postgresql"))
    postgresql.start()
    stack.callback(postgresql.stop)
    groups = [f"city{n}" for n in range(N_GROUPS)]
    urls = {group: postgresql.make_database() for group in groups}
    _, cities, workers, load = set_up(stack, tmp_path, require_debian("mosquitto"), urls, N_WORKERS)
    wait = partial(wait_for, workers)

    def served() -> Counter[str]:
        return Counter(group for worker in workers for group in worker.served())

    wait(lambda: all(len(worker.served()) == 1 for worker in workers), "a fair share", 90)
    wait(lambda: all(faults_of(postgresql, url) for url in urls.values()), "a fault in every city", 20)

    postgresql.halt(mode)
    halted_at = time.monotonic()
    wait(lambda: not served(), "every worker's word that it serves no more", DOWN_S)
    assert [worker.process.poll() for worker in workers] == [None] * N_WORKERS, words_of(workers)
    time.sleep(max(0.0, halted_at + DOWN_S - time.monotonic()))
    newest = {group: max(agent.sequence for agent in load.fleets[group].agents) for group in groups}
    acknowledged = {group: [agent.acknowledged for agent in load.fleets[group].agents] for group in groups}
    assert all(max(acknowledged[group]) < newest[group] for group in groups)

    postgresql.resume()
    resumed_at = time.monotonic()
    wait(lambda: served() == Counter(groups), "one worker for each group", 30)
    wait(
        lambda: all(agent.acknowledged > newest[group] for group in groups for agent in load.fleets[group].agents),
        "the acknowledgements",
        30,
    )
    took_s = time.monotonic() - resumed_at
    load.stop()
    for fleet in load.fleets.values():
        fleet.resend()
        fleet.settle()
    assert served() == Counter(groups), words_of(workers)
    for worker in workers:
        worker.process.terminate()
    assert [worker.process.wait(20) for worker in workers] == [0] * N_WORKERS, words_of(workers)

    n_records = 0
    for group in groups:
        records = stored_records(cities[group])
        agents = load.fleets[group].agents
        sent = {(agent.node, agent.epoch, s) for agent in agents for s in range(1, agent.sequence + 1)}
        assert sorted(records) == sorted(sent)  # none lost, none twice
        assert len(set(stored_readings(cities[group]))) == 1
        assert faults_of(postgresql, urls[group]) == [("lampFailure", "L-000-000", "open", ["opened"])], words_of(
            workers
        )
        n_records += len(sent)
    print(f"{mode} stop of {DOWN_S} s: all acknowledged {took_s:.1f} s after the start; {n_records} records")
