"""What happens to circuits: breakers, fuses, phases, cut and stolen cables, a broken neutral, dark unmetered lamps."""

from typing import Final

import numpy as np

from .daylight import Night
from .lamp_stories import HOUR, after_night
from .meter_stories import load_sigma_w
from .stage import Stage
from .street import PHASES, Floats, Ints
from .verdict import Injected, Place

MAX_SHIFT_V: Final = 80.0  # beyond it a phase is nearly dead, and two answers would be right
_SILENT: Final = frozenset({"communicationFailure"})


def free_circuit(stage: Stage, begin_s: float, end_s: float, at_least: int = 3) -> int | None:
    """Return a circuit of at least so many metered lamps without any story in the stretch, and reserve it."""
    street = stage.street
    for c in stage.rng.permutation(street.habits.n_circuits):
        lamps = street.on_circuit(int(c))
        if street.is_metered[lamps].sum() >= at_least and stage.is_free(lamps, begin_s - HOUR, end_s + HOUR):
            stage.reserve(lamps, begin_s - HOUR, end_s + HOUR)
            return int(c)
    return None


def tell(
    stage: Stage,
    situation: str,
    code: str | None,
    circuit: int | None,
    lamps: Ints,
    begin_s: float,
    end_s: float,
    ready_s: float | None,
    *,
    also: frozenset[str] = frozenset(),
    instead: frozenset[str] = frozenset(),
    span: tuple[str, str] | None = None,
    phase: int | None = None,
    note: str = "",
) -> None:
    """Enter a story of a circuit, or of the cabinet where `circuit` is None, into the account."""
    street = stage.street
    name = None if circuit is None else street.circuit_name(circuit)
    place = Place(street.cabinet_id, name, phase=None if phase is None else PHASES[phase])
    stage.injected.append(Injected(
        situation, code, place, begin_s, end_s, ready_s, stage.grid.interval_s,
        frozenset(street.lamp_ids[k] for k in lamps), also, instead, span, note,
    ))  # fmt: skip


def _times(stage: Stage, night: Night) -> tuple[float, float]:
    begin = stage.rng.uniform(night.on_s + 0.6 * HOUR, night.off_s - 2 * HOUR)
    # Where the circuits are live all day, a loss by day shows in no load: what it is cannot be told before dusk.
    if stage.street.habits.switching == "contactor" and stage.rng.random() < 0.25:
        begin = night.on_s - 2 * HOUR
    end = begin + stage.rng.uniform(1.2, 2.5) * HOUR if stage.rng.random() < 0.5 else after_night(night)
    return begin, max(end, night.on_s + 2 * HOUR)


def _lit_end(night: Night, end_s: float) -> float:
    return min(end_s, night.off_s)


def breaker_trips(stage: Stage, night: Night) -> bool:
    """A circuit's breaker trips; the meter above it sees the load gone."""
    begin, end = _times(stage, night)
    circuit = free_circuit(stage, begin, end)
    street, habits = stage.street, stage.street.habits
    if circuit is None or habits.own_supply or habits.n_circuits < 2:
        return False
    stage.breaker[stage.window(begin, end), circuit] = False
    lamps = street.on_circuit(circuit)
    ready = stage.ready_at(begin, _lit_end(night, end), samples=3)
    sigma = load_sigma_w(stage, circuit)
    note = f"{len(lamps)} lamps, {street.power_w[lamps].sum():.0f} W, sigma {sigma or 0:.0f} W"
    tell(stage, "breaker_trips", "circuitFailure", circuit, lamps, begin, end + HOUR, ready, note=note)
    return True


