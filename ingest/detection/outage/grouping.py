"""Same silence, three crews: a dead circuit, a broken cable, a broken data bus, or one lamp each.

Pure: takes one controller's lamps at one sweep and an answer to "is this load still there?", returns a diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.outage.load import GONE, THERE, UNKNOWN

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

WAIT: Final = "wait"  # a meter will tell as soon as the lamps are commanded on and settled

_END_LAMPS: Final = 2  # one lamp is no end of a bus


@dataclass(frozen=True, slots=True)
class ControllerLamps:
    """One controller's lamps that its agent lists and whose supply should be live; arrays (n,).

    Attributes:
        lamp: int64 fleet index; circuit, bus, position, address int64, -1 unknown.
        is_surveyed: the position can name a span.
        is_lost: no reply, or no voltage, for the confirming number of sweeps.
        is_alive: answered in this very sweep with voltage; neither = not settled yet.
        is_mute: has not answered for the confirming number of sweeps, though its circuit may not have been live before.
        is_falling: did not answer twice in a row, but not yet for the confirming number of sweeps.
        is_dead: lost and answering without voltage: the node has its own supply.
        since_s: int64 onset of the silence.
        phase: int64 0-2, -1 unknown.
    """

    lamp: Int64
    circuit: Int64
    bus: Int64
    position: Int64
    address: Int64
    is_surveyed: Bool
    is_lost: Bool
    is_alive: Bool
    is_dead: Bool
    since_s: Int64
    phase: Int64
    is_mute: Bool
    is_falling: Bool


@dataclass(slots=True)
class Group:
    """Silent lamps that would go together: rows of :class:`ControllerLamps` in order along the cable or bus.

    Attributes:
        kind: ``circuit``, ``tail``, ``bus``, ``end`` (of a bus, one circuit's part) or ``single``.
        place: circuit, or bus for kind ``bus``.
        after: row of the last lamp alive before a tail, -1 none.
        load: what the meters say of it.
        verdict: ``circuitFailure``, ``cableFailure``, ``busFailure``, ``alone`` or ``wait``.
        phase: the one phase of the circuit that it is, -1 all.
        strength: its power as a multiple of the uncertainty of the meter that told its load; 0 = none did.
        is_lone: no other lamp without a cause fell silent with it.
        is_at_once: in no sweep since it fell silent was the load still there.
    """

    kind: str
    place: int
    rows: Int64
    after: int = -1
    load: str = UNKNOWN
    verdict: str = "alone"
    bus: int = -1
    phase: int = -1
    strength: float = 0.0
    is_lone: bool = False
    is_at_once: bool = True


Loads = Callable[[Sequence[Group]], list[str]]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every silent lamp in exactly one group."""

    groups: list[Group] = field(default_factory=list)


def diagnose(lamps: ControllerLamps, loads: Loads, n_circuit: int, n_cable: int, sweep_s: int) -> Diagnosis:
    """Group one controller's silent lamps and say what each group is.

    Args:
        lamps: the controller's live lamps.
        loads: ``GONE``, ``THERE``, ``UNKNOWN`` or ``WAIT`` for groups of lost lamps.
        n_circuit: least metered lamps of a circuitFailure.
        n_cable: least lamps behind a break.
        sweep_s: interval of the sweeps: onsets within two of it are one event.
    """
    taken = np.zeros(len(lamps.lamp), np.bool_)
    buses = _accepted_buses(lamps, loads, n_circuit, n_cable, sweep_s)
    for bus in buses:
        taken[bus.rows] = True
    groups = _circuits(lamps, taken, n_circuit, n_cable, sweep_s)
    for group in groups:
        taken[group.rows] = True
    groups += _bus_rests(lamps, taken)
    ends = _end_parts(lamps, taken, sweep_s)
    _weigh(lamps, [*groups, *ends, *_singles(lamps, taken)], loads)
    if any(end.load != THERE for end in ends):  # nothing of one wire: each lamp for itself
        ends = [end for end in ends if end.load == THERE]
    for end in ends:
        taken[end.rows] = True
    groups += [*ends, *_singles(lamps, taken)]
    _weigh(lamps, groups, loads)
    _far_ends(lamps, groups, sweep_s)
    return Diagnosis([*buses, *groups])


def _accepted_buses(lamps: ControllerLamps, loads: Loads, n_circuit: int, n_cable: int, sweep_s: int) -> list[Group]:
    """What fell silent in one sweep has one cause: buses, or their far ends, that went together with their load there.

    Asked before circuits are: a bus may carry whole circuits and single lamps of others.
    """
    candidates = _silent_buses(lamps, sweep_s)
    if not candidates:
        return []
    taken = np.zeros(len(lamps.lamp), np.bool_)
    for bus in candidates:
        taken[bus.rows] = True
    rest = _circuits(lamps, taken, n_circuit, n_cable, sweep_s)
    for group in rest:
        taken[group.rows] = True
    every = [*candidates, *rest, *_singles(lamps, taken)]
    for group, load in zip(every, loads(every), strict=True):
        group.load = load
    accepted = []
    for bus in candidates:
        is_dead = bool(lamps.is_dead[bus.rows].any())
        is_live = bus.load == UNKNOWN and bus.after < 0 and _is_live_behind(lamps, bus)
        if not is_dead and (bus.load == THERE or is_live):
            bus.verdict = "busFailure"
            accepted.append(bus)
        elif not is_dead and bus.load == WAIT:
            bus.verdict = WAIT
            accepted.append(bus)
    return accepted


def _silent_buses(lamps: ControllerLamps, sweep_s: int) -> list[Group]:
    """Buses on which nobody answers, or far ends of them, as far as they fell silent in one event."""
    groups = []
    for bus in np.unique(lamps.bus[lamps.is_lost & (lamps.bus >= 0)]).tolist():
        end, before = _end_of(lamps, bus)
        if len(end) < _END_LAMPS or (before >= 0 and not lamps.is_alive[before]):
            continue
        onset = np.median(lamps.since_s[end])
        rows = end[np.abs(lamps.since_s[end] - onset) <= 2 * sweep_s]
        is_one = len(rows) >= _END_LAMPS and not (lamps.since_s[end] > onset + 2 * sweep_s).any()
        if before >= 0:  # part of a bus: one event to the last lamp, or it is none of the wire's
            is_one &= len(rows) == len(end) and len(np.unique(lamps.circuit[end])) > 1
        if is_one:
            groups.append(Group("bus", bus, rows, before, bus=bus))
    return groups


def _weigh(lamps: ControllerLamps, groups: list[Group], loads: Loads) -> None:
    for group, load in zip(groups, loads(groups), strict=True):
        group.load = GONE if lamps.is_dead[group.rows].any() else load
        group.verdict = _verdict(lamps, group)


def _singles(lamps: ControllerLamps, taken: Bool) -> list[Group]:
    return [
        Group("single", int(lamps.circuit[row]), np.array([row]), bus=int(lamps.bus[row]))
        for row in np.flatnonzero(lamps.is_lost & ~taken).tolist()
    ]


def _end_parts(lamps: ControllerLamps, taken: Bool, sweep_s: int) -> list[Group]:
    """Far ends of buses that fell silent together, one part per circuit: a meter tells their sum better than each."""
    parts = []
    for bus in np.unique(lamps.bus[lamps.is_lost & ~taken & (lamps.bus >= 0)]).tolist():
        end, _ = _end_of(lamps, bus)
        if len(end) < _END_LAMPS or np.ptp(lamps.since_s[end]) > 2 * sweep_s:
            continue
        rest = end[~taken[end]]
        for circuit in np.unique(lamps.circuit[rest]).tolist():
            rows = rest[lamps.circuit[rest] == circuit]
            if len(rows) > 1:
                parts.append(Group("end", circuit, rows, bus=bus))
    return parts


def _end_of(lamps: ControllerLamps, bus: int) -> tuple[Int64, int]:
    """Lost lamps from some address of a bus on to its last, and the row before them (-1 none)."""
    rows = np.flatnonzero(lamps.bus == bus)
    rows = rows[np.argsort(lamps.address[rows], kind="stable")]
    standing = np.flatnonzero(~lamps.is_lost[rows])
    if not len(standing):
        return rows, -1
    return rows[standing[-1] + 1 :], int(rows[standing[-1]])


def _circuits(lamps: ControllerLamps, taken: Bool, n_circuit: int, n_cable: int, sweep_s: int) -> list[Group]:
    groups = []
    is_open = lamps.is_lost & ~taken & (lamps.circuit >= 0)
    for circuit in np.unique(lamps.circuit[is_open]).tolist():
        rows = np.flatnonzero((lamps.circuit == circuit) & ~taken)
        rows = rows[np.argsort(np.where(lamps.position[rows] < 0, 1 << 30, lamps.position[rows]), kind="stable")]
        is_settled = (lamps.is_lost[rows] | lamps.is_mute[rows]).all()
        if is_settled and (lamps.is_lost[rows].all() or lamps.is_lost[rows].sum() >= n_circuit):
            if len(rows) >= n_circuit:
                groups.append(Group("circuit", circuit, rows))
            continue
        if len(rows) >= n_circuit and not lamps.is_alive[rows].any():  # nobody answers: soon it is all of it, or not
            groups.append(Group("circuit", circuit, rows[lamps.is_lost[rows]], verdict=WAIT))
            continue
        tail = _tail(lamps, rows[lamps.is_surveyed[rows]], n_cable, sweep_s)
        found = [] if tail is None else [tail]
        by_phase = _of_phases(lamps, rows, n_circuit, n_cable, sweep_s)
        # whichever leaves fewer silent lamps without a cause
        groups += max(found, by_phase, key=lambda several: sum(len(group.rows) for group in several))
    return groups


def _of_phases(lamps: ControllerLamps, rows: Int64, n_circuit: int, n_cable: int, sweep_s: int) -> list[Group]:
    """Phases of a circuit that are silent as a whole, or from some position on, while another one answers there."""
    groups = []
    phases = np.unique(lamps.phase[rows[lamps.is_lost[rows]]])
    for phase in phases[phases >= 0].tolist():
        mine = rows[lamps.phase[rows] == phase]
        others = rows[lamps.phase[rows] != phase]
        if lamps.is_lost[mine].all():
            if len(mine) >= n_circuit and lamps.is_alive[others].any():
                groups.append(Group("circuit", int(lamps.circuit[mine[0]]), mine, phase=phase))
            continue
        tail = _tail(lamps, mine[lamps.is_surveyed[mine]], n_cable, sweep_s)
        if tail is None:
            continue
        is_beyond = lamps.position[others] > lamps.position[tail.rows[0]]
        if (is_beyond & lamps.is_alive[others]).any():
            tail.phase = phase
            groups.append(tail)
    return groups


def _tail(lamps: ControllerLamps, rows: Int64, n_cable: int, sweep_s: int) -> Group | None:
    """Surveyed lamps from some position on to the end that are all lost, at least ``n_cable`` of them by one event.

    None where there are none, or where the boundary is not settled.
    """
    standing = np.flatnonzero(~lamps.is_lost[rows])
    if not len(standing) or standing[-1] == len(rows) - 1:
        return None
    tail = rows[standing[-1] + 1 :]
    # a lamp that had fallen silent before the others has a cause of its own: the break is behind or before it
    onset = np.median(lamps.since_s[tail])
    while len(tail) > 1 and lamps.since_s[tail[0]] < onset - 2 * sweep_s:
        tail = tail[1:]
    # lamps behind a break fall silent together with the one next to it: two that did so hours apart are no cable
    while len(tail) and (np.abs(lamps.since_s[tail] - lamps.since_s[tail[0]]) <= 2 * sweep_s).sum() < n_cable:
        tail = tail[1:]
    if not len(tail):
        return None
    boundary = int(rows[standing[-1]])
    group = Group("tail", int(lamps.circuit[boundary]), tail, boundary)
    if not lamps.is_alive[boundary]:
        group.verdict = WAIT
    return group


def _bus_rests(lamps: ControllerLamps, taken: Bool) -> list[Group]:
    """Lost lamps of buses on which nobody answers, that belong to no circuit or tail already."""
    groups = []
    for bus in np.unique(lamps.bus[lamps.is_lost & ~taken & (lamps.bus >= 0)]).tolist():
        rows = np.flatnonzero(lamps.bus == bus)
        rest = rows[~taken[rows]]
        if len(rows) > 1 and len(rest) > 1 and lamps.is_lost[rows].all():
            groups.append(Group("bus", bus, rest[np.argsort(lamps.address[rest], kind="stable")], bus=bus))
            taken[rest] = True
    return groups


def _verdict(lamps: ControllerLamps, group: Group) -> str:
    if group.verdict == WAIT or (group.load == WAIT and group.kind != "single"):
        return WAIT
    if group.phase >= 0:
        is_gone = group.load == GONE
        return ("circuitFailure" if group.kind == "circuit" else "cableFailure") if is_gone else "alone"
    if group.kind == "circuit":
        if group.load == GONE or (group.load == UNKNOWN and _do_others_answer(lamps, group)):
            return "circuitFailure"
        return "busFailure" if group.load == THERE and _is_whole_bus(lamps, group.rows) else "alone"
    if group.kind == "tail":
        if group.load == GONE:
            return "cableFailure"
        return "busFailure" if group.load == THERE and _is_bus_end(lamps, group) else "alone"
    if group.kind == "bus":
        return (
            "busFailure"
            if group.load == THERE or (group.load == UNKNOWN and _is_live_behind(lamps, group))
            else "alone"
        )
    return "alone"


def _do_others_answer(lamps: ControllerLamps, group: Group) -> bool:
    """On each bus of a silent circuit some lamp of another circuit answers."""
    for bus in np.unique(lamps.bus[group.rows]).tolist():
        is_other = (lamps.bus == bus) & (lamps.circuit != group.place)
        if bus < 0 or not (is_other & lamps.is_alive).any():
            return False
    return True


def _is_whole_bus(lamps: ControllerLamps, rows: Int64) -> bool:
    """All buses of these lamps are silent to the last lamp, or end with them."""
    return all(bus >= 0 and lamps.is_lost[lamps.bus == bus].all() for bus in np.unique(lamps.bus[rows]).tolist())


def _is_bus_end(lamps: ControllerLamps, group: Group) -> bool:
    """The tail hangs on one bus that has no living lamp further out on this circuit."""
    return len(np.unique(lamps.bus[group.rows])) == 1 and int(lamps.bus[group.rows[0]]) >= 0


def _is_live_behind(lamps: ControllerLamps, group: Group) -> bool:
    """Every circuit of the silent bus has a surveyed living lamp further out, so its cable is whole and live."""
    for circuit in np.unique(lamps.circuit[group.rows]).tolist():
        mine = group.rows[lamps.circuit[group.rows] == circuit]
        is_behind = (lamps.circuit == circuit) & lamps.is_surveyed & lamps.is_alive
        if circuit < 0 or not lamps.is_surveyed[mine].all() or not is_behind.any():
            return False
        if lamps.position[is_behind].max() < lamps.position[mine].max():
            return False
    return True


def _far_ends(lamps: ControllerLamps, groups: list[Group], sweep_s: int) -> None:
    """Lamps that are the far end of a bus by address, fell silent together, and whose load is there.

    A single lamp too small for its meter goes with the others, if they are most of the end.
    """
    parts = {("single", "alone"), ("circuit", "alone"), ("end", "alone"), ("tail", "busFailure")}
    singles = [
        g
        for g in groups
        if (g.kind, g.verdict) in parts and (g.load == THERE or (g.kind == "single" and g.load == UNKNOWN))
    ]
    for bus in {int(b) for g in singles for b in lamps.bus[g.rows].tolist() if b >= 0}:
        end, before = _end_of(lamps, bus)
        mine = [g for g in singles if np.isin(g.rows, end).all()]
        covered = np.concatenate([g.rows for g in mine]) if mine else np.zeros(0, np.int64)
        n_there = sum(len(g.rows) for g in mine if g.load == THERE)
        if len(end) < _END_LAMPS or len(covered) < len(end) or n_there < max(_END_LAMPS, 2 * len(end) // 3):
            continue
        if np.ptp(lamps.since_s[end]) > 2 * sweep_s or (before >= 0 and not lamps.is_alive[before]):
            continue
        merged = Group("bus", bus, end, before, THERE, "busFailure", bus)
        groups[:] = [g for g in groups if not any(g is one for one in mine)] + [merged]
        singles = [g for g in singles if not any(g is one for one in mine)]
