"""Open311 GeoReport v2: discovery, services, requests in JSON and XML alike; reports that come in."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET

import pytest
from sqlalchemy import insert

from ingest.model.finding import Cleared, Key, Place
from ingest.schema.report_tables import reports

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
ROOT = "/open311/v2"


def as_plain(element):
    """XML as the JSON would have it: texts alone, lists where an element's members share a name of the mapping."""
    members = list(element)
    if not members:
        return element.text or ""
    if element.tag in {"services", "service_requests", "errors", "attributes", "endpoints", "formats", "values"}:
        return [as_plain(one) for one in members]
    return {one.tag: as_plain(one) for one in members}


def texts(value):
    if isinstance(value, dict):
        return {name: texts(one) for name, one in value.items()}
    if isinstance(value, list):
        return [texts(one) for one in value] or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def both(client, path, status=200, **kwargs):
    """The JSON answer, after it was seen that the XML answer says the same."""
    plain, xml = client.get(f"{ROOT}/{path}.json", **kwargs), client.get(f"{ROOT}/{path}.xml", **kwargs)
    assert plain.status_code == xml.status_code == status, plain.text
    assert xml.headers["content-type"].startswith("text/xml")
    assert as_plain(ET.fromstring(xml.content)) == texts(plain.json())
    return plain.json()


def post(client, form="json", **fields):
    return client.post(f"{ROOT}/requests.{form}", data=fields)


def test_discovery_services_and_definitions(client):
    endpoint = both(client, "discovery")["endpoints"][0]
    assert endpoint["url"] == "http://testserver/open311/v2"
    services = both(client, "services")
    assert {"lamp-dark", "area-dark"} <= {one["service_code"] for one in services}
    for one in services:
        assert one["service_name"]
        assert one["type"] == "realtime"
        definition = both(client, f"services/{one['service_code']}")
        assert definition["attributes"][0]["code"] == "LAMP"
    assert both(client, "services/none", 404)[0]["code"] == 404


def test_faults_are_public_service_requests(town, client):
    town.darken(1, 2)
    town.raise_circuit()
    found = both(client, "requests")
    assert [one["service_code"] for one in found].count("lamp-dark") == 2
    assert [one["service_code"] for one in found].count("area-dark") == 1
    one = both(client, f"requests/{found[0]['service_request_id']}")
    assert one == [found[0]]
    assert both(client, "requests", params={"service_code": "area-dark"})[0]["service_code"] == "area-dark"
    assert both(client, "requests", params={"status": "closed"}) == []
    assert len(both(client, "requests", params={"status": "open"})) == 3
    assert both(client, "requests", params={"end_date": "2026-01-01T00:00:00Z"}) == []
    assert both(client, "requests", 400, params={"status": "odd"})[0]["code"] == 400
    assert both(client, "requests", 400, params={"start_date": "odd"})[0]["code"] == 400
    assert "PJU-" not in client.get(f"{ROOT}/requests.json").text


def test_pages_together_are_the_whole_newest_first(town, client):
    for minute in range(5):
        town.darken(minute, at_us=T0 - minute * 60_000_000)
    town.darken(20, 21, 22, at_us=T0 - 30_000_000)
    for _ in range(3):
        assert post(client, service_code="other", address_string="x").status_code == 201
    whole = both(client, "requests")
    times = [one["requested_datetime"] for one in whole]
    assert len(whole) >= 9
    assert times == sorted(times, reverse=True)
    for size in (1, 2, 4, 100):
        pages = [both(client, "requests", params={"page": n, "page_size": size}) for n in range(1, len(whole) + 1)]
        assert [one for page in pages for one in page] == whole
        assert all(len(page) <= size for page in pages)
    assert both(client, "requests", params={"page_size": "99999"}) == whole
    for params in (
        {"page": "0"},
        {"page": "-1"},
        {"page": "x"},
        {"page": "11"},
        {"page_size": "0"},
        {"page_size": "1.5"},
    ):
        assert both(client, "requests", 400, params=params)[0]["code"] == 400


