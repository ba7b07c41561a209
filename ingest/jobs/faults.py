"""The fault book as intake uses it: a database that does not answer is waited for, claims of repair reach detection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from ulid import ULID

from ingest.errors import RetryError
from ingest.faultbook.book import Applied, FaultBook
from ingest.faultbook.fault_locator import FaultLocator
from ingest.model.finding import Change, Key
from ingest.pipeline.ports import Judge
from ingest.register.register import Register
from ingest.schema.city import City

_POLL_S: Final = 1.0
_RANK_S: Final = 3600.0


class FaultJob:
    """A ``Book`` whose only error is that one has to wait."""

    def __init__(self, book: FaultBook) -> None:
        """Over an open book."""
        self.book = book

    def apply(self, changes: Sequence[Change], now_us: int) -> Applied:
        """Write down what detection says, all of it or nothing.

        Raises:
            RetryError: the database is not to be had; nothing was changed.
        """
        try:
            return self.book.apply(changes, now_us)
        except SQLAlchemyError as error:
            raise RetryError(f"the fault book's database: {str(error).splitlines()[0]}") from error

    def poll_claims(self) -> Sequence[Key]:
        """What people claimed repaired since the last call.

        Raises:
            RetryError: the database is not to be had.
        """
        try:
            return self.book.poll_claims()
        except SQLAlchemyError as error:
            raise RetryError(f"the fault book's database: {str(error).splitlines()[0]}") from error

    def rank_again(self, now_us: int) -> None:
        """Renew priorities.

        Raises:
            RetryError: the database is not to be had.
        """
        try:
            self.book.rank_again(now_us)
        except SQLAlchemyError as error:
            raise RetryError(f"the fault book's database: {str(error).splitlines()[0]}") from error


def gazetteer_of(register: Register) -> FaultLocator:
    """The places of a register."""
    lamp_ids = register.lamps.lamp_id
    return FaultLocator(register, dict(zip(lamp_ids, range(len(lamp_ids)), strict=True)))


def open_fault_desk(engine: Engine, register: Register, city: City, now_us: int) -> FaultJob:
    """Open a city's fault book.

    Raises:
        RetryError: the database is not to be had.
    """
    within_s = city.parsed_limits().value("reopen_within")
    try:
        return FaultJob(
            FaultBook(
                engine,
                gazetteer_of(register),
                reopen_within_us=int(within_s * 1_000_000),
                new_id=lambda at_us: str(ULID.from_timestamp(max(at_us, 0) / 1e6)),
                now_us=now_us,
            )
        )
    except SQLAlchemyError as error:
        raise RetryError(f"the fault book's database: {str(error).splitlines()[0]}") from error


class FaultChangesJob:
    """Carries claims of repair to detection and renews priorities, which grow with age."""

    def __init__(self, desk: FaultJob, judge: Judge, monotonic: Callable[[], float]) -> None:
        """Poll from now on."""
        self._desk = desk
        self._judge = judge
        self._monotonic = monotonic
        self._polled_at = self._ranked_at = monotonic()

    def run(self, now_us: int) -> None:
        """Look for claims every second."""
        now = self._monotonic()
        if now - self._polled_at < _POLL_S:
            return
        self._polled_at = now
        with suppress(RetryError):
            for key in self._desk.poll_claims():
                self._judge.mark_repaired(key)
            if now - self._ranked_at >= _RANK_S:
                self._ranked_at = now
                self._desk.rank_again(now_us)
