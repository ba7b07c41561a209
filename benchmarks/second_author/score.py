"""Compare what the fault book showed with what was done to the city; every error is told with what was true there."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from benchmarks.truth.score import CONFIRM_S, Tally
from benchmarks.truth.shown import Shown

from .city import City
from .stage import Stage
from .verdict import Injected

CODES: Final = tuple(dict.fromkeys((*CONFIRM_S, "neutralFailure")))
_SLACK_S: Final = 90.0
_GRACE_S: Final = 600.0
_NEUTRAL: Final = "neutralFailure"
_OF_CABINET: Final = frozenset(
    {"supplyLoss", "neutralFailure", "contactorFailure", "cabinetDoorOpen", "unmeteredLoad", "controllerOffline"}
)  # shown by what stands before the contactor, by day too
_SOON_US: Final = 1_800_000_000  # a fault shown first and explained by a true one that opened so near to it
_LOCAL: Final = timezone(timedelta(hours=7))


class _Ground:
    """The city's names, and its account by cabinet."""

    def __init__(self, city: City) -> None:
        self.of_controller = {s.controller_id: s.cabinet_id for s in city.streets}
        self.of_lamp = {lamp: s.cabinet_id for s in city.streets for lamp in s.lamp_ids}
        self.n_circuits = {s.cabinet_id: s.habits.n_circuits for s in city.streets}
        self.stages: dict[str, Stage] = {stage.street.cabinet_id: stage for stage in city.stages}
        self.injected: dict[str, list[Injected]] = {c: list(stage.injected) for c, stage in self.stages.items()}
        self.slack = {
            name: 360.0 if any(i.situation == "wrong_clock" for i in all_of) else _SLACK_S
            for name, all_of in self.injected.items()
        }

    def cabinet(self, stretch: Shown) -> str:
        place = stretch.place
        if place.get("cabinet_id"):
            return place["cabinet_id"]
        if place.get("lamp_id"):
            return self.of_lamp[place["lamp_id"]]
        return self.of_controller[place["controller_id"]]

    def is_then(self, stretch: Shown, injected: Injected) -> bool:
        opened = (stretch.shown_us or stretch.opened_us) / 1e6
        slack = self.slack[injected.place.cabinet_id]
        return injected.begin_s - slack <= opened <= injected.end_s + slack + _GRACE_S

    def goes_on(self, stretch: Shown, injected: Injected) -> bool:
        """Tell whether the stretch is of an earlier fault of this code and place whose end no reading could show.

        The catalogue clears a fault by samples in which it is proved gone, and one fault lasts until then. A contactor
        cuts its circuits by day: their meters are silent, which is normal and neither counts nor resets. If what was
        repaired by day fails again before dusk, no sample lies between the two, and the first fault is still open,
        rightly, when the second could be confirmed: to demand a second one asks for what no reading shows.
        """
        stage = self.stages[injected.place.cabinet_id]
        opened, is_over = stretch.opened_us / 1e6, stretch.closed_us is not None
        if stretch.code != injected.code or stretch.code in _OF_CABINET or stretch.shown_us is None:
            return False
        if stage.street.habits.switching != "contactor" or not self.is_there(stretch, injected):
            return False
        if injected.span not in {None, stretch.span}:  # another span of the cable is another fault
            return False
        if is_over and (stretch.closed_us or 0) / 1e6 < (injected.ready_s or injected.begin_s):
            return False
        earlier = [
            i.end_s
            for i in stage.injected
            if i.code == injected.code and i.place == injected.place and i.begin_s < opened and i is not injected
        ]
        if opened >= injected.begin_s or not earlier:
            return False
        return not self._was_lit(stage, max(earlier), injected.begin_s)

    def is_explained_unseen(self, injected: Injected, shown: Sequence[Shown]) -> bool:
        """Tell whether a dead circuit is known, below a broken neutral of it whose end no reading could show.

        The order of explanation keeps it below, not shown, while the neutral counts as broken. If that was mended while
        a contactor kept the circuit dead, and the circuit stays dead as a whole in the evening, none of its lamps can
        prove the neutral whole: the fault could not be observed by itself, and is not scored.
        """
        stage = self.stages[injected.place.cabinet_id]
        if injected.code != "circuitFailure" or injected.place.phase or stage.street.habits.switching != "contactor":
            return False
        # one that moves its phases too little to be asked for is broken all the same
        of_circuit = [i for i in stage.injected if i.place == injected.place]
        neutrals = [i for i in of_circuit if i.code == _NEUTRAL or (i.code is None and _NEUTRAL in i.also)]
        causes = {
            cause
            for s in shown
            if s.code == injected.code and s.shown_us is None
            if self.is_then(s, injected) and self.is_there(s, injected)
            for cause in s.causes
        }
        ends = [
            i.end_s
            for i in neutrals
            for s in shown
            if s.fault_id in causes and s.code == _NEUTRAL and self.is_there(s, i) and self.is_then(s, i)
            if s.closed_us is None or s.closed_us / 1e6 > injected.begin_s
        ]
        return any(
            end_s - 3600 <= injected.begin_s and not self._was_lit(stage, end_s, injected.begin_s) for end_s in ends
        )

    @staticmethod
    def _was_lit(stage: Stage, end_s: float, begin_s: float) -> bool:
        """Tell whether lamps were on between; the account leaves a fault an hour after its end to be told in."""
        return bool(stage.grid.is_on[stage.window(end_s - 3600, begin_s)].any())

    def is_there(self, stretch: Shown, injected: Injected) -> bool:
        """Tell whether the place is exactly the injected one."""
        place, wanted = stretch.place, injected.place
        if self.cabinet(stretch) != wanted.cabinet_id:
            return False
        if wanted.lamp_id or place.get("lamp_id"):
            return place.get("lamp_id") == wanted.lamp_id
        if wanted.bus:
            return place.get("bus") == wanted.bus
        is_sole = self.n_circuits[wanted.cabinet_id] == 1
        if (place.get("circuit") or None) != wanted.circuit and not is_sole:
            return False
        phase = place.get("phase") or stretch.evidence.get("phase") or None
        return wanted.phase is None or phase == wanted.phase

    def is_related(self, stretch: Shown, injected: Injected) -> bool:
        """Tell whether the stretch speaks of lamps, circuit or cabinet of the injected fault."""
        place, wanted = stretch.place, injected.place
        if self.cabinet(stretch) != wanted.cabinet_id:
            return False
        if place.get("lamp_id"):
            return place["lamp_id"] in injected.lamp_ids or not injected.lamp_ids
        return not wanted.circuit or (place.get("circuit") or None) in {None, wanted.circuit}


