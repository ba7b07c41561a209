"""What subscribers of NGSI-LD are sent: changes, once each, and again after an outage."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import httpx
import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.neighbours.ngsi_ld import notifier
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource
from dashboard_api.neighbours.ngsi_ld.notifier import Notifier
from dashboard_api.neighbours.outgoing import sender
from dashboard_api.neighbours.outgoing.endpoints import GIVE_UP_AFTER, wait_s
from ingest.schema.city import read_city
from tests.dashboard_api.ngsi_city import ask, broker, busy, settings_of  # noqa: F401
from tests.dashboard_api.ngsi_wishes import SUBSCRIPTIONS, T0, WISH
from tests.dashboard_api.people import Clock


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
        if True in seen and seen[seen.index(True) :].count(False) == 3:
            is_enough.set()
        if is_slow:
            await asyncio.Event().wait()
        stand.clock.now_us += 10_000_000
        stand.write_live([2 + seen.count(False) % 2] * 40)  # something new is to be told
        return httpx.Response(200)

    async def play():
        context = Context(stand.settings, stand.clock)
        running = asyncio.create_task(Notifier(context, EntitySource(context), httpx.MockTransport(answer)).run())
        async with asyncio.timeout(60):
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
        async with asyncio.timeout(60):
            found = await made.send("POST", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", b"{}", {})
        await made.close()
        server.close()
        return found

    assert "no answer within" in asyncio.run(play())
