"""What a request may say: bodies, texts, numbers, times and lists at and beyond their limits."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import func, insert, select, text
from ulid import ULID

from ingest.schema.tables import commands, fault_events, maintenance

T0 = 1_790_000_000_000_000
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def still(standing_town, standing_client):
    """The client of a city in which nothing is left of all that was refused."""
    yield standing_client
    with standing_town.engine.connect() as connection:
        for table in (commands, maintenance, fault_events):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def iso_after(**span):
    return (datetime.fromtimestamp(T0 / 1e6, UTC) + timedelta(**span)).isoformat()


def is_refused(answer, *statuses):
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return True


POSTS = ("/api/v1/commands/dim", "/api/v1/maintenance", "/api/v1/faults/x/actions")


@pytest.mark.parametrize("path", POSTS)
def test_a_body_beyond_the_limit_is_refused_unread(still, path):
    assert is_refused(still.post(path, content=b" " * (2 << 20), headers=JSON), 413)


@pytest.mark.parametrize("path", POSTS)
def test_a_body_without_length_is_refused_as_soon_as_it_is_too_large(still, path):
    n_taken = 0

    def pieces():
        nonlocal n_taken
        for _ in range(3200):
            n_taken += 65_536
            yield b" " * 65_536

    assert is_refused(still.post(path, content=pieces(), headers=JSON), 413)


@pytest.mark.parametrize("length", ["-1", "+5", "1e3", "9" * 30, "0x10", ""])
def test_a_length_that_is_no_number_is_refused(still, length):
    answer = still.post(POSTS[0], content=b"{}", headers={**JSON, "content-length": length})
    assert is_refused(answer, 413, 422)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"level":' + b"9" * 100_000 + b"}",
        b"\xff\xfe",
        b'"\\ud800"',
        b"",
        b"null",
    ],
)
def test_a_body_that_is_no_such_document_is_refused(still, path, body):
    assert is_refused(still.post(path, content=body, headers=JSON), 400, 422)


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "x" * 129])
@pytest.mark.parametrize("name", ["cabinet_id", "lamp_ids", "lamp_id", "circuit"])
def test_ids_in_bodies_are_texts_that_a_store_can_hold(still, name, text):
    if name == "lamp_ids":
        path, document = POSTS[0], {"lamp_ids": [text], "level": 50}
    elif name == "circuit":
        path, document = POSTS[1], {"cabinet_id": "C-1", "circuit": text, "until": iso_after(hours=1)}
    else:
        path = POSTS[0] if name == "cabinet_id" else POSTS[1]
        document = {name: text, "level": 50} if name == "cabinet_id" else {name: text, "until": iso_after(hours=1)}
    assert is_refused(still.post(path, content=json.dumps(document), headers=JSON), 400, 422)


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/lamps/%00",
        "/api/v1/lamps/%ff%fe",
        "/api/v1/cabinets/C%00",
        "/api/v1/cabinets/%ED%A0%80/energy",
        "/api/v1/commands/%00",
        "/api/v1/faults/%00",
        "/api/v1/faults?district=%00",
        "/api/v1/faults?district=%ED%A0%80",
        "/api/v1/faults?lamp_id=" + "x" * 129,
        "/api/v1/faults?code=" + "lampFailure," * 100,
        "/api/v1/faults?cursor=" + "x" * 600,
        "/api/v1/faults?since=" + "0" * 100,
        "/api/v1/faults?bbox=" + "1," * 200,
        "/api/v1/faults?limit=" + "9" * 5000,
        "/api/v1/faults?" + "a=%31&" * 200,
        "/api/v1/cabinets/C-1/energy?start=1970-01-01&end=9999-01-01&every=hour",
        "/api/v1/lamps/L-001/readings?start=0001-01-01&end=9999-12-31&every=1d",
        "/api/v1/lamps/L-001/readings?every=" + "9" * 100,
        "/tiles/lamps/1/" + "9" * 30 + "/1.mvt",
    ],
)
def test_addresses_beyond_a_limit_are_refused(still, address):
    assert is_refused(still.get(address), 400, 404, 422)


def cursor_of(document):
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "document",
    [
        ["priority", 50, "\ud800"],
        ["priority", 50, "\x00"],
        ["priority", 50, "x" * 200],
        ["priority", 50, ""],
        ["priority", 2**64, "01J"],
        ["priority", True, "01J"],
        ["priority", None, "01J"],
        ["priority", [], "01J"],
        ["-opened_at", 50, "01J"],
        {"priority": 1},
        '["priority", NaN, "01J"]',
        '["priority", Infinity, "01J"]',
        "[" * 300,
    ],
)
def test_forged_cursors_are_refused(still, document):
    assert is_refused(still.get("/api/v1/faults", params={"cursor": cursor_of(document)}), 400, 422)


@pytest.mark.parametrize("until", ["9999-12-31T23:59:59Z", iso_after(days=32), iso_after(days=-1)])
def test_a_dim_that_lasts_longer_than_a_month_is_refused(still, until):
    assert is_refused(still.post(POSTS[0], json={"cabinet_id": "C-1", "level": 50, "until": until}), 400)


def test_a_dim_of_a_month_is_taken(client):
    answer = client.post(POSTS[0], json={"cabinet_id": "C-1", "level": 50, "until": iso_after(days=30)})
    assert answer.status_code == 202


def test_dim_commands_under_way_are_limited(town, client):
    rows = [
        {
            "id": str(ULID()),
            "requested_at_us": T0,
            "actor": "local",
            "kind": "dim",
            "lamp_ids": ["L-001"],
            "level": 50,
            "until_us": None,
            "state": "queued",
            "updated_at_us": T0,
            "result": {},
        }
        for _ in range(500)
    ]
    with town.engine.begin() as connection:
        connection.execute(insert(commands), rows)
    assert is_refused(client.post(POSTS[0], json={"cabinet_id": "C-1", "level": 50}), 503)


@pytest.mark.parametrize(
    "host",
    [
        "localhost:80:80",
        "localhost:evil",
        "localhost:",
        "127.0.0.1.evil.test",
        "127.0.0.1:80@evil.test",
        "[::1]evil.test",
        "[::1]:x",
        "evil.test",
        "localhost, evil.test",
        "",
    ],
)
def test_only_the_exact_names_of_this_machine_are_answered(still, host):
    assert is_refused(still.get("/healthz", headers={"host": host}), 400)


def test_two_host_headers_are_refused(still):
    headers = [("host", "localhost"), ("host", "evil.test")]
    assert is_refused(still.get("/healthz", headers=headers), 400)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "[::1]"])
def test_names_of_this_machine_are_answered(still, host):
    assert still.get("/healthz", headers={"host": host}).status_code == 200


def test_ids_are_compared_in_composed_form(town, client):
    town.change_register(
        text("UPDATE lamps SET lamp_id = 'Caf\u00e9-1' WHERE lamp_id = 'L-001'"),
        text("UPDATE cabinets SET cabinet_id = 'Caf\u00e9' WHERE cabinet_id = 'C-2'"),
    )
    for spelled in ("Caf\u00e9", "Cafe\u0301"):
        assert client.get(f"/api/v1/lamps/{quote(spelled)}-1").status_code == 200
        assert client.get(f"/api/v1/cabinets/{quote(spelled)}").status_code == 200
        assert client.get("/api/v1/faults", params={"lamp_id": f"{spelled}-1"}).status_code == 200
        answer = client.post(POSTS[0], json={"lamp_ids": [f"{spelled}-1"], "level": 50})
        assert answer.json()["lamp_ids"] == ["Caf\u00e9-1"]
        assert client.post(POSTS[1], json={"cabinet_id": spelled, "until": iso_after(hours=1)}).status_code == 201


def test_the_work_of_a_body_full_of_errors_does_not_grow_faster_than_the_body(still):
    def took_s(n):
        body = json.dumps({"lamp_ids": [1] * n, "level": 50})
        began = time.perf_counter()
        assert still.post(POSTS[0], content=body, headers=JSON).status_code == 422
        return time.perf_counter() - began

    took_s(100)
    assert min(took_s(10_000) for _ in range(3)) < 6 * min(took_s(5_000) for _ in range(3)) + 0.05