def fuse_takes_meter(stage: Stage, night: Night) -> bool:
    """The fuse before a circuit's meter blows: circuit and meter are silent, the cabinet's meter loses the load."""
    habits = stage.street.habits
    if not (habits.circuit_meters and habits.cabinet_meter) or habits.n_circuits < 2 or habits.own_supply:
        return False
    begin, end = _times(stage, night)
    circuit = free_circuit(stage, begin, end)
    if circuit is None:
        return False
    part = stage.window(begin, end)
    stage.breaker[part, circuit] = False
    stage.circuit_meter[part, circuit] = False
    lamps = stage.street.on_circuit(circuit)
    ready = stage.ready_at(begin, _lit_end(night, end), samples=3)
    tell(stage, "fuse_takes_meter", "circuitFailure", circuit, lamps, begin, end + HOUR, ready)
    return True


def phase_dies(stage: Stage, night: Night) -> bool:
    """One pole of a circuit's breaker opens: every third lamp is dark."""
    street, habits = stage.street, stage.street.habits
    if habits.phases == "single" or not (habits.cabinet_meter or habits.circuit_meters) or habits.own_supply:
        return False
    begin, end = _times(stage, night)
    circuit = free_circuit(stage, begin, end, 9)
    if circuit is None:
        return False
    lamps = street.on_circuit(circuit)
    phase = int(stage.rng.integers(3))
    mine = lamps[(street.phase[lamps] == phase) & street.is_metered[lamps]]
    if len(mine) < 3 or len(mine) == street.is_metered[lamps].sum():
        return False
    metered = lamps[street.is_metered[lamps]]
    if np.array_equal(metered[-len(mine) :], mine):
        return False  # this phase hangs on the last poles alone: a cut before them looks the same
    stage.breaker[stage.window(begin, end), circuit, phase] = False
    ready = stage.ready_at(begin, _lit_end(night, end), samples=3)
    tell(stage, "phase_dies", "circuitFailure", circuit, mine, begin, end + HOUR, ready, phase=phase)
    return True


def cable_cut(stage: Stage, night: Night) -> bool:
    """An excavator, or a thief who takes one span or several: everything behind the first gap is dead."""
    return _cut(stage, night, one_phase=False)


def phase_cut(stage: Stage, night: Night) -> bool:
    """One conductor of an overhead line breaks behind a pole."""
    return stage.street.habits.phases != "single" and _cut(stage, night, one_phase=True)


def theft(stage: Stage, night: Night) -> bool:
    """Thieves take spans of two circuits in one quarter of an hour."""
    if stage.street.habits.n_circuits < 3:
        return False
    begin, end = _times(stage, night)
    first = _cut(stage, night, one_phase=False, times=(begin, end))
    return _cut(stage, night, one_phase=False, times=(begin + 420, end + 420)) or first


def _cut(stage: Stage, night: Night, *, one_phase: bool, times: tuple[float, float] | None = None) -> bool:
    street, habits = stage.street, stage.street.habits
    if not habits.surveyed or not (habits.cabinet_meter or habits.circuit_meters or habits.own_supply):
        return False
    begin, end = times or _times(stage, night)
    circuit = free_circuit(stage, begin, end, 5)
    if circuit is None:
        return False
    line = street.on_circuit(circuit)
    phase = int(stage.rng.integers(3)) if one_phase else None
    mine = line if phase is None else line[street.phase[line] == phase]
    seen = mine[street.is_metered[mine]]
    if len(seen) < 4:
        return False
    first = int(stage.rng.integers(1, len(seen) - 2))  # the first dead metered lamp: at least one before, two behind
    dead, tail = seen[first:], mine[street.pole[mine] > street.pole[seen[first - 1]]]
    gap = int(street.pole[seen[first]]) if stage.rng.random() < 0.5 else int(street.pole[tail[0]])
    tail = mine[street.pole[mine] >= gap]
    behind = line[(street.pole[line] >= gap) & street.is_metered[line]]
    if phase is not None and (street.phase[behind] == phase).all():
        return False  # nobody of another phase stands behind the gap: a cut of the whole cable looks the same
    swapped = street.meter_of[line] != line
    if swapped.any() and len({bool(s) for s in np.isin(line[swapped], tail)}) > 1:
        return False
    stage.cable[np.arange(*stage.window(begin, end).indices(len(stage.cable)))[:, None], tail] = False
    sigma = load_sigma_w(stage, circuit)
    weight = float(street.power_w[tail].sum())
    level = stage.grid.level[stage.window(max(begin, night.on_s), end)][0] / 100
    dimmed = weight * (1.0 if street.is_hps[tail].all() else level)
    is_weighed = habits.own_supply or (sigma is not None and dimmed > 6 * sigma)
    ready = stage.ready_at(begin, _lit_end(night, end), samples=3)
    span = (street.lamp_ids[seen[first - 1]], street.lamp_ids[seen[first]])
    note = f"{len(tail)} of {len(mine)} lamps, {weight:.0f} W, sigma {sigma or 0:.0f} W"
    situation = "phase_cut" if one_phase else "cable_cut"
    if is_weighed:
        tell(
            stage, situation, "cableFailure", circuit, dead, begin, end + HOUR, ready, span=span, phase=phase, note=note
        )
    else:
        tell(
            stage, situation, "communicationFailure", circuit, dead, begin, end + HOUR, ready, span=span, phase=phase,
            also=frozenset({"lampFailure", "communicationFailure", "cableFailure"}),
            instead=frozenset({"cableFailure"}), note=note,
        )  # fmt: skip
    return True


