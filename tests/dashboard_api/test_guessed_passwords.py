# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Guessed passwords: waits that double, for the guesser and not for the owner."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from dashboard_api.access import passwords
from dashboard_api.access.throttle import ACCOUNT, PAIR, SignInThrottle
from dashboard_api.app import create_app
from dashboard_api.errors import TooManyError
from dashboard_api.store.attempts import forget_old
from ingest.schema.access_tables import sign_in_attempts
from tests.dashboard_api.people import PASSWORD, sign_in
from tests.dashboard_api.test_sign_in import app, clock, post_session  # noqa: F401

T0 = 1_790_000_000_000_000


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"  # test_route_rules.py asks both databases


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
