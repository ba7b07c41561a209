"""Circuits, cabinets and districts of the register as TALQ's groups."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.errors import NotFoundError
from dashboard_api.neighbours.talq.devices import Devices
from dashboard_api.store.register_rows import LampColumns

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:terang:group")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_+!*'()$-]+", re.ASCII)  # needs no escaping in a URL, and has no dot
DISTRICT: Final = "district"
CABINET: Final = "cabinet"
CIRCUIT: Final = "circuit"


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of one version of the register.

    Attributes:
        members: address -> references of its members.
        rows: address -> register rows of all lamps in it, those in its groups too.
        document: of all groups, as JSON.
    """

    lamps: LampColumns
    owner: str
    members: Mapping[str, Sequence[Mapping[str, str]]]
    rows: Mapping[str, Sequence[int]]
    document: bytes

    def one(self, address: str) -> dict[str, Any]:
        """One group.

        Raises:
            NotFoundError: there is no such group.
        """
        if address not in self.members:
            raise NotFoundError("talq_unknown", value=address[:200])
        return {"address": address, "ownerCMS": self.owner, "members": self.members[address]}


class GroupSource:
    """The groups of a city. Safe to call from threads."""

    def __init__(self, owner: str) -> None:
        """``owner``: the gateway's address."""
        self._owner = owner
        self._lock = threading.Lock()
        self._groups: Groups | None = None

    def groups(self, devices: Devices) -> Groups:
        """The groups that the devices are in."""
        with self._lock:
            if self._groups is None or self._groups.lamps is not devices.lamps:
                self._groups = _groups(devices, self._owner)
            return self._groups


def group_address(*names: str) -> str:
    """The address of a group, the same as long as its names are: readable, or a UUID where they hold other letters."""
    if all(_PLAIN.fullmatch(name) for name in names):
        return ".".join(names)
    return str(uuid.uuid5(_NAMESPACE, json.dumps(names)))


def _groups(devices: Devices, owner: str) -> Groups:
    """A circuit has devices; a cabinet and a district have circuits, and devices where a circuit is not all theirs."""
    properties = devices.lamps.properties
    circuits = _rows_by(zip(properties["cabinet_id"], properties["circuit"], strict=True), CIRCUIT)
    cabinets = _rows_by(((one,) for one in properties["cabinet_id"]), CABINET)
    districts = _rows_by(((one,) for one in properties["district"]), DISTRICT)
    circuit_of = {row: address for address, rows in circuits.items() for row in rows}
    members: dict[str, list[dict[str, str]]] = {}
    for address, rows in circuits.items():
        members[address] = [_device(devices, row) for row in rows]
    for address, rows in (*cabinets.items(), *districts.items()):
        n_in = Counter(circuit_of[row] for row in rows if row in circuit_of)
        whole = [one for one, n in n_in.items() if n == len(circuits[one])]
        is_whole = set(whole)
        loose = [row for row in rows if circuit_of.get(row) not in is_whole]
        members[address] = [
            *({"resource": "groups", "address": one} for one in whole),
            *(_device(devices, row) for row in loose),
        ]
    whole_document = [{"address": one, "ownerCMS": owner, "members": found} for one, found in members.items()]
    document = json.dumps(whole_document, separators=(",", ":")).encode()
    return Groups(devices.lamps, owner, members, {**circuits, **cabinets, **districts}, document)


def _rows_by(names: Iterable[tuple[str | None, ...]], kind: str) -> dict[str, list[int]]:
    """Address -> register rows, of those that have all names."""
    by_names: dict[tuple[str | None, ...], list[int]] = {}
    for row, one in enumerate(names):
        if all(one):
            by_names.setdefault(one, []).append(row)
    return {group_address(kind, *(name or "" for name in one)): rows for one, rows in by_names.items()}


def _device(devices: Devices, row: int) -> dict[str, str]:
    return {"resource": "devices", "address": devices.addresses[row]}
