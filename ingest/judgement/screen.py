"""The first look at every reading: keeps it, and picks the rows in which anything can be going on.

A lamp is quiet when it answers as before, at the same level and status, with no rule running on it, and with power,
voltage,
power factor and temperature inside bands in which no rule can hold (``bands``). Quiet rows need nothing
but to be kept. All others, a few in a hundred, go through the exact rules; the result is the same as if all had.

Works in blocks that fit the processor's cache (``ingest.judgement.stretches``), with masks and scratch preallocated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.batch import UNKNOWN_UINT32, Batch
from ingest.judgement.lamp_state import LampState
from ingest.judgement.limit_table import LimitTable
from ingest.judgement.stretches import BLOCK, Lamps, Rows, blocks
from ingest.judgement.sweep import Sweep

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]

IMPLAUSIBLE: Final = 4  # Lamps/Quality: the agent read values that cannot be


@dataclass(frozen=True, slots=True)
class Suspects:
    """Rows that need more than to be kept; rows ascend.

    Attributes:
        row: int64 (n,) rows of the batch for the exact rules; lamp int64 (n,).
        is_frozen: bool (n,) V, I and P equal the newest good sample's.
        before_w: float32 (n,) power of the newest good sample.
        was_good: bool (n,) the lamp's sample before was good.
        reply_row: int64 (m,) rows that did not answer well, and those whose lamp was away; reply_lamp int64 (m,),
            reply_quality uint8 (m,).
        reply_is_first: bool (m,) the lamp answered well the last time, and was not away.
    """

    row: Int64
    lamp: Int64
    is_frozen: Bool
    before_w: Float32
    was_good: Bool
    reply_row: Int64
    reply_lamp: Int64
    reply_quality: UInt8
    reply_is_first: Bool

    def without(self, is_settled: Bool) -> Suspects:
        """The same but for some rows that need no judging, bool (n,)."""
        if not is_settled.any():
            return self
        rest = np.flatnonzero(~is_settled)
        return replace(
            self,
            row=self.row[rest],
            lamp=self.lamp[rest],
            is_frozen=self.is_frozen[rest],
            before_w=self.before_w[rest],
            was_good=self.was_good[rest],
        )


_Picked = tuple[Int64, Int64, Bool, Float32, Bool, Int64, Int64, UInt8, Bool]


class Screen:
    """Scratch for one block, and the limits that are the same for every lamp."""

    def __init__(self, table: LimitTable) -> None:
        """Allocate the scratch."""
        self._low_v = np.float32(table.scalar("supply_voltage_low"))
        self._high_v = np.float32(table.scalar("supply_voltage_high"))
        self._warm_c = np.float32(table.by_technology("temperature_clear").min())
        self._most_pf = np.float32(table.scalar("impossible_power_factor"))
        self._per_ampere = np.float32(1.099 * table.scalar("supply_voltage_low"))
        self._offset_w = np.float32(self._per_ampere * table.scalar("I_start") + 1.99)
        self._lost, self._ok, self._bad, self._other = np.empty((4, BLOCK), np.bool_)
        self._watt = np.empty(BLOCK, np.float32)

    def look(self, sweep: Sweep, state: LampState) -> Suspects:
        """Keep a sweep's live readings in the state and pick what needs more."""
        batch = sweep.batch
        found = [self._block(batch, rows, lamps, state) for rows, lamps in blocks(sweep)]
        none = np.zeros(0, np.int64)
        no_bool = none.astype(np.bool_)
        empty = (none, none, no_bool, none.astype(np.float32), no_bool, none, none, none.astype(np.uint8), no_bool)
        found = found or [empty]
        picked: Any = [column[0] if len(found) == 1 else np.concatenate(column) for column in zip(*found, strict=True)]
        suspects = Suspects(*picked)
        self._count_silence(state, suspects)
        return self._force(sweep, state, suspects) if sweep.is_forced.any() else suspects

    @staticmethod
    def _count_silence(state: LampState, suspects: Suspects) -> None:
        """Count the sweeps without a good answer from the second on; the first is left out, and made good then."""
        again = np.flatnonzero(~suspects.reply_is_first)
        lamp, is_bad = suspects.reply_lamp[again], suspects.reply_quality[again] != 0
        more = np.where(state.is_away[lamp], 1, 2)
        state.silent_sweeps[lamp] = np.where(is_bad, np.minimum(state.silent_sweeps[lamp], 253) + more, 0)
        state.is_away[lamp] = is_bad

    @staticmethod
    def _force(sweep: Sweep, state: LampState, suspects: Suspects) -> Suspects:
        """Add all rows of some records; a quiet row was not frozen, and its power before was much as now."""
        batch = sweep.batch
        is_wanted = np.repeat(sweep.is_forced & sweep.is_live, np.diff(batch.lamp_start)) & (batch.lamp >= 0)
        is_wanted[suspects.row] = False
        more = np.flatnonzero(is_wanted)
        lamps = batch.lamp[more].astype(np.int64)
        order = np.argsort(np.concatenate([suspects.row, more]), kind="stable")
        return Suspects(
            np.concatenate([suspects.row, more])[order],
            np.concatenate([suspects.lamp, lamps])[order],
            np.concatenate([suspects.is_frozen, np.zeros(len(more), np.bool_)])[order],
            np.concatenate([suspects.before_w, state.power_w[lamps]])[order],
            np.concatenate([suspects.was_good, np.ones(len(more), np.bool_)])[order],
            suspects.reply_row,
            suspects.reply_lamp,
            suspects.reply_quality,
            suspects.reply_is_first,
        )

    def _block(self, batch: Batch, rows: Rows, lamps: Lamps, state: LampState) -> _Picked:
        """Column by column, each kept while it is in cache; what later looks need of the old state is kept last."""
        quality, power = batch.quality[rows], batch.power_w[rows]
        n = len(quality)
        lost, ok, bad, other = self._lost[:n], self._ok[:n], self._bad[:n], self._other[:n]
        np.not_equal(quality, 0, out=lost)
        reply, reply_lamp, reply_quality, reply_is_first = self._replies(quality, lamps, state, lost, other)
        np.greater_equal(power, lamps.get(state.low_w), out=ok)
        np.less_equal(power, lamps.get(state.high_w), out=other)
        np.logical_and(ok, other, out=ok)
        frozen = self._frozen(batch, rows, lamps, state, other)
        self._shown(batch, rows, lamps, state, ok, bad, other)
        self._statuses(batch, rows, lamps, state, bad, other)
        bad[frozen] = True
        suspect = np.less_equal(ok, bad, out=ok)  # of bools: not ok, or bad
        np.greater(suspect, lost, out=suspect)  # and not lost
        # told by the agent, whatever the meter does
        np.not_equal(batch.level[rows], lamps.get(state.level_raw), out=other)
        if other.any():
            np.logical_or(suspect, other, out=suspect)
            lamps.put(state.level_raw, batch.level[rows])
        picked = suspect.nonzero()[0]
        is_frozen = np.zeros(len(picked), np.bool_)
        if len(frozen):
            is_frozen[np.searchsorted(picked, frozen[suspect[frozen]])] = True
        lamp = lamps.pick(picked)
        before_w, was_good = state.power_w[lamp], state.quality[lamp] == 0
        # lamps that did not answer well keep the power and status that they told
        deaf = reply_lamp[reply_quality != 0]
        for values, new in ((state.power_w, power), (state.status, batch.status[rows])):
            before = values[deaf]
            lamps.put(values, new)
            values[deaf] = before
        lamps.put(state.quality, quality)
        return (
            *(_pick(rows, picked), lamp, is_frozen, before_w, was_good),
            *(_pick(rows, reply), reply_lamp, reply_quality, reply_is_first),
        )

    @staticmethod
    def _replies(
        quality: UInt8, lamps: Lamps, state: LampState, lost: Bool, other: Bool
    ) -> tuple[Int64, Int64, UInt8, Bool]:
        """Positions, lamps and qualities of the replies that count, and which of them are the first to be lost."""
        np.logical_or(lost, lamps.get(state.is_away), out=other)
        reply = other.nonzero()[0]
        lamp = lamps.pick(reply)
        return reply, lamp, quality[reply], (state.quality[lamp] == 0) & ~state.is_away[lamp]

    @staticmethod
    def _frozen(  # one block: its columns, its state, its scratch
        batch: Batch, rows: Rows, lamps: Lamps, state: LampState, other: Bool
    ) -> Int64:
        """Positions in the block where V, I and P are the same as before, to the last digit.

        The voltage first: a regulated driver draws the same power for hours.
        """
        np.equal(batch.voltage_v[rows], lamps.get(state.voltage_v), out=other)
        same = other.nonzero()[0]
        if len(same):
            row, lamp = _pick(rows, same), lamps.pick(same)
            is_same = batch.power_w[row] == state.power_w[lamp]
            same = same[is_same & (batch.current_a[row] == state.current_a[lamp])]
        return same

    def _shown(  # as above
        self, batch: Batch, rows: Rows, lamps: Lamps, state: LampState, ok: Bool, bad: Bool, other: Bool
    ) -> None:
        """What is outside the limits, impossible, or unknown where a limit needs a value; all four are kept."""
        voltage, current, factor = batch.voltage_v[rows], batch.current_a[rows], batch.power_factor[rows]
        temperature = batch.temperature_c[rows]
        np.greater_equal(voltage, self._low_v, out=other)
        np.logical_and(ok, other, out=ok)
        np.less_equal(voltage, self._high_v, out=other)
        np.logical_and(ok, other, out=ok)
        lamps.put(state.voltage_v, voltage)
        watt = self._watt[: len(current)]  # meter_failure.is_impossible at the lowest voltage that is no suspect anyway
        np.multiply(current, self._per_ampere, out=watt)
        np.add(watt, self._offset_w, out=watt)
        np.greater(batch.power_w[rows], watt, out=bad)
        lamps.put(state.current_a, current)
        np.less(factor, lamps.get(state.least_pf), out=other)
        np.logical_or(bad, other, out=bad)
        np.greater(factor, self._most_pf, out=other)
        np.logical_or(bad, other, out=bad)
        lamps.put(state.power_factor, factor)
        np.greater_equal(temperature, self._warm_c, out=other)
        np.logical_or(bad, other, out=bad)
        lamps.put(state.temperature_c, temperature)

    @staticmethod
    def _statuses(  # as above
        batch: Batch, rows: Rows, lamps: Lamps, state: LampState, bad: Bool, other: Bool
    ) -> None:
        """Another status than before; a switch-on count that moved."""
        np.not_equal(batch.status[rows], lamps.get(state.status), out=other)
        np.logical_or(bad, other, out=bad)
        counts = batch.switch_count[rows]
        if counts.min(initial=UNKNOWN_UINT32) != UNKNOWN_UINT32:  # a slow quantity: most sweeps leave it out
            np.not_equal(counts, lamps.get(state.switch_count), out=other)
            np.logical_and(other, counts != UNKNOWN_UINT32, out=other)
            np.logical_or(bad, other, out=bad)


def _pick(whole: Rows, positions: Int64) -> Int64:
    return positions + whole.start if isinstance(whole, slice) else whole[positions]
