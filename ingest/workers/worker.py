"""Distributes several cities' groups over several workers: the holder of a group's lock serves it.

Owns who serves what, and nothing of serving. Every worker is given the same cities. Each city has a thread of its own
that waits for the group's lock, opens the city's ingest, runs it while the lock stands, and closes it again. A worker
takes no more than its share (groups / workers, rounded up) unless a group has been without a worker for a while, and
gives one back when workers that came later have less.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from ingest.assembly import CityIngest
from ingest.errors import IngestError, UnusableError
from ingest.options import Options
from ingest.schema.city import City
from ingest.schema.safe_url import without_secrets
from ingest.workers.group_lock import GroupLock, LockLostError
from ingest.workers.lock_watch import LockWatch
from ingest.workers.status_page import WorkerPage
from languages.message import Message, Plain, why

_WAITING: Final = Message("readiness.waiting_for_lock")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker waits before it acts.

    Attributes:
        look_s: between two looks at the lock, standing by or serving.
        settle_s: after its start, so that workers that start together share fairly.
        orphan_s: a group without a worker for so long is claimed beyond one's share.
        yield_s: beyond one's share for so long, a group is given back.
        keep_s: a group that was claimed so is not given back before.
        failed_s: after a city could not be opened or broke down.
    """

    look_s: float = 1.0
    settle_s: float = 2.0
    orphan_s: float = 8.0
    yield_s: float = 10.0
    keep_s: float = 600.0
    failed_s: float = 20.0


class Share:
    """How many groups this worker serves, and how many it should."""

    def __init__(self, n_groups: int) -> None:
        """None is served yet."""
        self._n_groups = n_groups
        self._n_served = 0
        self._n_leaving = 0
        self._mutex = threading.Lock()

    def take(self, n_workers: int, claim: Callable[[], bool], *, is_orphan: bool) -> bool:
        """Claim one more, if the share allows it or nobody else wants it."""
        with self._mutex:
            if not is_orphan and self._n_served >= self._fair(n_workers):
                return False
            is_taken = claim()
            self._n_served += is_taken
            return is_taken

    def is_beyond(self, n_workers: int) -> bool:
        """Whether another worker should have one of ours."""
        with self._mutex:
            return self._is_beyond(n_workers)

    def give_way(self, n_workers: int) -> bool:
        """Let one be the one that leaves: those that look at the same time must not all leave for the same reason."""
        with self._mutex:
            if not self._is_beyond(n_workers):
                return False
            self._n_leaving += 1
            return True

    def give_back(self, *, gave_way: bool = False) -> None:
        """One less."""
        with self._mutex:
            self._n_served -= 1
            self._n_leaving -= gave_way

    def _is_beyond(self, n_workers: int) -> bool:
        return self._n_served - self._n_leaving > self._fair(n_workers)

    def _fair(self, n_workers: int) -> int:
        return math.ceil(self._n_groups / max(1, n_workers))


