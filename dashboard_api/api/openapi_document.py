"""The OpenAPI document: FastAPI's, with the models that no route answers as plain JSON (problems, GeoJSON, events)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from dashboard_api.api import models
from dashboard_api.api.parameters import describe_parameters

MORE_MODELS: Final = (
    models.Problem,
    models.FaultProblem,
    models.FaultCollection,
    models.FaultEvent,
    models.LampCollection,
)
_TEMPLATE: Final = "#/components/schemas/{model}"


def describe(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """What stands in for ``app.openapi``: the whole document, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = FastAPI.openapi(app)
            describe_parameters(document)
            _, more = models_json_schema([(model, "serialization") for model in MORE_MODELS], ref_template=_TEMPLATE)
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name, schema in more["$defs"].items():
                schemas.setdefault(name, schema)
            document["components"]["schemas"] = dict(sorted(schemas.items()))
        return dict(app.openapi_schema or {})

    return openapi


def interface_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What clients are generated from: the document without the city's name and the version."""
    return {name: value for name, value in document.items() if name != "info"}


def interface_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the interface: stands in the page's generated types, so that a test sees whether they are fresh."""
    text = json.dumps(interface_of(document), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
