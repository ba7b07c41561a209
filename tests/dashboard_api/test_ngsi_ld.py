"""NGSI-LD: entities valid against Smart Data Models, queries against plain Python, subscriptions that are told."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import suppress

import httpx
import jsonschema_rs
import numpy as np
import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.ngsi_ld import mapping, notifier
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource
from dashboard_api.neighbours.ngsi_ld.notifier import Notifier
from dashboard_api.neighbours.outgoing import sender
from dashboard_api.neighbours.outgoing.endpoints import GIVE_UP_AFTER, check_endpoint, wait_s
from ingest.schema.city import CityError, read_city
from ingest.schema.codes import CATALOGUE
from tests.dashboard_api.people import Clock, bearer

T0 = 1_790_000_000_000_000
BASE = "/ngsi-ld/v1/entities"
SUBSCRIPTIONS = "/ngsi-ld/v1/subscriptions"
_PLACE = {"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "number"}}
# the parts of the common schema that the three schemas refer to, as far as they concern what is written here
COMMON = {
    "definitions": {
        "GSMA-Commons": {
            "properties": {
                "id": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$",
                },
                "name": {"type": "string"},
            },
            "required": ["id"],
        },
        "Location-Commons": {
            "properties": {
                "location": {
                    "type": "object",
                    "required": ["type", "coordinates"],
                    "oneOf": [
                        {"properties": {"type": {"const": "Point"}, "coordinates": _PLACE}},
                        {
                            "properties": {
                                "type": {"const": "MultiPoint"},
                                "coordinates": {"type": "array", "items": _PLACE, "minItems": 1},
                            }
                        },
                    ],
                },
                "address": {
                    "type": "object",
                    "properties": {"streetAddress": {"type": "string"}, "addressLocality": {"type": "string"}},
                    "additionalProperties": False,
                },
                "areaServed": {"type": "string"},
            }
        },
        "PhysicalObject-Commons": {},
        "dateYearLess": {"type": "string"},
    }
}


def settings_of(town, text='[ngsi]\nnotify = ["broker.example:1026"]\n'):
    file = town.city.folder / "city.toml"
    file.write_text(file.read_text() + text)
    return read_city(town.city.folder, {})


@pytest.fixture
def busy(town):
    """A town whose lamps do all there is to do: unknown, off, lit and dark; one circuit without supply."""
    town.write_live([row % 4 for row in range(40)], level=[(100, 40, 100, 255)[row % 8 // 2] for row in range(40)])
    town.darken(3)
    town.darken(2, code="relayFailure")
    town.darken(1, code="meterFailure")
    town.raise_circuit()
    return town


@pytest.fixture
def broker(busy):
    with TestClient(create_app(settings_of(busy), lambda: T0)) as client:
        yield client


def ids_of(answer):
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()]


def ask(client, **parameters):
    return client.get(BASE, params={"limit": 1000, "options": "keyValues", **parameters})


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
    assert mapping.STATUS_OF.keys() == {code.code for code in CATALOGUE}
    assert set(mapping.STATUS_OF.values()) == set(mapping.STATUSES)


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


WISH = {
    "type": "Subscription",
    "entities": [{"type": "Streetlight"}],
    "notification": {"format": "keyValues", "endpoint": {"uri": "http://broker.example:1026/notify"}},
}


def test_a_subscription_is_kept_shown_and_ended(broker):
    made = broker.post(SUBSCRIPTIONS, json={**WISH, "id": "urn:ngsi-ld:Subscription:one"})
    assert made.status_code == 201, made.text
    where = made.headers["location"]
    assert where == f"{SUBSCRIPTIONS}/urn:ngsi-ld:Subscription:one"
    shown = broker.get(where).json()
    assert (shown["status"], shown["isActive"], shown["notification"]["timesSent"]) == ("active", True, 0)
    assert [one["id"] for one in broker.get(SUBSCRIPTIONS).json()] == [shown["id"]]
    again = broker.post(SUBSCRIPTIONS, json={**WISH, "id": "urn:ngsi-ld:Subscription:one"})
    assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "AlreadyExists")
    for n in range(4):
        assert broker.post(SUBSCRIPTIONS, json=WISH).status_code == 201, n
    assert broker.post(SUBSCRIPTIONS, json=WISH).status_code == 429
    assert broker.delete(where).status_code == 204
    assert broker.get(where).status_code == broker.delete(where).status_code == 404


BAD_WISHES = {
    "no object": [],
    "no type": {key: value for key, value in WISH.items() if key != "type"},
    "unknown member": {**WISH, "timeInterval": 5},
    "no entities": {**WISH, "entities": []},
    "a cabinet": {**WISH, "entities": [{"type": "StreetlightControlCabinet"}]},
    "a list of types": {**WISH, "entities": [{"type": "Streetlight,StreetlightGroup"}]},
    "q": {**WISH, "q": "powerState|status"},
    "geoQ": {**WISH, "geoQ": {"georel": "within", "geometry": "Polygon", "coordinates": [[1, 2]]}},
    "watched": {**WISH, "watchedAttributes": ["powerConsumption"]},
    "past": {**WISH, "expiresAt": "2020-01-01T00:00:00Z"},
    "nul": {**WISH, "description": "a\0b"},
    "id": {**WISH, "id": "not a uri"},
}
FOREIGN = (
    "http://127.0.0.1:1026/x",
    "http://broker.example/x",
    "https://broker.example/x",
    "http://broker.example:1027/x",
    "http://broker.example:1026@127.0.0.1/x",
    "http://user:secret@broker.example:1026/x",
    "http://broker.example.evil:1026/x",
    "http://broker.example:1026#@127.0.0.1/x",
    "http://127.0.0.1\\@broker.example:1026/x",
    "ftp://broker.example:1026/x",
    "mqtt://broker.example:1026/x",
    "file:///etc/passwd",
    "//broker.example:1026/x",
    "http://broker.example:x/",
    "http://[::1/x",
    "",
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_subscription_that_cannot_be_is_refused(broker):
    for name, wish in BAD_WISHES.items():
        answer = broker.post(SUBSCRIPTIONS, json=wish)
        assert answer.status_code == 400, (name, answer.text)
        assert answer.json()["type"].endswith("BadRequestData"), name
    for address in FOREIGN:
        wish = {**WISH, "notification": {"endpoint": {"uri": address}}}
        assert broker.post(SUBSCRIPTIONS, json=wish).status_code == 400, address
    assert broker.post(SUBSCRIPTIONS, content=b"{", headers={"content-type": "application/json"}).status_code == 400
    assert (
        broker.post(SUBSCRIPTIONS, content=b"[" * 60_000, headers={"content-type": "application/json"}).status_code
        == 400
    )
    assert broker.post(SUBSCRIPTIONS, content=b"<a/>", headers={"content-type": "text/xml"}).status_code == 415
    assert broker.post(SUBSCRIPTIONS, json={**WISH, "description": "x" * 70_000}).status_code == 413
    assert broker.get(SUBSCRIPTIONS).json() == []


def test_a_host_without_a_port_stands_for_the_usual_one():
    for address in ("http://a.example/x", "https://A.example/x", "http://a.example:80/", "https://a.example:443/"):
        check_endpoint(address, ["a.example"])
    for address in ("http://a.example:443/", "https://a.example:80/", "http://a.example:8080/"):
        with pytest.raises(BadRequestError):
            check_endpoint(address, ["a.example"])
    with pytest.raises(BadRequestError):
        check_endpoint("http://a.example/", [])


@pytest.mark.parametrize("host", ["http://a", "a/b", "a b", "x@a", "", "a:99999", "a:x"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_list_of_hosts_holds_hosts_alone(town, host):
    with pytest.raises(CityError, match="notify"):
        settings_of(town, f'[ngsi]\nnotify = ["{host}"]\n')


class Broker:
    """A context broker: keeps what it is told, or fails."""

    def __init__(self):
        self.status, self.documents, self.addresses = 200, [], []

    def __call__(self, request):
        self.addresses.append(str(request.url))
        if self.status is None:
            raise httpx.ConnectError("nobody there")
        if self.status == 200:
            self.documents.append(json.loads(request.content))
        return httpx.Response(self.status, headers={"location": "http://127.0.0.1/"})

    @property
    def told(self):
        return [one["id"].rpartition(":")[2] for document in self.documents for one in document["data"]]


class Stand:
    """A town, its API and its notifier, on a clock that the test moves."""

    def __init__(self, town):
        town.write_live([2] * 40, level=100)
        self.town, self.clock, self.broker = town, Clock(T0), Broker()
        self.settings = settings_of(town)
        self.client = TestClient(create_app(self.settings, self.clock))
        self.restart()

    def restart(self):
        context = Context(self.settings, self.clock)
        self.notifier = Notifier(context, EntitySource(context), httpx.MockTransport(self.broker))

    def subscribe(self, **more):
        made = self.client.post(SUBSCRIPTIONS, json={**WISH, **more})
        assert made.status_code == 201, made.text
        return made.headers["location"]

    def tick(self, seconds=10):
        self.clock.now_us += seconds * 1_000_000
        before = len(self.broker.told)
        asyncio.run(self.notifier.tell())
        return self.broker.told[before:]

    def write_live(self, states):
        self.town.write_live(states, at_us=self.clock.now_us, level=100)


@pytest.fixture
def stand(town):
    return Stand(town)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_subscriber_is_told_everything_once_and_then_what_changes(stand):
    where = stand.subscribe()
    assert len(stand.tick()) == 40
    assert stand.tick() == []
    states = [2] * 40
    states[7] = 3
    stand.write_live(states)
    assert stand.tick() == ["L-007"]
    stand.town.darken(5)  # its state and its status
    assert stand.tick() == ["L-005"]
    shown = stand.client.get(where).json()["notification"]
    assert (shown["status"], shown["timesSent"]) == ("ok", 3)
    document = stand.broker.documents[-1]
    assert (document["type"], document["data"][0]["status"]) == ("Notification", "defectiveLamp")
    stand.restart()
    assert len(stand.tick()) == 40  # rather twice than never


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_leaves_a_selection_and_comes_back_is_told_again(stand):
    stand.subscribe(q='powerState=="off"', watchedAttributes=["powerState"])
    assert stand.tick() == []
    off = [1] + [2] * 39
    for states, told in ((off, ["L-000"]), ([2] * 40, []), (off, ["L-000"]), (off, [])):
        stand.write_live(states)
        assert stand.tick() == told


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_throttling_and_expiry_hold(stand):
    stand.subscribe(throttling=60, expiresAt="2026-09-21T14:20:00Z")
    assert len(stand.tick()) == 40
    stand.write_live([3] * 40)
    assert stand.tick(50) == []
    assert len(stand.tick(15)) == 40
    stand.write_live([2] * 40)
    assert stand.tick(3600) == []
    (shown,) = stand.client.get(SUBSCRIPTIONS).json()
    assert shown["status"] == "expired"


@pytest.mark.parametrize("status", [None, 500, 302, 404])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_dead_endpoint_is_asked_less_and_less_and_given_up_and_that_is_said(stand, status):
    where = stand.subscribe()
    stand.broker.status = status
    for n in range(1, GIVE_UP_AFTER + 1):
        stand.tick(wait_s(n - 1) if n > 1 else 10)
        assert len(stand.broker.addresses) == n
        stand.tick(0)  # not before its time
        assert len(stand.broker.addresses) == n
    assert set(stand.broker.addresses) == {"http://broker.example:1026/notify"}  # no redirection is followed
    shown = stand.client.get(where).json()
    assert (shown["status"], shown["isActive"], shown["notification"]["status"]) == ("paused", False, "failed")
    assert shown["notification"]["lastErrorReason"]
    stand.broker.status = 200
    assert stand.tick(86_400) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_an_endpoint_missed_reaches_it_when_it_is_back(stand):
    stand.subscribe()
    assert len(stand.tick()) == 40
    stand.broker.status = 503
    stand.write_live([3] * 10 + [2] * 30)
    assert stand.tick() == []
    stand.write_live([3] * 20 + [2] * 20)
    stand.broker.status = 200
    assert stand.tick(5) == []  # still waits
    assert stand.tick(10) == [f"L-{row:03d}" for row in range(20)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_host_that_is_taken_off_the_list_is_told_no_more(stand):
    where = stand.subscribe()
    file = stand.town.city.folder / "city.toml"
    file.write_text(file.read_text().replace("broker.example:1026", "other.example"))
    stand.settings = read_city(stand.town.city.folder, {})
    stand.restart()
    assert (stand.tick(), stand.broker.addresses) == ([], [])
    assert stand.client.get(where).json()["status"] == "paused"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_endpoint_that_does_not_answer_stalls_no_other_one(stand, monkeypatch):
    monkeypatch.setattr(notifier, "EVERY_S", 0.01)
    stand.subscribe()
    stand.subscribe(notification={"endpoint": {"uri": WISH["notification"]["endpoint"]["uri"] + "/slow"}})
    stand.clock.now_us += 10_000_000
    seen, is_enough = [], asyncio.Event()

    async def answer(request):
        is_slow = request.url.path.endswith("/slow")
        seen.append(is_slow)
        if seen.count(False) == 3:
            is_enough.set()
        if is_slow:
            await asyncio.Event().wait()
        stand.clock.now_us += 10_000_000
        stand.write_live([2 + seen.count(False) % 2] * 40)  # something new is to be told
        return httpx.Response(200)

    async def play():
        context = Context(stand.settings, stand.clock)
        running = asyncio.create_task(Notifier(context, EntitySource(context), httpx.MockTransport(answer)).run())
        async with asyncio.timeout(20):
            await is_enough.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(play())
    assert seen.count(True) == 1, "it is asked once at a time"


def test_an_answer_that_trickles_in_is_given_up(monkeypatch):
    monkeypatch.setattr(sender, "_MOST_S", 0.3)

    async def trickle(_reader, writer):
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 1000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()

    async def play():
        server = await asyncio.start_server(trickle, "127.0.0.1", 0)
        made = sender.Sender()
        async with asyncio.timeout(10):
            found = await made.send("POST", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})
        await made.close()
        server.close()
        return found

    assert "no answer within" in asyncio.run(play())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_that_reads_may_read_and_not_subscribe(busy, people):
    app = create_app(settings_of(busy), lambda: T0)
    people.add("budi", "operator")
    reader = bearer(app, people.token("reader", "read"))
    assert ask(reader, type="Streetlight").status_code == 200
    assert reader.post(SUBSCRIPTIONS, json=WISH).status_code == 403


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_city_without_lamps_has_no_entities(tmp_path, town):
    source = EntitySource(Context(town.city, lambda: T0))
    snapshot = source.snapshot()
    empty = snapshot.documents(mapping.LAMP, np.array([], np.int64))
    assert empty == []
