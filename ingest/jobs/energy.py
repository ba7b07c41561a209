"""Keeps the hours of energy up to date while readings come in, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.energy.counters_to_energy import US_PER_H
from ingest.energy.database_table import newest_hour, renew_hours
from ingest.errors import IngestError
from ingest.model.block import Block
from ingest.model.fleet import Fleet
from ingest.periodic import Every
from ingest.schema.city import City
from ingest.telemetry.damaged_files import DamagedFiles

_EVERY_S: Final = 1800.0
_FIRST_S: Final = 60.0  # after a start: soon enough to be seen, late enough not to slow it
_UNSETTLED_H: Final = 3  # until so many readings are there as a counter that began anew has to show
_REACH_US: Final = 35 * 24 * US_PER_H  # history older than this is left to `terang-ingest energy`


class EnergyJob:
    """A job of intake and a listener for stored blocks."""

    def __init__(
        self,
        engine: Engine,
        city: City,
        fleet: Fleet,
        monotonic: Callable[[], float],
        *,
        damaged: DamagedFiles | None = None,
    ) -> None:
        """Take up where the last run ended: the newest hour stored was not over then."""
        self._engine = engine
        self._city = city
        self._fleet = fleet
        self._damaged = damaged
        self._every = Every(_EVERY_S, monotonic, first_s=_FIRST_S)
        self._since_us = newest_hour(engine)
        self._thread: threading.Thread | None = None
        self._failed_us: int | None = None  # from where on the thread's last renewal came to nothing
        self._is_closing = threading.Event()
        self._log = structlog.get_logger("ingest")

    def hear(self, block: Block) -> None:
        """Note the oldest hour that has readings which the database's hours do not know yet."""
        if block.batch.n_records:
            oldest_us = int(block.batch.at_us.min())
            self._since_us = oldest_us if self._since_us is None else min(self._since_us, oldest_us)

    def replace_fleet(self, fleet: Fleet) -> None:
        """Another register is in force."""
        self._fleet = fleet

    def run(self, now_us: int) -> None:
        """Start a renewal, if it is time and the last one is done."""
        if not self._every.is_due() or (self._thread is not None and self._thread.is_alive()):
            return
        if self._failed_us is not None:
            self._since_us = min(self._failed_us, self._since_us or self._failed_us)
            self._failed_us = None
        if self._since_us is None:
            return
        self._every.done()
        start_us = max(self._since_us, now_us - _REACH_US)
        if start_us >= now_us:
            return
        # the hour that is running will have to be done again, and those whose last counters later readings decide on
        self._since_us = (now_us // US_PER_H - _UNSETTLED_H) * US_PER_H
        self._thread = threading.Thread(target=self._renew, args=(start_us, now_us), name="energy", daemon=True)
        self._thread.start()

    def _renew(self, start_us: int, now_us: int) -> None:
        try:
            for _done_us in renew_hours(self._engine, self._city, self._fleet, start_us, now_us, damaged=self._damaged):
                if self._is_closing.is_set():
                    return
        except (IngestError, SQLAlchemyError) as error:
            self._failed_us = start_us
            self._log.warning("energy was not updated", reason=str(error).splitlines()[0])

    def close(self) -> None:
        """Let a renewal end after the day that it is at."""
        self._is_closing.set()
        if self._thread is not None:
            self._thread.join(timeout=10.0)
