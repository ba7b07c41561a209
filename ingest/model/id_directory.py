"""Ids and their numbers: the register's lamps, controllers and circuits first, then every stranger that was met.

Independent of MQTT or files. Numbers below ``n_register_…`` are the fleet's own and may be judged; those above stand
for ids that the register does not hold: their readings are stored and judged nowhere. Lists only grow; a new
register makes a new directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from unicodedata import normalize

import pyarrow as pa

from ingest.errors import FullError

MAX_STRANGERS: Final = 262_144  # ids that no register knows: more of them is an attack or a wrong broker
MAX_OF_KNOWN: Final = 8192  # of them from one controller of the register
MAX_OF_UNKNOWN: Final = 1024  # and from one that is not in it either


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
        """Number of a name apart from the register's, distinguished by ``key``."""
        found = self._strangers.get(key)
        if found is None:
            if len(self._strangers) >= MAX_STRANGERS:
                raise FullError("too many ids that no register knows")
            found = self._strangers[key] = len(self._names)
            self._names.append(key if name is None else name)
        return found

    @property
    def n_strangers(self) -> int:
        """How many of the names are not the register's."""
        return len(self._strangers)

    def column(self) -> pa.StringArray:
        """All names as one Arrow column, built again only after growth."""
        if self._column is None or len(self._column) != len(self._names):
            self._column = pa.array(self._names, pa.string())
        return self._column


def _composed(name: str) -> str:
    """An id as the register holds it: in Unicode's composed form (NFC)."""
    return name if name.isascii() else normalize("NFC", name)


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
        self._n_circuits_before = 0

    def _own_lamps(self, controller_id: str, lamp_ids: Sequence[str]) -> list[int]:
        """Numbers of the lamps that are the controller's in the register, -1 of any other and of one named again."""
        index, owner = self.places.lamp_index, self.places.lamp_controller
        controller = self.places.controller_index.get(controller_id, -1)
        numbers = [index.get(_composed(lamp_id), -1) for lamp_id in lamp_ids]
        taken: set[int] = set()
        for i, number in enumerate(numbers):
            if number < 0 or number in taken or int(owner[number]) != controller:
                numbers[i] = -1
            taken.add(number)
        return numbers

    def _own_circuits(self, controller_id: str, circuits: Sequence[str]) -> list[int]:
        """Numbers of the circuits that are the controller's in the register, -1 of any other and of one named again."""
        index = self.places.controller_circuit_index
        numbers = [index.get((controller_id, _composed(circuit)), -1) for circuit in circuits]
        taken: set[int] = set()
        for i, number in enumerate(numbers):
            if number in taken:
                numbers[i] = -1
            taken.add(number)
        return numbers

    def lamp_numbers(self, controller_id: str, lamp_ids: Sequence[str]) -> tuple[list[int], int]:
        """Numbers of a controller's lamps in the order of its birth, and how many are not this controller's.

        A lamp that the register does not hold, that hangs on another controller, or that the list names twice, is a
        stranger: a verdict about it would be a verdict about something else.
        """
        numbers = self._own_lamps(controller_id, lamp_ids)
        self._check_room(controller_id, numbers.count(-1), self.lamps.n_strangers, "lamps")
        n_strange = 0
        for i, (number, lamp_id) in enumerate(zip(numbers, lamp_ids, strict=True)):
            if number < 0:
                name = _composed(lamp_id)
                numbers[i] = self.lamps.stranger(f"{controller_id}\0{name}", name)
                n_strange += 1
        return numbers, n_strange

    def circuit_numbers(self, controller_id: str, circuits: Sequence[str]) -> tuple[list[int], int]:
        """Numbers of a controller's circuits in the order of its birth, and how many the register does not hold."""
        numbers = self._own_circuits(controller_id, circuits)
        self._n_circuits_before = len(self.circuit_names)
        self._check_room(controller_id, numbers.count(-1), len(self._circuit_strangers), "circuits")
        n_strange = 0
        for i, (number, circuit) in enumerate(zip(numbers, circuits, strict=True)):
            if number < 0:
                numbers[i] = self._strange_circuit((controller_id, _composed(circuit)))
                n_strange += 1
        return numbers, n_strange

    def forget_last_circuits(self) -> None:
        """Take back the numbers of circuits that the last call gave: their birth is refused."""
        del self.circuit_names[self._n_circuits_before :]
        for key in [key for key, number in self._circuit_strangers.items() if number >= self._n_circuits_before]:
            del self._circuit_strangers[key]

    def _check_room(self, controller_id: str, n_strange: int, n_there: int, what: str) -> None:
        """Whether ids that are not a controller's own can be numbered, before any of them is.

        Raises:
            OverflowError: they are more than one controller may have.
            FullError: there is room for them only in a new directory.
        """
        most = MAX_OF_KNOWN if controller_id in self.places.controller_index else MAX_OF_UNKNOWN
        if n_strange > most:
            raise OverflowError(f"{n_strange} {what} are not its own in the register, and {most} are allowed")
        if n_strange and n_there + n_strange > MAX_STRANGERS:
            raise FullError(f"too many {what} that no register knows")

    def _strange_circuit(self, key: tuple[str, str]) -> int:
        number = self._circuit_strangers.get(key)
        if number is None:
            if len(self._circuit_strangers) >= MAX_STRANGERS:
                raise FullError("too many circuits that no register knows")
            number = self._circuit_strangers[key] = len(self.circuit_names)
            self.circuit_names.append(key[1])
        return number
