"""One lamp for many where the map is too small to tell them apart; a dark one always stands for its cell."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from dashboard_api.tiles.places import GRID_BITS, Ints, Places

THINNED_TO_ZOOM: Final = 13  # from 14 on a tile is 2.4 km at the equator and holds some thousand lamps
_CELL_BITS: Final = 7  # 128 x 128 cells a tile: four pixels of a 512-pixel tile, at most 16 384 points


def thin(places: Places, index: Ints, is_dark: npt.NDArray[np.bool_], zoom: int) -> tuple[Ints, Ints]:
    """Keep one place per cell of a tile of ``zoom``.

    Args:
        places: all places.
        index: int64 (n,) those in the tile, cells side by side as ``places_in`` gives them.
        is_dark: bool (n,) whether the lamp there should be lit and is not.
        zoom: of the tile.

    Returns:
        Positions in ``index`` that stay (m,), and how many each stands for (m,). A dark lamp shows its cell.
    """
    if not len(index):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    cell = places.key[index] >> np.uint64(2 * (GRID_BITS - zoom - _CELL_BITS))
    is_first = np.empty(len(cell), bool)
    is_first[0] = True
    np.not_equal(cell[1:], cell[:-1], out=is_first[1:])
    starts = np.flatnonzero(is_first)
    count = np.diff(np.append(starts, len(cell)))
    dark = np.flatnonzero(is_dark)
    kept = starts.copy()
    # written backwards, the first dark lamp of a cell is the last one written
    kept[(np.searchsorted(starts, dark, side="right") - 1)[::-1]] = dark[::-1]
    return kept, count
