"""Ids and their numbers: the register's lamps, controllers and circuits first, then every stranger that was met.

Knows nothing of MQTT or files. Numbers below ``n_register_…`` are the fleet's own and may be judged; those above stand
for ids that the register does not hold: their readings are stored and judged nowhere. Lists only grow; a new
register makes a new directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa

MAX_STRANGERS: Final = 1_000_000  # ids that no register knows: more of them is an attack or a wrong broker


class Places(Protocol):
    """What intake has to know of the fleet (``ingest.model.fleet.Fleet``)."""

    @property
    def lamp_index(self) -> Mapping[str, int]:
        """Lamp id to number, dense from 0."""

    @property
    def lamp_controller(self) -> Any:
        """int32 (n_lamps,): number of each lamp's controller, -1 = none."""

    @property
    def controller_index(self) -> Mapping[str, int]:
        """Controller id to number, dense from 0."""

    @property
    def controller_circuit_index(self) -> Mapping[tuple[str, str], int]:
        """(controller id, circuit) to number of the circuit."""

    @property
    def n_circuits(self) -> int:
        """How many circuits the register holds."""


class Names:
    """A growing list of names with their numbers, and its Arrow column."""

    def __init__(self, known: Mapping[str, int]) -> None:
        """Start with the register's."""
        self.n_register: Final = len(known)
        self._known = known
        self._strangers: dict[str, int] = {}
        self._names = list(known)
        if list(known.values()) != list(range(len(known))):
            self._names.sort(key=known.__getitem__)
        self._column: pa.StringArray | None = None

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._names)

    def __getitem__(self, number: int) -> str:
        """The name of a number."""
        return self._names[number]

    def number(self, name: str) -> int:
        """Number of a name; a stranger gets the next one."""
        found = self._known.get(name)
        return self.stranger(name) if found is None else found

    def stranger(self, key: str, name: str | None = None) -> int:
        """Number of a name apart from the register's, told apart by ``key``."""
        found = self._strangers.get(key)
        if found is None:
            if len(self._strangers) >= MAX_STRANGERS:
                raise OverflowError("too many unknown ids")
            found = self._strangers[key] = len(self._names)
            self._names.append(key if name is None else name)
        return found

    def column(self) -> pa.StringArray:
        """All names as one Arrow column, built again only after growth."""
        if self._column is None or len(self._column) != len(self._names):
            self._column = pa.array(self._names, pa.string())
        return self._column


class Directory:
    """Numbers for everything that a block of telemetry names."""

    def __init__(self, places: Places) -> None:
        """Take over the fleet's numbers."""
        self.places: Final = places
        self.lamps: Final = Names(places.lamp_index)
        self.controllers: Final = Names(places.controller_index)
        circuits: dict[int, str] = {number: circuit for (_, circuit), number in places.controller_circuit_index.items()}
        self.n_register_circuits: Final = places.n_circuits
        self.circuit_names: Final[list[str]] = [circuits.get(i, "") for i in range(places.n_circuits)]
        self._circuit_strangers: dict[tuple[str, str], int] = {}

    def lamp_numbers(self, controller_id: str, lamp_ids: Sequence[str]) -> tuple[list[int], int]:
        """Numbers of a controller's lamps in the order of its birth, and how many are not this controller's.

        A lamp that the register does not hold, that hangs on another controller, or that the list names twice, is a
        stranger: a verdict about it would be a verdict about something else.
        """
        controller = self.places.controller_index.get(controller_id, -1)
        owner = self.places.lamp_controller
        numbers: list[int] = []
        taken: set[int] = set()
        n_strange = 0
        for lamp_id in lamp_ids:
            number = self.places.lamp_index.get(lamp_id, -1)
            if number < 0 or int(owner[number]) != controller or number in taken:
                number = self.lamps.stranger(f"{controller_id}\0{lamp_id}\0{number in taken}", lamp_id)
                n_strange += 1
            taken.add(number)
            numbers.append(number)
        return numbers, n_strange

    def circuit_numbers(self, controller_id: str, circuits: Sequence[str]) -> tuple[list[int], int]:
        """Numbers of a controller's circuits in the order of its birth, and how many the register does not hold."""
        numbers: list[int] = []
        taken: set[int] = set()
        n_strange = 0
        for circuit in circuits:
            key = (controller_id, circuit)
            number = self.places.controller_circuit_index.get(key, -1)
            if number < 0 or number in taken:
                n_strange += 1
                number = self._circuit_strangers.get(key, -1)
                if number < 0:
                    if len(self._circuit_strangers) >= MAX_STRANGERS:
                        raise OverflowError("too many unknown circuits")
                    number = self._circuit_strangers[key] = len(self.circuit_names)
                    self.circuit_names.append(circuit)
            taken.add(number)
            numbers.append(number)
        return numbers, n_strange
