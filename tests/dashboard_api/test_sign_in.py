"""Signing in: sessions, and what is tried against them."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from dashboard_api.access.origin_check import is_own_origin
from dashboard_api.app import create_app
from tests.dashboard_api.people import PASSWORD, Clock, sign_in

T0 = 1_790_000_000_000_000


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"  # test_route_rules.py asks both databases


@pytest.fixture
def clock():
    return Clock(T0)


@pytest.fixture
def app(town, people, clock):
    people.add("Budi", "operator")
    people.add("siti", "viewer")
    return create_app(town.city, clock)


def post_session(client, name, password=PASSWORD, **headers):
    return client.post("/api/v1/session", json={"name": name, "password": password}, headers=headers)


def test_who_signs_in_is_known_until_they_sign_out(app):
    with TestClient(app) as client:
        assert client.get("/api/v1/me").status_code == 401
        answer = post_session(client, " BUDI ")
        assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (201, "budi", "operator")
        assert client.get("/api/v1/me").json()["name"] == "budi"
        assert client.delete("/api/v1/session").status_code == 204
        assert client.get("/api/v1/me").status_code == 401


def test_a_401_is_a_problem_document_that_says_how_to_come_in(app):
    with TestClient(app) as client:
        answer = client.get("/api/v1/faults", headers={"Accept-Language": "id"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (answer.json()["title"], answer.json()["code"]) == ("Belum masuk", "not_signed_in")


@pytest.mark.parametrize(("scheme", "name"), [("http", "terang-session"), ("https", "__Host-terang-session")])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(app, scheme, name):
    with TestClient(app, base_url=f"{scheme}://testserver") as client:
        (cookie,) = [line for line in post_session(client, "budi").headers.get_list("set-cookie") if "session" in line]
    value, *attributes = [part.strip().lower() for part in cookie.split(";")]
    assert value.startswith(f"{name}=".lower())
    assert {"httponly", "samesite=lax", "path=/"} <= set(attributes)
    assert ("secure" in attributes) == (scheme == "https")
    assert not any(attribute.startswith("domain") for attribute in attributes)


def test_behind_tls_a_cookie_that_anybody_could_set_is_not_believed(app):
    with TestClient(app, base_url="https://testserver") as client:
        post_session(client, "budi")
        secret = client.cookies["__Host-terang-session"]
    with TestClient(app, base_url="https://testserver", cookies={"terang-session": secret}) as client:
        assert client.get("/api/v1/me").status_code == 401


def test_a_session_that_an_attacker_planted_is_not_the_one_that_is_signed_in(app):
    with TestClient(app, cookies={"terang-session": "planted"}) as client:
        post_session(client, "budi")
        assert client.cookies.get("terang-session", domain="testserver.local") != "planted"
    for planted in ("planted",):
        with TestClient(app, cookies={"terang-session": planted}) as attacker:
            assert attacker.get("/api/v1/me").status_code == 401


def test_a_sign_in_ends_the_session_that_the_browser_had(app):
    with TestClient(app):
        first = sign_in(app, "budi")
        old = first.cookies["terang-session"]
        post_session(first, "siti")
        assert first.get("/api/v1/me").json()["name"] == "siti"
        assert TestClient(app, cookies={"terang-session": old}).get("/api/v1/me").status_code == 401


def test_sign_out_everywhere_ends_every_device_and_nobody_elses(app):
    with TestClient(app):
        phone, desk, other = sign_in(app, "budi"), sign_in(app, "budi"), sign_in(app, "siti")
        assert phone.delete("/api/v1/session", params={"everywhere": True}).status_code == 204
        assert [client.get("/api/v1/me").status_code for client in (phone, desk, other)] == [401, 401, 200]


def test_what_the_terminal_revokes_ends_within_seconds(app, people, monkeypatch):
    with TestClient(app):
        client = sign_in(app, "budi")
        assert client.get("/api/v1/me").status_code == 200
        people.accounts.disable("budi")  # another process
        monkeypatch.setattr(app.state.context.admission, "_now_s", lambda: time.monotonic() + 2.1)
        assert client.get("/api/v1/me").status_code == 401
        assert post_session(TestClient(app), "budi").status_code == 401


def test_a_reset_ends_sessions_and_changes_the_password(app, people):
    with TestClient(app):
        client = sign_in(app, "budi")
        people.accounts.reset("budi", "kata sandi baru", None, T0)
        app.state.context.admission.forget()
        assert client.get("/api/v1/me").status_code == 401
        assert post_session(TestClient(app), "budi").status_code == 401
        assert post_session(TestClient(app), "budi", "kata sandi baru").status_code == 201


@pytest.mark.parametrize(("name", "idle_h", "total_h"), [("budi", 24, 168), ("siti", 168, 720)])
def test_a_session_runs_out_idle_and_at_last(app, clock, name, idle_h, total_h):
    admission = app.state.context.admission
    with TestClient(app):
        client = sign_in(app, name)
        clock.forward(idle_h - 1)
        admission.forget()
        assert client.get("/api/v1/me").status_code == 200
        clock.forward(idle_h - 1)
        admission.forget()
        assert client.get("/api/v1/me").status_code == 200  # it was used meanwhile
        admission.write_use()
        clock.forward(idle_h + 1)
        assert client.get("/api/v1/me").status_code == 401
        client = sign_in(app, name)
        for _ in range(total_h // (idle_h - 1) + 1):
            clock.forward(idle_h - 1)
            admission.forget()
            client.get("/api/v1/me")
        assert client.get("/api/v1/me").status_code == 401
        admission.write_use()
        with app.state.context.database.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one() <= 1


@pytest.mark.parametrize(
    ("headers", "is_refused"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Origin": "https://evil.example"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://testserver:81"}, True),
        ({"Origin": "https://testserver"}, True),
        ({"Origin": "http://testserver.evil.example"}, True),
        ({"Origin": "http://testserver"}, False),
        ({"Origin": "http://testserver", "Sec-Fetch-Site": "cross-site"}, True),
        ({}, False),
    ],
)
def test_another_sites_page_cannot_use_the_session(app, headers, is_refused):
    with TestClient(app):
        client = sign_in(app, "budi")
        order = {"cabinet_id": "C-1", "level": 0}
        answer = client.post("/api/v1/commands/dim", json=order, headers=headers)
        assert (answer.status_code == 403) == is_refused
        if is_refused:
            assert answer.json()["code"] == "foreign_origin"
        # nor sign somebody in as the attacker, nor out
        assert (post_session(TestClient(app), "siti", **headers).status_code == 403) == is_refused
        form = {"name": "siti", "password": PASSWORD}
        assert (TestClient(app).post("/sign-in", data=form, headers=headers).status_code == 403) == is_refused
        assert (client.delete("/api/v1/session", headers=headers).status_code == 403) == is_refused


def test_without_accounts_another_sites_page_cannot_order_either(client):
    order = {"cabinet_id": "C-1", "level": 0}
    answer = client.post("/api/v1/commands/dim", json=order, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_an_origin_that_is_listed_may():
    evil, listed = "https://evil.example", ("https://peta.example",)
    assert is_own_origin("cross-site", listed[0], "https", "terang.example", listed)
    assert not is_own_origin("cross-site", evil, "https", "terang.example", listed)


def test_a_link_sets_the_password_once(app, people):
    people.accounts.reset("siti", None, "the code", T0)
    with TestClient(app) as client:
        assert 'name="code" value="the code"' in client.get("/sign-in/link", params={"code": "the code"}).text
        form = {"code": "the code", "password": "sandi pilihan saya"}
        assert client.post("/sign-in/link", data={**form, "password": "short"}).status_code == 400
        answer = client.post("/sign-in/link", data=form, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert client.get("/api/v1/me").json()["name"] == "siti"
        assert TestClient(app).post("/sign-in/link", data=form).status_code == 401
        assert post_session(TestClient(app), "siti", "sandi pilihan saya").status_code == 201


def test_a_link_runs_out(app, people, clock):
    people.accounts.reset("siti", None, "the code", T0)
    clock.forward(24.1)
    with TestClient(app) as client:
        assert client.post("/sign-in/link", data={"code": "the code", "password": "sandi pilihan"}).status_code == 401


def test_no_secret_stands_in_the_citys_files(app, people):
    secret = people.token("wall", "display")
    people.accounts.reset("siti", None, "the code of the link", T0)
    with TestClient(app):
        client = sign_in(app, "budi")
        secrets = [secret, PASSWORD, "the code of the link", *client.cookies.values()]
        app.state.context.keep_anchor()
    stored = b"".join(path.read_bytes() for path in people.city.data_folder.iterdir())
    assert b"budi" in stored
    for one in secrets:
        assert one.split(".")[0].encode() not in stored


def test_a_display_signs_in_with_its_token_and_goes_with_it(app, people):
    secret = people.token("wall", "display")
    strong = people.token("strong", "read")
    with TestClient(app) as client:
        assert client.post("/api/v1/session", json={"token": strong}).status_code == 401
        assert client.post("/api/v1/session", json={"token": secret}).json()["scopes"] == ["display"]
        assert client.get("/api/v1/summary").status_code != 401
        assert client.get("/api/v1/lamps/L-001").status_code == 403
        people.accounts.revoke_token("wall", T0)
        app.state.context.admission.forget()
        assert client.get("/api/v1/summary").status_code == 401
        assert TestClient(app).post("/api/v1/session", json={"token": secret}).status_code == 401


def test_without_an_answer_from_the_database_nobody_gets_in(app, town):
    with TestClient(app) as client:
        assert client.get("/api/v1/faults").status_code == 401
        app.state.context.admission.forget()
        (town.city.data_folder / "terang.db").rename(town.city.data_folder / "away.db")
        app.state.context.database.close()
        assert client.get("/api/v1/faults").status_code == 503
        assert client.post("/api/v1/commands/dim", json={"cabinet_id": "C-1", "level": 0}).status_code == 503
