"""Landing page, conformance and descriptions of collections as JSON documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from dashboard_api.formats.times import iso
from dashboard_api.neighbours.ogc.features import Extent
from dashboard_api.neighbours.ogc.mapping import TIMES, CollectionAbout
from dashboard_api.neighbours.ogc.parameters import CRS84
from dashboard_api.store.fault_filter import GEOMETRY, QUERYABLE
from languages.catalogue import Catalogue

GEOJSON: Final = "application/geo+json"
JSON: Final = "application/json"
HTML: Final = "text/html"
OPENAPI: Final = "application/vnd.oai.openapi+json;version=3.0"
# The classes of version 1.0.1 and of 1.1, which asks for nothing more here: clients look for either.
CONFORMANCE: Final = (
    *(
        f"http://www.opengis.net/spec/ogcapi-features-1/{version}/conf/{name}"
        for version in ("1.0", "1.1")
        for name in ("core", "oas30", "html", "geojson")
    ),
    *(
        f"http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/{name}"
        for name in ("queryables", "queryables-query-parameters", "filter", "features-filter")
    ),
    *(
        f"http://www.opengis.net/spec/cql2/1.0/conf/{name}"
        for name in (
            "cql2-text",
            "cql2-json",
            "basic-cql2",
            "advanced-comparison-operators",
            "basic-spatial-functions",
            "basic-spatial-functions-plus",
            "spatial-functions",
            "temporal-functions",
        )
    ),
)
SCHEMA: Final = "application/schema+json"
QUERYABLES: Final = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
_GREGORIAN: Final = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
_OTHER: Final = {"json": "html", "html": "json"}


def link(href: str, rel: str, media_type: str, title: str) -> dict[str, str]:
    """A link with all its members."""
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def self_links(address: str, form: str, json_type: str = JSON, query: str = "") -> list[dict[str, str]]:
    """Links to this document and to its other format; ``query`` without ``f``."""
    types = {"json": json_type, "html": HTML}
    before = f"{address}?{query}&" if query else f"{address}?"
    other = _OTHER[form]
    return [
        link(f"{before}f={form}", "self", types[form], "This document"),
        link(f"{before}f={other}", "alternate", types[other], f"This document as {other.upper()}"),
    ]


def landing_page(root: str, form: str, city_name: str, catalogue: Catalogue) -> dict[str, Any]:
    """What is where."""
    return {
        "title": catalogue.say("ogc.title", city=city_name),
        "description": catalogue.say("ogc.description"),
        "links": [
            *self_links(root, form),
            link(f"{root}/api?f=json", "service-desc", OPENAPI, "The API's definition (OpenAPI 3.0)"),
            link(f"{root}/api?f=html", "service-doc", HTML, "The API's documentation"),
            link(f"{root}/conformance", "conformance", JSON, "Conformance classes"),
            link(f"{root}/collections", "data", JSON, "Collections"),
        ],
    }


def conformance(root: str, form: str) -> dict[str, Any]:
    """The conformance classes."""
    return {"links": self_links(f"{root}/conformance", form), "conformsTo": list(CONFORMANCE)}


def collections(root: str, form: str, all_of_them: list[dict[str, Any]]) -> dict[str, Any]:
    """The list of collections."""
    return {"links": self_links(f"{root}/collections", form), "collections": all_of_them}


def collection(root: str, form: str, about: CollectionAbout, extent: Extent, catalogue: Catalogue) -> dict[str, Any]:
    """One collection, in the list and by itself alike."""
    address = f"{root}/collections/{about.id}"
    document: dict[str, Any] = {
        "id": about.id,
        "title": catalogue.say(f"ogc.{about.id}.title"),
        "description": catalogue.say(f"ogc.{about.id}.description"),
        "itemType": "feature",
        "crs": [CRS84],
        "storageCrs": CRS84,
        "links": [
            *self_links(address, form),
            link(f"{address}/items?f=json", "items", GEOJSON, "Items as GeoJSON"),
            link(f"{address}/items?f=html", "items", HTML, "Items as HTML"),
            link(f"{address}/queryables?f=json", QUERYABLES, SCHEMA, "Properties for filters"),
        ],
    }
    found: dict[str, Any] = {}
    if extent.bbox is not None:
        found["spatial"] = {"bbox": [list(extent.bbox)], "crs": CRS84}
    if about.is_temporal and extent.first_us is not None:
        found["temporal"] = {"interval": [[iso(extent.first_us), None]], "trs": _GREGORIAN}
    return document | ({"extent": found} if found else {})


def queryables(root: str, about: CollectionAbout, catalogue: Catalogue) -> dict[str, Any]:
    """The properties that a collection may be filtered by, as a JSON Schema."""
    names = QUERYABLE if about.has_filter else about.filters
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{root}/collections/{about.id}/queryables",
        "type": "object",
        "title": catalogue.say(f"ogc.{about.id}.title"),
        "properties": {name: _queryable(name, about) for name in names},
        "additionalProperties": False,
    }


def _queryable(name: str, about: CollectionAbout) -> dict[str, str]:
    if name == GEOMETRY:
        return {"title": name, "format": "geometry-point", "x-ogc-role": "primary-geometry"}
    time = {"format": "date-time"} if name in TIMES else {}
    return {"title": name, "type": about.properties[name], **time}


def item_address(root: str, collection_id: str, feature_id: str) -> str:
    """Where a feature stands; its id may hold any character."""
    return f"{root}/collections/{collection_id}/items/{quote(feature_id, safe='')}"


def item_links(root: str, form: str, collection_id: str, feature_id: str) -> list[dict[str, str]]:
    """The links of a single feature."""
    of_collection = f"{root}/collections/{collection_id}"
    return [
        *self_links(item_address(root, collection_id, feature_id), form, GEOJSON),
        link(of_collection, "collection", JSON, "The collection"),
    ]


def items_links(root: str, form: str, collection_id: str, query: Mapping[str, str], cursor: str | None) -> list[Any]:
    """The links of a page of items; ``query`` is what was asked without ``f`` and ``cursor``."""
    address = f"{root}/collections/{collection_id}/items"
    here = _query(query)
    links = [
        *self_links(address, form, GEOJSON, here),
        link(f"{root}/collections/{collection_id}", "collection", JSON, "The collection"),
    ]
    if cursor is not None:
        onward = _query({**{name: value for name, value in query.items() if name != "cursor"}, "cursor": cursor})
        media_type = GEOJSON if form == "json" else HTML
        links.append(link(f"{address}?{onward}&f={form}", "next", media_type, "The next page"))
    return links


def _query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe=',:/.')}" for name, value in query.items())
