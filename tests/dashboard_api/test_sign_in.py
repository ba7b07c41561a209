"""Signing in: sessions, and what is tried against them."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from dashboard_api.access import passwords
from dashboard_api.access.origin_check import is_own_origin
from dashboard_api.access.throttle import ACCOUNT, PAIR, SignInThrottle
from dashboard_api.app import create_app
from dashboard_api.errors import TooManyError
from dashboard_api.store.attempts import forget_old
from ingest.schema.access_tables import sign_in_attempts
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


def test_a_wrong_password_and_no_such_account_are_told_alike(app, people):
    people.add("gone", "viewer")
    people.accounts.disable("gone")
    with TestClient(app) as client:
        answers = [
            post_session(client, name, password)
            for name, password in (("budi", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD))
        ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def test_an_unknown_name_takes_as_long_as_a_wrong_password():
    stored = passwords.hash_password(PASSWORD)
    passwords.warm()
    took = {"known": [], "unknown": [], "long": []}
    for _ in range(9):
        for kind, hash_, password in (("known", stored, "x"), ("unknown", None, "x"), ("long", None, "x" * 300)):
            began = time.process_time()
            assert not passwords.is_password(password, hash_)
            took[kind].append(time.process_time() - began)
    known, unknown, long = (statistics.median(times) for times in took.values())
    assert unknown == pytest.approx(known, rel=0.5)
    assert long == pytest.approx(known, rel=0.5)


def test_the_password_of_nobody_opens_nothing():
    assert not passwords.is_password("a password that nobody has", None)


def test_guessing_slows_down_and_the_owner_still_gets_in(app):
    with TestClient(app):
        guesser = TestClient(app, client=("203.0.113.9", 1))
        statuses = [post_session(guesser, "budi", "wrong").status_code for _ in range(PAIR.n_free + 3)]
        assert statuses[: PAIR.n_free] == [401] * PAIR.n_free
        assert statuses[PAIR.n_free :] == [429] * 3
        refused = post_session(guesser, "budi")  # the right password by luck
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert post_session(TestClient(app, client=("198.51.100.7", 1)), "budi").status_code == 201


def test_a_known_device_gets_in_from_the_guessers_own_address(app):
    with TestClient(app):
        owner = sign_in(app, "budi", address="203.0.113.9")
        owner.delete("/api/v1/session")
        guesser = TestClient(app, client=("203.0.113.9", 1))
        for _ in range(PAIR.n_free + 3):
            post_session(guesser, "budi", "wrong")
        assert post_session(guesser, "budi").status_code == 429
        assert post_session(owner, "budi").status_code == 201


def test_a_device_of_one_person_is_nobody_elses(app):
    with TestClient(app):
        siti = sign_in(app, "siti", address="203.0.113.9")
        statuses = [post_session(siti, "budi", "wrong").status_code for _ in range(PAIR.n_free + 1)]
        assert statuses[-1] == 429
        siti.cookies.set("terang-device", "0" * 32 + "." + "0" * 64)
        assert post_session(siti, "budi").status_code == 429


@pytest.fixture
def throttle(people, clock):
    return another_throttle(people, clock)


def another_throttle(people, clock):
    """As another process of the API, or the next one, has it."""
    return SignInThrottle(people.context.database, lambda: b"k" * 32, clock)


def attempts(throttle, pairs, device=None):
    n = 0
    for address, account in pairs:
        try:
            throttle.begin(address, account, device)
            n += 1
        except TooManyError:
            continue
    return n


def test_waits_double_and_end(throttle, clock):
    waits = []
    for _ in range(PAIR.n_free + 12):
        while True:
            try:
                throttle.begin("203.0.113.9", "budi", None)
                break
            except TooManyError as error:
                waits.append(error.parameters["retry_after_s"])
                clock.forward(error.parameters["retry_after_s"] / 3600)
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == PAIR.longest_s


def test_many_addresses_do_not_multiply_the_guesses_and_a_known_device_never_waits_for_them(throttle):
    pairs = [(f"203.0.{n // 256}.{n % 256}", "budi") for n in range(400)]
    assert attempts(throttle, pairs) <= ACCOUNT.n_free + 1
    assert attempts(throttle, [("203.0.113.9", "budi")], device="d") == 1
    assert attempts(throttle, [("203.0.113.9", "siti")]) == 1


def test_one_password_on_many_names_is_slowed_down_by_address(throttle):
    assert attempts(throttle, [("2001:db8::1", f"user{n}") for n in range(300)]) <= 51
    # the customer's other addresses are the customer
    assert attempts(throttle, [("2001:db8::2", "another")]) == 0
    assert attempts(throttle, [("2001:db8:0:1::2", "another")]) == 1


def test_attempts_at_the_same_time_count_before_they_are_answered(throttle):
    with ThreadPoolExecutor(8) as threads:
        done = threads.map(lambda _n: attempts(throttle, [("203.0.113.9", "budi")]), range(40))
        assert sum(done) == PAIR.n_free


def test_a_restart_and_a_second_process_forget_no_attempt(people, clock):
    for _ in range(PAIR.n_free):
        assert attempts(another_throttle(people, clock), [("203.0.113.9", "budi")]) == 1
    assert attempts(another_throttle(people, clock), [("203.0.113.9", "budi")]) == 0
    assert attempts(another_throttle(people, clock), [("203.0.113.10", "budi")]) == 1
    clock.forward(25)
    assert attempts(another_throttle(people, clock), [("203.0.113.9", "budi")] * 9) == PAIR.n_free


def test_a_guesser_gains_nothing_by_a_restart_of_the_api(town, people, clock):
    people.add("budi", "operator")
    statuses = []
    for _restart in range(4):
        with TestClient(create_app(town.city, clock)) as client:
            statuses += [post_session(client, "budi", "wrong").status_code for _ in range(3)]
    assert statuses == [401] * PAIR.n_free + [429] * (12 - PAIR.n_free)


def test_a_clock_that_was_set_back_keeps_nobody_out_for_long(people, clock):
    throttle = another_throttle(people, clock)
    assert attempts(throttle, [("203.0.113.9", "budi")] * 9) == PAIR.n_free
    clock.forward(-1000)
    with pytest.raises(TooManyError) as refused:
        throttle.begin("203.0.113.9", "budi", None)
    assert refused.value.parameters["retry_after_s"] <= PAIR.longest_s


def test_the_counters_stay_few_and_hold_no_name_that_was_typed(town, people, clock, throttle):
    for n in range(30):
        clock.forward(0.001)
        throttle.begin(f"10.0.0.{n}", f"my password {n}", None)
    with people.context.database.writing() as connection:
        forget_old(connection, T0, kept=20)
    with town.engine.connect() as connection:
        rows = connection.execute(select(sign_in_attempts)).all()
    assert 15 <= len(rows) <= 20
    assert "password" not in repr(rows)
    assert "10.0.0." not in repr(rows)
    clock.forward(25)
    throttle.forget_old()
    with town.engine.connect() as connection:
        assert connection.execute(select(sign_in_attempts)).all() == []


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


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/?fault=01J", "/?fault=01J"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/%0d%0aSet-Cookie:x", "/%0d%0aSet-Cookie:x"),
        ("/a\r\nb", "/"),
        ("\\\\evil.example", "/"),
        ("", "/"),
    ],
)
def test_the_form_leads_to_this_service_only(app, wanted, target):
    with TestClient(app) as client:
        form = {"name": "siti", "password": PASSWORD, "next": wanted}
        answer = client.post("/sign-in", data=form, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, target)


@pytest.mark.parametrize(("language", "words"), [("id", "Kata sandi"), ("en", "Password")])
def test_the_form_speaks_the_readers_language_and_says_what_went_wrong(app, language, words):
    with TestClient(app, headers={"Accept-Language": language}) as client:
        assert words in client.get("/sign-in").text
        refused = client.post("/sign-in", data={"name": "<b>", "password": "x", "next": '"><script>'})
        assert refused.status_code == 401
        assert 'role="alert"' in refused.text
        assert "<script" not in refused.text
        assert "<b>" not in refused.text


@pytest.mark.parametrize("body", [b"x=" + b"y" * 20_000, b"a=1&" * 50, b"name=%ff&password=x", b"\xff"])
def test_a_form_that_is_none_is_refused(app, body):
    with TestClient(app) as client:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert client.post("/sign-in", content=body, headers=kind).status_code in {400, 401}


@pytest.mark.parametrize(
    "body",
    [
        {"name": "a" * 300, "password": "x"},
        {"name": "a", "password": "x" * 2_000},
        {"name": "\ud800", "password": "\ud800"},
        {"name": "\0", "password": "\0"},
        {"token": ""},
        {"name": "a"},
        {"name": "a", "password": "b", "token": "c"},
        {},
    ],
)
def test_a_request_for_a_session_that_cannot_be_is_refused(app, body):
    import json  # noqa: PLC0415

    with TestClient(app) as client:
        kind = {"Content-Type": "application/json"}
        answer = client.post("/api/v1/session", content=json.dumps(body), headers=kind)
        assert answer.status_code in {401, 422}, answer.text


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
