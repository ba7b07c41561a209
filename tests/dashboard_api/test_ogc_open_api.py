# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Abstract tests of OGC API - Features Part 1 on its OpenAPI 3.0 document, named by their requirements."""

from __future__ import annotations

import json

from tests.dashboard_api.test_ogc_core import get, ids, items, links_of, ogc  # noqa: F401

COLLECTIONS = ("lamps", "faults", "cabinets")


def test_core_api_definition_op_and_success(ogc):
    document = get(ogc, "/ogc/").json()
    for one in links_of(document, "service-desc") + links_of(document, "service-doc"):
        assert get(ogc, one["href"]).headers["content-type"].replace(" ", "").startswith(one["type"])


def resolved(document, node):
    while "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def parameters(document, path):
    found = [resolved(document, one) for one in document["paths"][path]["get"]["parameters"]]
    return {one["name"]: one for one in found}


def test_core_fc_limit_bbox_and_time_definition(ogc):
    document = get(ogc, "/ogc/api").json()
    for name in COLLECTIONS:
        of = parameters(document, f"/collections/{name}/items")
        for one in ("limit", "bbox", "datetime"):
            assert of[one]["in"] == "query"
            assert of[one]["required"] is False
            assert of[one]["style"] == "form"
            assert of[one]["explode"] is False
        assert of["limit"]["schema"]["type"] == "integer"
        assert of["bbox"]["schema"]["type"] == "array"
        assert of["bbox"]["schema"]["items"] == {"type": "number"}
        assert of["bbox"]["schema"]["oneOf"] == [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}]
        assert of["datetime"]["schema"] == {"type": "string"}


def test_oas30_definition_implementation_and_exception_codes(ogc):
    response = get(ogc, "/ogc/api")
    assert response.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    document = response.json()
    assert document["openapi"].startswith("3.0.")
    operations = [item["get"]["operationId"] for item in document["paths"].values()]
    assert len(set(operations)) == len(operations)
    assert document["servers"] == [{"url": "http://testserver/ogc"}]
    for text in json.dumps(document).split('"$ref": "')[1:]:
        resolved(document, {"$ref": text.partition('"')[0]})
    for path, item in document["paths"].items():
        answers = item["get"]["responses"]
        assert {"200", "400", "500", "503"} <= answers.keys()
        name = path.split("/")[2] if path.startswith("/collections/") else ""
        filled = path.replace("{featureId}", ids(ogc, name)[0] if name else "")
        answer = get(ogc, f"/ogc{filled}")
        assert answer.headers["content-type"].replace(" ", "") in answers["200"]["content"]
        assert ogc.get(f"/ogc{filled}", params={"no-such": "1"}).status_code == 400
        if "404" in answers:
            assert name


def test_oas30_every_property_that_features_have_is_described(ogc):
    document = get(ogc, "/ogc/api").json()
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    for name in COLLECTIONS:
        described = document["components"]["schemas"][f"{name}Feature"]["properties"]["properties"]["properties"]
        for feature in items(ogc, name, limit=1000)["features"]:
            assert feature["properties"].keys() == described.keys()
            for key, value in feature["properties"].items():
                assert value is None or isinstance(value, kinds[described[key]["type"]]), (name, key, value)
