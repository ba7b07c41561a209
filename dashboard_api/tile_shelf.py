"""Keeps what tiles are cut from, and the tiles themselves as long as nothing on them has changed."""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

import numpy as np

from dashboard_api.desk import Desk
from dashboard_api.store.fault_points import load_cabinet_points, load_fault_points
from dashboard_api.store.feed import newest_seq
from dashboard_api.tiles.layers import LampPlaces, PointTable, lamp_tile, place_lamps, point_tile
from dashboard_api.tiles.places import TileAddress

LAYERS: Final = ("lamps", "faults", "cabinets")
_KEPT_BYTES: Final = 64 << 20
_FAULTS_KEPT_S: Final = 10.0  # what changes without an event, such as a priority that grows with time
_GZIP: Final = 16 + zlib.MAX_WBITS
T = TypeVar("T")
_LEVEL: Final = 3  # ids hardly compress: more effort costs time and saves little


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile ready to send; ``body`` is empty where nothing stands. ``packed`` is gzip."""

    stamp: str
    body: bytes
    packed: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Stamped(Generic[T]):
    stamp: str
    value: T
    loaded_at: float = 0.0


class TileShelf:
    """Answers tiles of the three layers; safe to call from several threads."""

    def __init__(self, desk: Desk, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``desk``: whose stores to draw from."""
        self._desk = desk
        self._monotonic = monotonic
        self._loading = threading.Lock()
        self._lamps: _Stamped[LampPlaces] | None = None
        self._points: dict[str, _Stamped[PointTable]] = {}
        self._shelving = threading.Lock()
        self._tiles: OrderedDict[tuple[str, TileAddress], Tile] = OrderedDict()
        self._n_bytes = 0

    def tile(self, layer: str, address: TileAddress, *, is_packed: bool) -> Tile:
        """The tile as things stand now.

        Args:
            layer: one of ``LAYERS``.
            address: a possible one.
            is_packed: whether the caller can take gzip.

        Raises:
            UnavailableError: the database does not answer.
        """
        tile = self._lamp_tile(address) if layer == "lamps" else self._point_tile(layer, address)
        if is_packed and tile.packed is None and tile.body:
            packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
            tile = replace(tile, packed=packer.compress(tile.body) + packer.flush())
            self._keep((layer, address), tile)
        return tile

    def _lamp_tile(self, address: TileAddress) -> Tile:
        columns = self._desk.lamps()
        picture = self._desk.picture(columns)
        stamp = f"{columns.version}-{0 if picture is None else picture.written_at_us}"
        kept = self._kept(("lamps", address), stamp)
        if kept is not None:
            return kept
        with self._loading:
            if self._lamps is None or self._lamps.stamp != str(columns.version):
                placed = place_lamps(columns.properties["lamp_id"], columns.latitude, columns.longitude)
                self._lamps = _Stamped(str(columns.version), placed)
            lamps = self._lamps.value
        state = np.zeros(len(columns), np.uint8) if picture is None else picture.columns["state"]
        level = np.full(len(columns), 255, np.uint8) if picture is None else picture.columns["level"]
        return self._keep(("lamps", address), Tile(stamp, lamp_tile(lamps, state, level, address)))

    def _point_tile(self, layer: str, address: TileAddress) -> Tile:
        points = self._point_table(layer)
        kept = self._kept((layer, address), points.stamp)
        if kept is not None:
            return kept
        return self._keep((layer, address), Tile(points.stamp, point_tile(layer, points.value, address)))

    def _point_table(self, layer: str) -> _Stamped[PointTable]:
        database = self._desk.database
        load = load_fault_points if layer == "faults" else load_cabinet_points
        mark = newest_seq(database) if layer == "faults" else database.register_version()
        with self._loading:
            now = self._monotonic()
            found = self._points.get(layer)
            is_old = layer == "faults" and found is not None and now - found.loaded_at > _FAULTS_KEPT_S
            if found is None or is_old or not found.stamp.startswith(f"{mark}-"):
                table = load(database)
                digest = hashlib.blake2b(repr((table.texts, table.numbers)).encode(), digest_size=6).hexdigest()
                found = self._points[layer] = _Stamped(f"{mark}-{digest}", table, now)
            return found

    def _kept(self, key: tuple[str, TileAddress], stamp: str) -> Tile | None:
        with self._shelving:
            tile = self._tiles.get(key)
            if tile is None or tile.stamp != stamp:
                return None
            self._tiles.move_to_end(key)
            return tile

    def _keep(self, key: tuple[str, TileAddress], tile: Tile) -> Tile:
        with self._shelving:
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


def _weight(tile: Tile) -> int:
    return 200 + len(tile.body) + len(tile.packed or b"")
