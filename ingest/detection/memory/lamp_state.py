"""What is remembered of every lamp between two sweeps, as arrays in fleet order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ingest.detection.memory.debounce import Debounce
from ingest.detection.memory.flag_bits import FlagBits, Marks, put_bit
from ingest.detection.memory.own_curves import OwnCurves
from ingest.detection.memory.stable_regions import StableRegions
from ingest.model.batch import LEVEL_UNKNOWN, UNKNOWN_UINT32
from ingest.model.fleet import Fleet

LIT_UNKNOWN: Final = 0
LIT_DARK: Final = 1
LIT_YES: Final = 2


class AgentLists:
    """What is remembered of the lists of C agents; ``is_full`` bool (C,): the newest one has all lamps of its own."""

    def __init__(self, n_controllers: int) -> None:
        """None was heard."""
        self.is_full = np.zeros(n_controllers, np.bool_)


class LampState:
    """Arrays over L lamps; NaN, 255 and 0xFFFFFFFF are unknown.

    Attributes:
        flags: uint32 or uint64 (L,) which rules run or are open, laid out as ``bits``; 0 = nothing is going on.
        power_w: float32 (L,) of the newest good sample; so voltage_v, current_a, power_factor, temperature_c.
        quality: uint8 (L,) of the newest sample; so status. is_listed: bool (L,) the agent's newest record has the
            lamp.
        level: uint8 (L,) commanded % as judged; level_reported the newest one the agent reported;
            level_raw what its newest record carried.
        switched_s: uint32 (L,) last change of level; lit_from_s last switching on or supply dip.
        switch_count: uint32 (L,) the newest that was told, at switch_reported_s; counted_wh the energy beside it and
            counted_h the burning hours.
        is_burning: bool (L,) not dark in its newest judged sample, warm or not.
        before_w: float32 (L,) settled power before the last change of level while on; before_level uint8 (L,) then;
            was_wrong bool (L,) a power fault of it stood then and stands,
            and it draws the same.
        low_w: float32 (L,) power band in which no lamp rule can hold at this level, up to high_w; least_pf likewise.
        silent_sweeps: uint8 (L,) sweeps since the newest good sample, 0 up to the first; see ``sweeps_silent``.
        is_away: bool (L,) it did not answer well more than once in a row, or without voltage; or a run of lost replies
            is open.
        own_w: float32 (L,) its own power at 100 % and nominal voltage, as seen lately; NaN = not known yet.
        baseline_w: float32 (L,) the same, learned over the first lit nights: replaces the rating.
        curves: what each lamp draws at dim levels, of what its technology's curve says.
        stable_regions: readings of faulty lamps in which nothing changes.
        has_fitted: bool (L,) it has drawn what the register says; before, a misfit is the register's fault.
        is_dark_unread: bool (L,) it is reported dark by the load that went with it, and has not answered since.
    """

    # No snapshot stores these. Flags follow from the rules' counters and ``marks``; bands from rules and limits, which
    # may be others after a restart: without a band each lamp's next good sample is judged, and gives it one. Who is
    # dark unread follows from the evidence of open conditions.
    DERIVED: Final = frozenset({"flags", "low_w", "high_w", "least_pf", "is_dark_unread"})

    def __init__(self, fleet: Fleet, n_changes: int, n_rules: int) -> None:
        """Start with nothing known."""
        n = fleet.n_lamps
        self.bits = FlagBits(n_rules)
        self.wrong_bits = self.bits.of(0)  # of open power faults, as the rules are numbered
        self.flags = np.full(n, self.bits.learning, self.bits.dtype)
        self.power_w = np.full(n, np.nan, np.float32)
        self.voltage_v = np.full(n, np.nan, np.float32)
        self.current_a = np.full(n, np.nan, np.float32)
        self.power_factor = np.full(n, np.nan, np.float32)
        self.temperature_c = np.full(n, np.nan, np.float32)
        self.quality = np.ones(n, np.uint8)
        self.status = np.zeros(n, np.uint8)
        self.is_listed = np.zeros(n, np.bool_)
        self.n_list_changes = 0
        self.lists = AgentLists(fleet.n_controllers)
        self.level = np.full(n, LEVEL_UNKNOWN, np.uint8)
        self.level_raw = np.full(n, LEVEL_UNKNOWN, np.uint8)
        self.level_reported = np.full(n, LEVEL_UNKNOWN, np.uint8)
        self.switched_s = np.zeros(n, np.uint32)
        self.before_w = np.full(n, np.nan, np.float32)
        self.was_wrong = np.zeros(n, np.bool_)
        self.before_level = np.full(n, LEVEL_UNKNOWN, np.uint8)
        self.lit_from_s = np.zeros(n, np.uint32)
        self.restarted_s = np.zeros(n, np.uint32)
        self.low_w = np.full(n, np.inf, np.float32)
        self.high_w = np.full(n, -np.inf, np.float32)
        self.least_pf = np.full(n, -np.inf, np.float32)
        self.silent_sweeps = np.zeros(n, np.uint8)
        self.is_away = np.zeros(n, np.bool_)
        self.lit = np.zeros(n, np.uint8)
        self.is_burning = np.zeros(n, np.bool_)
        self.changes_s = np.zeros((n_changes, n), np.uint32)
        self.switch_count = np.full(n, UNKNOWN_UINT32, np.uint32)
        self.counted_wh = np.full(n, UNKNOWN_UINT32, np.uint32)
        self.counted_h = np.full(n, UNKNOWN_UINT32, np.uint32)
        self.switch_reported_s = np.zeros(n, np.uint32)
        self.commanded_on = np.zeros(n, np.uint8)
        self.switch_counted_s = np.zeros((max(1, n_changes // 2), n), np.uint32)
        self.own_w = np.full(n, np.nan, np.float32)
        self.own_sum_w = np.zeros(n, np.float32)
        self.own_samples = np.zeros(n, np.uint8)
        self.fit_samples = np.zeros(n, np.uint8)
        self.has_fitted = np.zeros(n, np.bool_)
        self.is_register_suspect = np.zeros(n, np.bool_)
        self.is_dark_unread = np.zeros(n, np.bool_)
        self.baseline_w = np.full(n, np.nan, np.float32)
        self.is_status_reported = fleet.is_node.copy()
        self.has_temperature = np.zeros(n, np.bool_)
        self.curves = OwnCurves(n)
        self.stable_regions = StableRegions(n)

    @property
    def is_fully_listed(self) -> np.ndarray:
        """Agents whose newest record has all their lamps; bool (C,)."""
        return self.lists.is_full

    def is_running(self, rule: int, lamp: np.ndarray) -> np.ndarray:
        """Whether a rule's counters run or the rule is open; bool (n,)."""
        mask: np.ndarray = (self.flags[lamp] & self.bits.running[rule]) != 0
        return mask

    def is_open(self, rule: int, lamp: np.ndarray) -> np.ndarray:
        """Whether a rule is open; bool (n,)."""
        mask: np.ndarray = (self.flags[lamp] & self.bits.open[rule]) != 0
        return mask

    def sweeps_silent(self, lamp: np.ndarray) -> np.ndarray:
        """Sweeps since the newest good sample, 0 = the last one was; uint8 (n,).

        ``silent_sweeps`` itself counts from the second on, since most lost replies stand alone.
        """
        silent: np.ndarray = np.where(self.quality[lamp] == 0, 0, np.maximum(self.silent_sweeps[lamp], 1))
        return silent

    def marks(self) -> Marks:
        """What the flags say beside the rules."""
        bits = self.bits
        return Marks((self.flags & bits.learning) != 0, (self.flags & bits.attention) != 0)

    def set_flags(self, debounces: Sequence[Debounce], marks: Marks) -> None:
        """After a restart: set all flags from the counters of the rules, in their order, and the marks."""
        self.n_list_changes += 1  # what follows from the lists is computed anew
        bits, flags = self.bits, np.zeros_like(self.flags)
        for rule, debounce in enumerate(debounces):
            flags = put_bit(flags, bits.open[rule], debounce.is_open)
            flags = put_bit(flags, bits.running[rule], debounce.is_open | (debounce.count != 0))
        flags = put_bit(flags, bits.learning, marks.is_learning)
        self.flags[:] = put_bit(flags, bits.attention, marks.is_attended)

    def start_anew(self, lamp: np.ndarray) -> None:
        """Another lamp may hang there now: what was learned of the old one is dropped."""
        for values in (self.own_w, self.baseline_w):
            values[lamp] = np.nan
        for counts in (self.own_sum_w, self.own_samples, self.fit_samples, self.has_fitted, self.is_register_suspect):
            counts[lamp] = 0
        self.curves.start_anew(lamp)
        self.flags[lamp] |= self.bits.learning
        self.look_again(lamp)

    def look_again(self, lamp: np.ndarray) -> None:
        """Something about these lamps has changed beside their readings: their next good sample is judged."""
        self.low_w[lamp] = np.inf
        self.stable_regions.drop(lamp)
