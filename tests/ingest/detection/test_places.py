"""Where a sweep's controllers stand: as a slice or as indices, with the same verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingest.detection.memory.sweep import pick, places
from ingest.model.batch import Batch
from ingest.model.block import Block, take_records
from ingest.model.id_directory import Directory


@pytest.mark.parametrize("numbers", [[3, 4, 5], [0], [0, 1, 3, 4], [2, 1, 0], [4, 5, 5, 7], [-1, 0, 1], [1, 0, 2], []])
def test_places_and_picks_are_the_numbers(numbers: list[int]) -> None:
    place = places(np.array(numbers, np.int32))
    assert isinstance(place, slice) == (numbers in ([3, 4, 5], [0]))
    assert np.arange(10)[place].tolist() == [number % 10 for number in numbers]
    some = np.arange(0, len(numbers), 2)
    assert pick(place, some).tolist() == numbers[::2]
    assert pick(slice(None), some).tolist() == some.tolist()


def events(town: Any, step: int) -> None:
    """A night in which every kind of cabinet fault comes and goes."""
    town.is_supplied[2] = not 5 <= step < 9
    town.phase_v[0, 1] = 0.0 if 12 <= step < 18 else np.nan
    town.is_door_open[1] = 3 <= step < 7
    town.factor[3] = 0.0 if step < 40 else 1.0
    town.is_silent[town.index(3, 0, 2) : town.index(3, 0, 5)] = 10 <= step < 30
    town.level = 0 if 45 <= step < 60 else 100


def play(kit: Any, order: list[int] | None, *, with_history: bool = False) -> list[list[str]]:
    """What each sweep of the night told, its records in register order or in another one."""
    town = kit.Town(n_cabinets=4, switching="unknown")
    sweep, told = town.sweep, []

    def in_order(controllers: list[int] | None) -> Batch:
        batch = sweep(controllers)
        if with_history:
            batch.is_historical[1] = town.now_us // kit.MINUTE_US % 7 == 0
        if order is None:
            return batch
        block = Block(batch, Directory(town.fleet), batch.lamp, batch.circuit)
        return take_records(block, np.array(order)).batch

    town.sweep = in_order
    for step in range(90):
        events(town, step)
        told.append(sorted(map(repr, town.play(1))))
    return told


@pytest.mark.parametrize("with_history", [False, True])
def test_records_in_any_order_tell_the_same(kit: Any, with_history: bool) -> None:
    in_register_order = play(kit, None, with_history=with_history)
    codes = "".join(line for lines in in_register_order for line in lines)
    for code in ("supplyLoss", "cabinetDoorOpen", "lampFailure", "communicationFailure"):
        assert code in codes
    assert play(kit, [2, 0, 3, 1], with_history=with_history) == in_register_order
