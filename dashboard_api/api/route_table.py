"""Every route of the API in one table: path, who may call it, what it answers, which problems it has.

A new route is a function in a module of this folder (or of ``pages`` or ``neighbours``) and one row here. ``role``
is the lowest role that may call the route, ``scopes`` what an API token needs for it; ``access.guard`` stands before
every route and holds both. Without accounts whoever is at this machine is an operator.
Routes are tried one after another, so what is asked most stands first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from sse_starlette import EventSourceResponse

from dashboard_api.access.guard import Guard
from dashboard_api.access.roles import Role, Rule, Scope
from dashboard_api.api import (
    cabinet_lamps,
    cabinets,
    checks,
    city,
    commands,
    description,
    enrolments,
    events,
    faults,
    health,
    labels,
    lamp_changes,
    lamps,
    live_room,
    maintenance,
    models,
    photos,
    repairs,
    search,
    session,
    tiles,
)
from dashboard_api.api.models import neighbour
from dashboard_api.errors import UnguardedError
from dashboard_api.formats.problem_document import MEDIA_TYPE
from dashboard_api.http.query_check import QueryCheck
from dashboard_api.neighbours.citizens import routes as citizens
from dashboard_api.neighbours.ngsi_ld import routes as ngsi_ld
from dashboard_api.neighbours.ogc import documents as ogc_documents
from dashboard_api.neighbours.ogc import routes as ogc
from dashboard_api.neighbours.open311 import answers as open311_answers
from dashboard_api.neighbours.open311 import bulk_route as open311_bulk
from dashboard_api.neighbours.open311 import routes as open311
from dashboard_api.neighbours.open_data import routes as open_data
from dashboard_api.neighbours.talq import routes as talq
from dashboard_api.pages import branding, oidc_page, sign_in_page

_V1: Final = "/api/v1"
_GEOJSON: Final = "application/geo+json"


_SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.PUBLIC: frozenset(),
    Role.VIEWER: frozenset({Scope.READ}),
    Role.CREW: frozenset({Scope.ACT}),
    Role.OPERATOR: frozenset({Scope.OPERATE}),
    Role.ADMINISTRATOR: frozenset(),
}
_WALL: Final = frozenset({Scope.READ, Scope.DISPLAY})


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Attributes:
        role: the lowest role that may call it.
        scopes: of API tokens, any of which is enough.
        is_for_anyone_known: whoever is signed in may call it.
        is_stream: the answer may last for hours.
        answer: model of the JSON answer, None = another format.
        others: further formats of the answer: media type -> model, None = no JSON.
        problems: status -> what it means here, beside those that every route may answer.
        response_class: of an answer that is no JSON.
        error_types: further media types of its problems.
        reads_query: the route itself looks at names in the query that it does not declare.
    """

    method: str
    path: str
    endpoint: Callable[..., Any]
    tag: str
    role: Role
    answer: type[BaseModel] | None = None
    status: int = 200
    others: Mapping[str, type[BaseModel] | None] | None = None
    problems: Mapping[int, str] | None = None
    also: Mapping[int, str] | None = None  # further statuses without a body
    response_class: type[Response] = JSONResponse
    error_types: tuple[str, ...] = ()
    reads_query: bool = False
    body: Mapping[str, Any] | None = None  # of a request whose body is no JSON, as OpenAPI describes it
    scopes: frozenset[Scope] | None = None  # of tokens; None = what goes with the role
    is_for_anyone_known: bool = False
    is_stream: bool = False

    @property
    def rule(self) -> Rule:
        """Who may call it."""
        scopes = _SCOPES[self.role] if self.scopes is None else self.scopes
        return Rule(self.role, scopes, self.is_for_anyone_known, self.is_stream)


