"""What other systems read: OGC API - Features, Open311 and the open data. Lists stand as they are, without a frame."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import ConfigDict, Field, RootModel

from dashboard_api.api.models.answer import Answer, example

_LINK_EXAMPLE: Final = {
    "href": "https://terang.example.go.id/ogc/collections?f=json",
    "rel": "self",
    "type": "application/json",
    "title": "This document",
}
_COLLECTION_EXAMPLE: Final[dict[str, Any]] = {
    "id": "lamps",
    "title": "Lamps",
    "description": "Every lamp of the register, with its present state.",
    "itemType": "feature",
    "crs": ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"],
    "storageCrs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
    "links": [_LINK_EXAMPLE],
    "extent": {"spatial": {"bbox": [[102.0, 0.79, 102.1, 0.8]]}},
}
_FEATURE_EXAMPLE: Final[dict[str, Any]] = {
    "type": "Feature",
    "id": "L-000123",
    "geometry": {"type": "Point", "coordinates": [102.0489, 0.7893]},
    "properties": {"lamp_id": "L-000123", "state": "lit"},
}
_SERVICE_EXAMPLE: Final[dict[str, Any]] = {
    "service_code": "lamp-dark",
    "service_name": "Street lamp is dark",
    "description": "A lamp that does not burn at night",
    "metadata": True,
    "type": "realtime",
    "keywords": "",
    "group": "street-lighting",
}
_REQUEST_EXAMPLE: Final[dict[str, Any]] = {
    "service_request_id": "7K3M2QXDAB",
    "status": "open",
    "status_notes": "A crew is assigned.",
    "service_code": "lamp-dark",
    "requested_datetime": "2026-11-23T12:05:00Z",
    "address_id": "L-000123",
    "lat": 0.7893,
    "long": 102.0489,
}


class Link(Answer):
    """A link of an OGC document."""

    model_config = example(_LINK_EXAMPLE)

    href: str
    rel: str
    type: str
    title: str


class OgcLandingPage(Answer):
    """What is where under `/ogc`."""

    model_config = example({"title": "Street lighting", "description": "", "links": [_LINK_EXAMPLE]})

    title: str
    description: str
    links: list[Link]


class OgcConformance(Answer):
    """The conformance classes that hold."""

    model_config = example({"links": [_LINK_EXAMPLE], "conformsTo": []})

    links: list[Link]
    conformsTo: list[str]  # noqa: N815  (the standard's name)


class OgcCollection(Answer):
    """One collection; `extent` is left out where it has no feature."""

    model_config = example(_COLLECTION_EXAMPLE)

    id: str
    title: str
    description: str
    itemType: Literal["feature"]  # noqa: N815  (the standard's name)
    crs: list[str]
    storageCrs: str  # noqa: N815  (the standard's name)
    links: list[Link]
    extent: dict[str, Any] = Field({}, description="`spatial` and `temporal`")


class OgcCollections(Answer):
    """All collections."""

    model_config = example({"links": [_LINK_EXAMPLE], "collections": [_COLLECTION_EXAMPLE]})

    links: list[Link]
    collections: list[OgcCollection]


class OgcQueryables(Answer):
    """A JSON Schema of the properties that a collection may be filtered by."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"examples": [{"type": "object", "title": "Faults", "properties": {}}]}
    )

    type: Literal["object"]
    title: str
    properties: dict[str, Any]


class OgcFeature(Answer):
    """One feature as GeoJSON; `links` stand in it where it is asked for by itself."""

    model_config = example(_FEATURE_EXAMPLE)

    type: Literal["Feature"]
    id: str
    geometry: dict[str, Any] | None
    properties: dict[str, Any]
    links: list[Link] = Field([])


class OgcFeatures(Answer):
    """A page of features as GeoJSON; the link `next` leads to the next page."""

    model_config = example(
        {
            "type": "FeatureCollection",
            "timeStamp": "2026-11-23T12:05:00Z",
            "numberMatched": 1,
            "numberReturned": 1,
            "links": [_LINK_EXAMPLE],
            "features": [_FEATURE_EXAMPLE],
        }
    )

    type: Literal["FeatureCollection"]
    timeStamp: str  # noqa: N815  (the standard's name)
    numberMatched: int = Field(0, description="left out where counting would cost more than the page")  # noqa: N815
    numberReturned: int  # noqa: N815  (the standard's name)
    links: list[Link]
    features: list[OgcFeature]


