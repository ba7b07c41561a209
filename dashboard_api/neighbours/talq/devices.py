"""Lamps as TALQ's devices: their addresses, and what their functions say now."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dashboard_api.context import Context
from dashboard_api.formats.times import iso, number
from dashboard_api.live import lamp_states
from dashboard_api.live.lamp_states import LampStates
from dashboard_api.neighbours.talq import mapping
from dashboard_api.store.controller_schedules import assigned_schedules
from dashboard_api.store.register_rows import LampColumns
from dashboard_api.store.standing_events import standing_events

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:terang:lamp")
Events = Mapping[int, Mapping[tuple[str, str], int]]


@dataclass(frozen=True, slots=True, eq=False)
class Devices:
    """The lamps at one moment, in register order.

    Attributes:
        addresses: of the N lamps.
        row_of: address -> row.
        events: row -> (function, event) -> since when, UTC microseconds.
        calendars: controller id -> the calendar that it was given.
    """

    lamps: LampColumns
    states: LampStates
    addresses: Sequence[str]
    row_of: Mapping[str, int]
    events: Events
    calendars: Mapping[str, str]

    def document(self, row: int) -> dict[str, Any]:
        """One lamp as a device."""
        standing = self.events.get(row, {})
        functions = [
            {
                "id": mapping.COMMUNICATION,
                "type": "CommunicationFunction",
                mapping.COMMUNICATION_EVENT: _flag(standing, mapping.COMMUNICATION, mapping.COMMUNICATION_EVENT),
            },
            {
                "id": mapping.ACTUATOR,
                "type": "LampActuatorFunction",
                **self._light(row),
                **self._calendar(row),
            },
            {
                "id": mapping.MONITOR,
                "type": "LampMonitorFunction",
                **self.measured(row),
                **{name: _flag(standing, mapping.MONITOR, name) for name in mapping.TOLD},
            },
        ]
        return {
            "address": self.addresses[row],
            "name": self.lamps.properties["lamp_id"][row],
            "class": mapping.LAMP_CLASS,
            "functions": functions,
        }

    def controller_of(self, row: int) -> str | None:
        """The id of the controller that a lamp hangs on."""
        metering = self.lamps.metering
        number = int(metering.controller[row])
        return metering.controllers[number] if number >= 0 else None

    def _calendar(self, row: int) -> dict[str, Any]:
        calendar_id = self.calendars.get(self.controller_of(row) or "")
        return {} if calendar_id is None else {"calendarID": {"type": "AttributeString", "value": calendar_id}}

    def _light(self, row: int) -> dict[str, Any]:
        state, level = int(self.states.state[row]), int(self.states.level[row])
        if state in {lamp_states.SILENT, lamp_states.UNMETERED}:
            return {}
        shown = min(level, 100) if state == lamp_states.LIT else 0
        value = {"name": "LevelState", "value": shown}
        return {"actualLightState": {"type": "AttributeLevelState", "value": value, **self._at(row)}}

    def measured(self, row: int) -> dict[str, Any]:
        """What a lamp measured last, by the monitor's attribute."""
        picture = self.states.picture
        if picture is None:
            return {}
        values = {name: number(float(picture.columns[column][row])) for name, column in mapping.MEASURED.items()}
        return {
            name: {"type": "AttributeFloat", "value": value, **self._at(row)}
            for name, value in values.items()
            if value is not None
        }

    def _at(self, row: int) -> dict[str, Any]:
        picture = self.states.picture
        at_us = 0 if picture is None else int(picture.columns["at_us"][row])
        return {"timestamp": iso(at_us)} if at_us else {}


class DeviceSource:
    """The devices of a city. Safe to call from threads."""

    def __init__(self, context: Context) -> None:
        """Over the city's stores."""
        self._context = context
        self._lock = threading.Lock()
        self._devices: Devices | None = None

    def devices(self) -> Devices:
        """The lamps as they are now.

        Raises:
            UnavailableError: the database does not answer.
        """
        lamps, states = self._context.lamp_states()
        calendars = assigned_schedules(self._context.database)
        with self._lock:
            kept = self._devices
            if kept is not None and kept.lamps is lamps and kept.states is states:
                if kept.calendars != calendars:
                    kept = self._devices = replace(kept, calendars=calendars)
                return kept
            if kept is not None and kept.lamps is lamps:
                addresses, row_of = kept.addresses, kept.row_of
            else:
                addresses = [address_of_lamp(self._context.city.city.group, one) for one in lamps.properties["lamp_id"]]
                row_of = {address: row for row, address in enumerate(addresses)}
            events = _events(standing_events(self._context.database, mapping.EVENT_OF.keys()), lamps)
            self._devices = Devices(lamps, states, addresses, row_of, events, calendars)
            return self._devices


def address_of_gateway(group: str) -> str:
    """The gateway's own address, which a management system is told as ``clientAddress``."""
    return str(uuid.uuid5(_NAMESPACE, f"{group}#gateway"))


def address_of_lamp(group: str, lamp_id: str) -> str:
    """The address of a lamp, the same as long as group and lamp id are."""
    return str(uuid.uuid5(_NAMESPACE, f"{group}/{lamp_id}"))


def _events(rows: Sequence[Any], lamps: LampColumns) -> Events:
    found: dict[int, dict[tuple[str, str], int]] = {}
    for row in rows:
        event = mapping.EVENT_OF[row.code]
        for lamp_id in {*row.lamp_ids, *([row.lamp_id] if row.lamp_id else [])}:
            if lamp_id in lamps.row_of:
                found.setdefault(lamps.row_of[lamp_id], {}).setdefault(event, row.opened_at_us)
    return found


def _flag(standing: Mapping[tuple[str, str], int], function: str, event: str) -> dict[str, Any]:
    since_us = standing.get((function, event))
    found: dict[str, Any] = {"type": "AttributeBoolean", "value": since_us is not None}
    return found if since_us is None else {**found, "timestamp": iso(since_us)}
