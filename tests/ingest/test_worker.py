"""Who serves which group: the lock of a real PostgreSQL, the fair share, and what cities may not have in common."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from ingest.database import open_database
from ingest.errors import UnusableError
from ingest.folder_lock import FolderLock
from ingest.schema.city import City, read_city
from ingest.workers.group_lock import FencedError, GroupLock, LockLostError
from ingest.workers.lock_watch import SILENT_S, LockWatch
from ingest.workers.worker import Share, check_cities
from tests.ingest.city_stand import REPOSITORY, wait_until, write_city
from tests.postgresql_server import PostgresqlServer

HOLD = """
import sys, time
from pathlib import Path
from ingest.workers.group_lock import GroupLock
from ingest.schema.city import read_city
lock = GroupLock(read_city(Path(sys.argv[1]), {}))
lock.look()
print(lock.claim(), flush=True)
time.sleep(600)
"""


def city_in(folder: Path, url: str, group: str = "g") -> City:
    more = f'[database]\nurl = "{url}"\n'
    write_city(folder, n_controllers=1, n_lamps=1, broker_port=1, more=more, group=group)
    return read_city(folder, {})


def test_a_group_is_one_workers_and_free_again_when_that_is_killed(
    postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    city = city_in(tmp_path, postgresql.make_database())
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        lock = GroupLock(city)
        standing = lock.look()
        assert (standing.n_workers, standing.is_taken) == (2, True)
        assert not lock.claim()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        for _ in range(100):
            standing = lock.look()
            if not standing.is_taken:
                break
        assert (standing.n_workers, standing.is_taken) == (1, False)
        assert lock.claim()
        assert lock.look().is_taken
        lock.release()
        assert not lock.look().is_taken
        lock.close()
    finally:
        holder.kill()
        holder.wait()


def test_a_lock_whose_session_the_server_ended_is_lost_and_never_quietly_another(
    postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql.make_database()
    lock = GroupLock(city_in(tmp_path, url))
    lock.look()
    assert lock.claim()
    name = url.rsplit("/", 1)[1]
    postgresql.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(LockLostError):
        lock.look()
    with pytest.raises(LockLostError):
        lock.claim()
    assert not lock.look().is_taken
    lock.close()


def test_a_holder_that_asks_nothing_loses_the_group_and_can_write_nothing_more(
    postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    city = city_in(tmp_path, postgresql.make_database())
    hung, other = GroupLock(city), GroupLock(city)
    hung.look()
    other.look()
    assert hung.claim()
    engine = open_database(city)
    hung.guard(engine)
    with engine.begin() as held_open:
        held_open.execute(text("CREATE TABLE written (n int)"))
        hung._connection.execute(text("SET idle_session_timeout = '300ms'"))  # 10 s in earnest
        wait_until(lambda: not other.look().is_taken)
        with pytest.raises(LockLostError, match="timeout"):
            other.claim()  # the old holder's transaction is still open
        held_open.execute(text("INSERT INTO written VALUES (1)"))
    other.look()
    assert other.claim()
    with pytest.raises(FencedError), engine.begin() as connection:
        connection.execute(text("INSERT INTO written VALUES (2)"))
    assert postgresql.execute("SELECT n FROM written", city.database.url.rsplit("/", 1)[1]) == [(1,)]
    with pytest.raises(LockLostError):
        hung.look()
    engine.dispose()
    other.close()


def test_a_watch_takes_silence_for_a_lost_lock(postgresql: PostgresqlServer, tmp_path: Path) -> None:
    lock, now = GroupLock(city_in(tmp_path, postgresql.make_database())), [100.0]
    lock.look()
    assert lock.claim()
    watch = LockWatch(lock, 0.05, lambda: now[0])
    watch.start()
    wait_until(lambda: watch.standing().n_workers == 1)
    watch.stop()
    assert watch.standing().is_taken
    now[0] += SILENT_S + 1
    with pytest.raises(LockLostError, match="no answer"):
        watch.standing()
    lock.close()


HOLD_FOLDER = """
import sys, time
from pathlib import Path
from ingest.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), is_elected=sys.argv[2] == "worker")
print("held", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("holder", ["worker", "alone"])
def test_an_elected_worker_passes_over_a_hung_workers_folder_lock_and_no_other(tmp_path: Path, holder: str) -> None:
    path = tmp_path / "ingest.lock"
    command = [sys.executable, "-c", HOLD_FOLDER, str(path), holder]
    other = subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.send_signal(signal.SIGSTOP)
        with pytest.raises(UnusableError, match="another terang-ingest works on this city"):
            FolderLock(path)
        if holder == "alone":
            with pytest.raises(UnusableError, match="another terang-ingest works on this city"):
                FolderLock(path, is_elected=True)
            return
        lock = FolderLock(path, is_elected=True)
        with pytest.raises(UnusableError, match="another terang-ingest works on this city"):
            FolderLock(path)
        lock.release()
        FolderLock(path).release()
    finally:
        other.kill()
        other.wait()


def test_a_worker_takes_its_share_and_no_more_unless_nobody_else_comes() -> None:
    share = Share(7)
    assert [share.take(3, lambda: True, is_orphan=False) for _ in range(4)] == [True, True, True, False]
    assert share.take(3, lambda: True, is_orphan=True)
    assert share.is_beyond(3)
    assert not share.is_beyond(1)
    share.give_back()
    assert not share.is_beyond(3)
    assert not share.take(1, lambda: False, is_orphan=False)
    assert share.take(1, lambda: True, is_orphan=False)


def test_of_groups_beyond_the_share_no_more_leave_than_must() -> None:
    share = Share(6)
    assert all(share.take(1, lambda: True, is_orphan=False) for _ in range(6))
    assert [share.give_way(3) for _ in range(6)] == [True, True, True, True, False, False]
    for _ in range(4):
        share.give_back(gave_way=True)
    assert not share.is_beyond(3)
    assert share.is_beyond(6)
    assert share.give_way(6)


def refused(*cities: City) -> str:
    with pytest.raises(UnusableError) as caught:
        check_cities(cities)
    return str(caught.value)


def test_cities_that_share_a_group_a_host_id_or_a_store_are_refused_by_name(tmp_path: Path) -> None:
    one = city_in(tmp_path / "one", "postgresql+psycopg://h/one", "one")
    two = city_in(tmp_path / "two", "postgresql+psycopg://h/two", "two")
    check_cities([one, two])
    assert "[city] group" in refused(one, city_in(tmp_path / "x", "postgresql+psycopg://h/x", "one"))
    assert "[database] url" in refused(one, city_in(tmp_path / "x", "postgresql+psycopg://h/one", "x"))
    assert "need PostgreSQL" in refused(city_in(tmp_path / "x", "sqlite:///data/terang.db", "x"))
    settings = two.city.model_copy(update={"host_id": "one"})
    assert "[city] host_id" in refused(one, two.model_copy(update={"city": settings}))
    broker = two.broker.model_copy(update={"url": "embedded:"})
    assert "embedded:" in refused(two.model_copy(update={"broker": broker}))


def test_the_command_says_in_one_line_why_it_cannot_start(tmp_path: Path) -> None:
    write_city(tmp_path, n_controllers=1, n_lamps=1, broker_port=1)
    command = [sys.executable, "-m", "ingest", "worker", "--city", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=REPOSITORY, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "workers need PostgreSQL" in done.stderr