_PHOTO_BODY: Final[Mapping[str, Any]] = {
    "required": True,
    "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in ("image/jpeg", "image/png")},
}
_SAME: Final = {304: "the caller's copy still holds"}
_NO_FAULT: Final = {404: "no such fault"}
_NO_LAMP: Final = {404: "no such lamp"}
_NO_CABINET: Final = {404: "no such cabinet"}
_API: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/tiles/{layer}/{z}/{x}/{y}.mvt",
        tiles.get_tile,
        "tiles",
        Role.VIEWER,
        others={tiles.TILE_MEDIA_TYPE: None},
        problems={404: "no such layer"},
        also={204: "nothing stands there", 304: "the caller's copy still holds"},
        response_class=Response,
        scopes=_WALL,
    ),
    Route("GET", "/tiles/style.json", tiles.get_style, "tiles", Role.VIEWER, models.MapStyle, scopes=_WALL),
    Route(
        "GET",
        "/tiles/{layer}.json",
        tiles.get_tile_json,
        "tiles",
        Role.VIEWER,
        models.TileJson,
        problems={404: "no such layer"},
        scopes=_WALL,
    ),
    Route(
        "GET",
        f"{_V1}/faults",
        faults.get_faults,
        "faults",
        Role.VIEWER,
        models.FaultPage,
        others={_GEOJSON: models.FaultCollection, "text/csv": None, "application/gpx+xml": None},
        also=_SAME,
        scopes=_WALL,
    ),
    Route(
        "GET",
        f"{_V1}/faults/{{fault_id}}",
        faults.get_fault,
        "faults",
        Role.VIEWER,
        models.FaultDetail,
        problems=_NO_FAULT,
        scopes=_WALL,
    ),
    Route(
        "POST",
        f"{_V1}/faults/{{fault_id}}/actions",
        faults.post_action,
        "faults",
        Role.CREW,
        models.Fault,
        problems={
            **_NO_FAULT,
            409: "changed meanwhile, or not allowed in this state; `fault` is the fault as it is now",
        },
    ),
    Route(
        "PUT",
        f"{_V1}/faults/{{fault_id}}/photos/{{photo_id}}",
        photos.put_photo,
        "faults",
        Role.CREW,
        models.Photo,
        problems={**_NO_FAULT, 413: "too many bytes or pixels", 415: "no JPEG, PNG or WebP by its content"},
        body=_PHOTO_BODY,
    ),
    Route(
        "GET",
        f"{_V1}/faults/{{fault_id}}/photos/{{photo_id}}",
        photos.get_photo,
        "faults",
        Role.VIEWER,
        others={"image/jpeg": None},
        problems={404: "no such fault or photo"},
        response_class=Response,
    ),
    Route("GET", f"{_V1}/checks", checks.get_checks, "work", Role.CREW, models.CheckList),
    Route(
        "POST",
        f"{_V1}/checks/{{number}}",
        checks.post_check,
        "work",
        Role.CREW,
        models.CheckResult,
        problems={404: "no such check", 409: "it has another outcome already"},
    ),
    Route("GET", f"{_V1}/repairs", repairs.get_repairs, "faults", Role.VIEWER, models.RepairPage, also=_SAME),
    Route(
        "GET",
        f"{_V1}/lamps.geojson",
        lamps.get_lamps_geojson,
        "lamps",
        Role.VIEWER,
        others={_GEOJSON: models.LampCollection},
        also=_SAME,
        response_class=Response,
        scopes=_WALL,
    ),
    Route(
        "GET",
        f"{_V1}/lamps/states",
        lamps.get_states,
        "lamps",
        Role.VIEWER,
        models.LampStates,
        also=_SAME,
        scopes=_WALL,
    ),
    Route("GET", f"{_V1}/lamps/changes", lamp_changes.get_lamp_changes, "lamps", Role.VIEWER, models.LampChanges),
    Route("GET", f"{_V1}/search", search.get_search, "city", Role.VIEWER, models.SearchAnswer),
    Route(
        "GET",
        f"{_V1}/lamps/{{lamp_id:path}}/readings",
        lamps.get_readings,
        "lamps",
        Role.VIEWER,
        models.Readings,
        problems=_NO_LAMP,
    ),
    Route("GET", f"{_V1}/lamps/{{lamp_id:path}}", lamps.get_lamp, "lamps", Role.VIEWER, models.Lamp, problems=_NO_LAMP),
    Route(
        "GET",
        f"{_V1}/cabinets",
        cabinets.get_cabinets,
        "cabinets",
        Role.VIEWER,
        models.CabinetList,
        also=_SAME,
        scopes=_WALL,
    ),
    Route(
        "GET",
        f"{_V1}/cabinets/{{cabinet_id:path}}/energy",
        cabinets.get_energy,
        "cabinets",
        Role.VIEWER,
        models.Energy,
        problems=_NO_CABINET,
    ),
    Route(
        "GET",
        f"{_V1}/cabinets/{{cabinet_id:path}}/lamps",
        cabinet_lamps.get_cabinet_lamps,
        "cabinets",
        Role.VIEWER,
        models.CabinetLamps,
        problems=_NO_CABINET,
        scopes=_WALL,
    ),
    Route(
        "GET",
        f"{_V1}/cabinets/{{cabinet_id:path}}",
        cabinets.get_cabinet,
        "cabinets",
        Role.VIEWER,
        models.Cabinet,
        problems=_NO_CABINET,
    ),
    Route("GET", f"{_V1}/city", city.get_city, "city", Role.PUBLIC, models.City),
    Route(
        "GET",
        f"{_V1}/words/{{language}}",
        city.get_words,
        "city",
        Role.PUBLIC,
        models.OwnWords,
        also=_SAME,
        problems={404: "the city has no words of its own in this language"},
    ),
    Route("GET", f"{_V1}/codes", city.get_codes, "city", Role.PUBLIC, models.CodeList, also=_SAME),
    Route("GET", f"{_V1}/quantities", city.get_quantities, "city", Role.PUBLIC, models.QuantityList, also=_SAME),
    Route("GET", f"{_V1}/summary", city.get_summary, "city", Role.VIEWER, models.Summary, scopes=_WALL),
    Route("GET", f"{_V1}/live", live_room.get_live_room, "city", Role.VIEWER, models.LiveRoom, scopes=_WALL),
    Route(
        "POST",
        f"{_V1}/maintenance",
        maintenance.post_maintenance,
        "work",
        Role.OPERATOR,
        models.MaintenanceWindow,
        status=201,
        problems={404: "no such cabinet, circuit or lamp"},
    ),
    Route(
        "GET",
        f"{_V1}/maintenance",
        maintenance.get_maintenance,
        "work",
        Role.VIEWER,
        models.MaintenanceList,
        also=_SAME,
    ),
    Route(
        "POST",
        f"{_V1}/commands/dim",
        commands.post_dim,
        "work",
        Role.OPERATOR,
        models.Command,
        status=202,
        problems={404: "no such cabinet or lamp"},
    ),
    Route(
        "GET",
        f"{_V1}/commands/{{command_id}}",
        commands.get_command,
        "work",
        Role.VIEWER,
        models.Command,
        problems={404: "no such command"},
    ),
    Route(
        "POST",
        f"{_V1}/enrolments",
        enrolments.post_enrolment,
        "controllers",
        Role.PUBLIC,  # the code, or the present certificate, is what entitles
        models.EnrolmentRequest,
        status=202,
        problems={
            403: "no such code, one that is used or too old, or not signed by what it names",
            404: "this city has no certification authority",
        },
    ),
    Route(
        "GET",
        f"{_V1}/enrolments",
        enrolments.get_enrolments,
        "controllers",
        Role.OPERATOR,
        models.EnrolmentList,
        scopes=frozenset(),  # a person lets a controller in
    ),
    Route(
        "GET",
        f"{_V1}/enrolments/{{enrolment_id}}",
        enrolments.get_enrolment,
        "controllers",
        Role.PUBLIC,  # the id, which nobody guesses, is what entitles
        models.EnrolmentAnswer,
        problems={404: "no such request"},
    ),
    Route(
        "POST",
        f"{_V1}/enrolments/{{enrolment_id}}/decision",
        enrolments.post_decision,
        "controllers",
        Role.OPERATOR,
        models.EnrolmentRequest,
        problems={404: "no request of this id waits"},
        scopes=frozenset(),  # a person lets a controller in
    ),
    Route(
        "GET",
        f"{_V1}/events",
        events.get_events,
        "events",
        Role.VIEWER,
        others={"text/event-stream": None},
        response_class=EventSourceResponse,
        scopes=_WALL,
        is_stream=True,
    ),
    Route(
        "POST",
        f"{_V1}/session",
        session.post_session,
        "session",
        Role.PUBLIC,
        models.Me,
        status=201,
        problems={409: "the city has no accounts"},
    ),
    Route(
        "DELETE",
        f"{_V1}/session",
        session.delete_session,
        "session",
        Role.PUBLIC,
        status=204,
        response_class=Response,
    ),
    Route("GET", f"{_V1}/me", session.get_me, "session", Role.VIEWER, models.Me, is_for_anyone_known=True),
    Route(
        "GET",
        "/healthz",
        health.get_health,
        "health",
        Role.PUBLIC,
        others={"text/plain": None},
        response_class=PlainTextResponse,
    ),
    Route("GET", "/readyz", health.get_readiness, "health", Role.PUBLIC, models.Readiness),
    Route(
        "GET",
        "/metrics",
        health.get_metrics,
        "health",
        Role.VIEWER,
        others={"text/plain": None},
        response_class=Response,
        scopes=frozenset({Scope.READ, Scope.METRICS}),
    ),
    Route(
        "GET",
        "/docs",
        description.get_description,
        "",  # for people: not in the OpenAPI document
        Role.PUBLIC,
        others={"text/html": None},
        response_class=HTMLResponse,
    ),
)
# OGC API - Features; `/ogc` and `/ogc/` are the same page, since the standard names the one and links the other
_OGC: Final[tuple[Route, ...]] = tuple(
    Route(
        "GET",
        path,
        endpoint,
        "ogc" if path != "/ogc/" else "",
        Role.PUBLIC,
        others={media_type: model, ogc_documents.HTML: None},
        problems=None if not missing else {404: missing},
        response_class=Response,
        reads_query=True,
    )
    for path, endpoint, media_type, model, missing in (
        (
            "/ogc/collections/{collection_id}/items",
            ogc.get_items,
            ogc_documents.GEOJSON,
            neighbour.OgcFeatures,
            "no such collection",
        ),
        (
            "/ogc/collections/{collection_id}/items/{feature_id:path}",
            ogc.get_item,
            ogc_documents.GEOJSON,
            neighbour.OgcFeature,
            "no such collection or feature",
        ),
        (
            "/ogc/collections/{collection_id}/queryables",
            ogc.get_queryables,
            ogc_documents.SCHEMA,
            neighbour.OgcQueryables,
            "no such collection",
        ),
        (
            "/ogc/collections/{collection_id}",
            ogc.get_collection,
            ogc_documents.JSON,
            neighbour.OgcCollection,
            "no such collection",
        ),
        ("/ogc/collections", ogc.get_collections, ogc_documents.JSON, neighbour.OgcCollections, ""),
        ("/ogc/conformance", ogc.get_conformance, ogc_documents.JSON, neighbour.OgcConformance, ""),
        ("/ogc/api", ogc.get_api, ogc_documents.OPENAPI, neighbour.OgcApi, ""),
        ("/ogc", ogc.get_landing_page, ogc_documents.JSON, neighbour.OgcLandingPage, ""),
        ("/ogc/", ogc.get_landing_page, ogc_documents.JSON, neighbour.OgcLandingPage, ""),
    )
)
_O311: Final = "/open311/v2"
_OPEN311: Final[tuple[Route, ...]] = tuple(
    Route(
        method,
        path,
        endpoint,
        "open311",
        Role.PUBLIC,
        status=201 if method == "POST" else 200,
        others={open311_answers.JSON: model, open311_answers.XML: None},
        problems={404: missing, 429: "too many reports of this address or lamp"},
        response_class=Response,
        error_types=(open311_answers.JSON, open311_answers.XML),
        reads_query=True,
    )
    for method, path, endpoint, model, missing in (
        ("GET", f"{_O311}/discovery.{{form}}", open311.get_discovery, neighbour.Open311Discovery, "no such format"),
        ("GET", f"{_O311}/services.{{form}}", open311.get_services, neighbour.Open311Services, "no such format"),
        (
            "GET",
            f"{_O311}/services/{{service_code}}.{{form}}",
            open311.get_service,
            neighbour.Open311Definition,
            "no such service or format",
        ),
        ("GET", f"{_O311}/requests.{{form}}", open311.get_requests, neighbour.Open311Requests, "no such format"),
        ("POST", f"{_O311}/requests.{{form}}", open311.post_request, neighbour.Open311Requests, "no such format"),
        (
            "GET",
            f"{_O311}/requests/{{request_id}}.{{form}}",
            open311.get_request,
            neighbour.Open311Requests,
            "no such request or format",
        ),
        (
            "GET",
            f"{_O311}/tokens/{{token}}.{{form}}",
            open311.get_token,
            neighbour.Open311Requests,
            "no such token or format",
        ),
    )
)
_BULK: Final = Route(
    "GET",
    f"{_O311}/bulk/requests.{{form}}",
    open311_bulk.get_bulk,
    "open311",
    Role.PUBLIC,
    others={open311_answers.JSON: neighbour.Open311Requests, open311_answers.XML: None, "text/csv": None},
    problems={404: "no such format"},
    response_class=Response,
    error_types=(open311_answers.JSON, open311_answers.XML),
    reads_query=True,
)
_CITIZENS: Final[tuple[Route, ...]] = tuple(
    # for people: not in the OpenAPI document; whoever shares a link may add to its query
    Route(method, path, endpoint, "", Role.PUBLIC, response_class=Response, reads_query=path != "/lapor/lamps")
    for method, path, endpoint in (
        ("GET", "/lapor", citizens.get_form),
        ("POST", "/lapor", citizens.post_form),
        ("GET", "/lapor/map.js", citizens.get_map_script),
        ("GET", "/lapor/lamps", citizens.get_lamp_choice),
        ("GET", "/lapor/{number}", citizens.get_report),
    )
)
_OPEN: Final[tuple[Route, ...]] = (
    Route("GET", "/open", open_data.get_page, "", Role.PUBLIC, response_class=Response),
    Route(
        "GET",
        "/open/catalogue.jsonld",
        open_data.get_catalogue,
        "open data",
        Role.PUBLIC,
        others={open_data.JSON_LD: neighbour.OpenDataCatalogue},
        response_class=Response,
    ),
    Route(
        "GET",
        "/open/{name}.{form}",
        open_data.get_data,
        "open data",
        Role.PUBLIC,
        others={open_data.GEOJSON: neighbour.OpenDataFeatures, open_data.CSV: None, open_data.PARQUET: None},
        problems={404: "no such data set"},
        response_class=Response,
    ),
)
_BRANDING: Final = Route(
    "GET",
    "/branding/logo.png",
    branding.get_logo,
    "city",
    Role.PUBLIC,
    others={branding.PNG: None},
    also=_SAME,
    problems={404: "the city has no logo"},
    response_class=Response,
)
PAGES: Final[tuple[Route, ...]] = tuple(
    # for people: not in the OpenAPI document; what a provider adds to the query of its answer is its own choice
    Route(method, path, endpoint, "", Role.PUBLIC, response_class=Response, reads_query=True)
    for method, path, endpoint in (
        ("GET", "/sign-in", sign_in_page.get_sign_in),
        ("POST", "/sign-in", sign_in_page.post_sign_in),
        ("GET", "/sign-in/link", sign_in_page.get_link),
        ("POST", "/sign-in/link", sign_in_page.post_link),
        ("GET", "/sign-in/style.css", sign_in_page.get_style),
        ("GET", "/sign-in/oidc", oidc_page.get_oidc),
        ("GET", oidc_page.CALLBACK, oidc_page.get_callback),
        ("POST", "/sign-out", sign_in_page.post_sign_out),
    )
)
_NGSI: Final = "/ngsi-ld/v1"
_NGSI_BODY: Final[Mapping[str, Any]] = {
    "required": True,
    "content": {media: {"schema": {"type": "object"}} for media in (ngsi_ld.JSON, ngsi_ld.JSON_LD)},
}
_NGSI_LD: Final[tuple[Route, ...]] = (
    *(
        Route(
            "GET",
            path,
            endpoint,
            "ngsi-ld",
            role,
            others={ngsi_ld.JSON: model, ngsi_ld.JSON_LD: model},
            problems=None if not missing else {404: missing},
            response_class=Response,
            reads_query=True,
        )
        for path, endpoint, role, model, missing in (
            (f"{_NGSI}/entities", ngsi_ld.get_entities, Role.VIEWER, neighbour.NgsiEntities, ""),
            (
                f"{_NGSI}/entities/{{entity_id:path}}",
                ngsi_ld.get_entity,
                Role.VIEWER,
                neighbour.NgsiEntity,
                "no such entity",
            ),
            (f"{_NGSI}/types", ngsi_ld.get_types, Role.VIEWER, neighbour.NgsiTypes, ""),
            # they name hosts of the city's own network
            (f"{_NGSI}/subscriptions", ngsi_ld.get_subscriptions, Role.OPERATOR, neighbour.NgsiEntities, ""),
            (
                f"{_NGSI}/subscriptions/{{subscription_id:path}}",
                ngsi_ld.get_subscription,
                Role.OPERATOR,
                neighbour.NgsiEntity,
                "no such subscription",
            ),
        )
    ),
    Route(
        "POST",
        f"{_NGSI}/subscriptions",
        ngsi_ld.post_subscription,
        "ngsi-ld",
        Role.OPERATOR,
        others={ngsi_ld.JSON: neighbour.NgsiEntity},
        status=201,
        problems={
            409: "there is a subscription of this id",
            413: "too many bytes",
            415: "neither JSON nor JSON-LD",
        },
        response_class=Response,
        reads_query=True,
        body=_NGSI_BODY,
    ),
    Route(
        "DELETE",
        f"{_NGSI}/subscriptions/{{subscription_id:path}}",
        ngsi_ld.delete_subscription,
        "ngsi-ld",
        Role.OPERATOR,
        status=204,
        problems={404: "no such subscription"},
        response_class=Response,
        reads_query=True,
    ),
)
# for people as well, and guarded: what stands on a pole says where the city's lamps are
_LABELS: Final = Route("GET", "/labels", labels.get_labels, "", Role.CREW, response_class=Response)
_TALQ: Final[tuple[Route, ...]] = (
    *(
        Route(
            "GET",
            f"/talq{path}",
            endpoint,
            "talq",
            Role.VIEWER,
            others={talq.JSON: model},
            problems=None if not missing else {404: missing},
            response_class=Response,
            error_types=(talq.JSON,),
            reads_query=True,
        )
        for path, endpoint, model, missing in (
            ("/services", talq.get_services, neighbour.TalqObjects, ""),
            ("/services/{service_name}", talq.get_service, neighbour.TalqObject, "no such service"),
            ("/device-classes", talq.get_device_classes, neighbour.TalqObjects, ""),
            ("/device-classes/count", talq.get_device_classes_count, neighbour.TalqCount, ""),
            ("/device-classes/{class_name}", talq.get_device_class, neighbour.TalqObject, "no such class"),
            ("/devices", talq.get_devices, neighbour.TalqObjects, ""),
            ("/devices/count", talq.get_devices_count, neighbour.TalqCount, ""),
            ("/devices/{device_address}", talq.get_device, neighbour.TalqObject, "no such device"),
            (
                "/devices/{device_address}/{function_id}",
                talq.get_function,
                neighbour.TalqObject,
                "no such device or function",
            ),
            (
                "/devices/{device_address}/{function_id}/{attribute_name}",
                talq.get_attribute,
                neighbour.TalqObject,
                "no such device, function or attribute",
            ),
            ("/log-reports/{logger_address}", talq.get_log_report, neighbour.TalqObject, "no such logger"),
        )
    ),
    Route(
        "POST",
        "/talq/override-commands",
        talq.post_override,
        "talq",
        Role.OPERATOR,
        others={talq.JSON: neighbour.TalqObject},
        status=202,
        problems={413: "too many bytes"},
        response_class=Response,
        error_types=(talq.JSON,),
        reads_query=True,
        body={"required": True, "content": {talq.JSON: {"schema": {"type": "object"}}}},
    ),
)
ROUTES: Final = (*_API, *_OGC, *_OPEN311, _BULK, *_CITIZENS, *_OPEN, _BRANDING, _LABELS, *PAGES, *_NGSI_LD, *_TALQ)
_EVERYWHERE: Final[Mapping[int, str]] = {
    400: "a parameter with an impossible value; the detail names it",
    401: "nobody is signed in, or by a token or password that does not hold",
    403: "whoever asks may not do this, or another site's page asks",
    422: "not as this document describes; the detail names the place",
    429: "asked too often; `Retry-After` says when to come back",
    503: "a store does not answer, or holds nothing yet; may be repeated later",
}


