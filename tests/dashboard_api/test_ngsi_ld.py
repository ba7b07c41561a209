# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""NGSI-LD: entities valid against Smart Data Models, and queries that choose what plain Python chooses."""

from __future__ import annotations

import json
import math

import jsonschema_rs
import numpy as np
import pytest

from dashboard_api.context import Context
from dashboard_api.neighbours.ngsi_ld import mapping
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource
from ingest.schema.codes import BY_CODE, Code
from tests.contract_codes import CONTRACT_CODES
from tests.dashboard_api.ngsi_city import BASE, ask, broker, busy  # noqa: F401
from tests.dashboard_api.smart_data_models import COMMON

T0 = 1_790_000_000_000_000


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()]


def test_every_entity_is_valid_against_its_schema(broker, shared_data):
    seen = set()
    for kind in mapping.TYPES:
        schema = json.loads((shared_data / "schemas" / "fiware" / kind / "schema.json").read_text(encoding="utf-8"))
        validator = jsonschema_rs.validator_for(schema, retriever=lambda _uri: COMMON, validate_formats=True)
        found = ask(broker, type=kind).json()
        assert len(found) == {"Streetlight": 40, "StreetlightControlCabinet": 2, "StreetlightGroup": 2}[kind]
        for entity in found:
            validator.validate(entity)
            seen.add((entity.get("powerState"), entity.get("status")))
        with pytest.raises(jsonschema_rs.ValidationError):
            validator.validate({**found[0], "type": "Lamp"})
    assert {("on", "ok"), ("off", "defectiveLamp"), ("low", "brokenLantern"), (None, "ok"), ("off", "ok")} <= seen


def test_the_table_has_a_status_for_every_fault_code():
    assert mapping.STATUS_OF.keys() >= CONTRACT_CODES
    assert mapping.STATUS_OF.keys() <= BY_CODE.keys()
    assert set(mapping.STATUS_OF.values()) == set(mapping.STATUSES)


def test_a_code_without_a_row_has_the_status_of_its_family(monkeypatch):
    added = [
        Code("lampFlicker", "lamp", "minor"),
        Code("antennaFailure", "lamp", "minor", is_of_signal=True),
        Code("leakageCurrent", "cabinet", "major"),
    ]
    monkeypatch.setattr(mapping, "BY_CODE", {**BY_CODE, **{code.code: code for code in added}})
    statuses = [mapping.status_of(code.code) for code in added]
    assert statuses == [mapping.BROKEN, mapping.OK, mapping.OK]
    assert mapping.status_of("noSuchCode") == mapping.OK


def test_the_normalized_form_says_unit_and_time(broker):
    entity = broker.get(f"{BASE}/urn:ngsi-ld:Streetlight:L-002").json()
    at = "2026-09-21T14:13:20Z"
    assert entity["powerConsumption"] == {"type": "Property", "value": 90.0, "unitCode": "WTT", "observedAt": at}
    assert entity["refStreetlightGroup"] == {"type": "Relationship", "object": "urn:ngsi-ld:StreetlightGroup:C-1:1"}
    assert entity["location"] == {
        "type": "GeoProperty",
        "value": {"type": "Point", "coordinates": [pytest.approx(102.0006), pytest.approx(0.79)]},
    }
    assert entity["observationDateTime"]["value"] == {"@type": "DateTime", "@value": at}
    narrow = broker.get(f"{BASE}/urn:ngsi-ld:Streetlight:L-002?attrs=powerConsumption").json()
    assert set(narrow) == {"id", "type", "powerConsumption"}
    assert narrow["powerConsumption"]["observedAt"] == at


def test_the_context_stands_in_the_head_or_in_the_document(broker):
    plain = broker.get(BASE, params={"type": "Streetlight", "limit": 1})
    assert plain.headers["content-type"] == "application/json"
    assert 'rel="http://www.w3.org/ns/json-ld#context"' in plain.headers["link"]
    assert "@context" not in plain.json()[0]
    linked = broker.get(BASE, params={"type": "Streetlight", "limit": 1}, headers={"Accept": "application/ld+json"})
    assert linked.headers["content-type"] == "application/ld+json"
    assert linked.json()[0]["@context"] == mapping.CONTEXT_URI
    assert "json-ld#context" not in linked.headers.get("link", "")


