"""Open311 GeoReport v2: discovery, services, requests in JSON and XML alike; reports that come in."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

T0 = 1_790_000_000_000_000
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
