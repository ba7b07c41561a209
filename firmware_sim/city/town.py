"""A generated Indonesian town: streets, cables and luminaires become the rows of a city folder. Deterministic by seed.

Larger cities than one town are several towns side by side, whose street plans repeat after a few.
"""

from __future__ import annotations

import heapq
import math
from typing import Final

import numpy as np

from firmware_sim.city.cabling import Cable, Catchment, wire_town
from firmware_sim.city.register import Register
from firmware_sim.city.row_writer import RowWriter
from firmware_sim.city.streets import lay_streets

#: A coastal town of Riau.
CENTRE: Final = (1.6650, 101.4470)
#: Lamps of one town, and how many different plans are drawn for a city of several.
LARGEST_TOWN: Final = 3000
N_PLANS: Final = 4
#: Distance between the middles of towns side by side [m].
TOWN_APART_M: Final = 5200.0

SETTINGS: Final = """\
# A generated town. Copy the folder, edit this file and replace the two CSV files to run another city.
[city]
name = "{name}"
group = "terang"
host_id = "terang"
timezone = "{timezone}"
language = "id"

[broker]
url = "{broker}"

[schedule]
on = "sunset+10m"
off = "sunrise-10m"
dim = [{{ at = "22:00", level = 70 }}, {{ at = "00:30", level = 50 }}, {{ at = "04:30", level = 100 }}]
"""


def settings_text(
    *, name: str = "Kota Terang", timezone: str = "Asia/Jakarta", broker: str = "mqtt://127.0.0.1:1883"
) -> str:
    """Return the ``city.toml`` of a generated town."""
    return SETTINGS.format(name=name, timezone=timezone, broker=broker)


def build_town(
    n_lamps: int,
    seed: int,
    *,
    centre: tuple[float, float] = CENTRE,
    lamps_per_cabinet: float = 95.0,
    share_without_lamp_meters: float = 0.15,
) -> Register:
    """Return the register of a town with exactly ``n_lamps``.

    Args:
        n_lamps: from 10 on.
        seed: the same seed gives the same town.
        centre: latitude and longitude [degrees].
        lamps_per_cabinet: typical catchment.
        share_without_lamp_meters: of the cabinets, metered per circuit or as a whole only.
    """
    rng = np.random.default_rng((seed, 0x70_77_6E))
    n_towns = max(1, math.ceil(n_lamps / LARGEST_TOWN))
    largest = math.ceil(n_lamps / n_towns)
    plans = [_plan(largest, lamps_per_cabinet, rng) for _ in range(min(n_towns, N_PLANS))]
    columns = math.ceil(math.sqrt(n_towns))
    rows = RowWriter(n_lamps, centre, share_without_lamp_meters, rng)
    for town in range(n_towns):
        offset = np.array([town % columns, town // columns]) * TOWN_APART_M
        rows.begin_town(town if n_towns > 1 else None, n_lamps * (town + 1) // n_towns)
        for catchment in plans[town % len(plans)]:
            rows.add(catchment, offset)
    return rows.register()


def _plan(n_lamps: int, lamps_per_cabinet: float, rng: np.random.Generator) -> list[Catchment]:
    """Return catchments of a town with exactly ``n_lamps``, the middle of the town first.

    What is too much goes with the outermost cabinets, then from the ends of the longest cables.
    """
    radius_m = 1330.0 * math.sqrt(n_lamps / 2000.0)
    seed = int(rng.integers(2**32))
    while True:
        streets = lay_streets(radius_m, np.random.default_rng(seed))
        catchments = wire_town(streets, lamps_per_cabinet, np.random.default_rng(seed))
        total = sum(catchment.n_lamps for catchment in catchments)
        if total >= n_lamps:
            break
        radius_m *= 1.02 * math.sqrt(n_lamps / max(total, n_lamps // 4))
    catchments.sort(key=lambda catchment: float(np.hypot(*catchment.place)))
    while total - catchments[-1].n_lamps >= n_lamps:
        total -= catchments.pop().n_lamps
    return _shorten(catchments, total - n_lamps)


def _shorten(catchments: list[Catchment], n_poles: int) -> list[Catchment]:
    """Return the catchments without ``n_poles``, taken one by one from the end of the longest cable there is."""
    lengths = [[len(cable.points) for cable in catchment.cables] for catchment in catchments]
    heap = [(-length, place, number) for place, row in enumerate(lengths) for number, length in enumerate(row)]
    heapq.heapify(heap)
    for _ in range(n_poles):
        _, place, number = heap[0]
        lengths[place][number] -= 1
        heapq.heapreplace(heap, (-lengths[place][number], place, number))
    return [
        Catchment(
            catchment.place,
            tuple(
                Cable(cable.points[:length], cable.streets[:length])
                for cable, length in zip(catchment.cables, row, strict=True)
            ),
        )
        for catchment, row in zip(catchments, lengths, strict=True)
    ]