def star_shift_v(phase: Ints, power_w: Floats) -> float:
    """Return how far the star point of these lamps floats without a neutral, V (equal admittance per watt)."""
    power = np.bincount(phase, power_w, 3)
    return float(230.0 * abs(np.sum(power * np.exp(-2j * np.pi / 3 * np.arange(3)))) / power.sum())


def neutral_of_circuit(stage: Stage, night: Night) -> bool:
    """The neutral of one circuit breaks at the cabinet: its star point floats with the imbalance of its lamps."""
    street, habits = stage.street, stage.street.habits
    if habits.phases == "single":
        return False
    begin, end = _times(stage, night)
    begin = max(begin, night.on_s + 0.6 * HOUR)
    end = min(max(end, begin + HOUR), night.off_s)
    circuit = free_circuit(stage, begin, end, 6)
    if circuit is None:
        return False
    lamps = street.on_circuit(circuit)
    shift = star_shift_v(street.phase[lamps], street.power_w[lamps])
    if shift > MAX_SHIFT_V:
        return False
    part = stage.window(begin, end)
    stage.neutral_circuit[part, circuit] = False
    is_seen = shift > 24 and len(np.unique(street.phase[lamps[street.is_metered[lamps]]])) == 3
    ready = stage.ready_at(begin, end, samples=2, guard=False) if is_seen else None
    also = frozenset({"supplyVoltageTooLow", "supplyVoltageTooHigh", "neutralFailure", *_SILENT, "lampFailure"})
    note = f"shift about {shift:.0f} V"
    tell(
        stage, "neutral_of_circuit", "neutralFailure" if is_seen else None, circuit, lamps, begin, end + HOUR, ready,
        also=also if not is_seen else _SILENT, note=note,
    )  # fmt: skip
    return True


