"""Caches map tiles, and the sorted points that they are made from, until something on them changes."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeGuard, TypeVar

from dashboard_api.context import Context
from dashboard_api.http.compression import pack
from dashboard_api.live.lamp_states import LampStates
from dashboard_api.store.fault_points import load_cabinet_points, load_fault_points
from dashboard_api.store.feed import newest_seq
from dashboard_api.tiles.layers import (
    LampLights,
    LampPlaces,
    PointTable,
    lamp_digest,
    lamp_tile,
    order_lights,
    place_lamps,
    point_tile,
    table_points,
)
from dashboard_api.tiles.places import Stretches, TileAddress, stretches_in

LAYERS: Final = ("lamps", "faults", "cabinets")
# Lamps of a tile that is drawn where it is asked for, in 5 ms. On a thread beside the loop it takes several times that,
# and slows lists down as much: the interpreter changes hands at each call of numpy and each row of SQLite.
_FEW: Final = 100_000
_LITTLE_BYTES: Final = 16 << 10  # a body that is packed there too; zlib alone lets others go on
_KEPT_BYTES: Final = 64 << 20
_FAULTS_KEPT_S: Final = 10.0  # what changes without an event, such as a priority that grows with time
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile ready to send; ``body`` is empty where nothing stands. ``packed`` is gzip.

    ``stamp`` identifies its content, ``seen`` the state of the stores that it was last checked against.
    """

    stamp: str
    seen: str
    body: bytes
    packed: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Lit:
    """The lamps of one register version under one live picture."""

    mark: str
    version: int
    states: LampStates
    lamps: LampPlaces
    lights: LampLights


@dataclass(frozen=True, slots=True, eq=False)
class _Stamped(Generic[T]):
    stamp: str
    value: T
    loaded_at: float = 0.0


