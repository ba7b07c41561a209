"""What one sweep of a controller measured: plain arrays, one slot per lamp, circuit and phase.

This module owns the shape in which readings leave the serial side. It knows nothing of meters,
MQTT or storage. Every array is a copy that nobody changes afterwards.

A quantity is named by its attribute path in `Sweep`: ``"voltage"``, ``"energy_wh"``,
``"circuits.power"``, ``"cabinet.door_open"``. `Sweep.quantities` holds the paths that this sweep sampled;
what is not in it is unknown for this sweep, whatever stands in its array.
"""

from array import array
from dataclasses import dataclass, field

from edge_agent.wire import LEVEL_UNKNOWN, UNKNOWN_UINT32, Quality

UNKNOWN_COUNT = UNKNOWN_UINT32
UNKNOWN_LEVEL = LEVEL_UNKNOWN

LAMP_FAST = frozenset({"voltage", "current", "power", "power_factor", "status"})
LAMP_SLOW = frozenset({"temperature", "energy_wh", "burning_hours", "switch_count"})
CIRCUIT_FAST = frozenset({"circuits.voltage", "circuits.current", "circuits.power"})
CIRCUIT_SLOW = frozenset({"circuits.energy_wh"})
CABINET_FAST = frozenset({"cabinet.voltage", "cabinet.current", "cabinet.power"})
CABINET_SLOW = frozenset({"cabinet.energy_wh"})
CONTACTS = frozenset({"cabinet.door_open", "cabinet.supply_present", "cabinet.contactor_closed"})


def unknown_floats(n: int) -> "array[float]":
    """Return n float32 slots that are all unknown (NaN)."""
    return array("f", [float("nan")]) * n


def unknown_counts(n: int) -> "array[int]":
    """Return n uint32 slots that are all unknown (0xFFFFFFFF)."""
    return array("I", [UNKNOWN_COUNT]) * n


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
            voltage=unknown_floats(n_circuits),
            current=unknown_floats(n_circuits),
            power=unknown_floats(n_circuits),
            energy_wh=unknown_counts(n_circuits),
            quality=array("B", [Quality.NO_RESPONSE]) * n_circuits,
        )


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep of a controller: a slot per lamp, in the order of `AgentConfig.lamp_ids`.

    Attributes:
        at_ms: end of the sweep, Unix time in milliseconds, by the agent's clock.
        quantities: attribute paths of what this sweep sampled (see the module's docstring).
        voltage: float32 (n_lamps,) [V]; NaN = unknown, as in the other floats.
        current: float32 (n_lamps,) [A].
        power: float32 (n_lamps,) [W].
        power_factor: float32 (n_lamps,).
        temperature: float32 (n_lamps,) [degrees C].
        energy_wh: uint32 (n_lamps,) [Wh]; 0xFFFFFFFF = unknown, as in the other counters.
        burning_hours: uint32 (n_lamps,) [h].
        switch_count: uint32 (n_lamps,).
        status: uint8 (n_lamps,) the node's status bits; 0 where the quality is not good.
        quality: uint8 (n_lamps,) `Quality`.
        driven_level: uint8 (n_lamps,) [%] level that the node says it drives now, not published;
            255 = unknown. Where it differs from what was commanded, the node lost its command.
        circuits: one slot per metered circuit.
        cabinet: the cabinet's own meter and contacts.
        duration_s: how long the slowest bus took.
    """

    at_ms: int
    quantities: frozenset[str]
    voltage: "array[float]"
    current: "array[float]"
    power: "array[float]"
    power_factor: "array[float]"
    temperature: "array[float]"
    energy_wh: "array[int]"
    burning_hours: "array[int]"
    switch_count: "array[int]"
    status: "array[int]"
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
    def unknown(cls, at_ms: int, n_lamps: int, n_circuits: int, quantities: frozenset[str] = frozenset()) -> "Sweep":
        """Return a sweep in which nobody answered."""
        return cls(
            at_ms=at_ms,
            quantities=quantities,
            voltage=unknown_floats(n_lamps),
            current=unknown_floats(n_lamps),
            power=unknown_floats(n_lamps),
            power_factor=unknown_floats(n_lamps),
            temperature=unknown_floats(n_lamps),
            energy_wh=unknown_counts(n_lamps),
            burning_hours=unknown_counts(n_lamps),
            switch_count=unknown_counts(n_lamps),
            status=array("B", bytes(n_lamps)),
            quality=array("B", [Quality.NO_RESPONSE]) * n_lamps,
            driven_level=array("B", [UNKNOWN_LEVEL]) * n_lamps,
            circuits=CircuitReadings.unknown(n_circuits),
        )
