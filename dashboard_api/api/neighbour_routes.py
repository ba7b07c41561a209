"""Rows of the route table: interfaces for citizens and for other systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi.responses import Response

from dashboard_api.access.roles import Role
from dashboard_api.api.models import neighbour
from dashboard_api.api.route import Route
from dashboard_api.api.talq_routes import TALQ
from dashboard_api.neighbours.citizens import routes as citizens
from dashboard_api.neighbours.ngsi_ld import routes as ngsi_ld
from dashboard_api.neighbours.ogc import documents as ogc_documents
from dashboard_api.neighbours.ogc import routes as ogc
from dashboard_api.neighbours.open311 import answers as open311_answers
from dashboard_api.neighbours.open311 import bulk_route as open311_bulk
from dashboard_api.neighbours.open311 import routes as open311
from dashboard_api.neighbours.open_data import routes as open_data

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
CITIZENS: Final[tuple[Route, ...]] = tuple(
    # for people: not in the OpenAPI document; whoever shares a link may add to its query
    Route(
        method,
        path,
        endpoint,
        "",
        Role.PUBLIC,
        response_class=Response,
        reads_query=path != "/lapor/lamps",
        is_plain=method == "GET",
        query=("bbox",),
    )
    for method, path, endpoint in (
        ("GET", "/lapor", citizens.get_form),
        ("GET", "/lapor/lamps", citizens.get_lamp_choice),
        ("GET", "/lapor/map.js", citizens.get_map_script),
        ("GET", "/lapor/{number}", citizens.get_report),
        ("POST", "/lapor", citizens.post_form),
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
NEIGHBOURS: Final = (*_OGC, *_OPEN311, _BULK, *_OPEN, *_NGSI_LD, *TALQ)
