"""Which lamps an order of TALQ means: devices, functions of devices, and groups."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import numpy as np

from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import Devices
from dashboard_api.neighbours.talq.errors import RefusedError
from dashboard_api.neighbours.talq.groups import Groups
from languages.message import Message, Plain

_MOST_ADDRESSES: Final = 20_000
_FUNCTIONS: Final = ("", mapping.ACTUATOR)


def rows_meant(document: Any, devices: Devices, groups: Groups, key: str, most: int) -> list[int]:
    """The register rows of the lamps that ``addresses`` of an order refers to, each once.

    Args:
        document: the order.
        devices: of the city.
        groups: of the city.
        key: TALQ's word for an address that cannot take it.
        most: lamps.

    Raises:
        BadRequestError: no list of references.
        RefusedError: something that is not there, is no lamp, or is too many lamps.
    """
    addresses = document.get("addresses")
    if not isinstance(addresses, list) or len(addresses) > _MOST_ADDRESSES:
        raise BadRequestError("bad_member", where="addresses", reason=Message("value.list_of", n=_MOST_ADDRESSES))
    found: dict[int, None] = {}
    for one in addresses:
        resource, address = reference(one, "addresses")
        if resource == "groups":
            rows = groups.rows_of(address)
            if rows is None:
                raise RefusedError("relatedResourceNotFound", "addresses", Message("talq.no_group", address=address))
            found.update(dict.fromkeys(rows))
        elif resource == "devices":
            found[row_of(address, devices, key, "addresses")] = None
        else:
            raise RefusedError(key, "addresses", Message("talq.devices_and_groups", resource=resource))
    if not found:
        raise RefusedError(key, "addresses", Message("talq.no_lamp_meant"))
    if len(found) > most:
        raise RefusedError(key, "addresses", Message("talq.many_lamps_meant", n=len(found), most=most))
    return list(found)


def reference(document: Any, where: str) -> tuple[str, str]:
    """``resource`` and ``address`` of a reference.

    Raises:
        BadRequestError: it is none.
    """
    if not isinstance(document, dict) or not all(isinstance(document.get(key), str) for key in ("resource", "address")):
        raise BadRequestError("bad_member", where=where, reason=Message("talq.reference"))
    return document["resource"], document["address"]


def row_of(address: str, devices: Devices, key: str, where: str) -> int:
    """The register row of a device's address, or of its actuator's.

    Raises:
        RefusedError: there is no such device, or another function of it is meant.
    """
    device, _, function = address.partition("/")
    row = devices.row_of.get(device.lower())
    if row is None:
        raise RefusedError("relatedResourceNotFound", where, Message("talq.no_device", address=address))
    if function.partition("/")[0] not in _FUNCTIONS:
        raise RefusedError(
            key, where, Message("talq.other_function", function=function, actuator=Plain(mapping.ACTUATOR))
        )
    return row


def whole_controllers(rows: Collection[int], devices: Devices) -> list[str]:
    """The controllers of lamps, of each of which every lamp is meant: all its lamps follow one schedule.

    Raises:
        RefusedError: a lamp hangs on no controller, or others of its controller are not meant.
    """
    metering = devices.lamps.metering
    is_meant = np.zeros(len(devices.lamps), np.bool_)
    is_meant[list(rows)] = True
    stray = np.flatnonzero(is_meant & (metering.controller < 0))
    names = devices.lamps.properties["lamp_id"]
    key = "assignmentAddressNotValid"
    if len(stray):
        raise RefusedError(key, "addresses", Message("talq.no_schedule", lamp_id=Plain(names[int(stray[0])])))
    n = len(metering.controllers)
    n_meant = np.bincount(metering.controller[is_meant], minlength=n)
    n_all = np.bincount(metering.controller[metering.controller >= 0], minlength=n)
    partial = np.flatnonzero((n_meant > 0) & (n_meant < n_all))
    if len(partial):
        one = int(partial[0])
        reason = Message(
            "talq.part_of_controller",
            n=int(n_meant[one]),
            all=int(n_all[one]),
            controller_id=Plain(metering.controllers[one]),
        )
        raise RefusedError(key, "addresses", reason)
    return [metering.controllers[one] for one in np.flatnonzero(n_meant).tolist()]
