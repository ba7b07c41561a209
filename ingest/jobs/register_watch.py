"""Detects a new register, in the files or in the database, and puts it in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.audit_trail import Note
from ingest.errors import UnusableError
from ingest.periodic import Every
from ingest.register.agreement import read_agreement
from ingest.register.database_table import load_register, stored_version
from ingest.register.register import Register
from ingest.register.sync import sync_register
from ingest.schema.city import CABINETS_FILE, LAMPS_FILE
from languages.message import Message

_EVERY_S: Final = 5.0
_SETTLED_S: Final = 1.0  # files that changed are read once they have stood still for so long: a copy may be under way


class RegisterWatch:
    """A job of intake; a broken file changes nothing and is named once."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        version: int,
        replace: Callable[[Register], None],
        monotonic: Callable[[], float],
        tell: Callable[[Message | None], object] = lambda _reason: None,
        note: Note | None = None,
    ) -> None:
        """``replace`` is called with every new register, ``tell`` with why the folder's waits for a person.

        ``note`` writes the audit log's line of files that are applied.
        """
        self._note = note
        self._engine = engine
        self._folder = folder
        self._version = version
        self._replace = replace
        self._tell = tell
        self._monotonic = monotonic
        self._every = self._next_look(_EVERY_S)
        self._stamp = self._seen = self._stat()
        self._log = structlog.get_logger("ingest")

    def _stat(self) -> tuple[tuple[int, int], ...]:
        try:
            stats = [(self._folder / name).stat() for name in (LAMPS_FILE, CABINETS_FILE)]
        except OSError:
            return ()
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _next_look(self, after_s: float) -> Every:
        return Every(_EVERY_S, self._monotonic, first_s=after_s)

    def run(self, now_us: int) -> None:  # noqa: ARG002  # an job's
        """Look, if it is time."""
        if not self._every.take():
            return
        stamp = self._stat()
        if stamp and stamp not in (self._stamp, self._seen):
            self._seen = stamp
            self._every = self._next_look(_SETTLED_S)
            return
        self._every = self._next_look(_EVERY_S)
        try:
            if stamp != self._stamp and stamp:
                self._stamp = self._seen = stamp
                register, _ = sync_register(self._engine, self._folder, tell=self._tell, note=self._note)
            elif stored_version(self._engine) != self._version:
                register = load_register(self._engine)
                agreed = read_agreement(self._folder / "data")
                if agreed is not None and agreed.version == register.version:  # `terang-city apply`, on this machine
                    self._tell(None)
            else:
                return
        except UnusableError as error:
            self._log.error("the register was not replaced", reason=str(error))
            return
        except SQLAlchemyError as error:
            self._log.warning("the register cannot be read", reason=str(error).splitlines()[0])
            return
        if register.version != self._version:
            self._replace(register)  # should it fail, the stored version still differs, and it is tried again
            self._version = register.version
            self._log.info("the register was replaced", version=register.version, n_lamps=len(register.lamps))
