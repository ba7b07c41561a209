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
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dashboard_api.access.roles import Role, Rule
from dashboard_api.access.upkeep import keep_up
from dashboard_api.api.city import city_document, looks_document, summary_document
from dashboard_api.api.fields import UNSTORABLE
from dashboard_api.api.live_room import LiveRoom
from dashboard_api.api.openapi_document import describe
from dashboard_api.api.route_table import add_routes, guard_others
from dashboard_api.context import Context, problem_catalogue, wall_us
from dashboard_api.errors import ApiError, RequestError
from dashboard_api.events.feed import Feed
from dashboard_api.formats.problem_document import MEDIA_TYPE, error_document, problem_document, validation_document
from dashboard_api.http.compression import Compression
from dashboard_api.http.head_requests import HeadRequests
from dashboard_api.http.host_check import LOOPBACK_NAMES, HostCheck
from dashboard_api.http.request_limits import RequestLimits
from dashboard_api.http.request_metrics import RequestMetrics
from dashboard_api.http.security_headers import SecurityHeaders
from dashboard_api.live.age_metrics import add_age_metrics, add_unreadable_metric
from dashboard_api.live.changes import ChangeHistory
from dashboard_api.neighbours.citizens.kept_pages import KeptPages
from dashboard_api.neighbours.citizens.report_intake import ReportIntake
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource
from dashboard_api.neighbours.ngsi_ld.notifier import Notifier
from dashboard_api.neighbours.talq.devices import DeviceSource, address_of_gateway
from dashboard_api.neighbours.talq.groups import GroupSource
from dashboard_api.neighbours.talq.logger_source import LoggerSource
from dashboard_api.neighbours.talq.nights import CalendarFollower
from dashboard_api.neighbours.talq.reporter import Reporter
from dashboard_api.pages.built_page import DIST, WallBuild, mount_page
from dashboard_api.pages.first_document import Answers
from dashboard_api.tiles.tile_cache import TileCache
from dashboard_api.version import terang_version
from ingest.schema.city import City

_OTHERS: Final = {
    "/openapi.json": Rule(Role.PUBLIC),
    "": Rule(Role.PUBLIC),
    "/lamp/{id:path}": Rule(Role.PUBLIC),  # views of the page
    "/cabinet/{id:path}": Rule(Role.PUBLIC),
    "/controllers": Rule(Role.PUBLIC),
    "/live": Rule(Role.PUBLIC),  # the document; what it shows is asked for by token
    "/crew": Rule(Role.PUBLIC),  # the crew's page; what it asks for is guarded
    "/": Rule(Role.PUBLIC),
}


def create_app(settings: City, clock: Callable[[], int] = wall_us, *, is_loopback: bool = True) -> FastAPI:
    """The app for one city.

    Args:
        settings: the city.
        clock: "now" in UTC microseconds.
        is_loopback: only this machine can ask, so that a city without accounts may be served.

    Raises:
        UnusableError: a URL of ``city.toml`` is broken.
    """
    context = Context(settings, clock, is_loopback=is_loopback)
    feed = Feed(context)
    entities = EntitySource(context)
    notifier = Notifier(context, entities)
    talq_devices = DeviceSource(context)
    talq_groups = GroupSource(address_of_gateway(settings.city.group), context.database)
    talq_loggers = LoggerSource(context.database, talq_devices, talq_groups)
    reporter = Reporter(context, talq_devices, talq_loggers)
    follower = CalendarFollower(context)
    intake = ReportIntake(context)
    kept_pages = KeptPages(context, intake)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(feed.run()),
            asyncio.create_task(keep_up(*context.upkeep(), follower.run)),
            asyncio.create_task(notifier.run()),
            asyncio.create_task(reporter.run()),
            asyncio.create_task(kept_pages.run()),
        ]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for last in (context.refusals.write, context.database.keep_reports):
            with suppress(ApiError, OSError, ValueError):
                await run_in_threadpool(last)
        context.close()

    app = FastAPI(
        title="Terang",
        summary=f"Street lighting of {settings.city.name}: faults, lamps, cabinets",
        version=terang_version(),
        lifespan=lifespan,
        docs_url=None,  # their pages come from another host; ours is plain and our own
        redoc_url=None,
        # /metrics counts; FastAPI would look for an exporter at every request, and hand it the texts of errors
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    app.state.feed = feed
    app.state.entities = entities
    app.state.talq_devices = talq_devices
    app.state.talq_groups = talq_groups
    app.state.talq_loggers = talq_loggers
    app.state.report_intake = intake
    app.state.kept_pages = kept_pages
    app.state.tiles = TileCache(context)
    app.state.live_room = LiveRoom(context, summary_document)
    app.state.wall_build = WallBuild(DIST)
    app.state.lamp_changes = ChangeHistory()
    app.state.metrics = CollectorRegistry()
    add_age_metrics(app.state.metrics, context.live_age_s, context.newest_record_age_s)
    stores = {
        "database": context.database.register_version,
        "live_picture": lambda: (context.live.read(), context.live.trouble)[1],
        "telemetry": lambda: next(iter(context.readings.warnings().values()), None),
    }
    add_unreadable_metric(app.state.metrics, stores)
    app.add_middleware(Compression)
    app.add_middleware(HeadRequests)
    app.add_middleware(RequestLimits, languages=context.languages)
    names = (*LOOPBACK_NAMES, *(name.lower() for name in settings.web.hosts))
    if settings.web.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.web.allowed_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],  # no cookies: programs bring a token
        )
    app.add_middleware(HostCheck, names=names, languages=context.languages)
    app.add_middleware(SecurityHeaders, is_shared=bool(settings.web.allowed_origins))
    app.add_middleware(RequestMetrics, registry=app.state.metrics)
    if settings.web.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.web.trusted_proxies))
    _answer_errors(app)
    add_routes(app)
    app.openapi = describe(app)  # type: ignore[method-assign]  # FastAPI's own way to extend its document
    mount_page(app, Answers(city_document, looks_document, summary_document))
    guard_others(app, _OTHERS)
    return app


def _answer_errors(app: FastAPI) -> None:
    """Every error leaves as a problem document (RFC 9457)."""

    @app.exception_handler(RequestError)
    async def answer_request_error(request: Request, error: RequestError) -> JSONResponse:
        status, document = error_document(error, problem_catalogue(request))
        return JSONResponse(document, status, headers=error.headers, media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def answer_validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
        found, words = error.errors(), problem_catalogue(request)
        if found[0]["type"] == UNSTORABLE:
            return JSONResponse(problem_document(400, words, UNSTORABLE), 400, media_type=MEDIA_TYPE)
        return JSONResponse(validation_document(found, words), 422, media_type=MEDIA_TYPE)

    @app.exception_handler(Exception)  # a bug: its trace goes to the log, not to the client
    async def answer_bug(request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse(problem_document(500, problem_catalogue(request)), 500, media_type=MEDIA_TYPE)

    @app.exception_handler(HTTPException)
    async def answer_http_error(request: Request, error: HTTPException) -> JSONResponse:
        document = problem_document(error.status_code, problem_catalogue(request))
        return JSONResponse(document, error.status_code, headers=error.headers, media_type=MEDIA_TYPE)
