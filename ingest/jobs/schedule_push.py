"""Publishes the city's schedule to every agent whose birth shows another version.

The version grows when ``[schedule]`` changes; it is kept in ``schedule.json`` in the city's data folder. An agent that
holds a newer version than we know (another folder's work) makes us go beyond it.
"""

from __future__ import annotations

import json
from typing import Any, Final

import structlog

from durable_files.whole_file import replace_file
from edge_agent.wire import DataType, Metric, WireError, read_json
from ingest.decode.birth import Session
from ingest.errors import describe
from ingest.schema.city import City
from ingest.sparkplug.host_application import HostApplication

FILE_NAME: Final = "schedule.json"
_MAX_VERSION: Final = 1 << 31  # agents refuse it
_MAX_AHEAD: Final = (
    1000  # of the version in force, that an agent's may be and be followed: one lie must not use them up
)


class ScheduleJob:
    """Publishes the schedule to every controller."""

    def __init__(self, city: City, host: HostApplication, rotation: str | None = None) -> None:
        """Find the version of the schedule in force.

        Args:
            city: whose schedule.
            host: the sessions.
            rotation: the latest change of the key that signs orders, which is sent to every controller at its birth.
        """
        self._rotation = rotation
        self._path = city.data_folder / FILE_NAME
        self._host = host
        self._log = structlog.get_logger("ingest")
        schedule = city.schedule
        self._document: dict[str, Any] = {
            "timezone": city.city.timezone,
            "on": schedule.on,
            "off": schedule.off,
            "dim": [{"at": step.at, "level": step.level} for step in schedule.dim],
        }
        held = _parse(self._read())
        version = _version(held)
        if held is None or {**held, "version": 0} != {**self._document, "version": 0}:
            version += 1
        self._set_version(version)

    def _read(self) -> str | None:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _set_version(self, version: int) -> None:
        self._document = {"version": version, **{k: v for k, v in self._document.items() if k != "version"}}
        text = json.dumps(self._document, separators=(",", ":"))
        try:
            replace_file(self._path, text.encode())
        except OSError as error:
            self._log.warning("the schedule's version was not stored", reason=str(error))

    def run(self, now_us: int) -> None:  # noqa: ARG002  # an job's
        """Look at the sessions born since the last time."""
        newborn, self._host.newborn = self._host.newborn, []
        for session in newborn:
            if self._rotation is not None and session.takes_schedule:
                metric = Metric(self._rotation, name="Keys/Rotation", datatype=DataType.STRING)
                self._host.commands.add(session.controller_id, (metric,))
            if session.takes_schedule and self._host.sessions.get(session.controller_id) is not None:
                try:
                    self._compare(session)
                except Exception as error:  # noqa: BLE001  # the others' schedules do not wait for this one
                    text = f"{session.controller_id}: its schedule cannot be compared: {describe(error)}"
                    self._host.complaints.add("schedule", session.controller_id, text)

    def _compare(self, session: Session) -> None:
        held = _parse(session.schedule)
        if held == self._document:
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
        text = json.dumps(self._document, separators=(",", ":"))
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
