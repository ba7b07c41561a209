"""What happens to the meters and nodes in the poles, and to the fuses before them."""

from typing import Final

import numpy as np

from .daylight import Night
from .lamp_stories import HOUR, after_night, pick, tell
from .stage import Stage


def deaf_node(stage: Stage, night: Night) -> bool:
    """A node's transceiver dies: no reply, the lamp burns on, the load stays."""
    begin = stage.rng.uniform(night.on_s + 0.3 * HOUR, night.off_s - 2 * HOUR)
    end = begin + stage.rng.uniform(1, 1.8) * HOUR
    lamp = pick(stage, begin, end)
    street = stage.street
    if lamp is None or (street.bus[street.metered] == street.bus[lamp]).sum() < 3:
        return False
    stage.node[stage.window(begin, end), lamp] = False
    ready = stage.ready_at(begin, end, samples=3, seconds=300, guard=False)
    tell(stage, "deaf_node", "communicationFailure", lamp, begin, end + HOUR / 2, ready)
    return True


def pole_fuse(stage: Stage, night: Night) -> bool:
    """A fuse in a pole blows: lamp and node are dead, the load falls by one lamp."""
    begin = stage.rng.uniform(night.on_s + 0.5 * HOUR, night.off_s - 2 * HOUR)
    end = after_night(night)
    street = stage.street
    if street.habits.own_supply:
        return False
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    stage.fuse[stage.window(begin, end), lamp] = False
    sigma = load_sigma_w(stage, int(street.circuit[lamp]))
    level = stage.grid.level[stage.window(begin, end)][0]
    step = street.register_w[lamp] * (1.0 if street.is_hps[lamp] else level / 100.0)
    ready = stage.ready_at(begin, night.off_s, samples=3, seconds=300)
    is_told = sigma is not None and step > 11 * sigma
    code = "lampFailure" if is_told else "communicationFailure"
    instead = frozenset({"lampFailure"}) if not is_told else frozenset()
    also = frozenset({"communicationFailure"}) if sigma is not None and step < 16 * sigma else frozenset()
    note = f"step {step:.0f} W, sigma {sigma or 0:.1f} W"
    tell(stage, "pole_fuse", code, lamp, begin, end + 24 * HOUR, ready, also, instead, note)
    return True


def load_sigma_w(stage: Stage, circuit: int | None) -> float | None:
    """Return the noise of the nearest meter above a lamp (its circuit's, else the cabinet's), W; None without."""
    street, habits = stage.street, stage.street.habits
    if habits.circuit_meters and not (habits.reversed_circuit and circuit == 0) and circuit is not None:
        return 0.004 * float(street.power_w[street.circuit == circuit].sum())
    if habits.cabinet_meter:
        return 0.004 * float(np.sqrt((np.bincount(street.phase, street.power_w, 3) ** 2).sum()))
    return None


def frozen_meter(stage: Stage, night: Night) -> bool:
    """A meter's display freezes: the same V, I and P for hours."""
    sweep = stage.grid.interval_s
    begin = night.midnight_s + 24.6 * HOUR
    end = begin + min(3.7 * HOUR, 45 * sweep + HOUR)
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    stage.is_frozen[stage.window(begin, end), lamp] = True
    ready = stage.ready_at(begin, end, samples=31, guard=False)
    tell(stage, "frozen_meter", "meterFailure", lamp, begin, end + HOUR, ready)
    return True


def absurd_meter(stage: Stage, night: Night) -> bool:
    """A meter whose power has nothing to do with its volts and amperes."""
    begin = stage.rng.uniform(night.on_s + 0.5 * HOUR, night.off_s - 2 * HOUR)
    end = begin + 1.2 * HOUR
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    stage.is_absurd[stage.window(begin, end), lamp] = True
    ready = stage.ready_at(begin, end, samples=5, guard=False)
    tell(stage, "absurd_meter", "meterFailure", lamp, begin, end + HOUR, ready)
    return True


STORIES: Final = (deaf_node, pole_fuse, frozen_meter, absurd_meter)
