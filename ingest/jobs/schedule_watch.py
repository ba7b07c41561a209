"""Detects that controllers were given other schedules, and puts these in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ingest.lighting.schedules import Schedules
from ingest.periodic import Every
from ingest.register.controller_schedules import read_schedules

_EVERY_S: Final = 3.0


class SchedulesUser(Protocol):
    """What works with the schedules."""

    def replace_schedules(self, schedules: Schedules) -> None:
        """Other schedules are in force."""


class ScheduleWatch:
    """A job of intake."""

    def __init__(
        self, engine: Engine, schedules: Schedules, users: Sequence[SchedulesUser], monotonic: Callable[[], float]
    ) -> None:
        """Begin with the schedules that are in force."""
        self._engine = engine
        self._schedules = schedules
        self._users = users
        self._every = Every(_EVERY_S, monotonic)
        self._log = structlog.get_logger("ingest")

    def run(self, now_us: int) -> None:  # noqa: ARG002  # an job's
        """Look, if it is time."""
        if not self._every.take():
            return
        try:
            found = read_schedules(self._engine, self._schedules.city)
        except SQLAlchemyError as error:
            self._log.warning("the schedules cannot be read", reason=str(error).splitlines()[0])
            return
        if found == self._schedules:
            return
        for user in self._users:
            user.replace_schedules(found)  # should it fail, all are tried again: it changes nothing a second time
        self._schedules = found
        self._log.info("the schedules were replaced", n_controllers=len(found.of_controller))
