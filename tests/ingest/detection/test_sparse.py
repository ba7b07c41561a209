"""The rows at which a mask is true, whatever their number."""

import numpy as np
import pytest

from ingest.detection.memory.sparse import positions


@pytest.mark.parametrize("share", [0, 0.001, 0.02, 0.1, 0.23, 0.5, 1])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 64, 1003, 65_536])
def test_positions_are_those_of_nonzero(n: int, share: float) -> None:
    mask = np.random.default_rng(n).random(n + 5) < share
    for part in (mask[:n], mask[5 : n + 5]):
        assert np.array_equal(positions(part), np.flatnonzero(part))
