"""Publishes to every agent its schedule, where its birth shows another: the city's, or the one that it was given.

The version grows when ``[schedule]`` changes; it is kept in ``schedule.json`` in the city's data folder. An agent that
holds a newer version than we know (another folder's work) makes us go beyond it. Schedules of single controllers are
sent under the same numbers; whichever number such a controller holds its hours under, it is not sent them again.
"""

from __future__ import annotations

import json
from typing import Any, Final

import structlog

from durable_files.bounded_read import read_bounded
from durable_files.whole_file import replace_file
from edge_agent.wire import DataType, Metric, WireError, read_json
from ingest.decode.birth import Session
from ingest.errors import describe
from ingest.lighting.schedules import Schedules
from ingest.schema.city import City
from ingest.schema.sections import ScheduleSection
from ingest.sparkplug.host_application import HostApplication

FILE_NAME: Final = "schedule.json"
_MAX_BYTES: Final = 65_536
_MAX_VERSION: Final = 1 << 31  # agents refuse it
_MAX_AHEAD: Final = (
    1000  # of the version in force, that an agent's may be and be followed: one lie must not use them up
)


class ScheduleJob:
    """Publishes the schedule to every controller."""

    def __init__(
        self, city: City, host: HostApplication, rotation: str | None = None, schedules: Schedules | None = None
    ) -> None:
        """Find the version of the schedule in force.

        Args:
            city: whose schedule.
            host: the sessions.
            rotation: the latest change of the key that signs orders, which is sent to every controller at its birth.
            schedules: of the controllers; None = all have the city's.
        """
        self._rotation = rotation
        self._path = city.data_folder / FILE_NAME
        self._host = host
        self._log = structlog.get_logger("ingest")
        self._timezone = city.city.timezone
        self._schedules = schedules or Schedules(city.schedule)
        self._document = self._document_of(city.schedule)
        held = _parse(self._read())
        version = _version(held)
        if held is None or {**held, "version": 0} != {**self._document, "version": 0}:
            version += 1
        self._set_version(version)

    def _read(self) -> str | None:
        try:
            return read_bounded(self._path, _MAX_BYTES).decode()
        except (OSError, UnicodeDecodeError):
            return None

    def _set_version(self, version: int) -> None:
        self._document = {"version": version, **{k: v for k, v in self._document.items() if k != "version"}}
        text = json.dumps(self._document, separators=(",", ":"))
        try:
            replace_file(self._path, text.encode())
        except OSError as error:
            self._log.warning("the schedule's version was not stored", reason=str(error))

    def _document_of(self, hours: ScheduleSection) -> dict[str, Any]:
        """A schedule as agents read it, without its version."""
        dim = [{"at": step.at, "level": step.level} for step in hours.dim]
        return {"timezone": self._timezone, "on": hours.on, "off": hours.off, "dim": dim}

    def replace_schedules(self, schedules: Schedules) -> None:
        """Other schedules are in force: controllers that are online and whose schedule changed are sent theirs."""
        before, self._schedules = self._schedules, schedules
        for controller_id, session in list(self._host.sessions.items()):
            if session.takes_schedule and before.of(controller_id) != schedules.of(controller_id):
                self._compare_or_complain(session)

    def run(self, now_us: int) -> None:  # noqa: ARG002  # an job's
        """Look at the sessions born since the last time."""
        newborn, self._host.newborn = self._host.newborn, []
        for session in newborn:
            if self._rotation is not None and session.takes_schedule:
                metric = Metric(self._rotation, name="Keys/Rotation", datatype=DataType.STRING)
                self._host.commands.add(session.controller_id, (metric,))
            if session.takes_schedule and self._host.sessions.get(session.controller_id) is not None:
                self._compare_or_complain(session)

    def _compare_or_complain(self, session: Session) -> None:
        try:
            self._compare(session)
        except Exception as error:  # noqa: BLE001  # the others' schedules do not wait for this one
            text = f"{session.controller_id}: its schedule cannot be compared: {describe(error)}"
            self._host.complaints.add("schedule", session.controller_id, text)

    def _compare(self, session: Session) -> None:
        held = _parse(session.schedule)
        own = self._schedules.of_controller.get(session.controller_id)
        if held is not None:
            wanted = self._document if own is None else {"version": held.get("version"), **self._document_of(own)}
            if held == wanted:
                return
        node, version = session.controller_id, self._document["version"]
        is_registered = session.controller < self._host.directory.controllers.n_register
        if held is not None and is_registered and version <= _version(held) <= version + _MAX_AHEAD:
            self._set_version(_version(held) + 1)
        elif held is not None and _version(held) > version:
            text = (
                f"{node}: holds version {_version(held)} of the schedule, and {version} is in force: it is not followed"
            )
            self._host.complaints.add("schedule", node, text)
        document = self._document if own is None else self._document_of(own)
        text = json.dumps({"version": self._document["version"], **document}, separators=(",", ":"))
        self._host.commands.add(
            session.controller_id, (Metric(text, name="Schedule/Document", datatype=DataType.STRING),)
        )


def _parse(text: str | None) -> dict[str, Any] | None:
    try:
        document = read_json(text) if text else None
    except WireError:
        return None
    return document if isinstance(document, dict) else None


def _version(document: dict[str, Any] | None) -> int:
    version = 0 if document is None else document.get("version", 0)
    return version if type(version) is int and 0 <= version < _MAX_VERSION else 0