def test_pages_together_are_the_whole(broker):
    whole = ids_of(ask(broker, idPattern="."))
    assert len(whole) == len(set(whole)) == 44
    for limit in (1, 7, 20, 41):
        found, offset = [], 0
        while offset < 44:
            answer = ask(broker, idPattern=".", limit=limit, offset=offset, count="true")
            assert answer.headers["NGSILD-Results-Count"] == "44"
            assert ('rel="next"' in answer.headers["link"]) == (offset + limit < 44)
            found += ids_of(answer)
            offset += limit
        assert found == whole
    none = ask(broker, type="Streetlight", limit=0, count="true")
    assert (none.json(), none.headers["NGSILD-Results-Count"]) == ([], "40")


CHECKS = {
    'powerState=="on"': lambda one: one.get("powerState") == "on",
    'powerState!="on"': lambda one: one.get("powerState") not in (None, "on"),
    "!powerState": lambda one: "powerState" not in one,
    "powerState": lambda one: "powerState" in one,
    'status=="ok","brokenLantern"': lambda one: one.get("status") in ("ok", "brokenLantern"),
    "powerConsumption>=90": lambda one: one.get("powerConsumption", 0) >= 90,
    "powerConsumption<90": lambda one: one.get("powerConsumption", 90) < 90,
    'powerRating==90;areaServed=="Siak"': lambda one: (one.get("powerRating"), one.get("areaServed")) == (90, "Siak"),
    "observationDateTime>2026-09-21T14:00:00Z": lambda one: "observationDateTime" in one,
    'observationDateTime<"2026-09-21T14:00:00Z"': lambda _one: False,
    "illuminanceLevel<0.5": lambda one: one.get("illuminanceLevel", 1) < 0.5,
    'circuitId=="1"': lambda one: one.get("circuitId") == "1",
    'areaServed==";"': lambda one: one.get("areaServed") == ";",
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_q_chooses_what_plain_python_chooses(broker):
    whole = ask(broker, idPattern=".").json()
    for q, is_meant in CHECKS.items():
        assert ids_of(ask(broker, q=q)) == [one["id"] for one in whole if is_meant(one)], q
    of_type = ids_of(ask(broker, type=f"{mapping.MODEL_URI}StreetlightGroup,Other"))
    assert of_type == ["urn:ngsi-ld:StreetlightGroup:C-1:1", "urn:ngsi-ld:StreetlightGroup:C-2:1"]
    assert ids_of(ask(broker, id=f"{of_type[0]},urn:x:1")) == of_type[:1]
    assert ids_of(ask(broker, type="Other")) == []


def metres(one, other):
    """Great circle by the cosine rule, another formula than the one under test."""
    (x0, y0), (x1, y1) = ([math.radians(part) for part in place] for place in (one, other))
    cosine = math.sin(y0) * math.sin(y1) + math.cos(y0) * math.cos(y1) * math.cos(x1 - x0)
    return 6_371_008.8 * math.acos(max(-1.0, min(1.0, cosine)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_places_are_chosen_as_plain_python_chooses_them(broker):
    lamps = ask(broker, type="Streetlight").json()
    here = [102.001, 0.79]
    for reach in (0, 60, 150, 5000):
        near = ask(
            broker,
            type="Streetlight",
            georel=f"near;maxDistance=={reach}",
            geometry="Point",
            coordinates=json.dumps(here),
        )
        wanted = [one["id"] for one in lamps if metres(here, one["location"]["coordinates"]) <= reach]
        assert ids_of(near) == wanted
        far = ask(
            broker,
            type="Streetlight",
            georel=f"near;minDistance=={reach}",
            geometry="Point",
            coordinates=json.dumps(here),
        )
        assert len(ids_of(far)) == 40 - len(wanted)
    hole = [[102.0008, 0.78], [102.0017, 0.78], [102.0017, 0.795], [102.0008, 0.795], [102.0008, 0.78]]
    outer = [[101.9, 0.7], [102.00255, 0.7], [102.00255, 0.795], [101.9, 0.795], [101.9, 0.7]]
    within = ask(broker, type="Streetlight", georel="within", geometry="Polygon", coordinates=json.dumps([outer, hole]))
    # 9 lamps up to 102.0024, without 102.0009, 102.0012 and 102.0015
    assert ids_of(within) == [f"urn:ngsi-ld:Streetlight:L-{row:03d}" for row in (0, 1, 2, 6, 7, 8)]
    groups = {"type": "StreetlightGroup", "geometry": "Polygon", "georel": "within"}
    assert ids_of(ask(broker, **groups, coordinates=json.dumps([outer]))) == []  # not all of its lamps
    wide = [[101.9, 0.7], [103, 0.7], [103, 0.795], [101.9, 0.795], [101.9, 0.7]]
    assert ids_of(ask(broker, **groups, coordinates=json.dumps([wide]))) == ["urn:ngsi-ld:StreetlightGroup:C-1:1"]


BAD = [
    "",
    "limit=5",
    "type=Streetlight&limit=0",
    "type=Streetlight&limit=-1",
    "type=Streetlight&limit=1&limit=2",
    "type=Streetlight&offset=99999999999",
    "type=",
    "type=Streetlight&options=concise",
    "type=Streetlight&count=yes",
    "type=Streetlight&Q=x",
    "idPattern=(",
    "idPattern=" + "a" * 201,
    "q=",
    "q=power>1",
    "q=powerConsumption>x",
    "q=powerConsumption>nan",
    "q=powerState~=on",
    "q=(powerState==on)",
    "q=powerState==on|status==ok",
    'q=powerState=="on',
    "q=powerConsumption>1,2",
    "q=location==1",
    "q=observationDateTime>yesterday",
    "q=" + ";".join(["status"] * 11),
    "georel=near;maxDistance==5",
    "georel=near;maxDistance==5&geometry=Point&coordinates=[200,0]",
    "georel=near;maxDistance==5&geometry=Point&coordinates=[1,NaN]",
    "georel=near;maxDistance==5&geometry=Point&coordinates=[1e999,0]",
    "georel=near;maxDistance==5&geometry=Point&coordinates=[true,0]",
    "georel=near;maxDistance==-5&geometry=Point&coordinates=[1,0]",
    "georel=near;maxDistance==5&geometry=Polygon&coordinates=[1,0]",
    "georel=intersects&geometry=Polygon&coordinates=[[[0,0],[1,0],[1,1],[0,0]]]",
    "georel=within&geometry=Polygon&coordinates=[[[0,0],[1,0],[1,1],[0,1]]]",
    "georel=within&geometry=Polygon&coordinates=[]",
    "georel=within&geometry=Polygon&coordinates=" + "[" * 9000,
    "georel=within&geometry=Polygon&coordinates=" + json.dumps([[[0, 0]] * 201]).replace(" ", ""),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_is_400_in_the_form_of_ngsi_ld(broker):
    wrong = []
    for query in BAD:
        answer = broker.get(f"{BASE}?{query}")
        document = answer.json()
        if answer.status_code != 400 or document["type"] != "https://uri.etsi.org/ngsi-ld/errors/BadRequestData":
            wrong.append((query[:80], answer.status_code, document))
        assert document["title"]
        assert document["detail"]
    assert wrong == []
    missing = broker.get(f"{BASE}/urn:ngsi-ld:Streetlight:L-999")
    assert (missing.status_code, missing.json()["type"].rpartition("/")[2]) == (404, "ResourceNotFound")


def test_ids_with_any_character_are_found_by_their_own_address():
    for name in ("L-1", "a:b", "a/b", "a%2Fb", "ü ö", "100%"):
        assert mapping.parts_of(mapping.entity_id(mapping.LAMP, name)) == (mapping.LAMP, (name,))
        assert mapping.parts_of(mapping.entity_id(mapping.GROUP, name, "")) == (mapping.GROUP, (name, ""))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_types_are_listed(broker):
    assert broker.get("/ngsi-ld/v1/types").json()["typeList"] == list(mapping.TYPES)
    details = broker.get("/ngsi-ld/v1/types?details=true").json()
    assert details[0]["attributeNames"] == list(mapping.TYPES["Streetlight"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_city_without_lamps_has_no_entities(tmp_path, town):
    source = EntitySource(Context(town.city, lambda: T0))
    snapshot = source.snapshot()
    empty = snapshot.documents(mapping.LAMP, np.array([], np.int64))
    assert empty == []
