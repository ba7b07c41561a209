"""One lamp for many where the map is too small to tell them apart; a dark one always stands for its cell."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dashboard_api.tiles.places import GRID_BITS, Ints, Keys

THINNED_TO_ZOOM: Final = 13  # from 14 on a tile is 2.4 km at the equator and holds some thousand lamps
_CELL_BITS: Final = 7  # 128 x 128 cells a tile: four pixels of a 512-pixel tile, at most 16 384 points


def thin(key: Keys, is_dark: npt.NDArray[np.bool_], zoom: int) -> tuple[Ints, Ints]:
    """Keep one place per cell of a tile of ``zoom``.

    Args:
        key: uint64 (n,) keys of the places in the tile, cells side by side as ``stretches_in`` gives them.
        is_dark: bool (n,) whether the lamp there should be lit and is not.
        zoom: of the tile.

    Returns:
        Which of the n stay (m,), and how many each stands for (m,). A dark lamp shows its cell.
    """
    cell = key >> np.uint64(2 * (GRID_BITS - zoom - _CELL_BITS))
    starts = np.flatnonzero(cell[1:] != cell[:-1]) + 1
    starts = np.concatenate([np.zeros(min(1, len(cell)), np.int64), starts])
    count = np.diff(starts, append=len(cell))
    dark = np.flatnonzero(is_dark)
    kept = starts.copy()
    # written backwards, the first dark lamp of a cell is the last one written
    kept[(np.searchsorted(starts, dark, side="right") - 1)[::-1]] = dark[::-1]
    return kept, count
