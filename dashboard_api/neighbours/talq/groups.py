"""TALQ's groups: circuits, cabinets and districts of the register, and those that management systems made."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dashboard_api.errors import NotFoundError
from dashboard_api.neighbours.talq.devices import Devices
from dashboard_api.store.engine import Database
from dashboard_api.store.register_rows import LampColumns
from dashboard_api.store.talq_documents import GROUPS, read_documents

_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:terang:group")
_PLAIN: Final = re.compile(r"[A-Za-z0-9_+!*'()$-]+", re.ASCII)  # needs no escaping in a URL, and has no dot
DEVICES: Final = "devices"
DISTRICT: Final = "district"
CABINET: Final = "cabinet"
CIRCUIT: Final = "circuit"


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of one version of the register, and those that management systems made.

    Attributes:
        members: address -> references of its members, of a group of the register.
        rows: address -> register rows of all lamps in it, those in its groups too, of a group of the register.
        text: of all groups of the register, as JSON.
        row_of: address of a device -> register row.
        own: address -> document of a group that a management system made.
    """

    lamps: LampColumns
    owner: str
    members: Mapping[str, Sequence[Mapping[str, str]]]
    rows: Mapping[str, Sequence[int]]
    text: bytes
    row_of: Mapping[str, int]
    own: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self.members) + len(self.own)

    def __contains__(self, address: object) -> bool:
        """Whether there is such a group."""
        return address in self.members or address in self.own

    @property
    def document(self) -> bytes:
        """All groups as JSON."""
        if not self.own:
            return self.text
        own = json.dumps(list(self.own.values()), separators=(",", ":")).encode()
        return own if self.text == b"[]" else b"%b,%b" % (self.text[:-1], own[1:])

    def one(self, address: str) -> dict[str, Any]:
        """One group.

        Raises:
            NotFoundError: there is no such group.
        """
        if address in self.own:
            document: dict[str, Any] = self.own[address]
            return document
        if address not in self.members:
            raise NotFoundError("talq_unknown", value=address[:200])
        return {"address": address, "ownerCMS": self.owner, "members": self.members[address]}

    def rows_of(self, address: str) -> list[int] | None:
        """The register rows of all lamps in a group and in its groups, each once; None = there is no such group.

        Members that the register no longer has are passed over.
        """
        if address not in self:
            return None
        found: dict[int, None] = {}
        seen, waiting = {address}, [address]
        while waiting:
            one = waiting.pop()
            if one in self.rows:
                found.update(dict.fromkeys(self.rows[one]))
                continue
            for member in self.own[one]["members"] if one in self.own else ():
                name = member["address"]
                if member["resource"] == GROUPS and name not in seen:
                    seen.add(name)
                    waiting.append(name)
                elif member["resource"] == DEVICES and (row := self.row_of.get(device_of(name))) is not None:
                    found[row] = None
        return list(found)


def device_of(address: str) -> str:
    """The address of the device that an address of it, of its function or attribute names."""
    return address.partition("/")[0].lower()


class GroupSource:
    """The groups of a city. Safe to call from threads."""

    def __init__(self, owner: str, database: Database) -> None:
        """``owner``: the gateway's address."""
        self._owner = owner
        self._database = database
        self._lock = threading.Lock()
        self._groups: Groups | None = None

    def groups(self, devices: Devices) -> Groups:
        """The groups that the devices are in.

        Raises:
            UnavailableError: the database does not answer.
        """
        own = read_documents(self._database, GROUPS)
        with self._lock:
            if self._groups is None or self._groups.lamps is not devices.lamps:
                self._groups = _groups(devices, self._owner)
            return replace(self._groups, own=own) if own else self._groups


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
            *({"resource": GROUPS, "address": one} for one in whole),
            *(_device(devices, row) for row in loose),
        ]
    whole_document = [{"address": one, "ownerCMS": owner, "members": found} for one, found in members.items()]
    document = json.dumps(whole_document, separators=(",", ":")).encode()
    of_groups = {**circuits, **cabinets, **districts}
    return Groups(devices.lamps, owner, members, of_groups, document, devices.row_of)


def _rows_by(names: Iterable[tuple[str | None, ...]], kind: str) -> dict[str, list[int]]:
    """Address -> register rows, of those that have all names."""
    by_names: dict[tuple[str | None, ...], list[int]] = {}
    for row, one in enumerate(names):
        if all(one):
            by_names.setdefault(one, []).append(row)
    return {group_address(kind, *(name or "" for name in one)): rows for one, rows in by_names.items()}


def _device(devices: Devices, row: int) -> dict[str, str]:
    return {"resource": DEVICES, "address": devices.addresses[row]}
