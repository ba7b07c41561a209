"""Writes what ``terang-city`` and ``terang-ingest`` change into the city's audit log.

A change of the database carries its line in its own transaction. A change of files (certificates, keys) is written
before it is made: nothing is changed that the log does not tell.
"""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.database import open_database
from ingest.errors import IngestError, UnusableError
from ingest.schema.audit_anchors import write_anchor
from ingest.schema.audit_log import Actor, AuditLog, Entry, Name
from ingest.schema.city import City
from ingest.schema.errors import AuditError, KeyFileError
from ingest.schema.key_file import key_file_of
from languages.message import Message, Plain, why

TERMINAL: Final = "terminal"
SERVICE: Final = "terang-ingest"
Note: TypeAlias = Callable[[Connection, Mapping[str, Any], Mapping[str, Any]], None]
"""Called inside the transaction of a change, with what was before and what is after."""


class AuditTrail:
    """The audit log of one city, for one program."""

    def __init__(self, city: City, origin: str = TERMINAL, now_us: Callable[[], int] | None = None) -> None:
        """``origin``: what is written instead of the address; ``now_us``: UTC microseconds."""
        self._city = city
        self._now_us = now_us or _wall_us
        key_file = key_file_of(city)
        self._key = partial(key_file.derived, "audit")
        self._log = AuditLog(self._key, self._now_us)
        self._actor = Actor(Name(origin, operating_system_user()), origin)

    def note(self, action: str, target: str, *, is_required: bool = True) -> Note:
        """What a change calls inside its transaction.

        Args:
            action: what is done, such as ``register.import``.
            target: to what.
            is_required: without a line there is no change; False = it goes to the program's log instead.
        """

        def append(connection: Connection, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
            try:
                self._log.append(connection, Entry(self._actor, action, target, before, after))
            except (AuditError, KeyFileError) as error:
                if is_required:
                    raise UnusableError(Message("terminal.error.audit_unwritten", reason=why(error))) from error
                structlog.get_logger("audit").error(
                    "a change is not in the audit log", action=action, reason=str(error)
                )

        return append

    def write(
        self, action: str, target: str, after: Mapping[str, Any] | None = None, *, is_required: bool = True
    ) -> None:
        """Write one line by itself, before the change that it tells of.

        Raises:
            UnusableError: it cannot be written, and ``is_required``.
        """
        try:
            engine = open_database(self._city)
            try:
                with engine.begin() as connection:
                    self.note(action, target)(connection, {}, after or {})
                self.keep_anchor(engine)
            finally:
                engine.dispose()
        except (IngestError, SQLAlchemyError) as error:
            reason = why(error) if isinstance(error, IngestError) else Plain(type(error).__name__)
            if is_required:
                raise UnusableError(Message("terminal.error.nothing_changed", reason=reason)) from None
            short = str(reason).splitlines()[0]
            structlog.get_logger("audit").error("a change is not in the audit log", action=action, reason=short)

    def keep_anchor(self, engine: Engine) -> None:
        """Write the log's newest line and today's anchor beside the database; a failure is logged; the API retries."""
        today = datetime.fromtimestamp(self._now_us() / 1e6, ZoneInfo(self._city.city.timezone)).date()
        try:
            with engine.connect() as connection:
                write_anchor(connection, self._key, self._city.data_folder, today.isoformat())
        except (OSError, ValueError, SQLAlchemyError) as error:
            structlog.get_logger("audit").warning("no anchor of the audit log", reason=type(error).__name__)


def _wall_us() -> int:
    return time.time_ns() // 1000


def operating_system_user() -> str:
    """Who runs this program, as the operating system names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
