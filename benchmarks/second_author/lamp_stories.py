"""What happens to single lamps, their drivers, ballasts and relays.

Each function plays one story in one night of a stage and says whether the street had room for it.
"""

from collections.abc import Callable
from typing import Final

from .daylight import Night
from .stage import Stage
from .verdict import Injected, Place

HOUR: Final = 3600.0
_PROOF_S: Final = 1.5 * HOUR
_PER_LAMP: Final = frozenset({"lampPowerTooLow", "lampPowerTooHigh"})


def pick(stage: Stage, begin_s: float, end_s: float, wanted: Callable[[int], bool] | None = None) -> int | None:
    """Return a metered lamp without another story in the stretch and without a swapped meter, and reserve it.

    It is kept until it has proved itself: what befalls a lamp before it was lit and well is no new fault of it.
    """
    street = stage.street
    for k in stage.rng.permutation(street.metered):
        lamp = int(k)
        if street.meter_of[lamp] != lamp or (wanted and not wanted(lamp)):
            continue
        if stage.is_free([lamp], begin_s - HOUR, end_s + HOUR):
            stage.reserve([lamp], begin_s - HOUR, proved(stage, end_s))
            return lamp
    return None


def proved(stage: Stage, end_s: float) -> float:
    """Return when a lamp that is well from some time on has been lit for long enough to show it."""
    lit = [max(night.on_s, end_s) + _PROOF_S for night in stage.grid.nights if night.off_s >= end_s + _PROOF_S]
    return max(min(lit, default=end_s), end_s + HOUR)


def tell(
    stage: Stage,
    situation: str,
    code: str | None,
    lamp: int,
    begin_s: float,
    end_s: float,
    ready_s: float | None,
    also: frozenset[str] = frozenset(),
    instead: frozenset[str] = frozenset(),
    note: str = "",
) -> None:
    """Enter a story of one lamp into the account."""
    name = stage.street.lamp_ids[lamp]
    place = Place(stage.street.cabinet_id, lamp_id=name)
    stage.injected.append(Injected(
        situation, code, place, begin_s, end_s, ready_s, stage.grid.interval_s, frozenset({name}), also,
        instead, None, note,
    ))  # fmt: skip


def after_night(night: Night) -> float:
    """Return noon after a night, when repairs are done: the lamp proves itself at the next dusk."""
    return night.off_s + 5 * HOUR


def burnt_out(stage: Stage, night: Night) -> bool:
    """A lamp goes dark in the night, or does not strike at dusk."""
    at_dusk = stage.rng.random() < 0.4
    begin = night.on_s - 2 * HOUR if at_dusk else stage.rng.uniform(night.on_s + 0.5 * HOUR, night.off_s - 1.2 * HOUR)
    end = after_night(night)
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    stage.health[stage.window(begin, end), lamp] *= stage.rng.choice((0.0, 0.0, 0.12))
    ready = stage.ready_at(begin, min(end, night.off_s), samples=3)
    tell(stage, "burnt_out", "lampFailure", lamp, begin, end + 24 * HOUR, ready)
    return True


def hot_only(stage: Stage, night: Night) -> bool:
    """An LED board whose solder opens when warm: dark one to three hours after dusk, well again the next evening."""
    nights = stage.grid.nights
    lamp = pick(stage, night.on_s, night.off_s + 30 * HOUR, lambda k: not stage.street.is_hps[k])
    if lamp is None:
        return False
    later = [n for n in nights if night.on_s <= n.on_s <= night.on_s + 30 * HOUR]
    begins = [n.on_s + stage.rng.uniform(1, 3) * HOUR for n in later]
    for begin, at in zip(begins, later, strict=True):
        stage.health[stage.window(begin, at.off_s + HOUR), lamp] = 0.0
    ready = stage.ready_at(begins[0], later[0].off_s, samples=3)
    tell(stage, "hot_only", "lampFailure", lamp, begins[0], later[-1].off_s + 24 * HOUR, ready)
    return True


