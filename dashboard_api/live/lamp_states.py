"""What each lamp does now, derived in this one place from the live picture, the register and the faults that stand.

Every lamp is lit, dark, off as it should be, silent (metered and unheard) or unmetered. A fault that stands counts
before all but a lamp that should be off. Pure: arrays in, arrays out, nothing about databases or HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dashboard_api.live.picture import LivePicture
from ingest.schema import live

SILENT: Final = 0
OFF: Final = live.STATE_OFF
LIT: Final = live.STATE_LIT
DARK: Final = live.STATE_DARK
UNMETERED: Final = 4
NAMES: Final = live.STATE_NAMES

LEVEL_UNKNOWN: Final = 255
# codes whose lamps are without light as long as the fault stands; contactorFailure only where it is stuck off
DARK_CODES: Final = frozenset({"lampFailure", "circuitFailure", "cableFailure", "supplyLoss", "contactorFailure"})
SILENT_CODES: Final = frozenset({"busFailure", "controllerOffline", "communicationFailure"})
COUNTED_CODES: Final = frozenset({"circuitPowerTooLow"})  # ``lamps_dark`` of their evidence: dark, known as a number

UInt8 = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class StandingFault:
    """What a fault that is not closed says about lamps.

    Attributes:
        rows: int64 (k,) register rows of the lamps that it takes with it.
        n_dark: lamps of those that are dark where only their number is known; None = all of them.
    """

    code: str
    rows: Int64
    n_dark: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Metering:
    """How the register's N lamps are metered; fixed for one register version.

    Attributes:
        is_metered: bool (N,) has a meter of its own.
        is_switched_off: bool (N,) its cabinet cuts its circuits by day: its meter is then silent.
        controller: int32 (N,) index into ``controllers``, -1 = none.
    """

    is_metered: Bool
    is_switched_off: Bool
    controller: npt.NDArray[np.int32]
    controllers: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class LampStates:
    """The lamps' states under one live picture and one list of faults, N entries in register order.

    Attributes:
        mark: names picture, register and faults: what was made under the same mark still holds.
        state: uint8 (N,) SILENT, OFF, LIT, DARK or UNMETERED.
        counted: the same for counting: of lamps known dark only as a number, so many stand as DARK.
        is_due: bool (N,) should be lit.
        level: uint8 (N,) commanded %, 255 unknown.
        picture: the live picture, None = there is none for this register.
    """

    mark: str
    state: UInt8
    counted: UInt8
    is_due: Bool
    level: UInt8
    picture: LivePicture | None

    def figures(self, rows: Int64 | slice = slice(None)) -> dict[str, Any]:
        """Numbers of lamps by state among ``rows``, ``total`` and ``lit_share``."""
        counts = np.bincount(self.counted[rows], minlength=len(NAMES))
        return figures_of(counts, is_due=bool(self.is_due[rows].any()))

    def figures_by(self, group: npt.NDArray[np.integer[Any]], n_groups: int) -> list[dict[str, Any]]:
        """``figures`` of each group; ``group`` int (N,) in [0, n_groups)."""
        cell = group.astype(np.int64) * len(NAMES) + self.counted
        counts = np.bincount(cell, minlength=n_groups * len(NAMES)).reshape(n_groups, len(NAMES))
        is_due = np.bincount(group[self.is_due], minlength=n_groups) > 0
        return [figures_of(row, is_due=bool(due)) for row, due in zip(counts, is_due, strict=True)]


def figures_of(counts: npt.NDArray[np.integer[Any]], *, is_due: bool) -> dict[str, Any]:
    """Counts by name, ``total``, and ``lit_share`` = lit / (lit + dark), None while lamps should be off."""
    figures: dict[str, Any] = {name: int(n) for name, n in zip(NAMES, counts, strict=True)}
    n_known = figures["lit"] + figures["dark"]
    share = round(figures["lit"] / n_known, 4) if n_known and is_due else None
    return {"total": int(counts.sum()), **figures, "lit_share": share}


def derive(
    mark: str, n: int, metering: Metering, picture: LivePicture | None, standing: Sequence[StandingFault]
) -> LampStates:
    """The states of N lamps; faults that name rows beyond the register must have been left out."""
    if picture is None:
        read = np.full(n, live.STATE_UNKNOWN, np.uint8)
        level = np.full(n, LEVEL_UNKNOWN, np.uint8)
        due = np.full(n, live.DUE_UNKNOWN, np.uint8)
        is_offline = np.zeros(n, np.bool_)
    else:
        read, level, due = (picture.columns[name] for name in ("state", "level", "due"))
        is_offline = _offline(metering, picture.controllers)
    is_silenced = is_offline.copy()
    _mark_rows(is_silenced, standing, SILENT_CODES)
    read = np.where(is_silenced, live.STATE_UNKNOWN, read).astype(np.uint8)
    is_due = _due(read, level, due, is_offline)
    state = np.where(read != live.STATE_UNKNOWN, read, np.where(metering.is_metered, SILENT, UNMETERED))
    # a contactor that has cut its circuit by day leaves its meters without supply: the lamps are off
    is_cut = (state == SILENT) & metering.is_switched_off & (due == live.DUE_OFF) & ~is_silenced
    state[is_cut & ~is_due] = OFF
    is_fault_dark = np.zeros(n, np.bool_)
    _mark_rows(is_fault_dark, standing, DARK_CODES)
    state[is_fault_dark & is_due] = DARK
    state = state.astype(np.uint8)
    return LampStates(mark, state, _with_numbers(state, is_due, metering.is_metered, standing), is_due, level, picture)


def _offline(metering: Metering, controllers: Mapping[str, Mapping[str, Any]]) -> Bool:
    """Lamps whose controller is known to be offline; bool (N,)."""
    gone = [not controllers.get(name, {"is_online": True})["is_online"] for name in metering.controllers]
    is_gone = np.array([*gone, False], np.bool_)  # the last one for -1: no controller
    found: Bool = is_gone[metering.controller]
    return found


def _mark_rows(mask: Bool, standing: Sequence[StandingFault], codes: frozenset[str]) -> None:
    rows = [fault.rows for fault in standing if fault.code in codes]
    if rows:
        mask[np.concatenate(rows)] = True


def _due(read: UInt8, level: UInt8, due: UInt8, is_offline: Bool) -> Bool:
    """Which lamps should be lit; bool (N,).

    A reading says it where the command is known; then ``due`` of the picture; then the command alone; then what most
    lamps of the city do. With nothing known at all, a fault is taken for one of the night: nobody is told less than
    what stands.
    """
    is_commanded = (level <= 100) & ~is_offline
    is_read_off = (read == live.STATE_OFF) & is_commanded
    is_read_on = read == live.STATE_DARK
    n_on = int(np.count_nonzero((read == live.STATE_LIT) | is_read_on))
    n_off = int(np.count_nonzero(read == live.STATE_OFF))
    should_be_on = np.where(
        due != live.DUE_UNKNOWN, due == live.DUE_LIT, np.where(is_commanded, level > 0, n_on >= n_off)
    )
    found: Bool = (should_be_on | is_read_on) & ~is_read_off
    return found


def _with_numbers(state: UInt8, is_due: Bool, is_metered: Bool, standing: Sequence[StandingFault]) -> UInt8:
    """States with the dark lamps that are known only as a number; uint8 (N,).

    Which lamps they are is not known: the first unmetered ones of the sum stand for them, then silent ones, so that no
    lamp counts twice however many faults stand on it. Smaller sums come first, and a larger one adds only what they
    and other faults have not counted.
    """
    counted = state.copy()
    numbered = [fault for fault in standing if fault.code in COUNTED_CODES and fault.n_dark]
    for fault in sorted(numbered, key=lambda fault: len(fault.rows)):
        rows = np.unique(fault.rows)
        rows = rows[is_due[rows]]
        seen = counted[rows]
        n_known = int(np.count_nonzero((seen == DARK) & (~is_metered[rows] | (state[rows] != DARK))))
        open_rows = np.concatenate([rows[seen == UNMETERED], rows[seen == SILENT]])
        counted[open_rows[: max(0, (fault.n_dark or 0) - n_known)]] = DARK
    return counted
