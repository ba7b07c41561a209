"""Open conditions that silence amounts to: circuits, cables, buses, lamps; followed until they answer again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.conditions.active_conditions import ActiveConditions
from ingest.detection.conditions.causes import Case
from ingest.detection.conditions.lamp_evidence import WATTS, watts
from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.outage.candidate_groups import ControllerLamps, Group
from ingest.detection.outage.load import GONE, THERE, UNKNOWN
from ingest.detection.rules import DARK
from ingest.model.finding import Key, Place
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

GROUP_CODES: Final = frozenset({"circuitFailure", "cableFailure", "busFailure"})
DARK_CODES: Final = frozenset(
    {"circuitFailure", "cableFailure", "communicationFailure", DARK.code}
)  # may leave lamps without load
PHASES: Final = "RST"
POLE_FUSE: Final = "pole fuse"
_FULL: Final = 100  # %
_FUSE_SIGMAS: Final = 5.0  # of the meter: so clear a step of the load is no chance


class SilenceCases:
    """Opens and follows the cases; ``healthy`` counts the sweeps in which an open group answered again."""

    def __init__(
        self, fleet: Fleet, table: LimitTable, state: LampState, book: ActiveConditions, lost: Debounce
    ) -> None:
        """Start with nothing known."""
        self._fleet, self._state, self._book, self._lost = fleet, state, book, lost
        self._samples, self._no_voltage = int(table.scalar("confirm_samples")), table.scalar("no_voltage")
        self.healthy: dict[Key, int] = {}
        self.begun = np.zeros(0, np.int64)  # lamps judged anew since their group closed in the sweep at hand
        #: opens the rule ``lampFailure`` of a lamp that is known to be dark though it does not answer
        self.open_dark: Callable[[int, int], None] = lambda *_: None

    def recall(self) -> None:
        """See from the open conditions who is dark unread, after a snapshot's were taken over."""
        self._state.is_dark_unread[:] = False
        for c in self._book.controllers_with({DARK.code}):
            for case in self._book.of_controller(c):
                if _is_fuse(case):
                    self._state.is_dark_unread[case.lamps[0]] = True

    def _open_groups(self, controller: int) -> list[Case]:
        return [case for case in self._book.of_controller(controller) if case.code in GROUP_CODES]

    def follow(  # measured columns, in the order of the rule
        self, controller: int, own: Int64, is_alive: Bool, is_live: Bool, at_us: int, interval_s: int
    ) -> Bool:
        """Count the sweeps in which open groups answer, and close them; returns the lamps still taken, bool (own,).

        Lamps of a group that has closed which do not answer are judged anew. They have been silent since its others
        began to answer, ``interval_s`` apart, and so together with those that were silent then and were none of it.
        """
        taken = np.zeros(len(own), np.bool_)
        for case in self._open_groups(controller):
            rows = np.array(case.lamps, np.int64) - int(own[0])
            rows = rows[self._state.is_listed[own[rows]]]
            if not len(rows):
                continue
            if is_alive[rows].any():
                self.healthy[case.key] = self.healthy.get(case.key, 0) + 1
            elif is_live[rows].any():
                self.healthy[case.key] = 0
            needed = 1 if case.code == "busFailure" else self._samples
            if self.healthy.get(case.key, 0) >= needed:
                self.healthy.pop(case.key, None)
                self._book.close(case.key, at_us, evidence={"lamps_answering": int(is_alive[rows].sum())})
                still = rows[~is_alive[rows] & ~self._lost.is_open[own[rows]]]  # what kept them silent was this
                since_s = np.full(len(still), at_us // 1_000_000 - (needed - 1) * interval_s)
                self._lost.begin(own[still], since_s, is_live[still])
                self.begun = np.concatenate([self.begun, own[still]])
            else:
                taken[rows] = True
        return taken

    def is_dark(self, controller: int, own: Int64) -> Bool:
        """Lamps without load by an open circuit, cable or pole fuse; bool (own,).

        A lamp that answers with voltage has its load again, though the case stands until that has been confirmed; so
        have the lamps without a meter behind it, as far as anybody can tell.
        """
        dark = np.zeros(len(own), np.bool_)
        is_back = (self._state.quality[own] == 0) & (self._state.voltage_v[own] >= self._no_voltage)
        is_bare = ~self._state.is_listed[own]
        for case in self._book.of_controller(controller):
            is_fuse = case.code == "communicationFailure" and case.evidence.get("load") == GONE
            is_fuse |= _is_fuse(case)
            if case.code in {"circuitFailure", "cableFailure"} or is_fuse:
                rows = np.array(case.lamps, np.int64) - int(own[0])
                dark[rows[~(is_bare[rows] & is_back[rows].any())]] = True
        without_load: Bool = dark & ~is_back
        return without_load

    def behind_breaks(self, controller: int, own: Int64, is_alive: Bool, fed: Int64) -> Int64:
        """How many lamps of each one's circuit stand silent behind an open break of its cable; int64 (own,).

        When the circuit's fuse goes as well, those before the break fall silent, and may be fewer than a circuit has.
        None are counted where the circuit has its supply by its meter, ``fed`` int64 (k,): then a pole fuse went.
        """
        n_behind, circuit = np.zeros(len(own), np.int64), self._fleet.lamp_circuit[own]
        for case in self._open_groups(controller):
            if case.code == "cableFailure" and case.circuit not in fed.tolist():
                rows = np.array(case.lamps, np.int64) - int(own[0])
                rows = rows[self._state.is_listed[own[rows]]]
                if not is_alive[rows].any():
                    n_behind[circuit == case.circuit] += len(rows)
        return n_behind

    def were_off(self, controller: int, own: Int64) -> Bool:
        """Lamps on now whose silence was reported, as ambiguous, while they were commanded off; bool (own,).

        By day no load tells a dead circuit from a dead wire: what it is shows at dusk.
        """
        were = np.zeros(len(own), np.bool_)
        for case in self._book.of_controller(controller):
            if case.code == "communicationFailure" and case.evidence.get("level") == 0:
                were[case.lamps[0] - int(own[0])] = True
        if were.any():
            were &= (self._state.level[own] > 0) & (self._state.level[own] <= _FULL)
        return were

    def hear_neighbours(self, controller: int, own: Int64, is_alive: Bool, at_us: int) -> None:
        """Silent lamps of which it was said that no neighbour answers either, and now one does: it is taken back."""
        for case in list(self._book.of_controller(controller)):
            is_alone = case.evidence.get("neighbours_answer") is False
            if is_alone and (is_alive & (self._fleet.lamp_circuit[own] == case.circuit)).any():
                evidence = {name: told for name, told in case.evidence.items() if name != "neighbours_answer"}
                self._book.open(replace(case, at_us=at_us, evidence=evidence))

    def is_returning(self, controller: int) -> bool:
        """Whether some lamps of an open circuit or cable answer again: who of the others is dark is not known yet."""
        return any(
            case.code in {"circuitFailure", "cableFailure"} and self.healthy.get(case.key, 0) > 0
            for case in self._open_groups(controller)
        )

    def open_group(self, controller: int, group: Group, lamps: ControllerLamps, at_us: int) -> None:
        """A circuit, a cable or a bus."""
        fleet = self._fleet
        first = int(lamps.lamp[group.rows[0]])
        cabinet, circuit = int(fleet.lamp_cabinet[first]), int(fleet.lamp_circuit[first])
        since_us = int(np.median(lamps.since_s[group.rows])) * 1_000_000
        silent = int((~lamps.is_dead[group.rows]).sum())
        evidence: dict[str, Any] = {
            "lamps_silent": silent,
            "lamps_without_voltage": len(group.rows) - silent,
            "load": group.load,
            "samples": self._samples,
        }
        if group.load in {GONE, THERE}:
            evidence |= watts(group.power_w, group.expected_w)
        members = lamps.lamp[group.rows]
        span = self._span(group, lamps)
        if group.verdict == "busFailure":
            self._open_bus(controller, members, span, at_us, since_us, evidence, cabinet)
            return
        cabinet_id, circuit_name = fleet.cabinet_ids[cabinet], fleet.circuit_names[circuit]
        behind = fleet.cable_order[fleet.circuit_start[circuit] : fleet.circuit_start[circuit + 1]]
        phase = None
        if group.phase >= 0:
            phase = evidence["phase"] = PHASES[group.phase]
            behind = behind[fleet.phase[behind] == group.phase]
        place = Place(cabinet_id=cabinet_id, circuit=circuit_name, phase=phase)
        if group.verdict == "cableFailure":
            after = span[0] if span else None
            place = Place(cabinet_id=cabinet_id, circuit=circuit_name, span_after=after, phase=phase)
            behind = behind[fleet.position[behind] >= fleet.position[first]]
        key = Key(group.verdict, place)
        ids = tuple(behind.tolist())
        self._book.open(Case(key, at_us, since_us, ids, evidence, controller, cabinet, circuit, span))

    def _span(self, group: Group, lamps: ControllerLamps) -> tuple[str, str] | None:
        if group.after < 0 or group.kind not in {"tail", "bus"}:
            return None
        ids = self._fleet.lamp_ids
        return (str(ids[lamps.lamp[group.after]]), str(ids[lamps.lamp[group.rows[0]]]))

    def _open_bus(  # measured columns, in the order of the rule
        self,
        controller: int,
        members: Int64,
        span: tuple[str, str] | None,
        at_us: int,
        since_us: int,
        evidence: dict[str, Any],
        cabinet: int,
    ) -> None:
        fleet = self._fleet
        for bus in np.unique(fleet.lamp_bus[members]).tolist():
            mine = members[fleet.lamp_bus[members] == bus]
            key = Key("busFailure", Place(controller_id=fleet.controller_ids[controller], bus=fleet.bus_names[bus]))
            before = self._book.cases.get(key)
            if before is not None:
                mine = np.concatenate([np.array(before.lamps, np.int64), np.setdiff1d(mine, before.lamps)])
            of_bus = {**evidence, "lamps_silent": len(mine)}
            if len(mine) != len(members):  # the watts are those of other lamps
                of_bus = {name: value for name, value in of_bus.items() if name not in WATTS}
            everyone = np.flatnonzero((fleet.lamp_bus == bus) & self._state.is_listed)
            whole = len(mine) >= len(everyone)
            ids = tuple(mine.tolist())
            self._book.open(Case(key, at_us, since_us, ids, of_bus, controller, cabinet, span=None if whole else span))

    def open_lamp(self, controller: int, lamp: int, at_s: int, group: Group, *, has_neighbours: bool) -> None:
        """One silent lamp: ``lampFailure`` by its pole fuse where its load went clearly, else ``communicationFailure``.

        Ambiguous where neither load nor neighbours tell dark from deaf.
        """
        fleet, lost, load = self._fleet, self._lost, group.load
        is_fuse = load == GONE and group.kind == "single" and group.strength >= _FUSE_SIGMAS
        if load == GONE and not group.is_at_once:  # something else went meanwhile
            load, is_fuse = UNKNOWN, False
        is_fuse &= group.is_lone
        since_s, key = int(lost.since_s[lamp]), Key("communicationFailure", Place(lamp_id=fleet.lamp_ids[lamp]))
        is_again = key in self._book.cases
        evidence: dict[str, Any] = {
            "silent_s": at_s - since_s if is_again else int(lost.elapsed_s[lamp]),
            "samples": int(self._state.silent_sweeps[lamp] if is_again else lost.count[lamp]),
            "quality": int(self._state.quality[lamp]),
        }
        if is_fuse:
            evidence |= {"load": load, "is_dark": True, "suspected": POLE_FUSE}
        elif load == GONE:  # with that of another lamp, or not clearly enough
            evidence |= {"load": load, "ambiguous": True}
        elif load == THERE:
            evidence |= {"load": load, "is_dark": False}
        else:
            evidence["ambiguous"] = True
            if group.is_off:
                evidence["level"] = 0
        if not has_neighbours:
            evidence["neighbours_answer"] = False
        lost.is_open[lamp], lost.count[lamp], lost.elapsed_s[lamp] = True, 0, 0
        if is_fuse:
            self._book.close(key, at_s * 1_000_000, is_proof=False)
            self.open_dark(lamp, since_s)
        self._book.open(
            Case(
                Key(DARK.code, key.place) if is_fuse else key,
                at_s * 1_000_000,
                since_s * 1_000_000,
                (lamp,),
                evidence,
                controller,
                int(fleet.lamp_cabinet[lamp]),
                int(fleet.lamp_circuit[lamp]),
            )
        )


def _is_fuse(case: Case) -> bool:
    return case.code == DARK.code and case.evidence.get("suspected") == POLE_FUSE
