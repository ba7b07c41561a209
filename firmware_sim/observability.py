"""When a fault is observable, by the physics and the catalogue, independently of detection.

A dark lamp shows only while it should burn, a dimming fault only at the levels that differ, a tap only behind a closed
contactor. What a host could have seen decides which faults a benchmark may score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_sim.electrical.sample import THERMAL_SHUTDOWN
from firmware_sim.fleet.world import NO_OVERRIDE, Moment, World
from firmware_sim.injection import Injected

LOW_V: Final = 207.0
HIGH_V: Final = 241.5
_MARGIN_V: Final = 0.7  # the meters' own error: nearer to a limit than this the readings decide nothing
_HOT_C: Final = 85.0
_DIMMED: Final = 80  # %: a step down that ends above it is no evidence
_APART: Final = 15  # %: levels nearer to each other draw powers that meters hardly distinguish
_CYCLES: Final = 4
_CYCLING_WINDOW_US: Final = 7_200_000_000
_WARM_S: Final = 600.0


@dataclass(slots=True, eq=False)
class Watch:
    """One injection under observation.

    Attributes:
        lamps: int64 plant indices of the lamps it takes with it.
        first_level: commanded in the first lit sweep since then [%]; ``has_stepped`` another one was commanded since.
    """

    injected: Injected
    lamps: NDArray[np.int64]
    circuit: int
    cabinet: int
    changes_us: list[int] = field(default_factory=list)
    was_lit: bool | None = None
    first_level: int | None = None
    has_stepped: bool = False


def is_observable(world: World, moment: Moment, watch: Watch) -> bool:
    """Whether this moment's sweep, if it arrives, shows what was injected."""
    predicate = _PREDICATES.get(watch.injected.code)
    return predicate is not None and predicate(world, moment, watch)


def _levels(world: World, moment: Moment, watch: Watch) -> NDArray[np.uint8]:
    """Levels at which its lamps should burn now [%]; where the agent cannot know, what their photocell decides."""
    commanded = moment.level[watch.lamps]
    decided = world.node_level[watch.lamps]
    by_itself = np.where(decided == NO_OVERRIDE, 100 * moment.sample.is_lit[watch.lamps], decided)
    levels: NDArray[np.uint8] = np.where(commanded == NO_OVERRIDE, by_itself, commanded).astype(np.uint8)
    return levels


def _wanted(world: World, moment: Moment, watch: Watch) -> bool:
    """Its lamps should burn, and their cabinet feeds them."""
    is_on = bool((_levels(world, moment, watch) > 0).any())
    return is_on and bool(moment.sample.is_contactor_closed[watch.cabinet])


def _dark(world: World, moment: Moment, watch: Watch) -> bool:
    return _wanted(world, moment, watch) and not bool(moment.sample.is_lit[watch.lamps].any())


def _lit_while_off(world: World, moment: Moment, watch: Watch) -> bool:
    return bool(((_levels(world, moment, watch) == 0) & moment.sample.is_lit[watch.lamps]).any())


def _cycles(world: World, moment: Moment, watch: Watch) -> bool:
    """The fourth change that a sweep could show has happened."""
    if not _wanted(world, moment, watch):
        watch.was_lit = None
        return False
    is_lit = bool(moment.sample.is_lit[watch.lamps[0]])
    if watch.was_lit is not None and is_lit != watch.was_lit:
        watch.changes_us.append(moment.sample.at_us)
    watch.was_lit = is_lit
    recent = [at_us for at_us in watch.changes_us if moment.sample.at_us - at_us <= _CYCLING_WINDOW_US]
    return len(recent) >= _CYCLES


def _warm(world: World, moment: Moment, watch: Watch) -> bool:
    lamps = watch.lamps
    is_warm = world.town.plant.arc_figures.run_up_s.size == 0 or not np.isin(lamps, world.town.plant.discharge).any()
    is_warm = is_warm or bool((world.state.arc_s[lamps] >= _WARM_S).all())
    return _wanted(world, moment, watch) and bool(moment.sample.is_lit[lamps].all()) and is_warm


def _undimmed(_world: World, moment: Moment, watch: Watch) -> bool:
    """Commanded a level apart from the one that it is stuck at, after a step that it did not follow.

    Before any step its power could as well be that of a lamp with dead modules, or of another rating.
    """
    level, stuck = int(moment.level[watch.lamps[0]]), int(watch.injected.params["level"])
    if not bool(moment.sample.is_lit[watch.lamps].any()):
        return False
    if watch.first_level is None:
        watch.first_level = level
    watch.has_stepped |= level != watch.first_level
    is_apart = abs(level - stuck) >= _APART and (level <= _DIMMED or stuck < level)
    return watch.has_stepped and is_apart