def partial_strings(stage: Stage, night: Night) -> bool:
    """Some strings of an LED lamp die: its power falls, in proportion at every level."""
    begin = stage.rng.uniform(night.on_s, night.off_s - 1.5 * HOUR)
    end = after_night(night)
    lamp = pick(stage, begin, end, lambda k: not stage.street.is_hps[k])
    if lamp is None:
        return False
    share = stage.rng.uniform(0.35, 0.64)
    stage.health[stage.window(begin, end), lamp] *= share
    ready = stage.ready_at(begin, night.off_s, samples=2, seconds=600)
    tell(stage, "partial_strings", "lampPowerTooLow", lamp, begin, end + 24 * HOUR, ready, note=f"share {share:.2f}")
    return True


def wattage_replaced(stage: Stage, night: Night) -> bool:
    """A crew replaces a lamp with another wattage by day and tells nobody: the register is wrong from then on."""
    begin, end = night.on_s - 4 * HOUR, float(stage.grid.at_s[-1])
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    factor = float(stage.rng.choice((0.44, 0.5, 0.6, 1.5, 1.67, 2.0)))
    stage.health[stage.window(begin, end + 1), lamp] *= factor
    code = "lampPowerTooHigh" if factor > 1 else "lampPowerTooLow"
    ready = stage.ready_at(night.on_s, night.off_s, samples=2, seconds=600)
    tell(stage, "wattage_replaced", code, lamp, begin, end, ready, also=_PER_LAMP, note=f"factor {factor:.2f}")
    return True


def shorted_ballast(stage: Stage, night: Night) -> bool:
    """Shorted turns in a ballast, or a driver out of control: more power than it should take."""
    begin = stage.rng.uniform(night.on_s + 0.5 * HOUR, night.off_s - 1.5 * HOUR)
    end = after_night(night)
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    stage.health[stage.window(begin, end), lamp] *= stage.rng.uniform(1.52, 1.8)
    ready = stage.ready_at(begin, night.off_s, samples=2, seconds=600)
    tell(stage, "shorted_ballast", "lampPowerTooHigh", lamp, begin, end + 24 * HOUR, ready)
    return True


def stuck_dim(stage: Stage, night: Night) -> bool:
    """A driver keeps its level: at 50 % into the morning's 100, at 100 into the evening's 70, or at 50 from dusk on."""
    steps = {level: at for at, level in night.steps()[1:]}
    level, begin, proof = [
        (50, steps[50] + 0.5 * HOUR, steps[100]),
        (100, night.on_s - HOUR, steps[70]),
        (50, night.on_s - HOUR, steps[70]),
    ][int(stage.rng.integers(3))]
    end = after_night(night)
    lamp = pick(stage, begin, end, lambda k: not stage.street.is_hps[k])
    if lamp is None or stage.street.habits.photocell:
        return False
    stage.stuck_level[stage.window(begin, end), lamp] = level
    ready = stage.ready_at(proof, night.off_s, samples=5)
    note = f"at {level} % from {'dusk' if begin < night.on_s else 'the step on'}"
    tell(stage, "stuck_dim", "dimmingFailure", lamp, begin, end + 24 * HOUR, ready, also=_PER_LAMP, note=note)
    return True


def dried_capacitor(stage: Stage, night: Night) -> bool:
    """A compensation capacitor is gone: the same power, far more current."""
    begin = stage.rng.uniform(night.on_s + 0.3 * HOUR, night.off_s - 1.5 * HOUR)
    end = after_night(night)
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    stage.pf_factor[stage.window(begin, end), lamp] = stage.rng.uniform(0.4, 0.52)
    ready = stage.ready_at(begin, night.off_s, samples=2, seconds=600)
    tell(stage, "dried_capacitor", "powerFactorTooLow", lamp, begin, end + 24 * HOUR, ready)
    return True


