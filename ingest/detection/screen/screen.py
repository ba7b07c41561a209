"""The first look at every reading: keeps it, and picks the rows in which anything can be going on.

A lamp is quiet when it answers as before, at the same level and status, with no rule running on it, and with power,
voltage, power factor and temperature inside bands in which no rule can hold (``bands``). Quiet rows need nothing but to
be kept. All others, a few in a hundred, go through the exact rules; the result is the same as if all had.

Works in blocks that fit the processor's cache (``ingest.detection.screen.stretches``), with masks allocated once.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.detection.lamp.bands import Bands
from ingest.detection.lamp.sample import COLDEST_C, is_temperature
from ingest.detection.memory.known_levels import KnownLevels
from ingest.detection.memory.lamp_state import LampState
from ingest.detection.memory.limit_table import LimitTable
from ingest.detection.memory.sparse import positions
from ingest.detection.memory.stable_regions import level_and_status
from ingest.detection.memory.suspects import NO_REPLIES, NO_SUSPECTS, Replies, Suspects, joined
from ingest.detection.memory.sweep import Sweep, pick
from ingest.detection.screen.columns import Columns
from ingest.detection.screen.stretches import BLOCK, LampPlaces, blocks
from ingest.model.batch import UNKNOWN_UINT32
from ingest.model.fleet import Fleet

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
UInt32 = npt.NDArray[np.uint32]

_GOOD: Final = np.zeros((), np.uint8)  # as an array: numpy takes longer to find out what a number is
_COLDEST_C: Final = np.array(COLDEST_C, np.float32)
_MANY: Final = 32  # one lamp in so many is few: looked at by itself
_FULL: Final = 100  # %; what is reported beyond it is unknown
_NOT_TOLD: Final = np.array(UNKNOWN_UINT32, np.uint32)


class Screen:
    """Scratch for one block, and the limits that are the same for every lamp."""

    def __init__(self, fleet: Fleet, table: LimitTable, bands: Bands) -> None:
        """Allocate the scratch."""
        self._least_pf = bands.strictest_pf
        self.known_levels = KnownLevels(fleet)
        self._low_v = _alone(table.scalar("supply_voltage_low"))
        self._high_v = _alone(min(table.scalar("supply_voltage_high"), bands.most_v))
        self._warm_c = _alone(bands.below_c)
        self._most_pf = _alone(bands.most_pf)
        self._per_ampere = [(_alone(w_per_a), _alone(offset_w)) for w_per_a, offset_w in bands.per_ampere]
        self._most_a = _alone(bands.most_a)
        self._lost, self._ok, self._bad, self._other, self._reported = np.empty((5, BLOCK), np.bool_)
        self._watt, self._before = np.empty((2, BLOCK), np.float32)
        self._common_pf: Float32 | None = None  # of the sweep at hand
        self._are_temperatures_known = False  # of nearly all lamps, before the sweep at hand
        self._unreported: Int64 | None = None  # lamps without a temperature up to the last sweep; None = not counted

    def forget(self) -> None:
        """The lamp state was replaced: nothing that was noted of it holds any more."""
        self.known_levels.forget()
        self._unreported = None

    def look(self, sweep: Sweep, state: LampState) -> tuple[Suspects, Replies]:
        """Keep a sweep's live readings in the state and pick what needs more.

        Readings of bad quality hold no values: ``ingest.model.good_values`` has seen to it where the batch was made.
        """
        batch = sweep.batch
        is_forced = bool(sweep.is_forced.any())
        before_w = state.power_w.copy() if is_forced else state.power_w
        self._common_pf = self._common_least_pf(sweep)
        unreported = self._without_temperature(state)
        self._are_temperatures_known = _MANY * len(unreported) < len(state.has_temperature)
        self._unreported = unreported if self._are_temperatures_known else None
        whole, is_known = self.known_levels.look(sweep)
        found = [
            self._pick(Columns.of(batch, *where), state, is_forced=is_forced, is_known=is_known)
            for where in blocks(sweep)
        ]
        if not is_known:
            self.known_levels.keep(sweep, whole)
        if self._are_temperatures_known and len(unreported):
            is_reported = is_temperature(state.temperature_c.take(unreported)) & (
                state.quality.take(unreported) == _GOOD
            )
            state.has_temperature[unreported[is_reported]] = True
        if not found:
            return NO_SUSPECTS, NO_REPLIES
        suspects, replies = joined([some for some, _ in found]), joined([some for _, some in found])
        self._count_silence(state, replies)
        if is_forced:
            is_wanted = np.repeat(sweep.is_forced & sweep.is_live, sweep.width) & (batch.lamp >= 0)
            is_wanted[suspects.row] = False
            row = np.flatnonzero(is_wanted)
            suspects = suspects.with_quiet(batch, row, before_w[batch.lamp[row]])
        return suspects, replies

    def _without_temperature(self, state: LampState) -> Int64:
        """Lamps that have never reported a temperature. Their number only falls; few are counted alone."""
        if self._unreported is None:
            return positions(~state.has_temperature)
        return self._unreported[~state.has_temperature.take(self._unreported)]

    def _common_least_pf(self, sweep: Sweep) -> Float32 | None:
        """The least power factor of a city whose lamps all have the same one, since they are at one level; else None.

        Where technologies differ it is the strictest: the exact rules know better.
        """
        low, high = int(sweep.level_low.min()), int(sweep.level_high.max())
        if high > _FULL or self._least_pf[low] != self._least_pf[high]:
            return None
        return _alone(self._least_pf[low])

    @staticmethod
    def _count_silence(state: LampState, replies: Replies) -> None:
        """Count the sweeps without a good answer from the second on; the first is left out, and made good then."""
        again = positions(~replies.is_first)
        lamp, is_bad = replies.lamp[again], replies.quality[again] != _GOOD
        more = np.where(state.is_away[lamp], 1, 2)
        state.silent_sweeps[lamp] = np.where(is_bad, np.minimum(state.silent_sweeps[lamp], 253) + more, 0)
        state.is_away[lamp] = is_bad

    def _pick(self, block: Columns, state: LampState, *, is_forced: bool, is_known: bool) -> tuple[Suspects, Replies]:
        """Column by column.

        Each is kept as soon as nobody needs the old one, and looked at then: copying brings it into the cache in half
        the time that comparing would take.
        """
        lamps, n = block.lamps, len(block.quality)
        lost, ok, bad, other, reported = (
            self._lost[:n],
            self._ok[:n],
            self._bad[:n],
            self._other[:n],
            self._reported[:n],
        )
        np.not_equal(block.quality, _GOOD, out=lost)
        replies = self._replies(block, state, lost, other)
        deaf = replies.lamp[replies.quality != _GOOD]
        before, is_reported = None, False
        if not is_known:
            np.not_equal(block.level, lamps.get(state.level_raw), out=reported)
            is_reported = bool(reported.any())
        if is_reported:
            lamps.put(state.level_raw, block.level)
        if is_reported or is_forced:
            before = self._before[:n]
            before[:] = lamps.get(state.power_w)
        frozen = self._frozen(block, state, other)
        _put_but(lamps, state.power_w, block.power, deaf)
        self._powers(block, state, ok, bad, other)
        self._shown(block, state, ok, bad, other)
        if not self._are_temperatures_known:
            self._note_temperatures(block, state, lost, other)
        self._statuses(block, state, bad, other)
        _put_but(lamps, state.status, block.status, deaf)
        bad[frozen] = True
        suspect = np.less_equal(ok, bad, out=ok)  # of bools: not ok, or bad
        np.greater(suspect, lost, out=suspect)  # and not lost
        if is_reported:  # by the agent, whatever the meter does
            np.logical_or(suspect, reported, out=suspect)
        at = suspect.nonzero()[0]
        is_frozen = np.zeros(len(at), np.bool_)
        if len(frozen):
            is_frozen[np.searchsorted(at, frozen[suspect[frozen]])] = True
        lamp = lamps.pick(at)
        measured = (block.power, block.factor, block.temperature, block.voltage, block.current)
        suspects = Suspects(
            row=pick(block.rows, at),
            lamp=lamp,
            is_frozen=is_frozen,
            before_w=(block.power if before is None else before).take(at),
            was_good=state.quality.take(lamp) == _GOOD,
            is_plain=np.greater(block.counts.take(at) == _NOT_TOLD, lost.take(at)),
            reported=level_and_status(block.level.take(at), block.status.take(at)),
            measured=np.array([column.take(at) for column in measured]),
        )
        lamps.put(state.quality, block.quality)
        return suspects, replies

    @staticmethod
    def _replies(block: Columns, state: LampState, lost: Bool, other: Bool) -> Replies:
        np.logical_or(lost, block.lamps.get(state.is_away), out=other)
        at = positions(other)
        lamp = block.lamps.pick(at)
        was_good = state.quality.take(lamp) == _GOOD
        return Replies(
            row=pick(block.rows, at),
            lamp=lamp,
            quality=block.quality.take(at),
            is_first=np.greater(was_good, state.is_away.take(lamp)),
        )

    @staticmethod
    def _frozen(block: Columns, state: LampState, other: Bool) -> Int64:
        """Positions in the block where V, I and P are the same as before, to the last digit.

        The voltage first: a regulated driver draws the same power for hours.
        """
        np.equal(block.voltage, block.lamps.get(state.voltage_v), out=other)
        same = other.nonzero()[0]
        if len(same):
            lamp = block.lamps.pick(same)
            is_same = block.power[same] == state.power_w[lamp]
            same = same[is_same & (block.current[same] == state.current_a[lamp])]
        return same

    def _powers(self, block: Columns, state: LampState, ok: Bool, bad: Bool, other: Bool) -> None:
        """What is within its lamp's band (``ok``), and what the current does not allow (``bad``)."""
        power, lamps = block.power, block.lamps
        np.greater_equal(power, lamps.get(state.low_w), out=ok)
        np.less_equal(power, lamps.get(state.high_w), out=other)
        np.logical_and(ok, other, out=ok)
        lamps.put(state.current_a, block.current)
        watt = self._watt[: len(power)]
        if not self._per_ampere:
            bad[:] = False
        for i, (w_per_a, offset_w) in enumerate(self._per_ampere):
            np.multiply(block.current, w_per_a, out=watt)
            np.add(watt, offset_w, out=watt)
            np.greater(power, watt, out=other if i else bad)
            if i:
                np.logical_or(bad, other, out=bad)
        if np.fmax.reduce(block.current) > self._most_a:  # no meter's, and of a few at most
            np.greater(block.current, self._most_a, out=other)
            np.logical_or(bad, other, out=bad)

    def _shown(self, block: Columns, state: LampState, ok: Bool, bad: Bool, other: Bool) -> None:
        """What is outside the limits, or unknown where a limit needs a value."""
        voltage, factor, lamps = block.voltage, block.factor, block.lamps
        lamps.put(state.voltage_v, voltage)
        np.greater_equal(voltage, self._low_v, out=other)
        np.logical_and(ok, other, out=ok)
        np.less_equal(voltage, self._high_v, out=other)
        np.logical_and(ok, other, out=ok)
        lamps.put(state.power_factor, factor)
        np.less(factor, lamps.get(state.least_pf) if self._common_pf is None else self._common_pf, out=other)
        np.logical_or(bad, other, out=bad)
        np.greater(factor, self._most_pf, out=other)
        np.logical_or(bad, other, out=bad)
        lamps.put(state.temperature_c, block.temperature)
        np.greater_equal(block.temperature, self._warm_c, out=other)
        np.logical_or(bad, other, out=bad)

    @staticmethod
    def _note_temperatures(block: Columns, state: LampState, lost: Bool, other: Bool) -> None:
        """Whoever tells a temperature for the first time, in a good sample, has one."""
        np.greater(block.temperature, _COLDEST_C, out=other)
        if not other.any():  # a slow quantity: most sweeps leave it out
            return
        np.logical_or(block.lamps.get(state.has_temperature), lost, out=other)
        np.logical_not(other, out=other)
        np.logical_and(other, is_temperature(block.temperature), out=other)
        state.has_temperature[block.lamps.pick(other.nonzero()[0])] = True

    @staticmethod
    def _statuses(block: Columns, state: LampState, bad: Bool, other: Bool) -> None:
        """Another status than before; a switch-on count that moved."""
        np.not_equal(block.status, block.lamps.get(state.status), out=other)
        np.logical_or(bad, other, out=bad)
        counts = block.counts
        if np.minimum.reduce(counts) != UNKNOWN_UINT32:  # a slow quantity: most sweeps leave it out
            np.not_equal(counts, block.lamps.get(state.switch_count), out=other)
            np.logical_and(other, counts != _NOT_TOLD, out=other)
            np.logical_or(bad, other, out=bad)


def _put_but(lamps: LampPlaces, values: npt.NDArray[Any], new: npt.NDArray[Any], kept: Int64) -> None:
    """Set a state array's values of a block's lamps; some lamps of it, int64 (k,), keep theirs."""
    before = values.take(kept)
    lamps.put(values, new)
    values[kept] = before


def _alone(value: float | np.float32) -> Float32:
    """A number as an array: float32 ()."""
    return np.array(value, np.float32)
