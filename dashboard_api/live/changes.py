"""Which lamps look different since an earlier live picture: what a map asks instead of loading its tiles anew."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

KEPT_PICTURES: Final = 64  # at a picture every 5 s some five minutes; of 200,000 lamps 25 MB
_KEPT_BYTES: Final = 64 << 20
MAX_CHANGED: Final = 5_000  # beyond that, the tiles themselves are the smaller answer

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Rows of lamps whose state or level differ, int64 (k,); None = too many, or the earlier picture is not known."""

    mark: str
    rows: npt.NDArray[np.int64] | None


class ChangeHistory:
    """Keeps states and levels of the last pictures; safe to call from several threads."""

    def __init__(self, kept: int = KEPT_PICTURES) -> None:
        """``kept``: how many pictures to keep at most; large ones are fewer."""
        self._kept = kept
        self._lock = threading.Lock()
        self._pictures: OrderedDict[str, tuple[Bytes, Bytes]] = OrderedDict()

    def since(self, earlier: str | None, mark: str, state: Bytes, level: Bytes) -> Changes:
        """What changed between the picture ``earlier`` and the present one.

        Args:
            earlier: the mark that an earlier call answered; None = the first call.
            mark: names the present picture.
            state: uint8 (N,) in register order; so ``level``.
            level: commanded %, 255 unknown.
        """
        with self._lock:
            known = self._pictures.get(earlier) if earlier is not None else None
            if mark not in self._pictures:
                self._pictures[mark] = (np.array(state), np.array(level))
                n_fitting = max(2, _KEPT_BYTES // max(1, 2 * len(state)))
                while len(self._pictures) > min(self._kept, n_fitting):
                    self._pictures.popitem(last=False)
        if known is None or len(known[0]) != len(state):
            return Changes(mark, None)
        rows = np.flatnonzero((known[0] != state) | (known[1] != level))
        return Changes(mark, rows if len(rows) <= MAX_CHANGED else None)
