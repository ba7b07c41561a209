"""Keeps the ``controllers`` table: who is online, since when seen, how far stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import structlog
from sqlalchemy import Engine, delete, insert
from sqlalchemy.exc import SQLAlchemyError

from ingest.database import is_unavailable
from ingest.errors import describe
from ingest.periodic import Every
from ingest.schema import tables
from ingest.sparkplug.host_application import HostApplication

_EVERY_S: Final = 15.0
_CHUNK: Final = 500


class ControllerJob:
    """A job of intake that writes the ``controllers`` table."""

    def __init__(self, engine: Engine, host: HostApplication, monotonic: Callable[[], float]) -> None:
        """Nothing is written yet."""
        self._engine = engine
        self._host = host
        self._every = Every(_EVERY_S, monotonic)
        self._written: dict[str, dict[str, Any]] = {}
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:  # noqa: ARG002  # an job's
        """Write the rows that have changed."""
        if not self._every.take():
            return
        rows = {row["controller_id"]: row for row in self._rows()}
        changed = [row for name, row in rows.items() if self._written.get(name) != row]
        gone = [name for name in self._written if name not in rows]  # of no register, and forgotten by the host
        try:
            for first in range(0, len(changed), _CHUNK):
                self._write_or_halve(changed[first : first + _CHUNK])
            for first in range(0, len(gone), _CHUNK):
                self._delete(gone[first : first + _CHUNK])
        except SQLAlchemyError as error:
            self._log.warning("the controllers table was not written", reason=describe(error))
            return
        self._written = rows

    def _write_or_halve(self, rows: list[dict[str, Any]]) -> None:
        """Write rows, without those that the table can never take: these are named, and the others do not wait."""
        try:
            self._write(rows)
        except Exception as error:
            if is_unavailable(error):
                raise
            if len(rows) > 1:
                self._write_or_halve(rows[: len(rows) // 2])
                self._write_or_halve(rows[len(rows) // 2 :])
                return
            node = rows[0]["controller_id"]
            self._host.complaints.add("controller_row", node, f"{node!r}: no row of the table: {describe(error)}")

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for name, seen in self._host.presence().items():
            session = self._host.sessions.get(name)
            ranges = None if session is None else session.ranges
            known = self._written.get(name, {})
            rows.append(
                {
                    "controller_id": name,
                    "epoch": str(session.epoch)
                    if session is not None and ranges is not None
                    else known.get("epoch", "0"),
                    "stored_sequence": ranges.durable_to if ranges is not None else known.get("stored_sequence", 0),
                    "is_online": bool(seen["is_online"]),
                    "last_seen_us": int(seen["last_seen_us"]),
                    "agent_version": session.agent_version if session is not None else known.get("agent_version"),
                    "sweep_interval_s": session.interval_s if session is not None else known.get("sweep_interval_s"),
                }
            )
        return rows

    def _delete(self, names: list[str]) -> None:
        table = tables.controllers
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.controller_id.in_(names)))

    def _write(self, rows: list[dict[str, Any]]) -> None:
        table = tables.controllers
        with self._engine.begin() as connection:
            connection.execute(delete(table).where(table.c.controller_id.in_([row["controller_id"] for row in rows])))
            connection.execute(insert(table), rows)
