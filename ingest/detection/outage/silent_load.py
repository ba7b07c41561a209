"""What the meters above silent lamps say of their load: there, gone, or not to be told yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sweep import Sweep
from ingest.detection.outage.balance import FADE_S, Balance
from ingest.detection.outage.candidate_groups import WAIT, Group
from ingest.detection.outage.kept_sums import KeptSum, KeptSums
from ingest.detection.outage.load import GONE, THERE, UNKNOWN, Reading, judge_groups
from ingest.detection.outage.meter_equations import Equation, MeterEquations
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_MOST_WAITED: Final = 12  # sweeps for a meter to tell; a lone lamp is waited for _LONE_WAITED
_LONE_WAITED: Final = 7
_CLEAR: Final = 4.0  # sigmas: see `load`
_UNKNOWN_SHARE: Final = 0.1  # of a group's power: with more that may burn or not nothing is known of the group alone
_UNRATED_DOUBT: Final = 0.5  # of the power that a lamp without a rating is given
_MISFIT: Final = 0.25  # of a lamp's power: what neither burning nor being gone explains is another's


@dataclass(frozen=True, slots=True)
class Load:
    """What meters say of the load of some lamps: ``GONE``, ``THERE`` or ``UNKNOWN``, and the watts behind it.

    ``power_w`` is what the meters show of it, ``expected_w`` what it would be; NaN unknown.
    """

    word: str
    power_w: float
    expected_w: float


class SilentLoad:
    """Sums of meters over the sweeps of a silence; bounded."""

    def __init__(self, fleet: Fleet, balance: Balance, table: LimitTable) -> None:
        """No sum is kept yet."""
        self._fleet, self._balance = fleet, balance
        self._meters, self._load_gone = balance.meters, table.scalar("load_gone")
        self.kept = KeptSums()
        self._equations = MeterEquations(fleet, balance, table.scalar("no_voltage"))

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
        """What the meters say of groups of silent lamps; ``Group.strength`` tells how clearly, ``power_w`` the watts.

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
        burning, doubt = _with_unrated(self._balance.burning_w(sweep, own, np.full(len(own), record)))
        burning[is_gone] = doubt[is_gone] = 0.0
        commands = self._balance.commands
        is_stepped = commands is not None and at_s - int(commands.since_s[record]) < FADE_S
        is_unsteady = self._balance.is_unsteady(own, record, at_s)
        is_on, is_off = self._balance.is_on(own), self._balance.is_off(own)
        is_striking = self._balance.may_strike(own, at_s)
        members = [lamps[group.rows] - start for group in groups]
        equations = self._equations.of(sweep, record, controller, own)
        dead = self._equations.dead_circuits(sweep, record)
        answers = [UNKNOWN] * len(groups)
        by_key: dict[tuple[int, ...], tuple[Equation, list[int]]] = {}
        for i, group in enumerate(groups):
            group.power_w = group.expected_w = np.nan
            if group.kind == "circuit" and group.phase < 0 and group.place in dead:
                answers[i], group.strength = GONE, np.inf
                group.power_w, group.expected_w = dead[group.place], float(burning[members[i]].sum())
                continue
            group.is_off = bool(is_off[members[i]].all())
            equation = self._equations.best(equations, members[i])
            if equation is None or group.is_off or (doubt[members[i]] > 0).all():  # off, they draw nothing in any case
                continue
            chosen_lamps = lamps[group.rows]
            is_new = is_stepped and self._balance.is_level_unreported(chosen_lamps).any()
            is_new |= is_striking[members[i]].any() or is_unsteady[equation.is_behind].any()
            if is_new or not (is_on | is_off)[members[i]].all():
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
            silent = np.flatnonzero(equation.is_behind & (self._balance.is_silent(own)))
            newest = KeptSum(at_s, float(left), silent.astype(np.int32), burning[silent].astype(np.float32))
            judged_lamps = np.concatenate([members[i] for i in touching])
            sums = self.kept.keep((*key, -1 - n_gone), newest, onset_s)
            seen = [one.without_w(judged_lamps) for one in sums]
            mean, middle, n = float(np.mean(seen)), float(np.median(seen)), len(seen)
            unrated_w = float(np.sqrt((doubt[equation.is_behind] ** 2).sum()))
            sigma = float(np.hypot(self._meters.sigma_w(equation.key, equation.power_w, n), unrated_w))
            judged = judge_groups(Reading(mean, sigma), parts, self._load_gone)
            if middle != mean:  # a wrong value in a sweep or two may carry the mean along, but not the median
                also = judge_groups(Reading(middle, sigma), parts, self._load_gone)
                judged = [one if one == other else UNKNOWN for one, other in zip(judged, also, strict=True)]
            single = self._meters.sigma_w(equation.key, equation.power_w, 1)
            later = self._meters.sigma_w(equation.key, equation.power_w, _MOST_WAITED)
            for i, answer, part in zip(touching, judged, parts, strict=True):
                if i not in chosen:
                    continue
                answers[i], groups[i].strength = answer, part / sigma
                groups[i].power_w, groups[i].expected_w = _share_w(mean, parts, judged, answer, part), part
                groups[i].is_at_once = max(seen) - sum(parts) <= _CLEAR * single - self._load_gone * part
                if groups[i].kind == "single" and answer != UNKNOWN:
                    shares = list(zip(parts, judged, strict=True))
                    misfit = abs(mean - sum(other for other, word in shares if word == THERE))
                    misfit += sum(other for other, word in shares if word == UNKNOWN)
                    if misfit > max(_CLEAR * sigma, _MISFIT * part):
                        answers[i] = UNKNOWN  # something else has changed, that nobody knows
                        continue
                most = _LONE_WAITED if groups[i].kind == "single" else _MOST_WAITED
                if answer == UNKNOWN and n < most and part >= _CLEAR * later and sigma > later:
                    answers[i] = WAIT
        return answers

    def load_of(self, sweep: Sweep, record: int, lamps: Int64, is_dark: Bool | None) -> Load:
        """What the meters above some lamps without meters of their own say of their load in one sweep."""
        fleet, c, at_s = self._fleet, int(sweep.batch.controller[record]), int(sweep.at_s[record])
        own = np.arange(int(fleet.controller_start[c]), int(fleet.controller_start[c + 1]))
        burning, doubt = _with_unrated(self._balance.burning_w(sweep, own, np.full(len(own), record)))
        members = lamps - own[0]
        if is_dark is not None:
            burning = np.where(is_dark[own] & ~np.isin(own, lamps), 0.0, burning)
        part = float(burning[members].sum())
        unknown = Load(UNKNOWN, np.nan, part)
        equation = self._equations.best(self._equations.of(sweep, record, c, own), members)
        if equation is None:
            return unknown
        left = float(self._meters.left_w(equation.key, equation.power_w, np.zeros(len(equation.key))).sum())
        behind = float(burning[equation.is_behind].sum())
        if not np.isfinite([left, part, behind]).all() or self._balance.may_strike(lamps, at_s).any():
            return unknown
        unrated_w = float(np.sqrt((doubt[equation.is_behind] ** 2).sum()))
        sigma = float(np.hypot(self._meters.sigma_w(equation.key, equation.power_w, 1), unrated_w))
        seen = left - behind + part
        return Load(judge_groups(Reading(seen, sigma), [part], self._load_gone)[0], max(0.0, seen), part)


