"""HEAD is answered as GET without its body, at every address that has GET."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from dashboard_api.api.route_table import ROUTES
from dashboard_api.app import create_app
from tests.dashboard_api.conftest import T0
from tests.dashboard_api.test_route_rules import MAY

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STREAMS = {route.path for route in ROUTES if route.is_stream}
SAME = ("content-type", "content-length", "etag", "allow", "location", "content-encoding")


@SQLITE
def test_every_address_that_has_get_has_head(town):
    town.write_live([2] * 40)
    with TestClient(create_app(town.city, lambda: T0), follow_redirects=False) as client:
        addresses = [address for (method, path), (address, _who) in MAY.items() if method == "GET"]
        assert len(addresses) == sum(route.method == "GET" for route in ROUTES)
        for address in addresses:
            head = client.head(address)
            assert head.content == b"", address
            if address in STREAMS:
                assert head.status_code == 200
                continue
            whole = client.get(address)
            assert head.status_code == whole.status_code, address
            for name in SAME:
                if name == "content-length" and ("/ogc" in address or address == "/metrics"):
                    continue  # the time of the answer stands in them, or what was asked before
                assert head.headers.get(name) == whole.headers.get(name), (address, name)
        assert client.head("/nowhere").status_code == 404
        figures = client.get("/metrics").text
    assert 'terang_http_requests_total{route="/ogc/conformance",status="200"} 2.0' in figures


@SQLITE
def test_a_real_server_ends_each_answer_and_goes_on_with_the_connection(town):
    town.write_live([2] * 40)
    settings = uvicorn.Config(create_app(town.city, lambda: T0), port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
        assert thread.is_alive()
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    with httpx.Client(base_url=address, timeout=5, limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(3):
            for path in ("/ogc/collections/lamps/items", "/api/v1/events", "/open311/v2/bulk/requests.csv", "/ogc/x"):
                head = client.head(path)
                assert head.content == b""
                assert head.status_code == (404 if path == "/ogc/x" else 200), path
        assert client.get("/ogc/conformance").json()["conformsTo"]
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()
