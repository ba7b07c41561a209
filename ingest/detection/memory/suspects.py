"""What the first look at a sweep's readings finds: rows for the exact rules, and replies that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from ingest.detection.memory.stable_regions import QUANTITIES, level_and_status
from ingest.detection.rules.window import QUALITY_IMPLAUSIBLE
from ingest.model.batch import UNKNOWN_UINT32, Batch

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Float32 = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
UInt16 = npt.NDArray[np.uint16]
T = TypeVar("T")

MEASURED: Final = (*QUANTITIES, "current_a")
IMPLAUSIBLE: Final = QUALITY_IMPLAUSIBLE


@dataclass(frozen=True, slots=True)
class Suspects:
    """Rows that need more than to be kept; rows ascend.

    Attributes:
        row: int64 (n,) rows of the batch for the exact rules; lamp int64 (n,).
        is_frozen: bool (n,) V, I and P equal the newest good sample's.
        before_w: float32 (n,) power of the newest good sample; this one's where no level has changed.
        was_good: bool (n,) the lamp's sample before was good.
        is_plain: bool (n,) a good sample that tells no switch-on count.
        reported: uint16 (n,) its level and status, see ``level_and_status``.
        measured: float32 (5, n) by ``MEASURED``.
    """

    row: Int64
    lamp: Int64
    is_frozen: Bool
    before_w: Float32
    was_good: Bool
    is_plain: Bool
    reported: UInt16
    measured: Float32

    def at(self, positions: Int64) -> Suspects:
        """Those at some positions, int64 (k,)."""
        return Suspects(*(getattr(self, f.name)[..., positions] for f in fields(self)))

    def without(self, is_settled: Bool) -> Suspects:
        """The same but for some rows that need no judging, bool (n,)."""
        rest = np.flatnonzero(~is_settled)
        if not len(rest):
            return NO_SUSPECTS
        return self.at(rest) if len(rest) < len(is_settled) else self

    def with_quiet(self, batch: Batch, row: Int64, power_w: Float32) -> Suspects:
        """The same and k quiet rows of the batch: none of them was frozen.

        ``row`` int64 (k,), none of them in it yet; ``power_w`` float32 (k,) of the sample before.
        """
        n = len(row)
        quiet = Suspects(
            row,
            batch.lamp[row].astype(np.int64),
            is_frozen=np.zeros(n, np.bool_),
            before_w=power_w,
            was_good=np.ones(n, np.bool_),
            is_plain=(batch.quality[row] == 0) & (batch.switch_count[row] == UNKNOWN_UINT32),
            reported=level_and_status(batch.level[row], batch.status[row]),
            measured=np.stack([getattr(batch, name)[row] for name in MEASURED]),
        )
        both = joined([self, quiet])
        return both.at(np.argsort(both.row, kind="stable"))


@dataclass(frozen=True, slots=True)
class Replies:
    """Rows that did not answer well, and those whose lamp was away; rows ascend.

    Attributes:
        row: int64 (m,) rows of the batch; lamp int64 (m,), quality uint8 (m,).
        is_first: bool (m,) the lamp answered well the last time, and was not away.
    """

    row: Int64
    lamp: Int64
    quality: UInt8
    is_first: Bool


def joined(parts: Sequence[T]) -> T:
    """What was found in one part of a sweep after another, at least one: dataclasses of arrays (…, n)."""
    if len(parts) == 1:
        return parts[0]
    columns: Any = zip(*map(attrgetter(*(f.name for f in fields(parts[0]))), parts), strict=True)  # type: ignore[arg-type]
    return type(parts[0])(*[np.concatenate(column, axis=-1) for column in columns])


_NO: Final = np.zeros(0, np.int64)
_NO_BOOL: Final = np.zeros(0, np.bool_)
_NO_FLOAT: Final = np.zeros((len(MEASURED), 0), np.float32)
NO_SUSPECTS: Final = Suspects(_NO, _NO, _NO_BOOL, _NO_FLOAT[0], _NO_BOOL, _NO_BOOL, np.zeros(0, np.uint16), _NO_FLOAT)
NO_REPLIES: Final = Replies(_NO, _NO, np.zeros(0, np.uint8), _NO_BOOL)
