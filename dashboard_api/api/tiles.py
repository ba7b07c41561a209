"""Vector tiles for maps: lamps, faults, cabinets."""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import Context, ContextOf
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.http.compression import takes_gzip
from dashboard_api.tiles.places import MAX_ZOOM, TileAddress
from dashboard_api.tiles.tile_cache import LAYERS, TileCache
from dashboard_api.tiles.tile_json import Box, style, tile_json

_LIVE: Final = ("Live-At", "Live-Age")  # as headers: a tile has no place for them
TILE_MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"


async def get_tile_json(request: Request, context: ContextOf, layer: str) -> Response:
    """TileJSON 3.0 of a layer, for map programs."""
    if layer not in LAYERS:
        raise NotFoundError("no_layer", layer=layer, known=list(LAYERS))
    bounds = await context.answer(lambda: lamp_bounds(context), is_short=False)
    return JSONResponse(tile_json(_root(request), layer, f"{context.city.city.name}: {layer}", bounds))


async def get_style(request: Request, context: ContextOf) -> Response:
    """A MapLibre style of all layers, which loads nothing from other servers."""
    bounds = await context.answer(lambda: lamp_bounds(context), is_short=False)
    return JSONResponse(style(_root(request), context.city.city.name, bounds))


def lamp_bounds(context: Context) -> Box | None:
    """West, south, east, north of all lamps, None where there is none.

    Raises:
        UnavailableError: the database does not answer.
    """
    lamps = context.lamps()
    if not len(lamps):
        return None
    x, y = lamps.longitude, lamps.latitude
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def get_tile(request: Request, context: ContextOf, layer: str, z: int, x: int, y: int) -> Response:
    """One tile; fresh for two seconds, then revalidated by its ETag."""
    if layer not in LAYERS:
        raise NotFoundError("no_layer", layer=layer, known=list(LAYERS))
    address = TileAddress(z, x, y)
    if not address.is_possible():
        raise BadRequestError("no_tile", tile=f"{z}/{x}/{y}", max_zoom=MAX_ZOOM)
    cache: TileCache = request.app.state.tiles
    is_packed = takes_gzip(request)
    # a tile that is there already is looked up at once, and only drawing goes to a thread
    tile = await context.answer(partial(cache.find, layer, address, is_packed=is_packed))
    if tile is None:
        tile = await run_in_threadpool(cache.tile, layer, address, is_packed=is_packed)
    etag = f'W/"{tile.stamp}"'
    headers = {"Cache-Control": "public, max-age=2, must-revalidate", "ETag": etag, "Vary": "Accept-Encoding"}
    if layer == "lamps":
        figures = context.live_figures(context.live.read())
        headers |= {f"Terang-{name}": str(value) for name, value in zip(_LIVE, figures.values(), strict=True) if value}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if not tile.body:
        return Response(status_code=204, headers=headers)
    if is_packed and tile.packed is not None:
        return Response(tile.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=TILE_MEDIA_TYPE)
    return Response(tile.body, headers=headers, media_type=TILE_MEDIA_TYPE)
