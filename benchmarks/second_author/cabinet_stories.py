"""What happens to whole cabinets: supply, contactor, door, buses, taps, absences."""

from typing import Final

import numpy as np

from .cable_stories import MAX_SHIFT_V, star_shift_v, tell
from .daylight import Night
from .lamp_stories import HOUR, proved
from .stage import Absence, Stage
from .verdict import Injected, Place


def _whole(stage: Stage, begin_s: float, end_s: float) -> bool:
    lamps = range(stage.street.n)
    if not stage.is_free(lamps, begin_s - HOUR, end_s + HOUR):
        return False
    stage.reserve(lamps, begin_s - HOUR, end_s + HOUR)
    return True


def _night_time(stage: Stage, night: Night, long_s: float) -> tuple[float, float]:
    begin = stage.rng.uniform(night.on_s + 0.5 * HOUR, night.off_s - long_s - HOUR)
    return begin, begin + long_s


def blackout(stage: Stage, night: Night) -> bool:
    """Two hours without supply: the controller lives on from its battery and says so, or dies with its cabinet."""
    habits = stage.street.habits
    begin, end = _night_time(stage, night, stage.rng.uniform(1.6, 2.3) * HOUR)
    if not _whole(stage, begin, end):
        return False
    part = stage.window(begin, end)
    stage.has_supply[part] = False
    stage.extra_guard_s.append(end)
    lamps = np.arange(stage.street.n)
    if habits.battery and (habits.contacts or habits.cabinet_meter):
        # Without a contact there is only a cabinet meter that no longer answers: that may as well be the meter.
        ready = stage.ready_at(begin, end, samples=1, on=None, guard=False) if habits.contacts else None
        code = "supplyLoss" if habits.contacts else None
        also = frozenset() if habits.contacts else frozenset({"supplyLoss"})
        tell(stage, "blackout", code, None, lamps, begin, end + HOUR, ready, also=also)
    else:
        stage.absences.append(Absence(begin, end, False, 90.0))
        _tell_controller(stage, "blackout", begin, end, begin + 90 + 300)
    return True


def phase_of_supply(stage: Stage, night: Night) -> bool:
    """One phase of the service fuse blows."""
    if not stage.street.habits.cabinet_meter:
        return False
    begin, end = _night_time(stage, night, stage.rng.uniform(1, 2) * HOUR)
    if not _whole(stage, begin, end):
        return False
    phase = int(stage.rng.integers(1, 3))  # R feeds the controller
    stage.has_supply[stage.window(begin, end), phase] = False
    stage.extra_guard_s.append(end)
    ready = stage.ready_at(begin, end, samples=1, on=None, guard=False)
    tell(stage, "phase_of_supply", "supplyLoss", None, np.arange(stage.street.n), begin, end + HOUR, ready, phase=phase)
    return True


def neutral_of_supply(stage: Stage, night: Night) -> bool:
    """The service neutral is lost: the cabinet's star point floats with the imbalance of its phases."""
    street, habits = stage.street, stage.street.habits
    begin, end = _night_time(stage, night, stage.rng.uniform(0.6, 1.2) * HOUR)
    shift = star_shift_v(street.phase, street.power_w)
    has_all = len(np.unique(street.phase)) == 3
    if shift > MAX_SHIFT_V or not has_all or not habits.cabinet_meter or not _whole(stage, begin, end):
        return False
    stage.neutral_cabinet[stage.window(begin, end)] = False
    is_seen = shift > 24
    ready = stage.ready_at(begin, end, samples=2, guard=False) if is_seen else None
    codes = frozenset({"supplyVoltageTooLow", "supplyVoltageTooHigh", "neutralFailure"})
    tell(
        stage, "neutral_of_supply", "neutralFailure" if is_seen else None, None, np.arange(street.n), begin, end + HOUR,
        ready, also=frozenset({"communicationFailure"}) if is_seen else codes, note=f"shift about {shift:.0f} V",
    )  # fmt: skip
    return True


