"""The fault book for intake: waits for an unreachable database, and passes claimed repairs to detection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError
from ulid import ULID

from ingest.database import is_damage, is_unavailable
from ingest.errors import DamagedDatabaseError, RetryError, describe
from ingest.faultbook.book import Applied, FaultBook
from ingest.faultbook.fault_locator import FaultLocator
from ingest.faultbook.lost_changes import lost_changes
from ingest.metrics import Metrics
from ingest.model.finding import Change, Key
from ingest.periodic import Every
from ingest.pipeline.clock import Clock
from ingest.pipeline.ports import Judge
from ingest.register.register import Register
from ingest.schema.city import City

_Answer = TypeVar("_Answer")

_POLL_S: Final = 1.0
_RANK_S: Final = 3600.0
_REWRITE_S: Final = 10.0  # a pool that grows and shrinks makes new connections, too
_SET_BACK_US: Final = 30_000_000  # less than that are records in another order


class FaultJob:
    """A ``Book`` that raises only ``RetryError``."""

    def __init__(self, book: FaultBook, metrics: Metrics | None = None) -> None:
        """Over an open book; what it cannot take is counted in ``metrics``.

        ``is_reconnected`` is set by each new connection until what the database may have lost is written again.
        """
        self.book = book
        self.is_reconnected = threading.Event()
        self._metrics = metrics
        self._log = structlog.get_logger("ingest")

    def apply(self, changes: Sequence[Change], now_us: int) -> Applied:
        """Apply the changes, all or none, except for a change that the database can never take.

        Such a change is looked for by halves, named in the log and left out, so that it holds up no other.

        Raises:
            RetryError: the database is unavailable; what was written before is recognised by its place when it comes
                again.
            DamagedDatabaseError: it will not be to be had again.
        """
        try:
            return self.book.apply(changes, now_us)
        except Exception as error:
            if is_unavailable(error):
                raise _meaning(error) from error
            if len(changes) > 1:
                middle = len(changes) // 2
                first, second = self.apply(changes[:middle], now_us), self.apply(changes[middle:], now_us)
                return Applied(
                    first.n_opened + second.n_opened,
                    first.n_changed + second.n_changed,
                    first.n_closed + second.n_closed,
                )
            self._set_aside(changes, error)
            return Applied()

    def _set_aside(self, changes: Sequence[Change], error: Exception) -> None:
        if self._metrics is not None:
            self._metrics.complaints.labels("unbooked").inc(len(changes))
        for change in changes:
            self._log.error(
                "a change of a fault cannot be stored and is skipped",
                place=repr(change.key)[:500],
                reason=describe(error),
            )

    def poll_claims(self) -> Sequence[Key]:
        """What people claimed repaired since the last call.

        Raises:
            RetryError: the database is not to be had.
        """
        return _asked(self.book.poll_claims)

    def read_reports(self) -> bool:
        """Whether citizens reported anything since the last call.

        Raises:
            RetryError: the database is not to be had.
        """
        return _asked(self.book.read_reports)

    def set_back(self, now_us: int) -> None:
        """Date faults again that were opened later than now.

        Raises:
            RetryError: the database is not to be had.
        """
        _asked(lambda: self.book.set_back(now_us))

    def rank_again(self, now_us: int) -> None:
        """Renew priorities, and write again what the database has lost.

        Raises:
            RetryError: the database is not to be had.
        """
        self.is_reconnected.clear()
        try:
            _asked(lambda: self.book.rank_again(now_us))
        except RetryError:
            self.is_reconnected.set()
            raise


def _asked(ask: Callable[[], _Answer]) -> _Answer:
    try:
        return ask()
    except SQLAlchemyError as error:
        raise _meaning(error) from error


def _meaning(error: Exception) -> DamagedDatabaseError | RetryError:
    text = f"the fault book's database: {describe(error)}"
    return DamagedDatabaseError(text) if is_damage(error) else RetryError(text)


def locator_of(register: Register) -> FaultLocator:
    """The places of a register."""
    lamp_ids = register.lamps.lamp_id
    return FaultLocator(register, dict(zip(lamp_ids, range(len(lamp_ids)), strict=True)))


def open_fault_job(
    engine: Engine, register: Register, city: City, now_us: int, metrics: Metrics | None = None
) -> FaultJob:
    """Open a city's fault book.

    Raises:
        RetryError: the database is not to be had.
    """
    within_s = city.parsed_limits().value("reopen_within")
    try:
        job = FaultJob(
            FaultBook(
                engine,
                locator_of(register),
                reopen_within_us=int(within_s * 1_000_000),
                new_id=lambda at_us: str(ULID.from_timestamp(max(at_us, 0) / 1e6)),
                now_us=now_us,
            ),
            metrics,
        )
    except SQLAlchemyError as error:
        raise _meaning(error) from error
    if engine.dialect.name == "postgresql":  # a new connection may be to another server, a standby of before
        event.listen(engine, "connect", lambda *_: job.is_reconnected.set())
    return job


def find_lost(engine: Engine, reported: Iterable[Change]) -> list[Change]:
    """Reported conditions of which the database knows nothing; see ``lost_changes``.

    Raises:
        RetryError: the database is not to be had.
    """
    return _asked(lambda: lost_changes(engine, reported))


class FaultChangesJob:
    """Carries claims of repair to detection and renews priorities, which grow with age."""

    def __init__(self, job: FaultJob, judge: Judge, clock: Clock, monotonic: Callable[[], float]) -> None:
        """Poll from now on."""
        self._clock = clock
        self._job = job
        self._judge = judge
        self._polling = Every(_POLL_S, monotonic, first_s=_POLL_S)
        self._ranking = Every(_RANK_S, monotonic, first_s=_RANK_S)
        self._rewriting = Every(_REWRITE_S, monotonic)
        self._dated_us: int | None = None
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:
        """Look for claims every second."""
        if not self._polling.take():
            return
        with suppress(RetryError):
            self._date_again(now_us)
            for key in self._job.poll_claims():
                try:
                    self._judge.mark_repaired(key)
                except Exception as error:  # noqa: BLE001  # the other claims do not wait for this one
                    self._log.error("a claimed repair cannot be checked", place=repr(key)[:500], reason=describe(error))
            has_new_server = self._job.is_reconnected.is_set() and self._rewriting.take()
            # no short circuit: a new count has to be read either way
            if self._job.read_reports() | self._ranking.take() | has_new_server:
                self._job.rank_again(now_us)

    def _date_again(self, now_us: int) -> None:
        """After the clock was set back, maybe while ingest was not there; a recording may begin before another one."""
        before_us = self._dated_us if self._clock.latest_us() is None else self._dated_us or 1 << 62
        if now_us and before_us is not None and now_us < before_us - _SET_BACK_US:
            self._job.set_back(now_us)
        self._dated_us = now_us or self._dated_us