def test_a_report_of_a_known_fault_says_so(town, client):
    town.darken(1)
    answer = post(client, service_code="lamp-dark", address_id="L-001", description="dark & <b>cold</b>")
    assert answer.status_code == 201
    number = answer.json()[0]["service_request_id"]
    assert answer.json()[0]["service_notice"]
    one = both(client, f"requests/{number}")[0]
    assert one["address_id"] == "L-001"
    assert one["description"] == "dark & <b>cold</b>"
    assert one["status"] == "open"
    assert both(client, f"tokens/{number}") == [{"service_request_id": number, "token": number}]
    assert both(client, "tokens/NONE", 404)[0]["code"] == 404


def test_text_that_xml_cannot_hold_is_left_out(client):
    number = post(client, service_code="other", address_string="x", description="a\x01\x0b]]>&\ud7ff\ufffe").json()
    xml = client.get(f"{ROOT}/requests/{number[0]['service_request_id']}.xml")
    root = ET.fromstring(xml.content)
    assert root.findtext("request/description") == "a]]>&\ud7ff"


def test_a_place_near_a_lamp_is_that_lamp(client):
    number = post(client, service_code="lamp-dark", lat="0.79", long="102.00031").json()[0]["service_request_id"]
    assert both(client, f"requests/{number}")[0]["address_id"] == "L-001"
    number = post(client, service_code="lamp-dark", lat="5", long="100").json()[0]["service_request_id"]
    found = both(client, f"requests/{number}")[0]
    assert (found["address_id"], found["lat"], found["long"]) == (None, 5.0, 100.0)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"service_code": "none", "address_string": "x"},
        {"service_code": "lamp-dark"},
        {"service_code": "lamp-dark", "lat": "1"},
        {"service_code": "lamp-dark", "lat": "91", "long": "0"},
        {"service_code": "lamp-dark", "lat": "nan", "long": "0"},
        {"service_code": "lamp-dark", "lat": "x", "long": "0"},
        {"service_code": "lamp-dark", "address_id": "no-such-lamp"},
        {"service_code": "lamp-dark", "address_string": "x" * 301},
        {"service_code": "lamp-dark", "address_string": "x", "description": "x" * 2001},
        {"service_code": "lamp-dark", "address_string": "x", "email": "x" * 201},
        {"service_code": "lamp-dark", "address_string": "a\0b"},
    ],
)
def test_a_report_that_cannot_be_is_refused_in_the_asked_format(client, fields):
    answer = post(client, "json", **fields)
    assert answer.status_code == 400
    assert answer.json()[0]["code"] == 400
    answer = post(client, "xml", **fields)
    assert answer.status_code == 400
    assert ET.fromstring(answer.content).findtext("error/code") == "400"


BULK = "service_request_id requested_datetime updated_datetime closed_date status_description status_notes source"
BULK += " service_name service_subtype description agency_responsible address lat long"


def bulk(client, form, **params):
    answer = client.get(f"{ROOT}/bulk/requests.{form}", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].replace("text/xml", "application/xml").endswith(f"{form}; charset=utf-8")
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert answer.text.splitlines()[0] == ",".join(f'"{name}"' for name in BULK.split())
        return rows
    if form == "xml":
        root = ET.fromstring(answer.content)
        return as_plain(root) if len(root) else []
    return answer.json()


def test_bulk_is_the_same_in_all_formats_and_what_georeport_says(town, client):
    town.darken(1, 2, 3)
    town.book.apply([Cleared(Key("lampFailure", Place(lamp_id="L-001")), T0 + MINUTE)], T0 + MINUTE)
    number = post(client, service_code="lamp-dark", address_id="L-002", description='dark, "cold"\n<b>').json()[0]
    number = number["service_request_id"]
    as_csv, as_json, as_xml = (bulk(client, form) for form in ("csv", "json", "xml"))
    assert as_csv[0]["service_request_id"] == number
    assert len(as_csv) == 4
    assert [texts(one) for one in as_json] == as_xml
    assert [{name: value.removeprefix("'") for name, value in one.items()} for one in as_csv] == as_xml
    for one in as_json:
        assert list(one) == BULK.split()
        (alone,) = client.get(f"{ROOT}/requests/{one['service_request_id']}.json").json()
        for name in ("requested_datetime", "status_notes", "service_name", "description", "address", "lat", "long"):
            assert one[name] == alone[name]
        assert one["status_description"] == alone["status"]
        assert (one["closed_date"] is None) == (alone["status"] == "open")
        assert one["closed_date"] in {None, one["updated_datetime"]}
    assert [one["source"] for one in as_json] == ["Website", "Telemetry", "Telemetry", "Telemetry"]