def contactor_open(stage: Stage, night: Night) -> bool:
    """The contactor does not pull in at dusk, or falls off in the night."""
    street, habits = stage.street, stage.street.habits
    if habits.switching != "contactor" or not habits.contacts:
        return False
    begin = (
        night.on_s - 300.0 if stage.rng.random() < 0.5 else stage.rng.uniform(night.on_s + HOUR, night.off_s - 3 * HOUR)
    )
    end = begin + stage.rng.uniform(1.2, 2.2) * HOUR
    if not _whole(stage, begin, end):
        return False
    stage.contactor[stage.window(begin, end)] = False
    stage.extra_guard_s.append(end)
    ready = stage.ready_at(begin, end, samples=3, seconds=900)
    tell(stage, "contactor_open", "contactorFailure", None, np.arange(street.n), begin, end + HOUR, ready)
    return True


def contactor_stuck(stage: Stage, night: Night) -> bool:
    """The contactor's contacts weld: the lamps burn on after dawn; often only the cabinet's meter can know it."""
    street, habits = stage.street, stage.street.habits
    if habits.switching != "contactor" or not (habits.contacts or habits.cabinet_meter or habits.metered_share == 1):
        return False
    begin, end = float(night.off_s - 600), night.off_s + stage.rng.uniform(1.5, 3.5) * HOUR
    if not _whole(stage, begin, end):
        return False
    stage.contactor[stage.window(begin, end)] = True
    ready = stage.ready_at(night.off_s, end, samples=3, seconds=900, on=False)
    note = "only the cabinet's meter" if not habits.contacts and habits.metered_share == 0 else ""
    tell(stage, "contactor_stuck", "contactorFailure", None, np.arange(street.n), begin, end + HOUR, ready, note=note)
    return True


def door(stage: Stage, night: Night) -> bool:
    """Somebody opens the cabinet, by day or by night, while its controller is heard: history opens no fault."""
    if not stage.street.habits.contacts:
        return False
    begin = stage.rng.uniform(night.on_s - 2 * HOUR, night.off_s + 2 * HOUR)
    end = begin + stage.rng.uniform(0.4, 1) * HOUR
    if any(absence.begin_s < end and absence.end_s > begin for absence in stage.absences):
        return False
    stage.door[stage.window(begin, end)] = True
    ready = stage.ready_at(begin, end, on=None, guard=False)
    tell(stage, "door", "cabinetDoorOpen", None, np.arange(0), begin, end + HOUR, ready)
    return True


def tap(stage: Stage, night: Night) -> bool:
    """Somebody draws power from the cabinet's busbar or a pole, for an evening or half a night."""
    street, habits = stage.street, stage.street.habits
    if not habits.cabinet_meter or habits.metered_share < 0.7:
        return False
    begin, end = _night_time(stage, night, stage.rng.uniform(2, 3.5) * HOUR)
    if not _whole(stage, begin, end):
        return False
    total = float(street.power_w.sum())
    draw = max(50.0, 0.1 * total) * stage.rng.uniform(2.0, 4.0) + 0.06 * total
    stage.tap_w[stage.window(begin, end), int(stage.rng.integers(3))] = draw
    ready = stage.ready_at(begin, end, samples=2, seconds=1800, guard=False)
    tell(
        stage, "tap", "unmeteredLoad", None, np.arange(street.n), begin, end + 1.5 * HOUR, ready,
        note=f"{draw:.0f} W beside {total:.0f} W",
    )  # fmt: skip
    return True


def bus_dies(stage: Stage, night: Night) -> bool:
    """A data wire is cut or a converter dies: nobody on a bus answers, and every lamp burns on."""
    street, habits = stage.street, stage.street.habits
    if habits.metered_share == 0 or not (habits.cabinet_meter or habits.circuit_meters):
        return False
    begin, end = _night_time(stage, night, stage.rng.uniform(1, 2.5) * HOUR)
    bus = int(stage.rng.choice(np.unique(street.bus[street.metered])))
    lamps = np.flatnonzero((street.bus == bus) & street.is_metered)
    if len(lamps) < 3 or not _whole(stage, begin, end):
        return False
    stage.node[np.arange(*stage.window(begin, end).indices(len(stage.node)))[:, None], lamps] = False
    ready = stage.ready_at(begin, end, samples=3, guard=False)
    stage.injected.append(Injected(
        "bus_dies", "busFailure", Place(street.cabinet_id, bus=street.bus_name(bus)), begin, end + HOUR / 2, ready,
        stage.grid.interval_s, frozenset(street.lamp_ids[k] for k in lamps),
        note=f"buses: {habits.buses}, {len(lamps)} lamps",
    ))  # fmt: skip
    return True