def settle(city: City, shown: Sequence[Shown], label: str) -> dict[str, Tally]:
    """Return a tally per code; `label` names the city in what is told of errors."""
    ground = _Ground(city)
    tallies = {code: Tally() for code in CODES}
    found: dict[int, list[Shown]] = defaultdict(list)
    true_since: dict[str, list[int]] = defaultdict(list)
    for stretch in shown:
        if any(
            ground.is_then(stretch, i) and _is_right(ground, stretch, i)
            for i in ground.injected[ground.cabinet(stretch)]
        ):
            true_since[stretch.fault_id].append(stretch.opened_us)
    visible = [stretch for stretch in shown if stretch.shown_us is not None]
    for stretch in visible:
        candidates = [i for i in ground.injected[ground.cabinet(stretch)] if ground.is_then(stretch, i)]
        right = [i for i in candidates if _is_right(ground, stretch, i)]
        for injected in right:
            found[id(injected)].append(stretch)
        tally = tallies.setdefault(stretch.code, Tally())
        if any(i.code == stretch.code for i in right):
            tally.n_right += stretch.opened_us == min(
                s.opened_us for i in right for s in found[id(i)] if s.code == stretch.code
            )
        elif not right and not any(stretch.code in i.also and ground.is_related(stretch, i) for i in candidates):
            told = _tell(ground, stretch, label)
            begins = [at for cause in stretch.causes for at in true_since.get(cause, ())]
            if any(abs(at - stretch.opened_us) < _SOON_US for at in begins):
                tally.n_explained_later += 1
                tally.later.append(told)
            else:
                tally.n_false += 1
                tally.false.append(told)
    for stage in city.stages:
        for injected in stage.injected:
            if injected.code is not None:
                found[id(injected)] += [s for s in visible if ground.goes_on(s, injected)]
                _judge(tallies[injected.code], ground, injected, found[id(injected)], shown, label)
    return tallies