class GroupKeeper:
    """Waits for one group's lock, and serves the group while it holds it."""

    def __init__(
        self, city: City, options: Options, share: Share, patience: Patience, is_stopped: threading.Event
    ) -> None:
        """Nothing is connected yet."""
        self._city = city
        self._options = options
        self._share = share
        self._patience = patience
        self._is_stopped = is_stopped
        self._lock = GroupLock(city, f"{options.status_host}:{options.status_port}")
        self._page = WorkerPage(options.status_host, options.status_port, city.city.group)
        self._away_until = 0.0
        self._why = _WAITING
        self._beyond_since: float | None = None
        self._gives_way = False
        self._log = structlog.get_logger("ingest").bind(group=city.city.group)

    def run(self) -> None:
        """Run until the stop signal."""
        free_since = self._away_until = time.monotonic() + self._patience.settle_s
        is_reported = False
        while not self._is_stopped.wait(self._patience.look_s):
            try:
                standing = self._lock.look()
                is_reported = False
                if standing.is_taken:
                    free_since = time.monotonic()
                    served = Message("readiness.standby", group=Plain(self._city.city.group))
                    self._page.wait(served, is_anothers=standing.has_our_place)
                    continue
                self._page.wait(self._why)
                if time.monotonic() < self._away_until:
                    continue
                self._why = _WAITING
                is_orphan = time.monotonic() - free_since >= self._patience.orphan_s
                if not self._share.take(standing.n_workers, self._lock.claim, is_orphan=is_orphan):
                    continue
            except LockLostError as error:
                self._page.wait(Message("readiness.no_postgresql", reason=why(error)))
                if not is_reported:
                    self._log.warning("the database does not answer", reason=str(error))
                is_reported = True
                continue
            away_s = self._serve(is_orphan=is_orphan)
            free_since = time.monotonic()
            self._away_until = free_since + away_s
        self._page.close()
        self._lock.close()

    def _serve(self, *, is_orphan: bool) -> float:
        """Serve until something ends it; returns how many seconds to stay away from the group then."""
        began = time.monotonic()
        self._beyond_since, self._gives_way = None, False
        watch = LockWatch(self._lock, self._patience.look_s)
        watch.start()
        try:
            ingest = CityIngest(self._city, replace(self._options, guard=self._lock.guard, show=self._page.show))
            try:
                self._log.info("serving", after_s=round(time.monotonic() - began, 2))
                keep_s = self._patience.keep_s if is_orphan else 0.0
                ingest.intake.run(lambda: not self._is_ours(watch, began + keep_s))
            finally:
                self._page.wait(Message("readiness.leaving"))
                ingest.close()
        except IngestError as error:
            self._log.error("cannot serve", reason=str(error))  # one line: a person reads it
            self._why = Message("readiness.cannot_serve", reason=why(error))
            return self._patience.failed_s
        except Exception as error:  # noqa: BLE001  # whatever breaks one city must not take the others with it
            self._log.exception("failed unexpectedly")
            self._why = Message("readiness.broke_down", name=Plain(type(error).__name__))
            return self._patience.failed_s
        else:
            self._log.info("stopped serving")
            return self._patience.orphan_s
        finally:
            watch.stop()
            self._share.give_back(gave_way=self._gives_way)
            self._page.wait(self._why)
            self._let_go()

    def _is_ours(self, watch: LockWatch, keep_until: float) -> bool:
        if self._is_stopped.is_set():
            return False
        self._page.hold()  # a worker that stood by on this machine may just have let go of it
        now = time.monotonic()
        try:
            n_workers = watch.standing().n_workers
        except LockLostError as error:
            self._log.error("the group's lock is lost", reason=str(error))  # as above
            return False
        if now < keep_until or not self._share.is_beyond(n_workers):
            self._beyond_since = None
        elif self._beyond_since is None:
            self._beyond_since = now
        elif now - self._beyond_since >= self._patience.yield_s:
            self._gives_way = self._share.give_way(n_workers)
        return not self._gives_way

    def _let_go(self) -> None:
        try:
            self._lock.release()
        except LockLostError:
            self._lock.close()


def check_cities(cities: Sequence[City]) -> None:
    """Refuse cities that workers cannot share.

    Raises:
        UnusableError: two of one group, STATE host id or store, a register in SQLite, or the embedded broker.
    """
    seen: dict[tuple[str, str], City] = {}
    for city in cities:
        where = city.folder / "city.toml"
        if not city.database.url.startswith("postgresql"):
            raise UnusableError(Message("terminal.error.workers_database", where=Plain(where)))
        if city.broker.url.startswith("embedded:"):
            raise UnusableError(Message("terminal.error.workers_broker", where=Plain(where)))
        own = {
            "[city] group": city.city.group,
            "[city] host_id": city.city.host_id,  # one worker's end would mark the other's host offline
            "[database] url": city.database.url,
        }
        if not city.telemetry.url.startswith("parquet:"):
            own["[telemetry] url"] = city.telemetry.url
        for name, value in own.items():
            other = seen.setdefault((name, value), city)
            if other is not city:
                mine, value_shown = Plain(name), without_secrets(value)
                raise UnusableError(
                    Message(
                        "terminal.error.workers_share", where=where, key=mine, value=value_shown, other=other.folder
                    )
                )


def run_worker(
    cities: Sequence[City], options: Options, is_stopped: threading.Event, patience: Patience | None = None
) -> None:
    """Serve this worker's share of the cities until the stop signal.

    Args:
        cities: the same for every worker.
        options: city ``n`` has its status page at ``status_port + n``, whether it is served here or not.
        is_stopped: set it to end; every group is left in order.
        patience: how long to wait before acting.

    Raises:
        UnusableError: see ``check_cities``.
    """
    check_cities(cities)
    share = Share(len(cities))
    threads: list[threading.Thread] = []
    for number, city in enumerate(cities):
        port = options.status_port + number if options.status_port > 0 else options.status_port
        own = replace(options, status_port=port, is_elected=True)
        keeper = GroupKeeper(city, own, share, patience or Patience(), is_stopped)
        threads.append(threading.Thread(target=keeper.run, name=city.city.group))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
