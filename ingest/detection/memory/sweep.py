"""The live part of a batch, made ready for judging: sane times, and what each record says of its cabinet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.detection.rules.window import STATUS_RELAY_CLOSED
from ingest.model.batch import LEVEL_UNKNOWN, Batch

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
UInt8 = npt.NDArray[np.uint8]
Places = slice | Int64  # in an array, ascending: what a slice takes is a view


def places(numbers: npt.NDArray[np.int32]) -> Places:
    """Indices, as a slice where each follows the one before: a stretch is taken in a tenth of the time."""
    n = len(numbers)
    if n and 0 <= int(numbers[0]) == int(numbers[-1]) - n + 1 and bool((numbers[1:] == numbers[:-1] + 1).all()):
        return slice(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers.astype(np.int64)


def pick(whole: Places, positions: Int64) -> Int64:
    """Some of the indices: int64 (n,) at ``positions`` (n,)."""
    return positions + (whole.start or 0) if isinstance(whole, slice) else whole[positions]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Per record of the batch (R,), historical ones included but not ``is_live``.

    Attributes:
        width: int64 (R,) lamp rows; even_width is that of all, or 0 where they differ.
        controller: int64 (R,) or a slice: where each record's controller stands in arrays over all of them.
        live: the live records, int64 or a slice; live_controller their controllers, none of them twice.
        at_s: int64 (R,) data time, or "now" where the agent's clock is far off.
        dt_s: int64 (R,) since the controller's record before, capped: what a gap hid proves nothing.
        fallback_level: uint8 (R,) commanded % where the agent cannot tell; ``step_s`` since when.
        guard_s: int64 (R,) last switching of the cabinet (contactor; schedule where that is all there is).
        level_low: uint8 (R,) lowest level that the record tells, 255 = none or no lamps; level_high the highest raw
            one.
        has_cabinet_voltage: bool (R,) the record tells a voltage of any phase; has_cabinet_power likewise.
        is_forced: bool (R,) the command of lamps may have changed without a level that tells it: look at every row.
        is_after_gap: bool (R,) live, and the controller's record before is longer ago than its interval explains;
            has_missed_step: the schedule's present step began in between.
        is_supply_gone: bool (R,) the cabinet has no supply at all: its contact says so, or every phase that it has is
            dead; is_dipped that, or some live phase is so low that discharge lamps may go out.
        dead_phases: bool (3, R) phases that are dead while the supply is not gone as a whole; has_dead_phase (R,).
        is_ending: bool (R,) only the schedule says what lamps should do, and its step is about to end: a photocell, or
            an agent whose clock is ahead, may have gone on already; or it is twilight, in which each cell has its time.
        is_switching: bool (R,) the same, and lamps that do not dim are switched by it, too.
    """

    batch: Batch
    width: Int64
    even_width: int
    controller: Places
    is_live: Bool
    live: Places
    live_controller: Places
    at_s: Int64
    dt_s: Int64
    fallback_level: UInt8
    step_s: Int64
    guard_s: Int64
    level_low: UInt8
    level_high: UInt8
    has_cabinet_voltage: Bool
    has_cabinet_power: Bool
    is_forced: Bool
    is_after_gap: Bool
    has_missed_step: Bool
    is_ending: Bool
    is_switching: Bool
    is_supply_gone: Bool
    is_dipped: Bool
    dead_phases: Bool
    has_dead_phase: Bool

    def is_cut(self, is_on: Bool) -> Bool:
        """Cabinets that are dipped, have a dead phase, or are open while commanded on (``is_on``); bool (R,)."""
        cut: Bool = self.is_dipped | self.has_dead_phase | (np.equal(self.batch.is_contactor_closed, 0) & is_on)
        return cut

    def record_of(self, row: Int64) -> Int64:
        """Record that each lamp row belongs to; ``row`` ascending."""
        if self.even_width:  # searching for every edge costs as much as a thousand rows
            record: Int64 = row // self.even_width
            return record
        n_of_record = np.diff(np.searchsorted(row, self.batch.lamp_start))
        return np.repeat(np.arange(len(n_of_record)), n_of_record)

    def is_relay_reported(self, record: Int64) -> Bool:
        """Of n rows' records, ascending, those in which some node says that its relay is closed; bool (n,)."""
        asked = record[np.flatnonzero(np.diff(record, prepend=-1))]
        reported = np.zeros(self.batch.n_records, np.bool_)
        reported[asked] = (_reduce(np.bitwise_or, self.batch.status, self.batch, asked) & STATUS_RELAY_CLOSED) != 0
        found: Bool = reported[record]
        return found

    def has_lamps(self, record: int, own: Int64) -> Bool:
        """Which of a controller's lamps, int64 (n,) one after another, are in its record; bool (n,)."""
        batch, first = self.batch, int(own[0])
        rows = slice(int(batch.lamp_start[record]), int(batch.lamp_start[record + 1]))
        if int(batch.first_lamp[record]) == first and rows.stop - rows.start == len(own):  # all, as in most records
            return np.ones(len(own), np.bool_)
        has = np.zeros(len(own), np.bool_)
        place = batch.lamp[rows].astype(np.int64) - first
        has[place[(place >= 0) & (place < len(own))]] = True
        return has

    def fed_circuits(self, record: int, no_voltage: float) -> Int64:
        """Circuits whose meter answers in a record and sees at least so many volts; int64 (k,)."""
        batch = self.batch
        rows = slice(int(batch.circuit_start[record]), int(batch.circuit_start[record + 1]))
        return batch.circuit[rows][batch.circuit_voltage_v[rows] >= no_voltage].astype(np.int64)

    def live_rows(self) -> Int64:
        """Lamp rows of live records whose lamp the register holds; int64."""
        is_wanted = self.batch.lamp >= 0
        if not self.is_live.all():
            is_wanted = is_wanted & np.repeat(self.is_live, self.width)
        return np.flatnonzero(is_wanted)


