"""The first look at every reading: keeps it, and picks the rows in which anything can be going on.

A lamp is quiet when it answers as before, at the same level and status, with no rule running on it, and with power,
voltage,
power factor and temperature inside bands in which no rule can hold (``own_power.set_bands``). Quiet rows need nothing
but to be kept. All others, a few in a hundred, go through the exact rules; the result is the same as if all had.

Works in blocks that fit the processor's cache (``ingest.judgement.stretches``), with masks and scratch preallocated.
"""

from __future__ import annotations

from dataclasses import dataclass
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
_KEPT: Final = ("power_w", "status")  # by a lamp that does not answer
_SHOWN: Final = ("voltage_v", "current_a", "power_factor", "temperature_c")


@dataclass(frozen=True, slots=True)
class Suspects:
    """Rows that need more than to be kept; rows ascend.

    Attributes:
        row: int64 (n,) rows of the batch for the exact rules; lamp int64 (n,).
        is_frozen: bool (n,) V, I and P equal the newest good sample's.
        before_w: float32 (n,) power of the newest good sample.
        reply_row: int64 (m,) rows that did not answer well, now or the last time; reply_lamp int64 (m,), reply_quality
            uint8 (m,).
    """

    row: Int64
    lamp: Int64
    is_frozen: Bool
    before_w: Float32
    reply_row: Int64
    reply_lamp: Int64
    reply_quality: UInt8


