"""Replaces the register, or the schedules, in every part of ingest, or in none: after an error the old ones remain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Protocol

from ingest.detection.engine import Detection
from ingest.faultbook.book import FaultBook
from ingest.jobs.faults import locator_of
from ingest.lighting.schedules import Schedules
from ingest.model.finding import Change
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.pipeline.clock import Clock
from ingest.register.register import Register
from ingest.sparkplug.host_application import HostApplication


class FleetUser(Protocol):
    """A job that works with the fleet."""

    def replace_fleet(self, fleet: Fleet) -> None:
        """Another register is in force."""


class Versioned(Protocol):
    """A job that publishes the register's version."""

    register_version: int


class RegisterSwap:
    """Everything that holds the register."""

    def __init__(
        self,
        register: Register,
        fleet: Fleet,
        *,
        host: HostApplication,
        clock: Clock,
        book: FaultBook,
        detection: Detection,
        fleet_users: Sequence[FleetUser],
        live: Versioned,
        tell: Callable[[Sequence[Change]], None],
    ) -> None:
        """``register`` is in force; ``tell`` is called with what another one's absences clear."""
        self._fleet = fleet
        self._version = register.version
        self._locator = locator_of(register)
        self._host = host
        self._clock = clock
        self._book = book
        self._detection = detection
        self._fleet_users = fleet_users
        self._live = live
        self._tell = tell

    def replace(self, register: Register) -> None:
        """Put another register in force.

        Raises:
            Exception: whatever a part raises; then all parts have the register that they had.
        """
        fleet, locator = Fleet.from_register(register), locator_of(register)
        directory = Directory(fleet)
        with ExitStack() as undo:
            undo.callback(self._host.replace_directory, self._host.directory)
            self._host.replace_directory(directory)
            undo.callback(self._book.replace_locator, self._locator)
            self._book.replace_locator(locator)
            for user in self._fleet_users:
                undo.callback(user.replace_fleet, self._fleet)
                user.replace_fleet(fleet)
            undo.callback(self._set_version, self._version)
            self._set_version(register.version)
            undo.callback(self._detection.restore_point())
            changes = self._detection.replace_fleet(fleet)
            self._detection.adopt(key for key, _state in self._book.open_keys())
            self._clock.replace_fleet(fleet.n_controllers)  # the last, for it cannot be undone: it forgets who spoke
            undo.pop_all()
        self._fleet, self._version, self._locator = fleet, register.version, locator
        self._tell(changes)

    def replace_schedules(self, schedules: Schedules) -> None:
        """Judge by other schedules.

        Raises:
            Exception: whatever detection raises; then it judges by those that it had.
        """
        with ExitStack() as undo:
            undo.callback(self._detection.restore_point())
            changes = self._detection.replace_schedules(schedules)
            self._detection.adopt(key for key, _state in self._book.open_keys())
            undo.pop_all()
        self._tell(changes)

    def _set_version(self, version: int) -> None:
        self._live.register_version = version
