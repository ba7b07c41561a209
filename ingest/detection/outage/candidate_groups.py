"""Silent lamps of one controller that would go together: circuits, phases, tails of cables, buses and their ends.

What each of them is, ``grouping`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.outage.load import UNKNOWN

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

WAIT: Final = "wait"  # a meter will tell as soon as the lamps are commanded on and settled
END_LAMPS: Final = 2  # one lamp is no end of a bus
_LEAST_OTHERS: Final = 3  # lamps that no crew works on, to tell what silences them together with others


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
        n_behind: int64 lamps of the same circuit, none of these, that stand silent behind an open break of its cable.
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
    n_behind: Int64


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
        is_off: all its lamps are commanded off, so that no meter can tell what they would draw.
        is_rest: too few lamps to be a circuit but for those that stand silent behind an open break of its cable.
        power_w: what the meters that told its load show of it, expected_w what it would draw; NaN where none did.
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
    is_off: bool = False
    is_rest: bool = False
    power_w: float = np.nan
    expected_w: float = np.nan

    def is_worked_on(self, is_muted: Bool) -> bool:
        """Whether its silence may be the work of a crew.

        What many lamps share is told though one of them is under maintenance.

        Args:
            is_muted: bool (n,) of the controller's lamps, those under maintenance.
        """
        n_others = int((~is_muted[self.rows]).sum())
        if n_others == len(self.rows):
            return False
        return self.verdict == "alone" or n_others < _LEAST_OTHERS


def silent_buses(lamps: ControllerLamps, sweep_s: int) -> list[Group]:
    """Buses on which nobody answers, or far ends of them, as far as they fell silent in one event."""
    groups = []
    for bus in np.unique(lamps.bus[lamps.is_lost & (lamps.bus >= 0)]).tolist():
        end, before = bus_end(lamps, bus)
        if len(end) < END_LAMPS or (before >= 0 and not lamps.is_alive[before]):
            continue
        onset = np.median(lamps.since_s[end])
        rows = end[np.abs(lamps.since_s[end] - onset) <= 2 * sweep_s]
        is_one = len(rows) >= END_LAMPS and not (lamps.since_s[end] > onset + 2 * sweep_s).any()
        if before >= 0:  # part of a bus: one event to the last lamp, or it is none of the wire's
            is_one &= len(rows) == len(without_earlier(lamps, end, sweep_s)) and len(np.unique(lamps.circuit[rows])) > 1
        if is_one:
            groups.append(Group("bus", bus, rows, before, bus=bus))
    return groups


def singles(lamps: ControllerLamps, taken: Bool) -> list[Group]:
    """Each lost lamp that belongs to no group already, bool ``taken`` (n,), for itself."""
    return [
        Group("single", int(lamps.circuit[row]), np.array([row]), bus=int(lamps.bus[row]))
        for row in np.flatnonzero(lamps.is_lost & ~taken).tolist()
    ]


def end_parts(lamps: ControllerLamps, taken: Bool, sweep_s: int) -> list[Group]:
    """Far ends of buses that fell silent together, one part per circuit: a meter tells their sum better than each."""
    parts = []
    for bus in np.unique(lamps.bus[lamps.is_lost & ~taken & (lamps.bus >= 0)]).tolist():
        end = without_earlier(lamps, bus_end(lamps, bus)[0], sweep_s)
        if len(end) < END_LAMPS or np.ptp(lamps.since_s[end]) > 2 * sweep_s:
            continue
        rest = end[~taken[end]]
        for circuit in np.unique(lamps.circuit[rest]).tolist():
            rows = rest[lamps.circuit[rest] == circuit]
            if len(rows) > 1:
                parts.append(Group("end", circuit, rows, bus=bus))
    return parts


def bus_end(lamps: ControllerLamps, bus: int) -> tuple[Int64, int]:
    """Lost lamps from some address of a bus on to its last, and the row before them (-1 none)."""
    rows = np.flatnonzero(lamps.bus == bus)
    rows = rows[np.argsort(lamps.address[rows], kind="stable")]
    standing = np.flatnonzero(~lamps.is_lost[rows])
    if not len(standing):
        return rows, -1
    return rows[standing[-1] + 1 :], int(rows[standing[-1]])


def without_earlier(lamps: ControllerLamps, end: Int64, sweep_s: int) -> Int64:
    """The far end of a bus, int64 (k,), without single lamps that were silent before: those have their own cause."""
    if not len(end):
        return end
    is_earlier = lamps.since_s[end] < np.median(lamps.since_s[end]) - 2 * sweep_s
    return end[~is_earlier] if 3 * is_earlier.sum() <= len(end) else end


def circuits(lamps: ControllerLamps, taken: Bool, n_circuit: int, n_cable: int, sweep_s: int) -> list[Group]:
    """Circuits that are silent, or the tail or the phases of them that are; for the arguments see ``diagnose``."""
    groups = []
    is_open = lamps.is_lost & ~taken & (lamps.circuit >= 0)
    for circuit in np.unique(lamps.circuit[is_open]).tolist():
        rows = np.flatnonzero((lamps.circuit == circuit) & ~taken)
        rows = rows[np.argsort(np.where(lamps.position[rows] < 0, 1 << 30, lamps.position[rows]), kind="stable")]
        is_settled = (lamps.is_lost[rows] | lamps.is_mute[rows]).all()
        if is_settled and (lamps.is_lost[rows].all() or lamps.is_lost[rows].sum() >= n_circuit):
            if len(rows) + lamps.n_behind[rows[0]] >= n_circuit:
                groups.append(Group("circuit", circuit, rows, is_rest=len(rows) < n_circuit))
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
    """Phases of a circuit that are silent as a whole, or from some position on, while another one answers there.

    They wait while lamps of another phase are about to be lost: then it is the cable of all phases.
    """
    groups = []
    is_unsettled = lamps.is_falling | (lamps.is_mute & ~lamps.is_lost)
    phases = np.unique(lamps.phase[rows[lamps.is_lost[rows]]])
    for phase in phases[phases >= 0].tolist():
        mine = rows[lamps.phase[rows] == phase]
        others = rows[lamps.phase[rows] != phase]
        if lamps.is_lost[mine].all():
            if len(mine) >= n_circuit and lamps.is_alive[others].any():
                verdict = WAIT if is_unsettled[others].any() else "alone"
                groups.append(Group("circuit", int(lamps.circuit[mine[0]]), mine, phase=phase, verdict=verdict))
            continue
        tail = _tail(lamps, mine[lamps.is_surveyed[mine]], n_cable, sweep_s)
        if tail is None:
            continue
        is_beyond = lamps.position[others] > lamps.position[tail.rows[0]]
        if (is_beyond & lamps.is_alive[others]).any():
            tail.phase = phase
            if (is_beyond & is_unsettled[others]).any():
                tail.verdict = WAIT
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


def bus_rests(lamps: ControllerLamps, taken: Bool) -> list[Group]:
    """Lost lamps of buses on which nobody answers, that belong to no circuit or tail already."""
    groups = []
    for bus in np.unique(lamps.bus[lamps.is_lost & ~taken & (lamps.bus >= 0)]).tolist():
        rows = np.flatnonzero(lamps.bus == bus)
        rest = rows[~taken[rows]]
        if len(rows) > 1 and len(rest) > 1 and lamps.is_lost[rows].all():
            groups.append(Group("bus", bus, rest[np.argsort(lamps.address[rest], kind="stable")], bus=bus))
            taken[rest] = True
    return groups
