"""What meters showed beyond their lamps in the sweeps of a silence: kept for their mean, bounded, and in snapshots."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.errors import SnapshotError

Int64 = npt.NDArray[np.int64]

_GAP_S: Final = 900
_MOST_KEPT: Final = 40
_MOST_SUMS: Final = 20000
_MOST_LAMPS: Final = 4_000_000  # silent lamps in all sums that are kept
_STALE_S: Final = 3600  # before the newest: no silence goes on from there, whatever a controller's clock shows
_PREFIX: Final = "sums/"


@dataclass(frozen=True, slots=True)
class KeptSum:
    """What some meters showed in one sweep beyond their lamps if all burned.

    Attributes:
        at_s: data time; left_w the sum.
        silent: int32 (k,) lamps behind the meters that did not answer; watt float32 (k,) what each of them counts in
            ``left_w``: what was expected of it then, which may be another value in a later sweep.
    """

    at_s: int
    left_w: float
    silent: npt.NDArray[np.int32]
    watt: npt.NDArray[np.float32]

    def without_w(self, lamps: Int64) -> float:
        """What the meters showed beyond all lamps but some, int64 (m,) of this controller."""
        return self.left_w + float(self.watt[np.isin(self.silent, lamps)].sum())


class KeptSums:
    """Sums of the last sweeps, by the meters that they are of."""

    def __init__(self) -> None:
        """None is kept yet."""
        self._kept: dict[tuple[int, ...], deque[KeptSum]] = {}
        self._n_lamps = 0  # of all sums ever kept since they were last cleared

    def keep(self, key: tuple[int, ...], newest: KeptSum, onset_s: int) -> list[KeptSum]:
        """Keep what some meters show; returns that of each sweep since an onset, this one in any case.

        A sweep before the onset, or before sums that were kept, is of an agent whose clock was set back.
        """
        self._n_lamps += len(newest.silent)
        if len(self._kept) > _MOST_SUMS or self._n_lamps > _MOST_LAMPS:
            self._kept.clear()
            self._n_lamps = len(newest.silent)
        kept = self._kept.setdefault(key, deque(maxlen=_MOST_KEPT))
        if kept and newest.at_s - kept[-1].at_s > _GAP_S:
            kept.clear()
        while kept and kept[-1].at_s >= newest.at_s:  # asked again in the same sweep, of other groups; or a clock
            kept.pop()
        kept.append(newest)
        return [one for one in kept if one.at_s >= min(onset_s, newest.at_s)]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that is kept as arrays for a snapshot: lengths, and what they part, one after another."""
        newest_s = max((kept[-1].at_s for kept in self._kept.values()), default=0)
        alive = {key: kept for key, kept in sorted(self._kept.items()) if newest_s - kept[-1].at_s <= _STALE_S}
        sums = [one for kept in alive.values() for one in kept]
        arrays = {
            "n_meters": np.array([len(key) for key in alive], np.int64),
            "meter": np.array([meter for key in alive for meter in key], np.int64),
            "n_sums": np.array([len(kept) for kept in alive.values()], np.int64),
            "at_s": np.array([one.at_s for one in sums], np.int64),
            "left_w": np.array([one.left_w for one in sums], np.float64),
            "n_silent": np.array([len(one.silent) for one in sums], np.int64),
            "silent": np.concatenate([np.zeros(0, np.int32), *(one.silent for one in sums)]),
            "watt": np.concatenate([np.zeros(0, np.float32), *(one.watt for one in sums)]),
        }
        return {_PREFIX + name: values for name, values in arrays.items()}

    def restore(self, memory: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what a snapshot of the same register holds; one of before has none.

        Raises:
            SnapshotError: the arrays do not belong together.
        """
        self._kept, self._n_lamps = {}, 0
        if f"{_PREFIX}at_s" not in memory:
            return
        try:
            keys = [tuple(part.tolist()) for part in _parts(memory, "meter", "n_meters")]
            silent, watt = _parts(memory, "silent", "n_silent"), _parts(memory, "watt", "n_silent")
            at_s, left_w = memory[f"{_PREFIX}at_s"].tolist(), memory[f"{_PREFIX}left_w"].tolist()
            sums = [
                KeptSum(int(at), float(left), of.astype(np.int32), drawn.astype(np.float32))
                for at, left, of, drawn in zip(at_s, left_w, silent, watt, strict=True)
            ]
            places = _parts({f"{_PREFIX}place": np.arange(len(sums)), **memory}, "place", "n_sums")
            for key, place in zip(keys, places, strict=True):
                self._kept[key] = deque([sums[i] for i in place.tolist()], maxlen=_MOST_KEPT)
            self._n_lamps = sum(len(one.silent) for one in sums)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise SnapshotError(f"the sums of meters do not belong together: {error}") from error


def _parts(memory: Mapping[str, npt.NDArray[Any]], name: str, lengths: str) -> list[npt.NDArray[Any]]:
    """An array's parts of some lengths, which make up the whole of it.

    Raises:
        ValueError: they do not.
    """
    values, n = memory[_PREFIX + name], memory[_PREFIX + lengths]
    if n.ndim != 1 or values.ndim != 1 or (n < 0).any() or n.sum() != len(values):
        raise ValueError(name)
    return np.split(values, np.cumsum(n)[:-1]) if len(n) else []
