"""The OpenAPI 3.0 document of ``/ogc``, which GIS programs read to learn parameters and limits. Pure."""

from __future__ import annotations

from typing import Any, Final

from dashboard_api.neighbours.ogc.cql2 import CQL2_TEXT, FILTER_LANGUAGES, FILTER_PARAMETERS
from dashboard_api.neighbours.ogc.documents import GEOJSON, HTML, JSON, OPENAPI, SCHEMA
from dashboard_api.neighbours.ogc.mapping import COLLECTIONS, CollectionAbout
from dashboard_api.neighbours.ogc.parameters import CRS84, DEFAULT_LIMIT, FORMATS, MAX_LIMIT

_ANY: Final[dict[str, Any]] = {"type": "object"}
_LINKS: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["href", "rel"],
        "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title")},
    },
}
_PROBLEM: Final = "application/problem+json"
_PROBLEMS: Final = {
    "400": "a parameter that is unknown or has an impossible value",
    "404": "no such collection or feature",
    "429": "asked too often; Retry-After says when to come back",
    "500": "an error of the server",
    "503": "the store does not answer; may be repeated later",
}
_POINT: Final[dict[str, Any]] = {
    "type": "object",
    "nullable": True,
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"type": "string", "enum": ["Point"]},
        "coordinates": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}},
    },
}


def open_api_document(root: str, title: str, version: str) -> dict[str, Any]:
    """The document for the server at ``root``."""
    landing = {"type": "object", "required": ["links"], "properties": {"links": _LINKS}}
    classes = {
        "type": "object",
        "required": ["conformsTo"],
        "properties": {"conformsTo": {"type": "array", "items": {"type": "string"}}},
    }
    paths: dict[str, Any] = {
        "/": _operation("getLandingPage", "Capabilities", JSON, landing, is_missing_possible=False),
        "/api": _operation("getApi", "Capabilities", OPENAPI, _ANY, is_missing_possible=False),
        "/conformance": _operation("getConformance", "Capabilities", JSON, classes, is_missing_possible=False),
        "/collections": _operation("getCollections", "Capabilities", JSON, _collections(), is_missing_possible=False),
    }
    for about in COLLECTIONS.values():
        path = f"/collections/{about.id}"
        name = about.id.capitalize()
        paths[path] = _operation(f"describe{name}", name, JSON, _ref("collection"))
        paths[f"{path}/queryables"] = _operation(f"describeQueryablesOf{name}", name, SCHEMA, _ANY)
        paths[f"{path}/items"] = _operation(
            f"get{name}", name, GEOJSON, _ref(f"{about.id}Collection"), _item_parameters(about)
        )
        one = _operation(f"getOneOf{name}", name, GEOJSON, _ref(f"{about.id}Feature"))
        feature_id = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
        paths[f"{path}/items/{{featureId}}"] = {**one, "parameters": [feature_id]}
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": version},
        "servers": [{"url": root}],
        "paths": paths,
        "components": {"parameters": _parameters(), "schemas": _schemas()},
    }


def _ref(name: str, kind: str = "schemas") -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _operation(
    operation_id: str,
    tag: str,
    media_type: str,
    schema: dict[str, Any],
    parameters: tuple[dict[str, Any], ...] = (),
    *,
    is_missing_possible: bool = True,
) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {
            "description": "the document",
            "content": {media_type: {"schema": schema}, HTML: {"schema": {"type": "string"}}},
        }
    }
    for status, meaning in _PROBLEMS.items():
        if status != "404" or is_missing_possible:
            answers[status] = {"description": meaning, "content": {_PROBLEM: {"schema": _ref("problem")}}}
    return {
        "get": {
            "operationId": operation_id,
            "tags": [tag],
            "summary": operation_id,
            "parameters": [*parameters, _ref("f", "parameters"), _ref("lang", "parameters")],
            "responses": answers,
        }
    }


def _item_parameters(about: CollectionAbout) -> tuple[dict[str, Any], ...]:
    shared = tuple(_ref(name, "parameters") for name in ("limit", "bbox", "bbox-crs", "datetime", "cursor"))
    of_filter = tuple(_ref(name, "parameters") for name in FILTER_PARAMETERS) if about.has_filter else ()
    return shared + of_filter + tuple(_text_parameter(name, "features with this value alone") for name in about.filters)


def _text_parameter(name: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
        "style": "form",
        "explode": False,
    }


def _parameters() -> dict[str, Any]:
    limit = _text_parameter("limit", f"features of a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}")
    limit["schema"] = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    bbox = _text_parameter("bbox", "west,south,east,north in degrees; west > east lies over the antimeridian")
    bbox["schema"] = {
        "type": "array",
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        "items": {"type": "number"},
    }
    crs = _text_parameter("bbox-crs", "coordinate system of bbox")
    crs["schema"] = {"type": "string", "format": "uri", "enum": [CRS84], "default": CRS84}
    language = _text_parameter("filter-lang", "language of filter")
    language["schema"] = {"type": "string", "enum": list(FILTER_LANGUAGES), "default": CQL2_TEXT}
    form = _text_parameter("f", "format of the answer; default: by the Accept header, else json")
    form["schema"] = {"type": "string", "enum": list(FORMATS)}
    return {
        "limit": limit,
        "bbox": bbox,
        "bbox-crs": crs,
        "datetime": _text_parameter("datetime", "a time or an interval, RFC 3339; `..` or nothing = open on that side"),
        "cursor": _text_parameter("cursor", "from the link `next` of the page before"),
        "filter": _text_parameter("filter", "CQL2 over the collection's queryables"),
        "filter-lang": language,
        "filter-crs": {**crs, "name": "filter-crs", "description": "coordinate system of geometries in filter"},
        "f": form,
        "lang": _text_parameter("lang", "language of the words in the answer"),
    }


def _collections() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["links", "collections"],
        "properties": {"links": _LINKS, "collections": {"type": "array", "items": _ref("collection")}},
    }


def _schemas() -> dict[str, Any]:
    texts = {name: {"type": "string"} for name in ("id", "title", "description", "itemType", "storageCrs")}
    crs = {"type": "array", "items": {"type": "string"}}
    schemas: dict[str, Any] = {
        "problem": {"type": "object", "required": ["title", "status"], "properties": {"title": {"type": "string"}}},
        "collection": {
            "type": "object",
            "required": ["id", "links"],
            "properties": {**texts, "crs": crs, "extent": _ANY, "links": _LINKS},
        },
    }
    for about in COLLECTIONS.values():
        properties = {name: {"type": kind, "nullable": True} for name, kind in about.properties.items()}
        schemas[f"{about.id}Feature"] = {
            "type": "object",
            "required": ["type", "id", "geometry", "properties"],
            "properties": {
                "type": {"type": "string", "enum": ["Feature"]},
                "id": {"type": "string"},
                "geometry": _POINT,
                "properties": {"type": "object", "properties": properties},
                "links": _LINKS,
            },
        }
        schemas[f"{about.id}Collection"] = {
            "type": "object",
            "required": ["type", "features", "links", "timeStamp", "numberReturned"],
            "properties": {
                "type": {"type": "string", "enum": ["FeatureCollection"]},
                "features": {"type": "array", "items": _ref(f"{about.id}Feature")},
                "links": _LINKS,
                "timeStamp": {"type": "string", "format": "date-time"},
                "numberMatched": {"type": "integer", "minimum": 0},
                "numberReturned": {"type": "integer", "minimum": 0},
            },
        }
    return schemas
