"""Options of one city's ingest that do not come from its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingest.database import Guard
from ingest.metrics import Metrics
from ingest.readiness import Readiness


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one city's ingest, from the command line or the worker.

    Attributes:
        is_data_clock: the time comes from the data instead of the system clock.
        status_host: where the status page listens.
        status_port: its port, 0 = a free one, -1 = none.
        is_status_wished: the port was given by the user: if it is in use, that is an error; else a free one is used.
        is_elected: a lock guarantees that no other process serves this group, so the client id is always the same: the
            broker ends an older connection with it, and publishes its will, before the new one begins.
        guard: lets no transaction of the database begin once that lock is lost.
        is_database_damaged: SQLite reported damage while the city was open the last time.
        show: called with the city's metrics and state, to be shown on an existing status page; None = its own page.
    """

    is_data_clock: bool = False
    status_host: str = "127.0.0.1"
    status_port: int = 0
    is_status_wished: bool = True
    is_elected: bool = False
    guard: Guard | None = None
    is_database_damaged: bool = False
    show: Callable[[Metrics, Readiness], object] | None = None
