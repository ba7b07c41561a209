"""Three workers serve six cities' groups; one is killed or hangs under load, and the others take its groups over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.end_to_end.workers_stand import (
    N_GROUPS,
    N_WORKERS,
    StateEar,
    faults_of,
    set_up,
    wait_for,
    words_of,
)
from tests.ingest.city_stand import stored_readings, stored_records
from tests.postgresql_server import PostgresqlServer

TAKEOVER_S = 30
HUNG_S = float(os.environ.get("TERANG_HUNG_S", "0"))  # a worker hangs at least so long, else until it is replaced

pytestmark = [pytest.mark.chaos, pytest.mark.end_to_end, pytest.mark.timeout(240)]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_workers_groups_are_taken_over_within_30_s_and_nothing_is_lost_or_doubled(
    tmp_path: Path,
    require_debian: Callable[[str], Path],
    postgresql: PostgresqlServer,
    stack: ExitStack,
    blow: signal.Signals,
) -> None:
    groups = [f"city{n}" for n in range(N_GROUPS)]
    urls = {group: postgresql.make_database() for group in groups}
    broker, cities, workers, load = set_up(stack, tmp_path, require_debian("mosquitto"), urls, N_WORKERS)
    ear = StateEar(broker.port)
    stack.callback(ear.close)
    wait = partial(wait_for, workers)
    wait(
        lambda: all(len(worker.served()) == N_GROUPS // N_WORKERS for worker in workers), "a fair share", 90
    )  # three starts, on a machine that may be busy
    wait(lambda: all(faults_of(postgresql, url) for url in urls.values()), "a fault in every city", 20)

    orphans = workers[0].served()
    killed_at = time.monotonic()
    workers[0].process.send_signal(blow)
    newest = {group: max(agent.sequence for agent in load.fleets[group].agents) for group in groups}

    def is_acknowledged(group: str) -> bool:
        return all(agent.acknowledged > newest[group] for agent in load.fleets[group].agents)

    took_s: dict[str, float] = {}

    def note() -> bool:
        for group in orphans - took_s.keys():
            if is_acknowledged(group):
                took_s[group] = time.monotonic() - killed_at
        return took_s.keys() == orphans

    wait(note, "the takeover", TAKEOVER_S)
    standing = workers[1:]
    if blow == signal.SIGSTOP:
        time.sleep(max(0.0, killed_at + HUNG_S - time.monotonic()))
        workers[0].wake()
        wait(lambda: not workers[0].served() & orphans, "the hung worker's leaving", 30)
        standing = workers
    load.stop()
    for fleet in load.fleets.values():
        fleet.resend()
        fleet.settle()
    assert [worker.served() & orphans for worker in workers[1:]] != [set(), set()]
    assert {host: word[1] for host, word in ear.newest.items()} == dict.fromkeys(groups, True)
    for worker in standing:
        worker.process.terminate()
    assert [worker.process.wait(20) for worker in standing] == [0] * len(standing), words_of(workers)

    lost = doubled = n_records = 0
    for group in groups:
        records = stored_records(cities[group])
        sent = {
            (agent.node, agent.epoch, s) for agent in load.fleets[group].agents for s in range(1, agent.sequence + 1)
        }
        lost += len(sent - set(records))
        doubled += len(records) - len(set(records))
        n_records += len(sent)
        assert len(set(stored_readings(cities[group]))) == 1
        assert faults_of(postgresql, urls[group]) == [("lampFailure", "L-000-000", "open", ["opened"])], words_of(
            workers
        )
    print(
        f"{N_WORKERS} workers, {N_GROUPS} groups, {blow.name} to one with {len(orphans)}: taken over and acknowledging "
        f"after {max(took_s.values()):.1f} s; {n_records} records: lost {lost}, doubled {doubled}"
    )
    assert (lost, doubled) == (0, 0)