class TileCache:
    """Answers tiles of the three layers; safe to call from several threads."""

    def __init__(self, context: Context, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``context``: gives the stores."""
        self._context = context
        self._monotonic = monotonic
        self._loading = threading.Lock()
        self._lit: _Lit | None = None
        self._points: dict[str, _Stamped[PointTable]] = {}
        # One tile is drawn at a time: whoever asks for the same one meanwhile finds it drawn, and lists, which are
        # short, never share the interpreter with more than one drawing.
        self._drawing = threading.Lock()
        self._storing = threading.Lock()
        self._tiles: OrderedDict[tuple[str, TileAddress], Tile] = OrderedDict()
        self._n_bytes = 0

    def tile(self, layer: str, address: TileAddress, *, is_packed: bool) -> Tile:
        """The tile for the present state of the stores.

        Args:
            layer: one of ``LAYERS``.
            address: a possible one.
            is_packed: whether the caller can take gzip.

        Raises:
            UnavailableError: the database does not answer.
        """
        if layer == "lamps":
            lit = self._lit_lamps()
            here = stretches_in(lit.lamps.places, address)

            def draw_lamps(kept: Tile | None) -> Tile:
                return _lamps_of(lit, address, here, kept)

            return self._cached((layer, address), lit.mark, draw_lamps, is_packed=is_packed)
        points = self._point_table(layer)

        def draw(_kept: Tile | None) -> Tile:
            return Tile(points.stamp, points.stamp, point_tile(layer, points.value, address))

        return self._cached((layer, address), points.stamp, draw, is_packed=is_packed)

    def find(self, layer: str, address: TileAddress, *, is_packed: bool) -> Tile | None:
        """The lamps' tile if it is cached and current, or can be drawn within milliseconds; else None.

        Raises:
            UnavailableError: the database does not answer.
        """
        if layer != "lamps":
            return None
        mark, _version = self._context.states_mark()
        tile = self._kept((layer, address))
        if _serves(tile, mark, is_packed=is_packed):
            return tile
        lit = self._lit
        if lit is None or lit.mark != mark:
            return None
        here = stretches_in(lit.lamps.places, address)
        if len(here) > _FEW:
            return None
        drawn = _lamps_of(lit, address, here, tile)
        if is_packed and drawn.packed is None and len(drawn.body) > _LITTLE_BYTES:
            self._keep((layer, address), drawn)
            return None
        return self._keep((layer, address), _packed(drawn, is_packed=is_packed))

    def _cached(
        self, key: tuple[str, TileAddress], seen: str, draw: Callable[[Tile | None], Tile], *, is_packed: bool
    ) -> Tile:
        """The cached tile if it was checked against ``seen``; else ``draw`` gets it, to redraw or confirm it."""
        tile = self._kept(key)
        if _serves(tile, seen, is_packed=is_packed):
            return tile
        with self._drawing:
            tile = self._kept(key)
            if tile is None or tile.seen != seen:
                tile = draw(tile)
            return self._keep(key, _packed(tile, is_packed=is_packed))

    def _lit_lamps(self) -> _Lit:
        columns, states = self._context.lamp_states()
        lit = self._lit
        if lit is not None and lit.mark == states.mark:
            return lit
        with self._loading:
            lit = self._lit
            if lit is not None and lit.mark == states.mark:
                return lit
            if lit is not None and lit.version == columns.version:
                lamps = lit.lamps
            else:
                lamps = place_lamps(columns.properties["lamp_id"], columns.latitude, columns.longitude)
            if lit is not None and lit.states.state is states.state:
                lights = lit.lights  # a fault changed, and no lamp's light with it
            else:
                lights = order_lights(lamps, states.state, states.level)
            self._lit = _Lit(states.mark, columns.version, states, lamps, lights)
            return self._lit

    def _point_table(self, layer: str) -> _Stamped[PointTable]:
        database = self._context.database
        load = load_fault_points if layer == "faults" else load_cabinet_points
        mark = newest_seq(database) if layer == "faults" else database.register_version()
        with self._loading:
            now = self._monotonic()
            found = self._points.get(layer)
            is_old = layer == "faults" and found is not None and now - found.loaded_at > _FAULTS_KEPT_S
            if found is None or is_old or not found.stamp.startswith(f"{mark}-"):
                columns = load(database)
                table = table_points(columns.latitude, columns.longitude, columns.texts, columns.numbers)
                digest = hashlib.blake2b(repr((table.texts, table.numbers)).encode(), digest_size=6).hexdigest()
                found = self._points[layer] = _Stamped(f"{mark}-{digest}", table, now)
            return found

    def _kept(self, key: tuple[str, TileAddress]) -> Tile | None:
        with self._storing:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
            return tile

    def _keep(self, key: tuple[str, TileAddress], tile: Tile) -> Tile:
        with self._storing:
            self._drop(key)
            self._tiles[key] = tile
            self._n_bytes += _weight(tile)
            while self._n_bytes > _KEPT_BYTES and len(self._tiles) > 1:
                self._drop(next(iter(self._tiles)))
        return tile

    def _drop(self, key: tuple[str, TileAddress]) -> None:
        old = self._tiles.pop(key, None)
        if old is not None:
            self._n_bytes -= _weight(old)


def _serves(tile: Tile | None, seen: str, *, is_packed: bool) -> TypeGuard[Tile]:
    if tile is None or tile.seen != seen:
        return False
    return not (is_packed and tile.packed is None and tile.body)


def _packed(tile: Tile, *, is_packed: bool) -> Tile:
    if is_packed and tile.packed is None and tile.body:
        return replace(tile, packed=pack(tile.body))
    return tile


def _lamps_of(lit: _Lit, address: TileAddress, here: Stretches, kept: Tile | None) -> Tile:
    """The lamps' tile under the present picture: the cached one if no lamp on it has changed."""
    stamp = f"{lit.version}-{lamp_digest(lit.lights, here)}"
    if kept is not None and kept.stamp == stamp:
        return replace(kept, seen=lit.mark)
    return Tile(stamp, lit.mark, lamp_tile(lit.lamps, lit.lights, here, address))


def _weight(tile: Tile) -> int:
    return 200 + len(tile.body) + len(tile.packed or b"")
