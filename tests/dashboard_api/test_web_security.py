"""What every answer carries, who may read it from where, rate limits, and proxies."""

from __future__ import annotations

import csv
import io
import re
import time

import httpx
import pytest
from fastapi.testclient import TestClient

from dashboard_api.api.route_table import ROUTES
from dashboard_api.app import create_app
from dashboard_api.formats.spreadsheet import safe_cell
from tests.dashboard_api.people import PASSWORD, bearer, sign_in
from tests.dashboard_api.served_api import serving, with_settings

T0 = 1_790_000_000_000_000


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"


def addresses():
    values = {"layer": "lamps", "z": "6", "x": "50", "y": "31", "fault_id": "f", "lamp_id:path": "L-001"}
    values |= {"cabinet_id:path": "C-1", "command_id": "c", "enrolment_id": "e"}
    values |= {"collection_id": "lamps", "feature_id:path": "L-001", "form": "json", "service_code": "other"}
    values |= {"request_id": "r", "token": "t", "number": "n", "name": "lamps", "photo_id": "p"}
    values |= {"entity_id:path": "e", "subscription_id:path": "s", "service_name": "s", "class_name": "c"}
    values |= {"device_address": "d", "function_id": "f", "attribute_name": "a", "logger_address": "l", "language": "l"}
    for route in ROUTES:
        if route.method == "GET" and not route.path.endswith("/events"):
            yield re.sub(r"\{([^}]+)\}", lambda match: values.get(match[1], "x"), route.path)
    yield from ("/", "/openapi.json", "/nowhere", "/api/v1/nowhere")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_answer_runs_no_script_of_its_own_and_is_framed_nowhere(town, people, scheme):
    people.add("budi", "operator")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        known = sign_in(app, "budi", scheme=scheme)
        public = TestClient(app, base_url=f"{scheme}://testserver")
        for client in (known, public):
            for address in addresses():
                answer = client.get(address, follow_redirects=False)
                policy = answer.headers["content-security-policy"]
                assert "frame-ancestors 'none'" in policy, address
                assert answer.headers["x-frame-options"] == "DENY", address
                assert answer.headers["x-content-type-options"] == "nosniff", address
                rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
                scripts = rules.get("script-src", rules["default-src"])
                assert scripts in {"'none'", "'self'"}, address
                assert "http:" not in policy and "https:" not in policy and "*" not in policy, address  # noqa: PT018
                assert ("strict-transport-security" in answer.headers) == (scheme == "https"), address
                assert "access-control-allow-origin" not in answer.headers, address


def test_no_page_holds_an_inline_script_or_handler(town, people):
    people.add("budi", "operator")
    with TestClient(create_app(town.city, lambda: T0)) as client:
        for address in ("/", "/docs", "/sign-in", "/sign-in/link?code=x"):
            text = client.get(address).text
            assert not re.search(r"<script(?![^>]*\ssrc=)", text), address
            assert not re.search(r"<[^>]+\son\w+\s*=", text), address
            assert "javascript:" not in text


def test_the_style_of_the_description_is_the_one_that_its_policy_names(client):
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415

    answer = client.get("/docs")
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_what_somebody_may_read_stays_out_of_shared_caches(town, people):
    people.add("budi", "operator")
    town.write_live([2] * 40)
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        known = sign_in(app, "budi")
        for address in ("/api/v1/faults", "/tiles/lamps/6/50/31.mvt", "/api/v1/lamps/L-001", "/api/v1/me"):
            control = known.get(address).headers["cache-control"]
            assert "public" not in control, address
            assert "private" in control or "no-store" in control, address


def test_only_origins_that_are_listed_may_read_from_a_page(town, people):
    people.add("budi", "operator")
    settings = with_settings(town, '[web]\nallowed_origins = ["https://peta.example"]\n')
    with TestClient(create_app(settings, lambda: T0)) as client:
        ask = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        for origin, may in (("https://peta.example", True), ("https://evil.example", False), ("null", False)):
            answer = client.options("/api/v1/faults", headers={**ask, "Origin": origin})
            assert (answer.headers.get("access-control-allow-origin") == origin) == may
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+62", "'+62"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("\n=1", "'\n=1"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("Jl. Sudirman 1-2", "Jl. Sudirman 1-2"),
        (-1, -1),
        (-0.5, -0.5),
        (None, None),
        ("", ""),
    ],
)
def test_a_cell_is_no_formula_and_a_number_stays_one(cell, shown):
    assert safe_cell(cell) == shown


