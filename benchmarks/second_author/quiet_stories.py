"""Confounders: what happens on healthy streets and must raise nothing."""

from typing import Final

from .daylight import Night
from .stage import Absence, Stage
from .verdict import Injected, Place

HOUR: Final = 3600.0


def _note(stage: Stage, situation: str, begin_s: float, end_s: float, also: frozenset[str] = frozenset()) -> None:
    place = Place(stage.street.cabinet_id)
    stage.injected.append(
        Injected(situation, None, place, begin_s, end_s, None, stage.grid.interval_s, frozenset(), also)
    )


def brown_out(stage: Stage, night: Night) -> bool:
    """200 V for eight minutes in the evening."""
    begin = night.on_s + stage.rng.uniform(0.5, 3) * HOUR
    part = stage.window(begin, begin + 480)
    stage.supply_v[part] -= 27.0
    _note(stage, "brown_out", begin, begin + 480)
    return True


def dip(stage: Stage, night: Night) -> bool:
    """140 V for one sweep: arcs go out, restrike one to five minutes later and warm up again; drivers ride through."""
    street = stage.street
    begin = night.on_s + stage.rng.uniform(1, 9) * HOUR
    first = stage.window(begin, begin + stage.grid.interval_s).start
    at = float(stage.grid.at_s[first])
    stage.supply_v[first] = stage.rng.uniform(132, 148)
    stage.extra_guard_s.append(at)
    for k in range(street.n):
        if street.is_hps[k]:
            stage.is_out[stage.window(at, at + stage.rng.uniform(70, 280)), k] = True
    _note(stage, "dip", at, at + 900)
    return True


def hidden_dip(stage: Stage, night: Night) -> bool:
    """A dip between two sweeps: no voltmeter sees it, but the arcs are out and the nodes of discharge lamps restart."""
    street = stage.street
    if not street.is_hps.all() or not street.habits.node:
        return False
    at = float(stage.grid.at_s[stage.window(night.on_s + stage.rng.uniform(1, 9) * HOUR, night.off_s).start])
    for k in range(street.n):
        stage.is_out[stage.window(at, at + stage.rng.uniform(70, 280)), k] = True
    stage.extra_guard_s.append(at)
    _note(stage, "hidden_dip", at, at + 900)
    return True


def restart(stage: Stage, night: Night) -> bool:
    """The agent restarts, with its death and birth; the lamps do not notice."""
    at = night.on_s + stage.rng.uniform(0.3, 10) * HOUR
    stage.restarts_s.append(at)
    _note(stage, "restart", at, at + 120)
    return True


def wrong_clock(stage: Stage, night: Night) -> bool:
    """No time server for a night: the agent's clock drifts by up to five minutes, and the agent says so."""
    part = stage.window(night.on_s - 2 * HOUR, night.off_s + 2 * HOUR)
    size = part.stop - part.start
    if size < 10:
        return False
    drift = stage.rng.choice((-1, 1)) * stage.rng.uniform(60, 300)
    stage.is_synchronised[part] = False
    ramp = 0.5 * (1 - abs(2 * (stage.grid.at_s[part] - stage.grid.at_s[part.start]) /
                          (stage.grid.at_s[part.stop - 1] - stage.grid.at_s[part.start]) - 1)) * 2  # fmt: skip
    stage.clock_error_s[part] = (ramp * drift).astype("float32")
    _note(stage, "wrong_clock", night.on_s - 2 * HOUR, night.off_s + 2 * HOUR)
    return True


def garbled(stage: Stage, night: Night) -> bool:
    """A bad ground: for an hour one reply in twelve on a circuit is garbage with quality 2."""
    street = stage.street
    begin = night.on_s + stage.rng.uniform(0.5, 8) * HOUR
    part = stage.window(begin, begin + HOUR)
    lamps = street.on_circuit(int(stage.rng.integers(street.habits.n_circuits)))
    for lamp in lamps:
        stage.is_garbled[part, lamp] = stage.rng.random(part.stop - part.start) < 0.08
    _note(stage, "garbled", begin, begin + HOUR)
    return True


def counters_stumble(stage: Stage, night: Night) -> bool:
    """A node is reset in the night: energy, hours and switchings begin again at 0."""
    at = stage.window(night.on_s + stage.rng.uniform(1, 9) * HOUR, night.off_s).start
    lamp = int(stage.rng.integers(stage.street.n))
    stage.counter_jump[lamp] = at
    _note(stage, "counters_stumble", float(stage.grid.at_s[at]), float(stage.grid.at_s[at]) + HOUR)
    return True


def short_absence(stage: Stage, night: Night) -> bool:
    """Two to four minutes without network, and a death that the broker tells: too short for a fault."""
    at = night.on_s + stage.rng.uniform(0.5, 9) * HOUR
    if stage.grid.interval_s > 120:
        return False
    stage.absences.append(Absence(at, at + 150, True, 15.0))
    _note(stage, "short_absence", at, at + 300)
    return True


STORIES: Final = (
    brown_out, dip, hidden_dip, restart, wrong_clock, garbled, counters_stumble, short_absence,
)  # fmt: skip
