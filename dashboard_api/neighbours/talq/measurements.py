"""Readings of lamps as TALQ's attribute logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dashboard_api.formats.times import iso
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import Devices


def measurement_entries(
    devices: Devices, start: int, stop: int, after_us: int, takes: Callable[[str, str], bool] | None = None
) -> Iterator[dict[str, Any]]:
    """What lamps of register rows ``start`` to ``stop`` measured after a time; one entry for each quantity.

    ``takes``: of the address of a lamp and a quantity, whether it is wanted; None = all are.
    """
    picture = devices.states.picture
    if picture is None:
        return
    at_us = picture.columns["at_us"][start:stop]
    for offset in (at_us > after_us).nonzero()[0].tolist():
        row = start + offset
        for name, value in devices.measured(row).items():
            if takes is not None and not takes(devices.addresses[row], name):
                continue
            data = {
                "type": "AttributeLogData",
                "srcAddress": f"{devices.addresses[row]}/{mapping.MONITOR}",
                "timestamp": iso(int(at_us[offset])),
                "attributeName": name,
                "attributeValue": value,
            }
            yield {"data": data}