def _is_right(ground: _Ground, stretch: Shown, injected: Injected) -> bool:
    if stretch.code == injected.code and ground.is_there(stretch, injected):
        return True
    return stretch.code in injected.instead and ground.is_related(stretch, injected)


def _judge(
    tally: Tally, ground: _Ground, injected: Injected, stretches: list[Shown], shown: Sequence[Shown], label: str
) -> None:
    if injected.ready_s is None or (not stretches and ground.is_explained_unseen(injected, shown)):
        return
    tally.n += 1
    if injected.code == "cableFailure" and injected.span is not None:
        tally.n_exact_asked += 1
        is_exact = any(stretch.span == injected.span for stretch in stretches)
        tally.n_exact += is_exact
        if stretches and not is_exact:
            tally.inexact.append(f"{label}: said {stretches[0].span}, truth {_described(injected)}")
    if not stretches:
        about = [
            f"{s.code} {_where(s)} opened {_clock(s.opened_us / 1e6)}{_hidden(s, shown)}"
            for s in shown
            if ground.cabinet(s) == injected.place.cabinet_id
            and ground.is_then(s, injected)
            and ground.is_related(s, injected)
        ]
        habits = ground.stages[injected.place.cabinet_id].street.habits.name
        tally.missed.append(
            f"{label}: {_described(injected)} in '{habits}'; shown instead: {'; '.join(_few(about)) or 'nothing'}"
        )
        return
    tally.n_found += 1
    first = min(s.shown_us or 0 for s in stretches) / 1e6
    if first < injected.begin_s - ground.slack[injected.place.cabinet_id]:
        return  # an earlier fault that goes on: it was there already
    late = (first - injected.ready_s) / injected.sweep_s
    tally.delays.append(max(1, round(CONFIRM_S.get(injected.code or "", 120) / 60 + late)))


def _hidden(stretch: Shown, shown: Sequence[Shown]) -> str:
    """Say what keeps a fault out of the lists."""
    if stretch.shown_us is not None:
        return ""
    causes = [f"{s.code} {_where(s)} {_clock(s.opened_us / 1e6)}" for s in shown if s.fault_id in stretch.causes]
    return f" (hidden by {' and '.join(_few(causes)) or 'nothing known'})"


def _few(lines: Iterable[str]) -> list[str]:
    listed = list(lines)
    return listed[:4] + ([f"and {len(listed) - 4} more"] if len(listed) > 4 else [])


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).astimezone(_LOCAL).strftime("%d %H:%M:%S")


def _where(stretch: Shown) -> str:
    return ",".join(f"{value}" for value in stretch.place.values() if value)


def _described(injected: Injected) -> str:
    place = injected.place
    where = ",".join(p for p in (place.cabinet_id, place.circuit, place.lamp_id, place.phase, place.bus) if p)
    ready = "" if injected.ready_s is None else f", confirmable {_clock(injected.ready_s)}"
    span = "" if injected.span is None else f", span {injected.span[0]}..{injected.span[1]}"
    note = f" ({injected.note})" if injected.note else ""
    return (
        f"{injected.situation}{note} = {injected.code} at {where}, {_clock(injected.begin_s)} to "
        f"{_clock(injected.end_s)}{ready}{span}"
    )


def _tell(ground: _Ground, stretch: Shown, label: str) -> str:
    cabinet = ground.cabinet(stretch)
    stage = ground.stages[cabinet]
    opened = stretch.opened_us / 1e6
    near = [i for i in stage.injected if i.begin_s - 3600 <= opened <= i.end_s + 3600]
    lamp = stretch.place.get("lamp_id")
    # Same lamp first, then whatever has no single lamp.
    near.sort(key=lambda i: (bool(lamp) and i.place.lamp_id != lamp, bool(i.place.lamp_id)))
    evidence = {name: value for name, value in stretch.evidence.items() if name != "priority"}
    return (
        f"{label}: {stretch.code} {_where(stretch)} in '{stage.street.habits.name}' ({stage.street.habits.technology}, "
        f"{stage.grid.interval_s} s) at {_clock(opened)} {json.dumps(evidence)[:260]}; "
        f"true then: {'; '.join(_few(_described(i) for i in near)) or 'nothing'}"
    )