def unmetered_dark(stage: Stage, night: Night) -> bool:
    """On a circuit whose lamps nobody meters, some go dark; the circuit's own meter shows it."""
    street, habits = stage.street, stage.street.habits
    bare = [c for c in range(habits.n_circuits) if not street.is_metered[street.circuit == c].any()]
    is_readable = habits.circuit_meters or (habits.cabinet_meter and len(bare) == habits.n_circuits)
    if not bare or not is_readable or habits.reversed_circuit:
        return False
    begin = stage.rng.uniform(night.on_s + HOUR, night.off_s - 2 * HOUR)
    end = after_night(night)
    circuit = int(stage.rng.choice(bare))
    lamps = street.on_circuit(circuit) if habits.circuit_meters else np.arange(street.n)
    if not stage.is_free(lamps, begin - HOUR, end + 24 * HOUR):
        return False
    stage.reserve(lamps, begin - HOUR, end + 20 * HOUR)
    by_circuit = habits.circuit_meters or habits.n_circuits == 1
    sigma = load_sigma_w(stage, circuit if habits.circuit_meters else None) or 0.0
    one = float(np.median(street.power_w[lamps]))
    count = max(1, int(np.ceil(sigma * stage.rng.uniform(4, 9) / one)))
    if count > max(2, len(lamps) // 3):
        return False
    dark = stage.rng.choice(lamps, count, replace=False)
    stage.health[np.arange(*stage.window(begin, end).indices(len(stage.health)))[:, None], dark] = 0.0
    deficit = float(street.power_w[dark].sum())
    level = stage.grid.level[stage.window(begin, end)][0] / 100
    deficit *= 1.0 if street.is_hps[dark].all() else level
    deficit -= float((0.03 * street.power_w[dark])[street.is_hps[dark]].sum())
    is_seen = deficit > 1.25 * max(0.6 * one * level, 5.6 * sigma * level)
    ready = stage.ready_at(begin, night.off_s, samples=2, seconds=600)
    note = f"{count} of {len(lamps)} dark, {deficit:.0f} W, sigma {sigma:.0f} W"
    tell(
        stage, "unmetered_dark", "circuitPowerTooLow" if is_seen else None, circuit if by_circuit else None, lamps,
        begin, end + 22 * HOUR, ready if is_seen else None,
        also=frozenset({"circuitPowerTooLow"}) if not is_seen else frozenset(), note=note,
    )  # fmt: skip
    return True


def voltage_off(stage: Stage, night: Night) -> bool:
    """A transformer's tap or a long feeder: the voltage is out of limits for an hour, on all phases or on one."""
    street, habits = stage.street, stage.street.habits
    begin = stage.rng.uniform(night.on_s + 0.6 * HOUR, night.off_s - 2.5 * HOUR)
    end = begin + stage.rng.uniform(0.8, 1.4) * HOUR
    if habits.metered_share == 0 or not stage.is_free(range(street.n), begin - HOUR, end + HOUR):
        return False
    stage.reserve(range(street.n), begin - HOUR, end + HOUR)
    part = stage.window(begin, end)
    is_high = bool(stage.rng.random() < 0.5)
    code = "supplyVoltageTooHigh" if is_high else "supplyVoltageTooLow"
    aim = stage.rng.uniform(249, 256) if is_high else stage.rng.uniform(188, 199)
    phases = range(3)
    circuits: list[int] = []
    if habits.phases == "single" and habits.n_circuits >= 2 and stage.rng.random() < 0.6:
        phase = int(stage.rng.integers(min(3, habits.n_circuits)))
        circuits = [c for c in range(habits.n_circuits) if c % 3 == phase]
        phases = range(phase, phase + 1)
    for p in phases:
        stage.supply_v[part, p] += aim - stage.supply_v[part, p].mean()
    ready = stage.ready_at(begin, end, samples=2, seconds=600)
    if circuits and len(circuits) < habits.n_circuits:
        for c in circuits:
            lamps = street.on_circuit(c)
            is_seen = street.is_metered[lamps].any()
            tell(
                stage, "voltage_off", code if is_seen else None, c, lamps, begin, end + HOUR, ready if is_seen else None
            )
    else:
        # Where a circuit has no meters below the cabinet's, it is open whether "all circuits" are meant.
        instead = frozenset({code}) if habits.metered_circuits is not None else frozenset()
        tell(stage, "voltage_off", code, None, np.arange(street.n), begin, end + HOUR, ready, instead=instead)
    return True


STORIES: Final = (
    breaker_trips, fuse_takes_meter, phase_dies, cable_cut, theft, phase_cut, neutral_of_circuit, unmetered_dark,
    voltage_off,
)  # fmt: skip
