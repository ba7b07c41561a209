"""What a simulated device measures at the instant it is asked: plain values, handed over by the simulation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LampValues:
    """One single-phase load as its meter or node measures it.

    Attributes:
        voltage_v: [V].
        current_a: [A].
        power_w: [W].
        energy_wh: whole Wh.
        frequency_hz: [Hz].
        power_factor: 0..1; above 1 for a meter that lies.
        alarm: over-power alarm of a PZEM.
        temperature_c: node only [C].
        illuminance_lux: node only [lx].
        level_percent: node only, as driven [%].
        status: node only, status bits.
        burning_hours: node only [h].
        switch_count: node only.
        is_silent: the device has no supply or is dead: it does not answer.
    """

    voltage_v: float
    current_a: float
    power_w: float
    energy_wh: int = 0
    frequency_hz: float = 50.0
    power_factor: float = 1.0
    alarm: bool = False
    temperature_c: float = 25.0
    illuminance_lux: int = 0
    level_percent: int = 100
    status: int = 1
    burning_hours: int = 0
    switch_count: int = 0
    is_silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreePhaseValues:
    """A three-phase supply as its meter measures it; phases in the order R, S, T."""

    voltage_v: tuple[float, float, float]
    current_a: tuple[float, float, float]
    power_w: tuple[float, float, float]
    energy_wh: int = 0
    frequency_hz: float = 50.0
    is_silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CabinetContacts:
    """The contacts of a cabinet's I/O board."""

    is_door_open: bool = False
    is_supply_present: bool = True
    is_contactor_closed: bool = False
    is_silent: bool = False