def add_routes(app: FastAPI, routes: tuple[Route, ...] = ROUTES) -> None:
    """Add the table's routes to ``app``, each behind its guard, described for the OpenAPI document."""
    for route in routes:
        app.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            tags=[route.tag] if route.tag else None,
            status_code=route.status,
            response_model=route.answer,
            response_class=route.response_class,
            responses=_responses(route),
            include_in_schema=bool(route.tag),
            openapi_extra={
                "x-role": str(route.role),
                "x-scopes": sorted(route.rule.scopes),
                **({"requestBody": route.body} if route.body else {}),
            },
        )
        if not route.reads_query:
            _check_query(app.router.routes[-1])
        _guard(app, app.router.routes[-1], route.rule)


def _check_query(route: Any) -> None:
    """Let a route refuse query parameters that neither it nor what it depends on knows."""
    known: set[str] = set()
    dependants = [route.dependant]
    while dependants:
        dependant = dependants.pop()
        known.update(field.alias for field in dependant.query_params)
        dependants.extend(dependant.dependencies)
    route.app = QueryCheck(route.app, known)


def guard_others(app: FastAPI, rules: Mapping[str, Rule]) -> None:
    """Put a guard before the routes that the framework added itself.

    Args:
        app: with all its routes.
        rules: path -> rule of such a route.

    Raises:
        UnguardedError: a route has neither a row in the table nor a rule here.
    """
    for route in app.router.routes:
        path = getattr(route, "path", "")
        if isinstance(getattr(route, "app", None), Guard):
            continue
        if path not in rules:
            raise UnguardedError(f"{path or route}: no rule says who may call it; it needs a row in the route table")
        _guard(app, route, rules[path])


def _guard(app: FastAPI, route: Any, rule: Rule) -> None:
    route.app = Guard(route.app, rule, lambda: app.state.context.gate)


def _responses(route: Route) -> dict[int | str, dict[str, Any]]:
    found: dict[int | str, dict[str, Any]] = {}
    if route.others:
        content = {
            media: {} if model is None else {"schema": _reference(model)} for media, model in route.others.items()
        }
        found[route.status] = {"content": content}
    for status, meaning in {**_EVERYWHERE, **(route.problems or {})}.items():
        model = models.FaultProblem if status == 409 and route.tag == "faults" else models.Problem
        found[status] = {"description": meaning, "content": {MEDIA_TYPE: {"schema": _reference(model)}}}
        found[status]["content"] |= {media_type: {} for media_type in route.error_types}
    for status, meaning in (route.also or {}).items():
        found[status] = {"description": meaning}
    return found


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