class OgcApi(Answer):
    """An OpenAPI 3.0 document."""

    model_config = example({"openapi": "3.0.3", "info": {}, "servers": [], "paths": {}, "components": {}})

    openapi: str
    info: dict[str, Any]
    servers: list[dict[str, Any]]
    paths: dict[str, Any]
    components: dict[str, Any]


class Open311Discovery(Answer):
    """Where GeoReport is and what it speaks."""

    model_config = example({"changeset": "2011-04-20T00:00:00Z", "contact": "", "key_service": "", "endpoints": []})

    changeset: str
    contact: str
    key_service: str
    endpoints: list[dict[str, Any]]


class Open311Services(RootModel[list[dict[str, Any]]]):
    """What may be reported."""

    model_config = ConfigDict(json_schema_extra={"examples": [[_SERVICE_EXAMPLE]]})


class Open311Definition(Answer):
    """The attributes of a service."""

    model_config = example({"service_code": "lamp-dark", "attributes": []})

    service_code: str
    attributes: list[dict[str, Any]]


class Open311Requests(RootModel[list[dict[str, Any]]]):
    """Service requests; of one that was just made, or of a token, the number alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [[_REQUEST_EXAMPLE]]})


class OpenDataCatalogue(Answer):
    """A DCAT catalogue as JSON-LD."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"examples": [{"@context": {}, "@graph": [{"@id": "/open", "@type": "dcat:Catalog"}]}]},
    )

    context: dict[str, Any] = Field(alias="@context")
    graph: list[dict[str, Any]] = Field(alias="@graph")


class OpenDataFeatures(Answer):
    """A data set as GeoJSON."""

    model_config = example({"type": "FeatureCollection", "features": [_FEATURE_EXAMPLE]})

    type: Literal["FeatureCollection"]
    features: list[OgcFeature]


_ENTITY_EXAMPLE: Final[dict[str, Any]] = {
    "id": "urn:ngsi-ld:Streetlight:L-000123",
    "type": "Streetlight",
    "status": {"type": "Property", "value": "ok"},
}


class NgsiEntity(Answer):
    """An entity or subscription of NGSI-LD; its further members are those of its type."""

    model_config = example(_ENTITY_EXAMPLE, is_open=True)

    id: str
    type: str


class NgsiEntities(RootModel[list[NgsiEntity]]):
    """Entities, or subscriptions, of NGSI-LD."""

    model_config = ConfigDict(json_schema_extra={"examples": [[_ENTITY_EXAMPLE]]})


class NgsiTypes(RootModel[NgsiEntity | list[NgsiEntity]]):
    """The types of entities: their names, or each with its attributes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "urn:ngsi-ld:EntityTypeList:terang",
                    "type": "EntityTypeList",
                    "typeList": ["Streetlight", "StreetlightControlCabinet", "StreetlightGroup"],
                }
            ]
        }
    )


class TalqObject(RootModel[dict[str, Any]]):
    """A service, device class, device, function, attribute or log report of TALQ's data model."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "TerangLamp", "functions": []}]})


class TalqObjects(RootModel[list[dict[str, Any]]]):
    """Objects of TALQ's data model."""

    model_config = ConfigDict(json_schema_extra={"examples": [[{"name": "TerangLamp", "functions": []}]]})


class TalqCount(RootModel[int]):
    """How many there are."""

    model_config = ConfigDict(json_schema_extra={"examples": [1]})


MODELS: Final = (
    OgcLandingPage,
    OgcConformance,
    OgcCollections,
    OgcCollection,
    OgcQueryables,
    OgcFeatures,
    OgcFeature,
    OgcApi,
    Open311Discovery,
    Open311Services,
    Open311Definition,
    Open311Requests,
    OpenDataCatalogue,
    OpenDataFeatures,
    NgsiEntity,
    NgsiEntities,
    NgsiTypes,
    TalqObject,
    TalqObjects,
    TalqCount,
)
