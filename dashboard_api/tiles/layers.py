"""The map's layers as tiles: lamps with their present state, open faults, cabinets."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dashboard_api.live.lamp_states import DARK, NAMES
from dashboard_api.tiles.places import Ints, Places, Stretches, TileAddress, sort_places, stretches_in, within
from dashboard_api.tiles.thinning import THINNED_TO_ZOOM, thin
from dashboard_api.tiles.vector_tile import Column, encode_layer, number_column, text_column, text_values

_UNKNOWN_LEVEL: Final = 255
_STATE_VALUES: Final = b"".join(text_values(NAMES))


@dataclass(frozen=True, slots=True, eq=False)
class LampPlaces:
    """The register's lamps in spatial order; fixed for one register version.

    Attributes:
        id_values: value messages of the lamps' ids in that order, one after another.
        id_ends: int64 (N + 1,) where each ends, from 0.
    """

    places: Places
    id_values: bytes
    id_ends: Ints


def place_lamps(
    lamp_ids: Sequence[str], latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]
) -> LampPlaces:
    """Sort the lamps (N entries each) and write their ids once."""
    places = sort_places(latitude, longitude)
    values = text_values([lamp_ids[row] for row in places.row.tolist()])
    sizes = np.fromiter((len(value) for value in values), np.int64, len(values))
    return LampPlaces(places, b"".join(values), np.concatenate([[0], np.cumsum(sizes)]))


@dataclass(frozen=True, slots=True, eq=False)
class LampLights:
    """One live picture in the order of the places, so that what a tile shows stands side by side.

    Attributes:
        state: uint8 (N,) of ``live.lamp_states``.
        level: uint8 (N,) commanded %, 255 unknown.
    """

    state: npt.NDArray[np.uint8]
    level: npt.NDArray[np.uint8]


def order_lights(lamps: LampPlaces, state: npt.NDArray[np.uint8], level: npt.NDArray[np.uint8]) -> LampLights:
    """A picture's ``state`` and ``level``, uint8 (N,) in register order."""
    return LampLights(state[lamps.places.row], level[lamps.places.row])


def lamp_digest(lights: LampLights, here: Stretches) -> str:
    """What a tile shows of the picture, in 24 hex digits: the tile changes when this or the register does."""
    digest = hashlib.blake2b(here.take(lights.state).data, digest_size=12)
    digest.update(here.take(lights.level).data)
    return digest.hexdigest()


def lamp_tile(lamps: LampPlaces, lights: LampLights, here: Stretches, tile: TileAddress) -> bytes:
    """Lamps of a tile: ``lamp_id``, ``state``, ``level`` where known; ``count`` of all that one stands for."""
    kept = count = None
    if tile.z <= THINNED_TO_ZOOM:
        kept, count = thin(here.take(lamps.places.key), here.take(lights.state) == DARK, tile.z)
    index = here.index(kept)
    x, y = within(lamps.places, index, tile)
    level = lights.level[index].astype(np.int64)
    columns = [
        Column("lamp_id", np.arange(len(index)), _id_values(lamps, index), len(index)),
        Column("state", lights.state[index].astype(np.int64), _STATE_VALUES, len(NAMES)),
        number_column("level", np.where(level == _UNKNOWN_LEVEL, -1, level)),
    ]
    if count is not None:
        columns.append(number_column("count", count))
    return encode_layer("lamps", lamps.places.row[index], x, y, columns)


def _id_values(lamps: LampPlaces, index: Ints) -> bytes:
    """Value messages of the lamps at ``index``: gathered byte by byte, since their lengths differ."""
    starts = lamps.id_ends[index]
    sizes = lamps.id_ends[index + 1] - starts
    before = np.cumsum(sizes) - sizes
    where = np.repeat(starts - before, sizes) + np.arange(sizes.sum())
    gathered: npt.NDArray[np.uint8] = np.frombuffer(lamps.id_values, np.uint8)[where]
    return gathered.tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class PointTable:
    """Some thousand points with whatever properties; ``texts`` and ``numbers`` by property name, N entries each."""

    places: Places
    texts: dict[str, list[str | None]]
    numbers: dict[str, Ints]


def table_points(
    latitude: Sequence[float | None],
    longitude: Sequence[float | None],
    texts: dict[str, list[str | None]],
    numbers: dict[str, list[int]] | None = None,
) -> PointTable:
    """Sort points; those without a place are on no tile."""
    places = sort_places(_degrees(latitude), _degrees(longitude))
    return PointTable(places, texts, {name: np.array(values, np.int64) for name, values in (numbers or {}).items()})


def _degrees(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def point_tile(name: str, points: PointTable, tile: TileAddress) -> bytes:
    """All points of a tile: there are never so many faults or cabinets that one may be left out."""
    index = stretches_in(points.places, tile).index()
    row = points.places.row[index]
    x, y = within(points.places, index, tile)
    rows = row.tolist()
    columns = [text_column(key, [values[one] for one in rows]) for key, values in points.texts.items()]
    columns += [number_column(key, values[row]) for key, values in points.numbers.items()]
    return encode_layer(name, row, x, y, columns)
