"""Puts the API together: routes, errors, the live feed, the page. Nothing is opened at import time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from dashboard_api.desk import Desk, wall_us
from dashboard_api.errors import MEDIA_TYPE, ApiError, problem
from dashboard_api.feed import Feed
from dashboard_api.measure import Measure
from dashboard_api.own_names import OwnNames
from dashboard_api.packing import LEVEL, WORTH_BYTES
from dashboard_api.pages import mount_page
from dashboard_api.routes import cabinets, city, description, events, faults, health, lamps, tiles, work
from dashboard_api.tile_shelf import TileShelf
from dashboard_api.version import terang_version
from ingest.schema.city import City

_PROBLEM_SCHEMA: Final[dict[str, Any]] = {  # RFC 9457; more members may follow
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status"],
}
# what any operation may answer, as the OpenAPI document tells it
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA}}}
    for status, description in (
        (400, "a parameter that cannot be; the detail names it"),
        (422, "not what the document says; the detail names it"),
        (503, "a store does not answer, or nothing is there yet: come again"),
    )
}
# without accounts the API serves this machine alone; a name check keeps other pages' scripts from reaching it by DNS
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]", "testserver")


def create_app(settings: City, clock: Callable[[], int] = wall_us) -> FastAPI:
    """The app for one city.

    Args:
        settings: the city.
        clock: "now" in UTC microseconds.

    Raises:
        UnusableError: a URL of ``city.toml`` is broken.
    """
    desk = Desk(settings, clock)
    feed = Feed(desk)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        poller = asyncio.create_task(feed.run())
        yield
        poller.cancel()
        with suppress(asyncio.CancelledError):
            await poller
        desk.close()

    app = FastAPI(
        title="Terang",
        summary=f"Street lighting of {settings.city.name}: faults, lamps, cabinets",
        version=terang_version(),
        lifespan=lifespan,
        docs_url=None,  # their pages come from another host; ours is plain and our own
        redoc_url=None,
    )
    app.state.desk = desk
    app.state.feed = feed
    app.state.tiles = TileShelf(desk)
    app.state.metrics = CollectorRegistry()
    app.add_middleware(GZipMiddleware, minimum_size=WORTH_BYTES, compresslevel=LEVEL)
    app.add_middleware(OwnNames, names=LOOPBACK_NAMES)
    app.add_middleware(Measure, registry=app.state.metrics)
    _tell_errors(app)
    # routes are tried one after another: what is asked most stands first
    for module in (tiles, faults, lamps, cabinets, city, work, events, health):
        app.include_router(module.router, responses=PROBLEMS)
    app.include_router(description.router)
    mount_page(app)
    return app


def _tell_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def tell(_request: Request, error: ApiError) -> JSONResponse:
        status, document = problem(error)
        return JSONResponse(document, status, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def tell_validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        document = {"type": "about:blank", "title": "Bad request", "status": 422, "detail": f"{where}: {first['msg']}"}
        return JSONResponse(document, 422, media_type=MEDIA_TYPE)

    @app.exception_handler(Exception)  # a bug: its trace goes to the log, not to the client
    async def tell_bug(_request: Request, _error: Exception) -> JSONResponse:
        document = {"type": "about:blank", "title": "Internal error", "status": 500}
        return JSONResponse(document, 500, media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def tell_http(_request: Request, error: HTTPException) -> JSONResponse:
        document = {"type": "about:blank", "title": str(error.detail), "status": error.status_code}
        return JSONResponse(document, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)
