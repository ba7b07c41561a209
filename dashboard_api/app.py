"""Puts the API together: routes, errors, the live feed, the page. Nothing is opened at import time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from dashboard_api.api.fields import UNSTORABLE
from dashboard_api.api.openapi_document import describe
from dashboard_api.api.route_table import add_routes
from dashboard_api.context import Context, problem_catalogue, wall_us
from dashboard_api.errors import RequestError
from dashboard_api.events.feed import Feed
from dashboard_api.formats.problem_document import MEDIA_TYPE, error_document, problem_document
from dashboard_api.http.compression import LEVEL, WORTH_BYTES
from dashboard_api.http.host_check import HostCheck
from dashboard_api.http.request_limits import RequestLimits
from dashboard_api.http.request_metrics import RequestMetrics
from dashboard_api.live.age_metrics import add_age_metrics
from dashboard_api.live.changes import ChangeHistory
from dashboard_api.pages.built_page import mount_page
from dashboard_api.tiles.tile_cache import TileCache
from dashboard_api.version import terang_version
from ingest.schema.city import City
from languages.catalogue import FALLBACK

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
    context = Context(settings, clock)
    feed = Feed(context)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        poller = asyncio.create_task(feed.run())
        yield
        poller.cancel()
        with suppress(asyncio.CancelledError):
            await poller
        context.close()

    app = FastAPI(
        title="Terang",
        summary=f"Street lighting of {settings.city.name}: faults, lamps, cabinets",
        version=terang_version(),
        lifespan=lifespan,
        docs_url=None,  # their pages come from another host; ours is plain and our own
        redoc_url=None,
    )
    app.state.context = context
    app.state.feed = feed
    app.state.tiles = TileCache(context)
    app.state.lamp_changes = ChangeHistory()
    app.state.metrics = CollectorRegistry()
    add_age_metrics(app.state.metrics, context.live_age_s, context.newest_record_age_s)
    app.add_middleware(GZipMiddleware, minimum_size=WORTH_BYTES, compresslevel=LEVEL)
    app.add_middleware(RequestLimits, words=context.languages[FALLBACK])
    app.add_middleware(HostCheck, names=LOOPBACK_NAMES, words=context.languages[FALLBACK])
    app.add_middleware(RequestMetrics, registry=app.state.metrics)
    _answer_errors(app)
    add_routes(app)
    app.openapi = describe(app)  # type: ignore[method-assign]  # FastAPI's own way to extend its document
    mount_page(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    """Every error leaves as a problem document (RFC 9457)."""

    @app.exception_handler(RequestError)
    async def answer_request_error(request: Request, error: RequestError) -> JSONResponse:
        status, document = error_document(error, problem_catalogue(request))
        return JSONResponse(document, status, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def answer_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == UNSTORABLE:
            return JSONResponse(
                problem_document(400, problem_catalogue(request), UNSTORABLE), 400, media_type=MEDIA_TYPE
            )
        where = ".".join(str(part) for part in first["loc"])
        document = problem_document(422, problem_catalogue(request), "invalid", where=where, reason=first["msg"])
        return JSONResponse(document, 422, media_type=MEDIA_TYPE)

    @app.exception_handler(Exception)  # a bug: its trace goes to the log, not to the client
    async def answer_bug(request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse(problem_document(500, problem_catalogue(request)), 500, media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> JSONResponse:
        document = problem_document(error.status_code, problem_catalogue(request))
        return JSONResponse(document, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)