def is_any_reported(phases: npt.NDArray[np.float32]) -> Bool:
    """Records (R, 3) of which any phase is known; bool (R,). By columns: numpy takes long to reduce rows of three."""
    first, second, third = np.isfinite(phases).T
    reported: Bool = first | second | third
    return reported


def even(width: Int64) -> int:
    """The width that all of R records, at least one, have: int64 (R,) to a number, 0 where they differ."""
    return int(width[0]) if (width == width[0]).all() else 0


def level_range(batch: Batch, width: Int64) -> tuple[UInt8, UInt8]:
    """The lowest and the highest level that each record carries; uint8 (R,), 255 and 0 where it has no lamps.

    Most records carry one level, which its first lamp tells: only where levels differ are all of them looked at.
    """
    level, start = batch.level, batch.lamp_start
    n = batch.n_records
    is_filled = width > 0
    if not len(level):
        return np.full(n, LEVEL_UNKNOWN, np.uint8), np.zeros(n, np.uint8)
    if (most := level.max()) == level.min():
        return np.where(is_filled, most, np.uint8(LEVEL_UNKNOWN)), np.where(is_filled, most, np.uint8(0))
    low, high = np.full(n, LEVEL_UNKNOWN, np.uint8), np.zeros(n, np.uint8)
    filled = np.flatnonzero(is_filled)
    low[filled] = high[filled] = level[start[filled]]
    changes = np.flatnonzero(level[1:] != level[:-1]) + 1
    mixed = np.flatnonzero(np.searchsorted(changes, start[1:]) > np.searchsorted(changes, start[:-1], side="right"))
    if len(mixed):
        low[mixed] = _reduce(np.minimum, level, batch, mixed)
        high[mixed] = _reduce(np.maximum, level, batch, mixed)
    return low, high


def _reduce(ufunc: np.ufunc, values: UInt8, batch: Batch, records: Int64) -> UInt8:
    """One value from the rows of each of some records, ascending and none without rows; uint8 (k,)."""
    edges = np.stack([batch.lamp_start[records], batch.lamp_start[records + 1]], axis=1).reshape(-1)
    reduced: UInt8 = ufunc.reduceat(values, edges[:-1] if edges[-1] == len(values) else edges)[::2]
    return reduced
