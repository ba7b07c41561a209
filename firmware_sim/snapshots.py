"""Converts a sample of the plant to the values of one serial device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_sim.meters.values import CabinetContacts, LampValues, ThreePhaseValues

if TYPE_CHECKING:
    from firmware_sim.electrical.sample import Sample


def lamp_values(sample: Sample, lamp: int, illuminance_lux: int = 0) -> LampValues:
    """Return what the meter or node of one lamp measures.

    Args:
        sample: an instant of the plant.
        lamp: index in the plant.
        illuminance_lux: at the node's light sensor [lx].
    """
    if sample.is_silent[lamp]:
        return _SILENT
    return LampValues(
        voltage_v=float(sample.voltage_v[lamp]),
        current_a=float(sample.current_a[lamp]),
        power_w=float(sample.power_w[lamp]),
        energy_wh=int(sample.energy_wh[lamp]),
        frequency_hz=sample.frequency_hz,
        power_factor=float(sample.power_factor[lamp]),
        temperature_c=float(sample.temperature_c[lamp]),
        illuminance_lux=illuminance_lux,
        level_percent=int(sample.driven_level[lamp]),
        status=int(sample.status[lamp]),
        burning_hours=int(sample.burning_hours[lamp]),
        switch_count=int(sample.switch_count[lamp]),
    )


def circuit_values(sample: Sample, circuit: int) -> LampValues:
    """Return what the single-phase meter of one circuit measures."""
    if sample.is_circuit_silent[circuit]:
        return _SILENT
    volts, amps = float(sample.circuit_voltage_v[circuit]), float(sample.circuit_current_a[circuit])
    watts = float(sample.circuit_power_w[circuit])
    return LampValues(
        voltage_v=volts,
        current_a=amps,
        power_w=watts,
        energy_wh=int(sample.circuit_energy_wh[circuit]),
        frequency_hz=sample.frequency_hz,
        power_factor=min(watts / (volts * amps), 1.0) if volts * amps > 1.0 else 1.0,
    )


def cabinet_values(sample: Sample, cabinet: int) -> ThreePhaseValues:
    """Return what the three-phase meter of one cabinet measures."""
    if sample.is_cabinet_silent[cabinet]:
        nothing = (0.0, 0.0, 0.0)
        return ThreePhaseValues(voltage_v=nothing, current_a=nothing, power_w=nothing, is_silent=True)

    def phases(row: list[float]) -> tuple[float, float, float]:
        return row[0], row[1], row[2]

    return ThreePhaseValues(
        voltage_v=phases(sample.cabinet_voltage_v[cabinet].tolist()),
        current_a=phases(sample.cabinet_current_a[cabinet].tolist()),
        power_w=phases(sample.cabinet_power_w[cabinet].tolist()),
        energy_wh=int(sample.cabinet_energy_wh[cabinet]),
        frequency_hz=sample.frequency_hz,
    )


def contacts(sample: Sample, cabinet: int) -> CabinetContacts:
    """Return what the I/O board of one cabinet reads; it has a battery and never falls silent with the supply."""
    return CabinetContacts(
        is_door_open=bool(sample.is_door_open[cabinet]),
        is_supply_present=bool(sample.is_supply_present[cabinet]),
        is_contactor_closed=bool(sample.is_contactor_closed[cabinet]),
    )


_SILENT = LampValues(voltage_v=0.0, current_a=0.0, power_w=0.0, is_silent=True)