def burns_by_day(stage: Stage, night: Night) -> bool:
    """A relay welds and the lamp burns on by day; its node says open (relayFailure) or closed (lampUnexpectedOn)."""
    street = stage.street
    if street.habits.switching != "lamp" or street.habits.photocell:
        return False
    begin, end = night.off_s - HOUR, night.off_s + stage.rng.uniform(2, 4) * HOUR
    lamp = pick(stage, begin, end)
    if lamp is None:
        return False
    says_open = bool(street.habits.node and stage.rng.random() < 0.5)
    stage.is_welded[stage.window(begin, end), lamp] = True
    if says_open:
        stage.relay_open[stage.window(night.off_s, end), lamp] = True
        ready = stage.ready_at(night.off_s, end, samples=3, on=False, guard=False)
        tell(stage, "burns_by_day", "relayFailure", lamp, begin, end + HOUR, ready)
    else:
        ready = stage.ready_at(night.off_s, end, samples=3, seconds=900, on=False)
        tell(stage, "burns_by_day", "lampUnexpectedOn", lamp, begin, end + HOUR, ready)
    return True


def cycling(stage: Stage, night: Night) -> bool:
    """A lamp at the end of its life: lights, warms, goes out, cools, lights again, for hours."""
    sweep = stage.grid.interval_s
    begin = stage.rng.uniform(night.on_s + HOUR, night.off_s - 4 * HOUR)
    end = begin + 3.2 * HOUR
    lamp = pick(stage, begin, end + 5 * HOUR)
    if lamp is None:
        return False
    half = max(660.0, 2.5 * sweep)
    changes = int(3 * HOUR // half) & ~1
    for k in range(0, changes, 2):
        stage.health[stage.window(begin + k * half, begin + (k + 1) * half), lamp] = 0.0
    fourth = begin + 3 * half
    ready = stage.ready_at(fourth, end, samples=1, guard=False)
    also = frozenset({"lampFailure", "lampPowerTooLow"})
    tell(stage, "cycling", "cyclingFailure", lamp, begin, end + 8 * HOUR, ready, also=also)
    return True


def overheats(stage: Stage, night: Night) -> bool:
    """A housing too hot: over the limit, or so hot that the driver shuts down."""
    if not stage.street.habits.node:
        return False
    begin = stage.rng.uniform(night.on_s + 0.5 * HOUR, night.off_s - 2.5 * HOUR)
    end = begin + stage.rng.uniform(1.2, 2) * HOUR
    lamp = pick(stage, begin, end + 2 * HOUR)
    if lamp is None:
        return False
    part = stage.window(begin, end)
    shuts_down = stage.rng.random() < 0.4
    if shuts_down:
        stage.status[part, lamp] |= 8
        stage.health[part, lamp] = 0.0
        stage.extra_c[part, lamp] = 62.0
    else:
        stage.extra_c[part, lamp] = 58.0
    ready = stage.ready_at(begin, min(end, night.off_s), samples=5, guard=False)
    also = frozenset({"lampFailure"}) if shuts_down else frozenset()
    tell(stage, "overheats", "highTemperature", lamp, begin, end + HOUR, ready, also=also)
    return True


def driver_fault(stage: Stage, night: Night) -> bool:
    """A driver reports its own fault; sometimes it goes on burning, mostly not."""
    if not stage.street.habits.node:
        return False
    begin = stage.rng.uniform(night.on_s + 0.3 * HOUR, night.off_s - 1.2 * HOUR)
    end = after_night(night)
    lamp = pick(stage, begin, end, lambda k: not stage.street.is_hps[k])
    if lamp is None:
        return False
    part = stage.window(begin, end)
    stage.status[part, lamp] |= 2
    if stage.rng.random() < 0.7:
        stage.health[part, lamp] = 0.0
    ready = stage.ready_at(begin, night.off_s, samples=3, guard=False)
    also = frozenset({"lampFailure"})
    tell(stage, "driver_fault", "controlGearFailure", lamp, begin, end + 24 * HOUR, ready, also=also)
    return True


STORIES: Final = (
    burnt_out, hot_only, partial_strings, wattage_replaced, shorted_ballast, stuck_dim, dried_capacitor, burns_by_day,
    cycling, overheats, driver_fault,
)  # fmt: skip