def _with_unrated(burning_w: Float64) -> tuple[Float64, Float64]:
    """What lamps would draw, those of which nobody knows it as the middle one of the others, and how doubtful that is.

    ``burning_w`` float64 (n,) [W], NaN unknown; both results likewise, the second as a standard deviation.
    """
    unknown = np.isnan(burning_w)
    known_w = burning_w[burning_w > 0]
    if not unknown.any() or not len(known_w):
        return burning_w, np.zeros(len(burning_w))
    middle_w = float(np.median(known_w))
    return np.where(unknown, middle_w, burning_w), np.where(unknown, _UNRATED_DOUBT * middle_w, 0.0)


def _share_w(seen_w: float, parts_w: Sequence[float], judged: Sequence[str], answer: str, part_w: float) -> float:
    """What a meter shows of one group, of which it sees the sum with others; NaN where that is not known.

    Groups that are all gone, or all there, share what is seen of them together.
    """
    alike = sum(other for other, word in zip(parts_w, judged, strict=True) if word == answer)
    unknown = sum(other for other, word in zip(parts_w, judged, strict=True) if word == UNKNOWN)
    if answer == UNKNOWN or unknown > _UNKNOWN_SHARE * part_w:
        return np.nan
    there = sum(other for other, word in zip(parts_w, judged, strict=True) if word == THERE)
    rest = seen_w - (there if answer == GONE else 0.0)
    return max(0.0, rest) * part_w / alike if alike > 0 else np.nan
