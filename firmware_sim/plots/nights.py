"""Three nights, minute by minute: an LED lamp, a sodium lamp at the end of its life, a street whose cable breaks.

Owns what happens in each night; how it is drawn is in :mod:`firmware_sim.plots.figures`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical import LampFault, Plant, build_plant, healthy, initial_state, step
from firmware_sim.electrical import technology as tech
from firmware_sim.electrical.daylight import sun_elevation

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.electrical import Condition

MINUTE_US: Final = 60_000_000
#: 2026-11-23 16:00 in Pekanbaru's zone (UTC+7), in UTC.
START_US: Final = 1_795_424_400_000_000
N_MINUTES: Final = 15 * 60
LATITUDE: Final = 0.7893
LONGITUDE: Final = 102.0489
SEED: Final = 20261123
#: Minute of the cable break: 21:14.
BREAK_MINUTE: Final = 5 * 60 + 14
#: Dim steps: (minute after 16:00, level).
DIM_STEPS: Final = ((360, 70), (510, 50), (750, 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What the meters showed, minute by minute.

    Attributes:
        hour: float64 (n_minutes,), local clock, beyond 24 after midnight.
        voltage_v, power_w, power_factor: float32 (n_minutes, n_lamps), NaN where silent.
        circuit_power_w: float32 (n_minutes,).
    """

    hour: NDArray[np.float64]
    voltage_v: NDArray[np.float32]
    power_w: NDArray[np.float32]
    power_factor: NDArray[np.float32]
    circuit_power_w: NDArray[np.float32]


def led_night() -> Night:
    """Return the night of an LED lamp with a node, live all day, dimmed in steps; and its neighbour's."""
    plant = _street(n_lamps=20, technology=tech.LED, watts=90.0, is_contactor_switched=False)
    return _play(plant, lambda _minute, _condition: None, is_dimmed=True)


def sodium_night() -> Night:
    """Return the night of a street of sodium lamps behind a contactor; the tenth is at the end of its life."""
    plant = _street(n_lamps=20, technology=tech.HPS, watts=169.0, is_contactor_switched=True)

    def age(_minute: int, condition: Condition) -> None:
        condition.set_fault(9, LampFault.CYCLING)
        condition.cycle_on_s[9], condition.cycle_off_s[9] = 1500.0, 240.0

    return _play(plant, age, is_dimmed=False)


def cable_night() -> Night:
    """Return the night of twenty LED lamps whose cable is dug up behind the twelfth pole at 21:14."""
    plant = _street(n_lamps=20, technology=tech.LED, watts=120.0, is_contactor_switched=True)

    def dig(minute: int, condition: Condition) -> None:
        if minute == BREAK_MINUTE:
            condition.cut_after[0] = 12

    return _play(plant, dig, is_dimmed=True)


def _street(*, n_lamps: int, technology: int, watts: float, is_contactor_switched: bool) -> Plant:
    """Return one circuit of equal lamps, 40 m apart."""
    return build_plant(
        rated_power_w=np.full(n_lamps, watts),
        technology=technology,
        cabinet=0,
        circuit=0,
        position=np.arange(1, n_lamps + 1),
        is_dimmable=technology == tech.LED,
        has_node=technology == tech.LED,
        latitude=LATITUDE,
        longitude=LONGITUDE,
        span_m=40.0,
        is_contactor_switched=is_contactor_switched,
    )


def _play(plant: Plant, happen: Callable[[int, Condition], None], *, is_dimmed: bool) -> Night:
    """Step one night from 16:00 to 07:00; ``happen`` changes the condition at its minute."""
    rng = np.random.default_rng(SEED)
    condition, state = healthy(plant), initial_state(plant, rng, at_us=START_US)
    shown: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for minute in range(N_MINUTES):
        at_us = START_US + minute * MINUTE_US
        happen(minute, condition)
        sun = sun_elevation(at_us, np.array([LATITUDE]), np.array([LONGITUDE]))
        # on at 2.5 degrees below the horizon is sunset plus ten minutes at the equator
        is_on = bool(sun[0] < -2.5)
        dimmed = [level for from_minute, level in DIM_STEPS if minute >= from_minute and is_dimmed]
        level = (dimmed[-1] if dimmed else 100) if is_on else 0
        contactor = is_on or not plant.is_contactor_switched[0]
        sample = step(plant, condition, state, at_us, level, contactor, rng)
        shown["voltage_v"].append(sample.voltage_v)
        shown["power_w"].append(sample.power_w)
        shown["power_factor"].append(sample.power_factor)
        shown["circuit_power_w"].append(sample.circuit_power_w)
    return Night(
        hour=16.0 + np.arange(N_MINUTES) / 60.0,
        voltage_v=np.array(shown["voltage_v"]),
        power_w=np.array(shown["power_w"]),
        power_factor=np.array(shown["power_factor"]),
        circuit_power_w=np.array(shown["circuit_power_w"])[:, 0],
    )
