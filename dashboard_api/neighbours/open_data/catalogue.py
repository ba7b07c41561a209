"""The DCAT catalogue (JSON-LD), which open data portals such as CKAN harvest. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from dashboard_api.neighbours.open_data.geo_parquet import PARQUET
from languages.catalogue import Catalogue

CSV: Final = "text/csv"
GEOJSON: Final = "application/geo+json"
DATASETS: Final[Mapping[str, tuple[str, ...]]] = {
    "lamps": ("csv", "geojson", "parquet"),
    "faults": ("csv", "geojson", "parquet"),
    "repairs": ("csv", "parquet"),
    "availability": ("csv", "parquet"),
    "energy": ("csv", "parquet"),
}
MEDIA_TYPES: Final[Mapping[str, str]] = {"csv": CSV, "geojson": GEOJSON, "parquet": PARQUET}
_CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"{}|\\^`]+")
_IANA: Final = "https://www.iana.org/assignments/media-types/"


def catalogue_document(root: str, city: str, licence: str, modified: str, words: Catalogue) -> dict[str, Any]:
    """The catalogue for the server at ``root``; ``licence`` empty = the city states none."""
    publisher = {"@id": f"{root}/open#publisher", "@type": "foaf:Agent", "foaf:name": city}
    datasets = [_dataset(root, name, licence, modified, words) for name in DATASETS]
    catalogue = {
        "@id": f"{root}/open/catalogue.jsonld",
        "@type": "dcat:Catalog",
        "dct:title": _text(words.say("open.title", city=city), words),
        "dct:description": _text(words.say("open.lead"), words),
        "dct:publisher": {"@id": publisher["@id"]},
        "dct:modified": _time(modified),
        "foaf:homepage": {"@id": f"{root}/open"},
        "dcat:dataset": [{"@id": one["@id"]} for one in datasets],
        **_licence(licence),
    }
    distributions = [one for name in DATASETS for one in _distributions(root, name, licence, words)]
    service = {
        "@id": f"{root}/ogc",
        "@type": "dcat:DataService",
        "dct:title": _text(words.say("ogc.title", city=city), words),
        "dcat:endpointURL": {"@id": f"{root}/ogc"},
        "dct:conformsTo": {"@id": "http://www.opengis.net/doc/IS/ogcapi-features-1/1.0"},
        "dcat:servesDataset": [{"@id": f"{root}/open#{name}"} for name in ("lamps", "faults")],
    }
    catalogue["dcat:service"] = [{"@id": service["@id"]}]
    return {"@context": _CONTEXT, "@graph": [catalogue, publisher, *datasets, *distributions, service]}


def _dataset(root: str, name: str, licence: str, modified: str, words: Catalogue) -> dict[str, Any]:
    return {
        "@id": f"{root}/open#{name}",
        "@type": "dcat:Dataset",
        "dct:identifier": name,
        "dct:title": _text(words.say(f"open.{name}"), words),
        "dct:description": _text(words.say(f"open.{name}.about"), words),
        "dct:publisher": {"@id": f"{root}/open#publisher"},
        "dct:modified": _time(modified),
        "dcat:distribution": [{"@id": f"{root}/open/{name}.{form}"} for form in DATASETS[name]],
        **_licence(licence),
    }


def _distributions(root: str, name: str, licence: str, words: Catalogue) -> list[dict[str, Any]]:
    return [
        {
            "@id": f"{root}/open/{name}.{form}",
            "@type": "dcat:Distribution",
            "dct:title": _text(f"{words.say(f'open.{name}')} ({form})", words),
            "dcat:accessURL": {"@id": f"{root}/open"},
            "dcat:downloadURL": {"@id": f"{root}/open/{name}.{form}"},
            "dcat:mediaType": {"@id": f"{_IANA}{MEDIA_TYPES[form]}"},
            **_licence(licence),
        }
        for form in DATASETS[name]
    ]


def _licence(licence: str) -> dict[str, Any]:
    """A licence is named by its address; other words are kept as a statement of rights."""
    if not licence:
        return {}
    is_address = _ADDRESS.fullmatch(licence) is not None
    return {"dct:license": {"@id": licence}} if is_address else {"dct:rights": licence}


def _text(text: str, words: Catalogue) -> dict[str, str]:
    return {"@value": text, "@language": words.language}


def _time(text: str) -> dict[str, str]:
    return {"@value": text, "@type": "xsd:dateTime"}