def test_the_export_of_faults_is_safe_and_its_numbers_are_numbers(town, client):
    town.darken(1)
    (row,) = csv.DictReader(io.StringIO(client.get("/api/v1/faults", params={"f": "csv"}).text))
    assert row["street"] == "'=Jalan Melati"
    assert float(row["latitude"]) == pytest.approx(0.79)
    assert int(row["priority"]) > 0


def test_a_token_has_its_own_limit_and_says_when_to_come_back(town, people):
    slow, fast = people.token("slow", "read", per_minute=5), people.token("fast", "read")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        answers = [bearer(app, slow).get("/api/v1/maintenance") for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
        assert answers[-1].json()["code"] == "too_many_requests"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert bearer(app, fast).get("/api/v1/maintenance").status_code == 200
        assert bearer(app, slow, address="203.0.113.9").get("/api/v1/maintenance").status_code == 429


def test_an_address_without_credentials_has_a_limit_and_others_have_theirs(town, people):
    people.add("budi", "operator")
    app = create_app(with_settings(town, "[web]\npublic_per_minute = 20\n"), lambda: T0)
    with TestClient(app):
        known = sign_in(app, "budi", address="203.0.113.9")
        public = TestClient(app, client=("203.0.113.9", 1))
        statuses = [public.get("/api/v1/city").status_code for _ in range(25)]
        assert statuses.count(429) >= 5
        assert TestClient(app, client=("203.0.113.10", 1)).get("/api/v1/city").status_code == 200
        assert known.get("/api/v1/city").status_code == 200
        # a token that is guessed at counts as well
        guesses = [bearer(app, f"terang_{n}", "203.0.113.11").get("/api/v1/faults").status_code for n in range(30)]
        assert guesses[0] == 401
        assert guesses[-1] == 429


def test_without_accounts_nobody_is_limited(client):
    assert {client.get("/api/v1/city").status_code for _ in range(700)} == {200}


@pytest.mark.parametrize(("proxy", "counted"), [("10.0.0.1", "203.0.113.9"), ("198.51.100.1", "198.51.100.1")])
def test_only_a_named_proxy_says_where_a_request_comes_from(town, people, proxy, counted):
    people.add("budi", "operator")
    settings = with_settings(town, '[web]\ntrusted_proxies = ["10.0.0.0/8"]\nhosts = ["terang.example"]\n')
    app = create_app(settings, lambda: T0)
    with TestClient(app):
        headers = {"X-Forwarded-For": "192.0.2.1, 203.0.113.9", "X-Forwarded-Proto": "https", "Host": "terang.example"}
        client = TestClient(app, client=(proxy, 1))
        answer = client.post("/api/v1/session", json={"name": "budi", "password": PASSWORD}, headers=headers)
        assert answer.status_code == 201
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-") == (proxy == "10.0.0.1")
    with people.context.database.reading() as connection:
        seen = connection.exec_driver_sql("SELECT text FROM audit_names WHERE kind = 'address'").scalars().all()
    assert counted in seen


def test_a_host_that_is_not_listed_is_refused(town, people):
    people.add("budi", "operator")
    app = create_app(with_settings(town, '[web]\nhosts = ["Terang.Example"]\n'), lambda: T0)
    with TestClient(app) as client:
        for host, status in (("terang.example", 200), ("terang.example:8000", 200), ("evil.example", 400), ("", 400)):
            assert client.get("/api/v1/city", headers={"Host": host}).status_code == status, host


def test_a_stream_ends_when_its_session_does(town, people, monkeypatch):
    monkeypatch.setattr("dashboard_api.access.guard._LOOK_AGAIN_S", 0.2)
    people.add("budi", "operator")
    app = create_app(town.city)
    with serving(app) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        assert client.post("/api/v1/session", json={"name": "budi", "password": PASSWORD}).status_code == 201
        with client.stream("GET", "/api/v1/events") as feed:
            chunks = feed.iter_text()
            assert "terang" in next(chunks)
            people.accounts.disable("budi")
            began = time.monotonic()
            for _chunk in chunks:
                pass
            assert time.monotonic() - began < 10
        assert client.get("/api/v1/me").status_code == 401