def bus_far_end(stage: Stage, night: Night) -> bool:
    """A data wire along one circuit is cut behind a pole: the nodes behind it are silent, and their lamps burn on."""
    street, habits = stage.street, stage.street.habits
    if habits.buses != "circuits" or not (habits.cabinet_meter or habits.circuit_meters) or habits.reversed_circuit:
        return False
    begin, end = _night_time(stage, night, stage.rng.uniform(1, 2.5) * HOUR)
    for bus in np.unique(street.bus[street.metered]):
        lamps = np.flatnonzero((street.bus == bus) & street.is_metered)
        if len(np.unique(street.circuit[lamps])) == 1 and len(lamps) >= 8 and _whole(stage, begin, end):
            line = lamps[np.argsort(street.pole[lamps], kind="stable")]
            far = line[int(stage.rng.integers(3, len(line) - 3)) :]
            stage.node[np.arange(*stage.window(begin, end).indices(len(stage.node)))[:, None], far] = False
            ready = stage.ready_at(begin, end, samples=3, guard=False)
            stage.injected.append(Injected(
                "bus_far_end", "busFailure", Place(street.cabinet_id, bus=street.bus_name(bus)), begin, end + HOUR / 2,
                ready, stage.grid.interval_s, frozenset(street.lamp_ids[k] for k in far),
                note=f"{len(far)} of {len(line)} lamps",
            ))  # fmt: skip
            return True
    return False


def _tell_controller(stage: Stage, situation: str, begin_s: float, end_s: float, ready_s: float | None) -> None:
    place = Place(stage.street.cabinet_id)
    stage.injected.append(
        Injected(situation, "controllerOffline", place, begin_s, end_s + HOUR, ready_s, stage.grid.interval_s)
    )


def no_network(stage: Stage, night: Night) -> bool:
    """Two hours without network; the records come afterwards, as history beside the live ones."""
    begin = stage.rng.uniform(night.on_s, night.off_s - 3 * HOUR)
    end = begin + stage.rng.uniform(1, 2.2) * HOUR
    if not _whole(stage, begin, end):
        return False
    is_told = stage.rng.random() < 0.6
    stage.absences.append(Absence(begin, end, True, 90.0 if is_told else None))
    ready = begin + 90 + 300 if is_told else begin + max(3 * stage.grid.interval_s, 300) + stage.grid.interval_s
    _tell_controller(stage, "no_network", begin, end, ready)
    return True


def away_for_days(stage: Stage, night: Night) -> bool:
    """The mobile data are used up for three dusks: a death, silence, then a flood of history beside live records."""
    nights = [n for n in stage.grid.nights if n.on_s >= night.on_s]
    if len(nights) < 4:
        return False
    begin, end = night.on_s - stage.rng.uniform(1, 3) * HOUR, nights[2].off_s + stage.rng.uniform(-3, 3) * HOUR
    if not _whole(stage, begin, end):
        return False
    stage.absences.append(Absence(begin, end, True, 90.0))
    _tell_controller(stage, "away_for_days", begin, end, begin + 90 + 300 + 300)
    lamp = int(stage.rng.choice(stage.street.metered)) if len(stage.street.metered) else None
    if lamp is not None and stage.street.meter_of[lamp] == lamp:
        died, well = nights[1].on_s + HOUR, nights[3].on_s + 10 * HOUR
        if not stage.is_free([lamp], end + HOUR, proved(stage, well)):
            return True
        stage.reserve([lamp], end + HOUR, proved(stage, well))  # a lamp that is dark cannot fail
        stage.health[stage.window(died, well), lamp] = 0.0
        ready = stage.ready_at(max(end, nights[2].on_s), nights[3].off_s, samples=3)
        name = stage.street.lamp_ids[lamp]
        stage.injected.append(Injected(
            "died_while_away", "lampFailure", Place(stage.street.cabinet_id, lamp_id=name), died,
            nights[3].off_s + 24 * HOUR, ready, stage.grid.interval_s, frozenset({name}),
        ))  # fmt: skip
    return True


STORIES: Final = (
    blackout, phase_of_supply, neutral_of_supply, contactor_open, contactor_stuck, contactor_stuck, door, tap, tap,
    bus_dies, bus_far_end, no_network, away_for_days,
)  # fmt: skip
