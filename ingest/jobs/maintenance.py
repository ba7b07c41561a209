"""Maintenance windows from the database to detection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from ingest.periodic import Every
from ingest.schema import tables

_POLL_S: Final = 2.0
Window = tuple[str | None, str | None, str | None, int, int]


class Muted(Protocol):
    """The interface of detection for maintenance windows."""

    def set_maintenance(self, windows: Iterable[Window]) -> object:
        """Windows: (cabinet_id, circuit, lamp_id, from_us, until_us)."""


class MaintenanceJob:
    """A job of intake that passes maintenance windows to detection."""

    def __init__(self, engine: Engine, detection: Muted, monotonic: Callable[[], float]) -> None:
        """Start without maintenance windows."""
        self._engine = engine
        self._detection = detection
        self._every = Every(_POLL_S, monotonic)
        self._known: list[Window] | None = None
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:
        """Tell detection when anything has changed."""
        if not self._every.take():
            return
        window = tables.maintenance.c
        wanted = select(window.cabinet_id, window.circuit, window.lamp_id, window.from_us, window.until_us)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(wanted.where(window.until_us > now_us).order_by(window.id)).all()
        except SQLAlchemyError as error:
            self._log.warning("maintenance windows cannot be read", reason=str(error).splitlines()[0])
            return
        # every window begins when it is announced: one of the future was announced before the clock was set back
        windows: list[Window] = [
            (r.cabinet_id, r.circuit, r.lamp_id, 0 if r.from_us > now_us else r.from_us, r.until_us) for r in rows
        ]
        if windows != self._known:
            self._known = windows
            self._detection.set_maintenance(windows)