def test_bulk_is_narrowed_by_time_and_paged_by_nobody(town, client):
    town.darken(1, 2)
    town.darken(3, at_us=T0 + 60 * MINUTE)
    assert len(bulk(client, "json", end_date="2026-09-21T14:30:00Z")) == 2
    assert len(bulk(client, "csv", start_date="2026-09-21T14:30:00Z", end_date="2026-09-21T16:30:00Z")) == 1
    assert bulk(client, "xml", end_date="2020-01-01T00:00:00Z") == []
    for form in ("csv", "json", "xml"):
        for params in ({"start_date": "odd"}, {"limit": "5"}, {"start_date": "2027-01-01T00:00:00Z"}):
            assert client.get(f"{ROOT}/bulk/requests.{form}", params=params).status_code == 400
    assert client.get(f"{ROOT}/bulk/requests.yaml").status_code == 404
    endpoints = client.get(f"{ROOT}/discovery.json").json()["endpoints"]
    assert [one["url"] for one in endpoints if "Bulk" in one["specification"]] == [
        f"http://testserver{ROOT}/bulk/requests"
    ]


def test_bulk_holds_more_reports_than_one_part(town, client):
    values = {"service": "other", "found": "unknown", "address": "x", "n_joined": 0}
    with town.engine.begin() as connection:
        rows = [{**values, "number": f"N{n:06d}", "at_us": T0 - (n // 7) * 1000} for n in range(2345)]
        connection.execute(insert(reports), rows)
    found = [one["service_request_id"] for one in bulk(client, "json")]
    assert len(found) == len(set(found)) == 2345


@pytest.mark.parametrize(
    "path",
    ["discovery", "services", "services/other", "requests", "requests/NONE", "tokens/NONE", "bulk/requests"],
)
def test_an_unknown_parameter_is_refused(client, path):
    assert client.get(f"{ROOT}/{path}.json?jurisdiction_id=city&api_key=x&lang=en").status_code in {200, 404}
    assert client.get(f"{ROOT}/{path}.json?offset=2").status_code == 400
    assert client.get(f"{ROOT}/{path}.xml?lang=en&lang=id").status_code == 400
    assert client.post(f"{ROOT}/requests.json?x=1", data={"service_code": "other"}).status_code == 400


def test_xml_is_never_read(client):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    answer = client.post(f"{ROOT}/requests.xml", content=bomb, headers={"Content-Type": "application/xml"})
    assert answer.status_code == 400
    answer = client.post(f"{ROOT}/requests.json", content=b"a=" + b"x" * 40_000, headers={"Content-Type": FORM})
    assert answer.status_code == 400
    assert client.get(f"{ROOT}/services.yaml").status_code == 404


FORM = "application/x-www-form-urlencoded"


def test_a_hundred_reports_from_one_address_are_slowed_down(client):
    answers = [post(client, service_code="other", address_string=f"x {n}") for n in range(100)]
    assert [one.status_code for one in answers].count(201) == 10
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_independent_client_reads_services_and_requests(town, client, monkeypatch, form):
    georeport = pytest.importorskip("georeport.georeport")
    town.darken(1, 2)
    monkeypatch.setattr(georeport.requests, "get", client.get)
    reader = georeport.GeoReport(f"http://testserver{ROOT}", jurisdiction="city", output_format=form)
    assert len(reader.get_service_list()) == 6
    assert reader.get_service_definition("lamp-dark")["service_code"] == "lamp-dark"
    found = reader.get_service_requests(service_code="lamp-dark", status="open")
    assert {one["address_id"] for one in found} == {"L-001", "L-002"}
    assert reader.get_service_request(found[0]["service_request_id"]) == found[0]
