"""Readings of lamps as TALQ's attribute logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dashboard_api.formats.times import iso
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import Devices


def measurement_entries(devices: Devices, start: int, stop: int, after_us: int) -> Iterator[dict[str, Any]]:
    """What lamps of register rows ``start`` to ``stop`` measured after a time; one entry for each quantity."""
    picture = devices.states.picture
    if picture is None:
        return
    at_us = picture.columns["at_us"][start:stop]
    for offset in (at_us > after_us).nonzero()[0].tolist():
        row = start + offset
        for name, value in devices.measured(row).items():
            data = {
                "type": "AttributeLogData",
                "srcAddress": f"{devices.addresses[row]}/{mapping.MONITOR}",
                "timestamp": iso(int(at_us[offset])),
                "attributeName": name,
                "attributeValue": value,
            }
            yield {"data": data}