def _live(_world: World, moment: Moment, watch: Watch) -> bool:
    return bool(moment.sample.is_live[watch.lamps].all())


def _silent(world: World, moment: Moment, watch: Watch) -> bool:
    """A lamp without supply is silent as a matter of course by day; at night it is missed."""
    if watch.injected.params["cause"] == "fuse":
        return _wanted(world, moment, watch)
    return _live(world, moment, watch)


def _lying(world: World, moment: Moment, watch: Watch) -> bool:
    if watch.injected.params["cause"] == "frozen":
        return _warm(world, moment, watch)
    return _live(world, moment, watch)


def _hot(world: World, moment: Moment, watch: Watch) -> bool:
    lamps = watch.lamps
    is_shut = (moment.sample.status[lamps] & THERMAL_SHUTDOWN) != 0
    return _live(world, moment, watch) and bool((is_shut | (moment.sample.temperature_c[lamps] > _HOT_C + 0.5)).any())


def circuit_medians(world: World, moment: Moment) -> NDArray[np.float64]:
    """True median voltage of each circuit's live lamps, float64 (n_circuits,), NaN where none is live."""
    plant = world.town.plant
    volts = np.where(moment.sample.is_live, moment.sample.true_voltage_v, np.nan).astype(np.float64)
    order = np.lexsort((volts, plant.circuit))
    group = plant.circuit[order]
    live = np.isfinite(volts[order])
    counts = np.bincount(group[live], minlength=plant.n_circuits)
    first = np.searchsorted(group, np.arange(plant.n_circuits))
    middle = volts[order][np.minimum(first + np.maximum(counts - 1, 0) // 2, len(order) - 1)]
    return np.where(counts > 0, middle, np.nan)


def _low(world: World, moment: Moment, watch: Watch) -> bool:
    medians = _medians_of(world, moment, watch)
    return len(medians) > 0 and bool((medians < LOW_V - _MARGIN_V).all())


def _high(world: World, moment: Moment, watch: Watch) -> bool:
    medians = _medians_of(world, moment, watch)
    return len(medians) > 0 and bool((medians > HIGH_V + _MARGIN_V).all())


def _medians_of(world: World, moment: Moment, watch: Watch) -> NDArray[np.float64]:
    if watch.circuit >= 0:
        circuits = np.array([watch.circuit])
    else:
        circuits = np.flatnonzero(world.town.plant.circuit_cabinet == watch.cabinet)
    medians = circuit_medians(world, moment)[circuits]
    known: NDArray[np.float64] = medians[np.isfinite(medians)]
    return known


def _always(_world: World, _moment: Moment, _watch: Watch) -> bool:
    return True


def _stuck(world: World, moment: Moment, watch: Watch) -> bool:
    is_closed = bool(moment.sample.is_contactor_closed[watch.cabinet])
    is_wanted = bool((_levels(world, moment, watch) > 0).any())
    return is_closed != is_wanted


def _tapped(_world: World, moment: Moment, watch: Watch) -> bool:
    """The tap draws more than the catalogue's limit, of the cabinet's true power with it."""
    if watch.circuit >= 0 and not bool(moment.sample.is_contactor_closed[watch.cabinet]):
        return False
    cabinet_w = float(np.nansum(moment.sample.cabinet_power_w[watch.cabinet]))
    return float(watch.injected.params["watts"]) > 1.15 * max(50.0, 0.13 * cabinet_w)


def _unheard(world: World, moment: Moment, watch: Watch) -> bool:
    """Its lamps burn: their load is there while no reply comes."""
    return _wanted(world, moment, watch) and bool(moment.sample.is_lit[watch.lamps].any())


_PREDICATES: Final[dict[str, Callable[[World, Moment, Watch], bool]]] = {
    "lampFailure": _dark,
    "lampUnexpectedOn": _lit_while_off,
    "relayFailure": _lit_while_off,
    "cyclingFailure": _cycles,
    "dimmingFailure": _undimmed,
    "lampPowerTooLow": _warm,
    "lampPowerTooHigh": _warm,
    "powerFactorTooLow": _warm,
    "supplyVoltageTooLow": _low,
    "supplyVoltageTooHigh": _high,
    "highTemperature": _hot,
    "controlGearFailure": _live,
    "communicationFailure": _silent,
    "meterFailure": _lying,
    "circuitFailure": _dark,
    "cableFailure": _dark,
    "circuitPowerTooLow": _dark,
    "supplyLoss": _always,
    "neutralFailure": _always,
    "contactorFailure": _stuck,
    "cabinetDoorOpen": _always,
    "unmeteredLoad": _tapped,
    "busFailure": _unheard,
    "controllerOffline": _always,
}
