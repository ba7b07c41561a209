# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""NGSI-LD subscriptions: which are kept, and what their subscribers are told."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import httpx
import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.errors import BadRequestError
from dashboard_api.neighbours.ngsi_ld import notifier
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource
from dashboard_api.neighbours.ngsi_ld.notifier import Notifier
from dashboard_api.neighbours.outgoing import sender
from dashboard_api.neighbours.outgoing.endpoints import GIVE_UP_AFTER, check_endpoint, wait_s
from ingest.schema.city import CityError, read_city
from tests.dashboard_api.ngsi_city import ask, broker, busy, settings_of  # noqa: F401
from tests.dashboard_api.people import Clock, bearer

T0 = 1_790_000_000_000_000
SUBSCRIPTIONS = "/ngsi-ld/v1/subscriptions"
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
