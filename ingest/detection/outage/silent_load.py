"""What the meters above silent lamps say of their load: there, gone, or not to be told yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import Balance
from ingest.detection.outage.candidate_groups import WAIT, Group
from ingest.detection.outage.load import GONE, UNKNOWN, Reading, judge_groups
from ingest.detection.outage.meter_equations import Equation, MeterEquations
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_GAP_S: Final = 900
_MOST_KEPT: Final = 40
_MOST_SUMS: Final = 20000
_MOST_WAITED: Final = 12  # sweeps for a meter to tell; a lone lamp is waited for _LONE_WAITED
_LONE_WAITED: Final = 7
_CLEAR: Final = 4.0  # sigmas: see `load`


class SilentLoad:
    """Sums of meters over the sweeps of a silence; bounded."""

    def __init__(self, fleet: Fleet, balance: Balance, table: LimitTable) -> None:
        """No sum is kept yet."""
        self._fleet, self._balance = fleet, balance
        self._meters, self._load_gone = balance.meters, table.scalar("load_gone")
        self._equations = MeterEquations(fleet, balance, table.scalar("no_voltage"))
        self._kept: dict[tuple[int, ...], deque[tuple[int, float]]] = {}

    def loads(  # measured columns, in the order of the rule
        self,
        sweep: Sweep,
        record: int,
        lamps: Int64,
        groups: Sequence[Group],
        is_gone: Bool,
        controller: int,
        since_s: Int64,
    ) -> list[str]:
        """What the meters say of groups of silent lamps; ``Group.strength`` tells how clearly.

        Each group is judged by the meters that tell it best: of its circuits, its phase or the cabinet. Where one
        sweep does not tell, their mean over the sweeps of the silence may: then the answer is ``WAIT``.

        Args:
            sweep: the sweep at hand.
            record: the controller's record in it.
            lamps: fleet indices that the groups' rows point into.
            groups: the silent lamps.
            is_gone: bool (lamps of the controller,) lamps known to be dark already.
            controller: fleet index.
            since_s: int64 (len(lamps),) onset of each lamp's silence.
        """
        fleet, at_s = self._fleet, int(sweep.at_s[record])
        start, stop = int(fleet.controller_start[controller]), int(fleet.controller_start[controller + 1])
        own = np.arange(start, stop)
        burning = self._balance.burning_w(sweep, own, np.full(len(own), record))
        burning[is_gone] = 0.0
        is_stepped = self._balance.commands is not None and not self._balance.commands.is_settled[record]
        members = [lamps[group.rows] - start for group in groups]
        equations = self._equations.of(sweep, record, controller, own)
        dead = self._equations.dead_circuits(sweep, record)
        answers = [UNKNOWN] * len(groups)
        by_key: dict[tuple[int, ...], tuple[Equation, list[int]]] = {}
        for i, group in enumerate(groups):
            if group.kind == "circuit" and group.phase < 0 and group.place in dead:
                answers[i], group.strength = GONE, np.inf
                continue
            equation = self._equations.best(equations, members[i])
            if equation is None:
                continue
            chosen_lamps = lamps[group.rows]
            is_new = is_stepped and self._balance.is_level_unreported(chosen_lamps).any()
            if is_new or not self._balance.has_burned(chosen_lamps, at_s).all():
                answers[i] = WAIT
                continue
            by_key.setdefault(tuple(equation.key.tolist()), (equation, []))[1].append(i)
        for key, (equation, chosen) in by_key.items():
            touching = [i for i in range(len(groups)) if equation.is_behind[members[i]].any()]
            parts = [float(burning[members[i]][equation.is_behind[members[i]]].sum()) for i in touching]
            left = self._meters.left_w(equation.key, equation.power_w, np.zeros(len(equation.key))).sum()
            left -= burning[equation.is_behind].sum()
            if not np.isfinite([left, *parts]).all():
                continue
            onset_s = max(int(since_s[groups[i].rows].max()) for i in touching)
            n_gone = int(is_gone[equation.is_behind].sum())  # with other lamps known to be dark it is another sum
            seen = self._keep((*key, -1 - n_gone), at_s, float(left), onset_s)
            mean, middle, n = float(np.mean(seen)), float(np.median(seen)), len(seen)
            sigma = self._meters.sigma_w(equation.key, equation.power_w, n)
            judged = judge_groups(Reading(mean + sum(parts), sigma), parts, self._load_gone)
            if middle != mean:  # a wrong value in a sweep or two may carry the mean along, but not the median
                also = judge_groups(Reading(middle + sum(parts), sigma), parts, self._load_gone)
                judged = [one if one == other else UNKNOWN for one, other in zip(judged, also, strict=True)]
            single = self._meters.sigma_w(equation.key, equation.power_w, 1)
            later = self._meters.sigma_w(equation.key, equation.power_w, _MOST_WAITED)
            for i, answer, part in zip(touching, judged, parts, strict=True):
                if i not in chosen:
                    continue
                answers[i], groups[i].strength = answer, part / sigma
                groups[i].is_at_once = max(seen) <= _CLEAR * single - self._load_gone * part
                most = _LONE_WAITED if groups[i].kind == "single" else _MOST_WAITED
                if answer == UNKNOWN and n < most and part >= _CLEAR * later and sigma > later:
                    answers[i] = WAIT
        return answers

    def load_of(self, sweep: Sweep, record: int, lamps: Int64, is_dark: Bool | None) -> str:
        """What the meters above some lamps without meters of their own say of their load in one sweep."""
        fleet, c = self._fleet, int(sweep.batch.controller[record])
        own = np.arange(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
        burning = self._balance.burning_w(sweep, own, np.full(len(own), record))
        members = lamps - own[0]
        if is_dark is not None:
            burning = np.where(is_dark[own] & ~np.isin(own, lamps), 0.0, burning)
        equations = self._equations.of(sweep, record, c, own)
        equation = self._equations.best(equations, members)
        if equation is None:
            return UNKNOWN
        left = float(self._meters.left_w(equation.key, equation.power_w, np.zeros(len(equation.key))).sum())
        part, behind = float(burning[members].sum()), float(burning[equation.is_behind].sum())
        if not np.isfinite([left, part, behind]).all():
            return UNKNOWN
        sigma = self._meters.sigma_w(equation.key, equation.power_w, 1)
        return judge_groups(Reading(left - behind + part, sigma), [part], self._load_gone)[0]

    def _keep(self, key: tuple[int, ...], at_s: int, left_w: float, onset_s: int) -> list[float]:
        """Keep what some meters show beyond their lamps if all burned; returns it of each sweep since an onset."""
        if len(self._kept) > _MOST_SUMS:
            self._kept.clear()
        kept = self._kept.setdefault(key, deque(maxlen=_MOST_KEPT))
        if kept and at_s - kept[-1][0] > _GAP_S:
            kept.clear()
        if not kept or kept[-1][0] != at_s:
            kept.append((at_s, left_w))
        else:  # asked again in the same sweep, of other groups
            kept[-1] = (at_s, left_w)
        return [left for when, left in kept if when >= onset_s]
