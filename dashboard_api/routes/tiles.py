"""Vector tiles for maps: lamps, faults, cabinets."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from dashboard_api.desk import Desk, desk_of
from dashboard_api.errors import BadRequestError, NotFoundError
from dashboard_api.packing import takes_gzip
from dashboard_api.tile_shelf import LAYERS, TileShelf
from dashboard_api.tiles.places import MAX_ZOOM, TileAddress

router: Final = APIRouter(tags=["tiles"])
DeskOf = Annotated[Desk, Depends(desk_of)]
_MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {_MEDIA_TYPE: {}}, "description": "a Mapbox Vector Tile 2.1 with one layer"},
    204: {"description": "nothing stands there"},
    304: {"description": "the caller's copy still holds"},
    404: {"description": "no such layer"},
}


@router.get("/tiles/{layer}/{z}/{x}/{y}.mvt", response_class=Response, responses=_ANSWERS)
async def get_tile(request: Request, desk: DeskOf, layer: str, z: int, x: int, y: int) -> Response:
    """One tile; a browser may show it for two seconds without asking, and then asks by its ETag."""
    if layer not in LAYERS:
        raise NotFoundError(f"no layer {layer}; there are {', '.join(LAYERS)}")
    address = TileAddress(z, x, y)
    if not address.is_possible():
        raise BadRequestError(f"tile {z}/{x}/{y}: z runs from 0 to {MAX_ZOOM}, x and y from 0 to 2^z - 1")
    shelf: TileShelf = request.app.state.tiles
    is_packed = takes_gzip(request)
    # a tile that is there already is looked up at once, and only drawing goes to a thread
    tile = await desk.answer(partial(shelf.find, layer, address, is_packed=is_packed))
    if tile is None:
        tile = await run_in_threadpool(shelf.tile, layer, address, is_packed=is_packed)
    etag = f'W/"{tile.stamp}"'
    headers = {"Cache-Control": "public, max-age=2, must-revalidate", "ETag": etag, "Vary": "Accept-Encoding"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if not tile.body:
        return Response(status_code=204, headers=headers)
    if is_packed and tile.packed is not None:
        return Response(tile.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=_MEDIA_TYPE)
    return Response(tile.body, headers=headers, media_type=_MEDIA_TYPE)