_Picked = tuple[Int64, Int64, Bool, Float32, Int64, Int64, UInt8]


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
        self._suspect = np.empty(BLOCK, np.bool_)
        self._other = np.empty(BLOCK, np.bool_)
        self._byte = np.empty(BLOCK, np.uint8)
        self._watt = np.empty(BLOCK, np.float32)

    def look(self, sweep: Sweep, state: LampState) -> Suspects:
        """Keep a sweep's live readings in the state and pick what needs more."""
        batch = sweep.batch
        found = [self._block(batch, rows, lamps, state) for rows, lamps in blocks(sweep)]
        none = np.zeros(0, np.int64)
        empty = (none, none, none.astype(np.bool_), none.astype(np.float32), none, none, none.astype(np.uint8))
        found = found or [empty]
        picked: Any = [column[0] if len(found) == 1 else np.concatenate(column) for column in zip(*found, strict=True)]
        suspects = Suspects(*picked)
        silent_sweeps = np.minimum(state.silent_sweeps[suspects.reply_lamp], 254) + 1
        state.silent_sweeps[suspects.reply_lamp] = np.where(suspects.reply_quality != 0, silent_sweeps, 0)
        return self._force(sweep, state, suspects) if sweep.is_forced.any() else suspects

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
            suspects.reply_row,
            suspects.reply_lamp,
            suspects.reply_quality,
        )

    def _block(self, batch: Batch, rows: Rows, lamps: Lamps, state: LampState) -> _Picked:
        quality = batch.quality[rows]
        suspect, other = self._suspect[: len(quality)], self._other[: len(quality)]
        self._bands(batch, rows, lamps, state, suspect, other)
        frozen = self._frozen(batch, rows, lamps, state, suspect, other)
        self._statuses(batch, rows, lamps, state, suspect, other)
        byte = self._byte[: len(quality)]
        np.equal(quality, 0, out=other)
        np.logical_and(suspect, other, out=suspect)
        # told by the agent, whatever the meter does
        np.not_equal(batch.level[rows], lamps.get(state.level_raw), out=other)
        np.logical_or(suspect, other, out=suspect)
        picked = suspect.nonzero()[0]
        is_frozen = np.zeros(len(picked), np.bool_)
        if len(frozen):
            is_frozen[np.searchsorted(picked, frozen[suspect[frozen]])] = True
        before_w = state.power_w[lamps.pick(picked)]
        np.bitwise_or(quality, lamps.get(state.quality), out=byte)
        np.not_equal(byte, 0, out=other)
        reply = other.nonzero()[0]
        reply_lamp, reply_quality = lamps.pick(reply), quality[reply]
        self._keep(batch, rows, lamps, state, quality, reply_lamp[reply_quality != 0])
        return (
            *(_pick(rows, picked), lamps.pick(picked), is_frozen, before_w),
            *(_pick(rows, reply), reply_lamp, reply_quality),
        )

    def _bands(  # one block: its columns, its state, its scratch
        self, batch: Batch, rows: Rows, lamps: Lamps, state: LampState, suspect: Bool, other: Bool
    ) -> None:
        """Outside the bands, impossible, or unknown where a band needs a value."""
        power, voltage, current = batch.power_w[rows], batch.voltage_v[rows], batch.current_a[rows]
        factor = batch.power_factor[rows]
        np.greater_equal(power, lamps.get(state.low_w), out=suspect)
        np.less_equal(power, lamps.get(state.high_w), out=other)
        np.logical_and(suspect, other, out=suspect)
        np.greater_equal(voltage, self._low_v, out=other)
        np.logical_and(suspect, other, out=suspect)
        np.less_equal(voltage, self._high_v, out=other)
        np.logical_and(suspect, other, out=suspect)
        np.logical_not(suspect, out=suspect)
        np.less(factor, lamps.get(state.least_pf), out=other)
        np.logical_or(suspect, other, out=suspect)
        np.greater(factor, self._most_pf, out=other)
        np.logical_or(suspect, other, out=suspect)
        np.greater_equal(batch.temperature_c[rows], self._warm_c, out=other)
        np.logical_or(suspect, other, out=suspect)
        watt = self._watt[: len(power)]  # meter_failure.is_impossible at the lowest voltage that is no suspect anyway
        np.multiply(current, self._per_ampere, out=watt)
        np.add(watt, self._offset_w, out=watt)
        np.greater(power, watt, out=other)
        np.logical_or(suspect, other, out=suspect)

    @staticmethod
    def _frozen(  # as above
        batch: Batch, rows: Rows, lamps: Lamps, state: LampState, suspect: Bool, other: Bool
    ) -> Int64:
        """Positions in the block where V, I and P are the same as before, to the last digit."""
        np.equal(batch.power_w[rows], lamps.get(state.power_w), out=other)
        same = other.nonzero()[0]
        if len(same):
            row, lamp = _pick(rows, same), lamps.pick(same)
            is_same = batch.voltage_v[row] == state.voltage_v[lamp]
            same = same[is_same & (batch.current_a[row] == state.current_a[lamp])]
            suspect[same] = True
        return same

    def _statuses(  # as above
        self, batch: Batch, rows: Rows, lamps: Lamps, state: LampState, suspect: Bool, other: Bool
    ) -> None:
        """Another status than before; a switch-on count that moved."""
        np.not_equal(batch.status[rows], lamps.get(state.status), out=other)
        np.logical_or(suspect, other, out=suspect)
        counts = batch.switch_count[rows]
        if counts.min(initial=UNKNOWN_UINT32) != UNKNOWN_UINT32:  # a slow quantity: most sweeps leave it out
            np.not_equal(counts, lamps.get(state.switch_count), out=other)
            np.logical_and(other, counts != UNKNOWN_UINT32, out=other)
            np.logical_or(suspect, other, out=suspect)

    @staticmethod
    def _keep(  # as above
        batch: Batch, rows: Rows, lamps: Lamps, state: LampState, quality: UInt8, deaf: Int64
    ) -> None:
        """Store the block; lamps that did not answer well, int64 (k,), keep the power and status that they told."""
        for name in _KEPT:
            values = getattr(state, name)
            before = values[deaf]
            lamps.put(values, getattr(batch, name)[rows])
            values[deaf] = before
        for name in _SHOWN:
            lamps.put(getattr(state, name), getattr(batch, name)[rows])
        lamps.put(state.quality, quality)
        lamps.put(state.level_raw, batch.level[rows])


def _pick(whole: Rows, positions: Int64) -> Int64:
    return positions + whole.start if isinstance(whole, slice) else whole[positions]
