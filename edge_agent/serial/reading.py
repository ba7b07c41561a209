"""What one sweep of a controller measured: plain arrays, one slot per lamp, circuit and phase.

This module owns the shape in which readings leave the serial side. It is independent of meters,
MQTT or storage. Every array is a copy that nobody changes afterwards.

A quantity is named by its attribute path in `SweepReadings`: ``"voltage"``, ``"energy_wh"``,
``"circuits.power"``, ``"cabinet.door_open"``. `SweepReadings.quantities` holds the paths that this sweep sampled;
what is not in it is unknown for this sweep, whatever is in its array.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Any

from edge_agent.wire import (
    CABINET_QUANTITIES,
    CIRCUIT_QUANTITIES,
    CONTACT_QUANTITIES,
    LAMP_QUANTITIES,
    LEVEL_UNKNOWN,
    Quality,
    Quantity,
)

UNKNOWN_LEVEL = LEVEL_UNKNOWN

LAMP_MEASURED = tuple(q for q in LAMP_QUANTITIES if q.is_from_meter)


def _paths(quantities: Iterable[Quantity], prefix: str = "", *, is_slow: bool = False) -> frozenset[str]:
    return frozenset(f"{prefix}{q.name}" for q in quantities if q.is_slow is is_slow)


LAMP_FAST, LAMP_SLOW = _paths(LAMP_MEASURED), _paths(LAMP_MEASURED, is_slow=True)
CIRCUIT_FAST = _paths(CIRCUIT_QUANTITIES, "circuits.")
CIRCUIT_SLOW = _paths(CIRCUIT_QUANTITIES, "circuits.", is_slow=True)
CABINET_FAST = _paths(CABINET_QUANTITIES, "cabinet.")
CABINET_SLOW = _paths(CABINET_QUANTITIES, "cabinet.", is_slow=True)
CONTACTS = _paths(CONTACT_QUANTITIES, "cabinet.")


@dataclass(frozen=True, slots=True)
class CabinetReading:
    """The cabinet's own meter and contacts.

    Attributes:
        voltage: [V] phases R, S, T upstream of the contactor; NaN = unknown, 0 = dead phase.
        current: [A] phases R, S, T.
        power: [W] phases R, S, T.
        energy_wh: [Wh] None = unknown.
        door_open: None = unknown.
        contactor_closed: as the contactor's auxiliary contact says; None = unknown.
        supply_present: None = unknown.
    """

    voltage: tuple[float, float, float] = (float("nan"),) * 3
    current: tuple[float, float, float] = (float("nan"),) * 3
    power: tuple[float, float, float] = (float("nan"),) * 3
    energy_wh: int | None = None
    door_open: bool | None = None
    contactor_closed: bool | None = None
    supply_present: bool | None = None


@dataclass(frozen=True, slots=True)
class CircuitReadings:
    """One slot per metered circuit, in the order of `AgentConfig.circuit_ids`.

    Attributes:
        voltage: float32 (n_circuits,) [V]; NaN = unknown.
        current: float32 (n_circuits,) [A].
        power: float32 (n_circuits,) [W].
        energy_wh: uint32 (n_circuits,) [Wh]; 0xFFFFFFFF = unknown.
        quality: uint8 (n_circuits,) `Quality`.
    """

    voltage: "array[float]"
    current: "array[float]"
    power: "array[float]"
    energy_wh: "array[int]"
    quality: "array[int]"

    @classmethod
    def unknown(cls, n_circuits: int) -> "CircuitReadings":
        """Return readings of n circuits of which nothing is known."""
        return cls(
            **{q.name: q.unanswered_array(n_circuits) for q in CIRCUIT_QUANTITIES},
            quality=array("B", [Quality.NO_RESPONSE]) * n_circuits,
        )


if TYPE_CHECKING:

    class LampArrays:
        """One array (n_lamps,) for each of `LAMP_MEASURED`, by its name."""

        def __init__(self, **arrays: "array[Any]") -> None:
            """Take the arrays."""

        def __getattr__(self, name: str) -> "array[Any]":
            """Return the array of a quantity."""
else:
    LampArrays = make_dataclass("LampArrays", [(q.name, array) for q in LAMP_MEASURED], frozen=True, slots=True)


@dataclass(frozen=True, slots=True)
class SweepReadings(LampArrays):
    """One sweep of a controller: a slot per lamp, in the order of `AgentConfig.lamp_ids`.

    Beside the attributes below there is an array for each quantity that meters of lamps measure
    (`edge_agent.wire.LAMP_QUANTITIES`: ``voltage``, ``energy_wh``, ``status`` and so on), in the quantity's unit.

    Attributes:
        at_ms: end of the sweep, Unix time in milliseconds, by the agent's clock.
        quantities: attribute paths of what this sweep sampled (see the module's docstring).
        quality: uint8 (n_lamps,) `Quality`.
        driven_level: uint8 (n_lamps,) [%] level that the node says it drives now, not published;
            255 = unknown. Where it differs from what was commanded, the node lost its command.
        circuits: one slot per metered circuit.
        cabinet: the cabinet's own meter and contacts.
        duration_s: how long the slowest bus took.
    """

    at_ms: int
    quantities: frozenset[str]
    quality: "array[int]"
    driven_level: "array[int]"
    circuits: CircuitReadings
    cabinet: CabinetReading = field(default_factory=CabinetReading)
    duration_s: float = 0.0

    @property
    def n_lamps(self) -> int:
        """Return the number of lamps in the controller's list."""
        return len(self.quality)

    @property
    def n_good(self) -> int:
        """Return how many lamps gave a good reading."""
        return self.quality.count(Quality.GOOD)

    @classmethod
    def unknown(
        cls, at_ms: int, n_lamps: int, n_circuits: int, quantities: frozenset[str] = frozenset()
    ) -> "SweepReadings":
        """Return a sweep in which nobody answered."""
        arrays: dict[str, Any] = {q.name: q.unanswered_array(n_lamps) for q in LAMP_MEASURED}
        return cls(
            **arrays,
            at_ms=at_ms,
            quantities=quantities,
            quality=array("B", [Quality.NO_RESPONSE]) * n_lamps,
            driven_level=array("B", [UNKNOWN_LEVEL]) * n_lamps,
            circuits=CircuitReadings.unknown(n_circuits),
        )
