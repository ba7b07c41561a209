"""Keeps the ``controllers`` table: who is online, since when seen, how far stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import structlog
from sqlalchemy import Engine, delete, insert
from sqlalchemy.exc import SQLAlchemyError

from ingest.schema import tables
from ingest.sparkplug.host_application import SessionHost

_EVERY_S: Final = 15.0
_CHUNK: Final = 500


class ControllerJob:
    """An job of intake."""

    def __init__(self, engine: Engine, host: SessionHost, monotonic: Callable[[], float]) -> None:
        """Nothing is written yet."""
        self._engine = engine
        self._host = host
        self._monotonic = monotonic
        self._written_at = 0.0
        self._written: dict[str, dict[str, Any]] = {}
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:  # noqa: ARG002  # an job's
        """Write the rows that have changed."""
        now = self._monotonic()
        if now - self._written_at < _EVERY_S:
            return
        self._written_at = now
        rows = {row["controller_id"]: row for row in self._rows()}
        changed = [row for name, row in rows.items() if self._written.get(name) != row]
        try:
            for first in range(0, len(changed), _CHUNK):
                self._write(changed[first : first + _CHUNK])
        except SQLAlchemyError as error:
            self._log.warning("the controllers' table waits", reason=str(error).splitlines()[0])
            return
        self._written = rows

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for name, seen in self._host.presence().items():
            session = self._host.sessions.get(name)
            mark = None if session is None else session.mark
            known = self._written.get(name, {})
            rows.append(
                {
                    "controller_id": name,
                    "epoch": str(session.epoch)
                    if session is not None and mark is not None
                    else known.get("epoch", "0"),
                    "stored_sequence": mark.durable_floor if mark is not None else known.get("stored_sequence", 0),
                    "is_online": bool(seen["is_online"]),
                    "last_seen_us": int(seen["last_seen_us"]),
                    "agent_version": session.agent_version if session is not None else known.get("agent_version"),
                    "sweep_interval_s": session.interval_s if session is not None else known.get("sweep_interval_s"),
                }
            )
        return rows

    def _write(self, rows: list[dict[str, Any]]) -> None:
        table = tables.controllers
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.controller_id.in_([row["controller_id"] for row in rows])))
            connection.execute(insert(table), rows)
