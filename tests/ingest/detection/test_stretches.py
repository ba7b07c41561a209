"""Blocks of a sweep hold every live row once, and reach the state as plain indices would."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ingest.detection.screen.stretches import BLOCK, Run, Scattered, Strips, blocks
from ingest.model.batch import first_lamps

N_LAMPS = BLOCK + 30_000


class Records:
    """Just what ``blocks`` looks at of a batch and of a sweep."""

    def __init__(self, lamps: list[np.ndarray], is_live: list[bool] | None = None) -> None:
        self.batch = self
        self.lamp = np.concatenate([*lamps, np.zeros(0, np.int32)]).astype(np.int32)
        self.lamp_start = np.concatenate(([0], np.cumsum([len(part) for part in lamps]))).astype(np.int64)
        self.width = np.diff(self.lamp_start)
        self.first_lamp = first_lamps(self.lamp, self.lamp_start)
        self.is_live = np.array(is_live or [True] * len(lamps), np.bool_)

    def live_rows(self) -> np.ndarray:
        return np.flatnonzero(np.repeat(self.is_live, self.width) & (self.lamp >= 0))


def cabinets(width: int, numbers: Any) -> list[np.ndarray]:
    """Records of cabinets of one size, whose lamps stand in the state one cabinet after another."""
    return [np.arange(i * width, (i + 1) * width) for i in numbers]


def check(records: Records) -> list[type]:
    """Hold the blocks against plain indices; returns the kinds of lamps that they had."""
    rng = np.random.default_rng(1)
    wanted = records.live_rows()
    state = {dtype: (rng.random(N_LAMPS) * 200).astype(dtype) for dtype in ("f4", "u1", "u4", "?")}
    found = blocks(records)  # type: ignore[arg-type]  # all that it looks at
    rows = [np.arange(N_LAMPS)[rows] if isinstance(rows, slice) else rows for rows, _ in found]
    assert np.array_equal(np.concatenate([*rows, np.zeros(0, np.int64)]), wanted)
    for row, (_, lamps) in zip(rows, found, strict=True):
        lamp = records.lamp[row]
        assert len(row) <= BLOCK
        some = np.sort(rng.choice(len(row), min(50, len(row)), replace=False))
        assert np.array_equal(lamps.pick(some), lamp[some])
        for values in state.values():
            assert np.array_equal(lamps.get(values), values[lamp])
            new = rng.permutation(values[lamp])
            expected = values.copy()
            expected[lamp] = new
            lamps.put(values, new)
            assert np.array_equal(values, expected)
    return [type(lamps) for _, lamps in found]


def test_a_whole_city_in_order_is_runs() -> None:
    assert set(check(Records(cabinets(200, range(300))))) == {Run}


def test_cabinets_of_one_size_in_any_order_are_strips() -> None:
    order = np.random.default_rng(2).permutation(300)[:170]
    assert set(check(Records(cabinets(200, order)))) == {Strips}


def test_what_is_no_stretch_is_gathered_between_strips() -> None:
    rng = np.random.default_rng(3)
    odd = [rng.permutation(np.arange(20_000 + 90 * i, 20_000 + 90 * (i + 1))) for i in range(30)]
    few = [np.arange(40_000, 40_007), np.arange(40_100, 40_101), np.arange(0)]
    kinds = check(Records([*cabinets(100, rng.permutation(40)), *odd, *few, *cabinets(64, range(700, 760)), *few[:0]]))
    assert kinds == [Strips, Scattered, Strips]


def test_strangers_are_left_out() -> None:
    lamps = cabinets(200, range(50, 70))
    lamps[3] = np.where(np.arange(200) % 7 == 0, -1, lamps[3])
    assert check(Records(lamps)) == [Scattered, Strips]
    assert not check(Records([np.full(1200, -1), np.full(5, -1)]))


def test_records_that_are_not_live_are_left_out() -> None:
    records = Records(cabinets(200, range(20)), [i % 3 > 0 for i in range(20)])
    assert set(check(records)) == {Scattered}


def test_a_controller_larger_than_a_block() -> None:
    assert check(Records([np.arange(BLOCK + 5000)])) == [Run, Run]
    assert check(Records([np.arange(BLOCK + 6000, BLOCK + 6002), np.arange(BLOCK + 5000)])) == [Scattered, Run, Run]


def test_cabinets_of_many_sizes_in_order_are_runs_between_those_that_are_missing() -> None:
    ends = np.cumsum([29 + i * 97 % 185 for i in range(300)])
    lamps = [np.arange(start, end) for start, end in pairwise([0, *ends.tolist()])]
    assert check(Records(lamps)) == [Run]
    gaps = [*lamps[:40], *lamps[42:45], *lamps[50:90]]
    assert check(Records(gaps)) == [Run, Scattered, Run]
    assert set(check(Records(lamps[::-1]))) == {Scattered}


@pytest.mark.parametrize("seed", range(20))
def test_any_sweep(seed: int) -> None:
    rng = np.random.default_rng(seed)
    widths: list[int] = []
    while sum(widths) < N_LAMPS - 6000:
        widths += [int(rng.choice((1, 3, 40, 200)))] * int(rng.integers(1, 30))
    ends = np.cumsum(widths)
    lamps = [np.arange(end - width, end) for end, width in zip(ends, widths, strict=True)]
    chosen = rng.permutation(len(lamps))[: len(lamps) // 2] if seed % 2 else range(len(lamps))
    check(Records([lamps[i] for i in chosen]))


def test_first_lamps() -> None:
    parts = [[5, 6, 7], [], [3], [-1, 0], [-1, -1], [9, 8], [2, 3, 5], [0, 1]]
    records = Records([np.array(part, np.int32) for part in parts])
    assert records.first_lamp.tolist() == [5, -1, 3, -1, -1, -1, -1, 0]


def test_cabinets_without_lamp_meters_between_others_change_nothing() -> None:
    lamps = cabinets(200, range(300))
    assert set(check(Records([*lamps[:7], np.arange(0), *lamps[7:], np.arange(0)]))) == {Run}


def test_nothing() -> None:
    assert check(Records([])) == []
