"""Same silence, three crews: a dead circuit, a broken cable, a broken data bus, or one lamp each.

Pure: takes one controller's lamps at one sweep and an answer to "is this load still there?", returns a diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest.detection.outage.candidate_groups import (
    END_LAMPS,
    WAIT,
    ControllerLamps,
    Group,
    bus_end,
    bus_rests,
    circuits,
    end_parts,
    silent_buses,
    singles,
    without_earlier,
)
from ingest.detection.outage.load import GONE, THERE, UNKNOWN

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
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
    groups = circuits(lamps, taken, n_circuit, n_cable, sweep_s)
    for group in groups:
        taken[group.rows] = True
    groups += bus_rests(lamps, taken)
    ends = end_parts(lamps, taken, sweep_s)
    _weigh(lamps, [*groups, *ends, *singles(lamps, taken)], loads)
    if any(end.load != THERE for end in ends):  # nothing of one wire: each lamp for itself
        ends = [end for end in ends if end.load == THERE]
    for end in ends:
        taken[end.rows] = True
    groups += [*ends, *singles(lamps, taken)]
    _weigh(lamps, groups, loads)
    _far_ends(lamps, groups, sweep_s)
    return Diagnosis([*buses, *groups])


def _accepted_buses(lamps: ControllerLamps, loads: Loads, n_circuit: int, n_cable: int, sweep_s: int) -> list[Group]:
    """What fell silent in one sweep has one cause: buses, or their far ends, that went together with their load there.

    Asked before circuits are: a bus may carry whole circuits and single lamps of others.
    """
    candidates = silent_buses(lamps, sweep_s)
    if not candidates:
        return []
    taken = np.zeros(len(lamps.lamp), np.bool_)
    for bus in candidates:
        taken[bus.rows] = True
    rest = circuits(lamps, taken, n_circuit, n_cable, sweep_s)
    for group in rest:
        taken[group.rows] = True
    every = [*candidates, *rest, *singles(lamps, taken)]
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


def _weigh(lamps: ControllerLamps, groups: list[Group], loads: Loads) -> None:
    for group, load in zip(groups, loads(groups), strict=True):
        group.load = load
        if load != GONE and lamps.is_dead[group.rows].any():  # the nodes tell it themselves
            group.load, group.power_w, group.expected_w = GONE, np.nan, np.nan
        group.verdict = _verdict(lamps, group)


def _verdict(lamps: ControllerLamps, group: Group) -> str:
    if group.verdict == WAIT or (group.load == WAIT and group.kind != "single"):
        return WAIT
    if group.phase >= 0:
        is_gone = group.load == GONE
        return ("circuitFailure" if group.kind == "circuit" else "cableFailure") if is_gone else "alone"
    if group.kind == "circuit":
        is_seen = group.load == UNKNOWN and not group.is_rest and _do_others_answer(lamps, group)
        if group.load == GONE or (is_seen and not (group.is_off and _is_end_of_a_bus(lamps, group.rows))):
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


def _is_end_of_a_bus(lamps: ControllerLamps, rows: Int64) -> bool:
    """Some bus is silent from one of these lamps on to its last: by day its wire may be broken as well."""
    buses = {int(bus) for bus in lamps.bus[rows].tolist() if bus >= 0}
    return any(np.isin(bus_end(lamps, bus)[0], rows).sum() >= END_LAMPS for bus in buses)


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
    lone = [
        g
        for g in groups
        if (g.kind, g.verdict) in parts and (g.load == THERE or (g.kind == "single" and g.load == UNKNOWN))
    ]
    for bus in {int(b) for g in lone for b in lamps.bus[g.rows].tolist() if b >= 0}:
        end, before = bus_end(lamps, bus)
        end = without_earlier(lamps, end, sweep_s)
        mine = [g for g in lone if np.isin(g.rows, end).all()]
        covered = np.concatenate([g.rows for g in mine]) if mine else np.zeros(0, np.int64)
        n_there = sum(len(g.rows) for g in mine if g.load == THERE)
        if len(end) < END_LAMPS or len(covered) < len(end) or n_there < max(END_LAMPS, 2 * len(end) // 3):
            continue
        if np.ptp(lamps.since_s[end]) > 2 * sweep_s or (before >= 0 and not lamps.is_alive[before]):
            continue
        merged = Group("bus", bus, end, before, THERE, "busFailure", bus)
        merged.power_w, merged.expected_w = sum(g.power_w for g in mine), sum(g.expected_w for g in mine)
        groups[:] = [g for g in groups if not any(g is one for one in mine)] + [merged]
        lone = [g for g in lone if not any(g is one for one in mine)]


def is_lone(group: Group, groups: list[Group], lamps: ControllerLamps, near_s: int) -> bool:
    """Whether no other lamp without a cause fell silent together with this group."""
    onset_s = lamps.since_s[group.rows].max()
    others = [one for one in groups if one.verdict == "alone" and one is not group]
    return not any((np.abs(lamps.since_s[one.rows] - onset_s) <= near_s).any() for one in others)
