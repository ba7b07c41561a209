# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""NGSI-LD subscriptions: which are kept, and what their subscribers are told."""

from __future__ import annotations

import pytest

from dashboard_api.app import create_app
from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.outgoing.endpoints import check_endpoint
from ingest.schema.city import CityError
from tests.dashboard_api.ngsi_city import ask, broker, busy, settings_of  # noqa: F401
from tests.dashboard_api.ngsi_wishes import SUBSCRIPTIONS, T0, WISH
from tests.dashboard_api.people import bearer


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_that_reads_may_read_and_not_subscribe(busy, people):
    app = create_app(settings_of(busy), lambda: T0)
    people.add("budi", "operator")
    reader = bearer(app, people.token("reader", "read"))
    assert ask(reader, type="Streetlight").status_code == 200
    assert reader.post(SUBSCRIPTIONS, json=WISH).status_code == 403
