"""The audit log: what stands in it, and what shows when somebody changes it."""

from __future__ import annotations

import json
import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from dashboard_api.access.anchors import ANCHOR_FILE, HEAD_FILE, read_anchors, read_head
from dashboard_api.access.audit_check import check_log
from dashboard_api.app import create_app
from dashboard_api.errors import UnavailableError, UnusableError
from dashboard_api.store import audit
from dashboard_api.store.audit import Actor, Entry, Name
from tests.dashboard_api.people import bearer, sign_in

T0 = 1_790_000_000_000_000


@pytest.fixture
def log(people):
    """Five lines, an anchor at the third."""
    for n in range(1, 6):
        write(people, n)
        if n == 3:
            people.context.keep_anchor()
    return people


def write(people, n):
    actor = Actor(Name("u-1", "budi"), f"203.0.113.{n}")
    with people.context.database.writing() as connection:
        people.context.audit.append(connection, Entry(actor, "test", f"target {n}", {"n": n - 1}, {"n": n}))


def problems(people):
    folder = people.city.data_folder
    key = people.context.key_file.derived("audit")
    with people.context.database.reading() as connection:
        return check_log(connection, key, read_head(folder), read_anchors(folder / ANCHOR_FILE)).problems


def tamper(town, *statements):
    """Write to the database as somebody who owns it, without the key."""
    with town.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
        else:
            connection.execute(text("DROP TRIGGER audit_append_only ON audit"))
        for statement in statements:
            connection.execute(text(statement))


def test_every_change_has_a_line_with_actor_origin_before_and_after(town, people):
    town.darken(1)
    people.add("budi", "operator")
    secret = people.token("dimmer", "operate")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        client = sign_in(app, "budi", address="203.0.113.9")
        (fault,) = client.get("/api/v1/faults").json()["items"]
        body = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "assign", "assignee": "Siti", "note": "kabel"}
        for _repeat in range(2):
            assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == 200
        bearer(app, secret).post("/api/v1/commands/dim", json={"cabinet_id": "C-1", "level": 10})
        client.post("/api/v1/maintenance", json={"cabinet_id": "C-1", "until": "2026-09-22T00:00:00Z"})
        client.delete("/api/v1/session")
    with people.context.database.reading() as connection:
        names = {key: row.text for key, row in audit.names(connection).items()}
        lines = [line for line, _mac in audit.lines(connection)]
    told = [(line.action, names[line.actor], names[line.origin]) for line in lines]
    assert told == [
        ("account.add", "test", "terminal"),
        ("token.add", "test", "terminal"),
        ("session.password", "budi", "203.0.113.9"),
        ("fault.assign", "budi", "203.0.113.9"),
        ("order.dim", "dimmer", "testclient"),
        ("maintenance.add", "budi", "203.0.113.9"),
        ("session.end", "budi", "203.0.113.9"),
    ]
    assigned = lines[3]
    assert (assigned.target, assigned.at_us) == (fault["id"], T0)
    assert (assigned.before["state"], assigned.after["state"]) == ("open", "assigned")
    assert names[assigned.after["assignee"]["commitment"]] == "Siti"
    stored = json.dumps([[line.actor, line.origin, line.before, line.after] for line in lines])
    assert not any(word in stored for word in ("budi", "Siti", "203.0.113.9"))
    assert problems(people) == []


def test_without_accounts_changes_are_logged_too(town, client, people):
    client.post("/api/v1/commands/dim", json={"cabinet_id": "C-1", "level": 10})
    with people.context.database.reading() as connection:
        assert [line.action for line, _mac in audit.lines(connection)] == ["order.dim"]


def test_a_log_that_nobody_touched_is_whole(log):
    assert problems(log) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM audit WHERE seq = 2", "line 2 is missing"),
        ("DELETE FROM audit WHERE seq IN (2, 3)", "line 2 to 3 is missing"),
        ("DELETE FROM audit WHERE seq = 1", "line 1 is missing"),
        ("DELETE FROM audit WHERE seq = 5", "line 5 is cut off at the end"),
        ("DELETE FROM audit WHERE seq > 3", "line 4 to 5 is cut off at the end"),
        ("DELETE FROM audit", "line 1 to 5 is cut off at the end"),
        ("UPDATE audit SET target = 'x' WHERE seq = 4", "line 4 is not as it was written"),
        ("UPDATE audit SET at_us = at_us + 1 WHERE seq = 4", "line 4 is not as it was written"),
        ("UPDATE audit SET before = '{}' WHERE seq = 1", "line 1 is not as it was written"),
        ("UPDATE audit SET after = '{\"n\": 9}' WHERE seq = 5", "line 5 is not as it was written"),
        ("UPDATE audit SET actor = origin WHERE seq = 3", "line 3 is not as it was written"),
        ("UPDATE audit SET mac = 'ab' || substr(mac, 3) WHERE seq = 2", "line 2 is not as it was written"),
        ("DELETE FROM audit_head", "the record of the newest line is missing"),
        ("UPDATE audit_head SET seq = 4", "does not carry this city's seal"),
        ("UPDATE audit_names SET text = 'siti' WHERE text = 'budi'", "is another one than was logged"),
        ("DELETE FROM audit_names WHERE text = 'budi'", "1 names that lines were written with are gone"),
    ],
)
def test_a_line_that_was_changed_removed_or_cut_off_shows(town, log, statement, told):
    tamper(town, statement)
    assert any(told in problem for problem in problems(log)), problems(log)


def test_two_lines_that_changed_places_show(town, log):
    tamper(
        town,
        "UPDATE audit SET seq = 100 WHERE seq = 2",
        "UPDATE audit SET seq = 2 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 100",
    )
    assert len(problems(log)) >= 2


def test_an_older_copy_of_the_whole_database_shows_by_the_head_and_by_the_anchor(town, log):
    with town.engine.begin() as connection:
        old = connection.execute(text("SELECT seq, mac, seal FROM audit_head")).one()
    for n in (6, 7):
        write(log, n)
    log.context.keep_anchor()
    tamper(town, "DELETE FROM audit WHERE seq > 5")
    with town.engine.begin() as connection:
        values = {"seq": old.seq, "mac": old.mac, "seal": old.seal}
        connection.execute(text("UPDATE audit_head SET seq = :seq, mac = :mac, seal = :seal"), values)
    assert any("knows line 7, and the log ends with 5" in problem for problem in problems(log))
    (log.city.data_folder / HEAD_FILE).unlink()
    assert problems(log) == []  # up to the last anchor, line 3, everything is there
    tamper_to_anchor = "DELETE FROM audit WHERE seq > 2"
    with town.engine.begin() as connection:
        connection.execute(text(tamper_to_anchor))
    assert any("anchor of" in problem for problem in problems(log))


def test_an_anchor_that_somebody_wrote_shows(log):
    file = log.city.data_folder / ANCHOR_FILE
    (line,) = file.read_text().splitlines()
    file.write_text(json.dumps({**json.loads(line), "seq": 2}) + "\n")
    assert any("does not carry this city's seal" in problem for problem in problems(log))


def test_one_anchor_a_day(town, people):
    write(people, 1)
    for hours in (0, 1, 24, 25, 48):
        people.context._clock = lambda hours=hours: T0 + hours * 3_600_000_000
        people.context.keep_anchor()
    days = [anchor.day for anchor in read_anchors(people.city.data_folder / ANCHOR_FILE)]
    assert len(days) == 3
    assert days == sorted(set(days))


def test_the_database_itself_takes_new_lines_only(town, log):
    for statement in ("UPDATE audit SET target = 'x'", "DELETE FROM audit"):
        with pytest.raises(DatabaseError, match="new lines only"), town.engine.begin() as connection:
            connection.execute(text(statement))
    assert problems(log) == []


def test_a_broken_log_stops_changes_and_not_reading(town, log):
    tamper(town, "UPDATE audit_head SET seal = mac")
    with TestClient(create_app(town.city, lambda: T0)) as client:
        order = {"cabinet_id": "C-1", "level": 0}
        answer = client.post("/api/v1/commands/dim", json=order)
        assert (answer.status_code, answer.json()["code"]) == (503, "audit_broken")
        assert client.get("/api/v1/faults").status_code == 200
    with town.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM commands")).scalar_one() == 0
    with pytest.raises(UnavailableError, match="audit_broken"):
        write(log, 6)


def test_a_name_is_blanked_and_the_chain_stays_whole(town, people):
    town.darken(1)
    people.add("budi", "operator")
    people.add("siti", "operator")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        client = sign_in(app, "budi", address="203.0.113.9")
        (fault,) = client.get("/api/v1/faults").json()["items"]
        for n, (action, assignee) in enumerate((("assign", "Budi"), ("comment", None))):
            body = {"action_id": f"01JDB2M7Z8Q5W3N4T6V9X0Y1K{n}", "action": action, "note": "x", "assignee": assignee}
            assert client.post(f"/api/v1/faults/{fault['id']}/actions", json=body).status_code == 200
        client.post("/api/v1/commands/dim", json={"cabinet_id": "C-1", "level": 0})
        other = sign_in(app, "siti", address="203.0.113.10")
        assert people.accounts.blank("Budi") > 0
        app.state.context.admission.forget()
        assert client.get("/api/v1/me").status_code == 401
        shown = other.get(f"/api/v1/faults/{fault['id']}").text
        assert "udi" not in shown
    assert problems(people) == []
    with town.engine.connect() as connection:
        tables = ("users", "audit", "audit_names", "faults", "fault_events", "commands")
        everything = str([connection.execute(text(f"SELECT * FROM {name}")).all() for name in tables])
    assert re.findall(".{20}[Bb]udi.{20}", everything) == []
    assert "203.0.113.9'" not in everything
    assert "siti" in everything


def test_a_person_without_an_account_is_blanked_too(town, client, people):
    town.darken(1)
    (fault,) = client.get("/api/v1/faults").json()["items"]
    body = {"action_id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC", "action": "assign", "assignee": "Pak ÉTono"}
    client.post(f"/api/v1/faults/{fault['id']}/actions", json=body)
    people.accounts.blank("pak étono")
    assert "Tono" not in client.get(f"/api/v1/faults/{fault['id']}").text
    assert problems(people) == []


def test_the_key_is_the_owners_alone(town, people):
    write(people, 1)
    path = people.context.key_file.path
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    fresh = type(people)(town.city, lambda: T0)
    with pytest.raises(UnusableError, match="chmod 600"):
        write(fresh, 2)
    path.chmod(0o600)
    path.write_text("not a key")
    with pytest.raises(UnusableError):
        write(type(people)(town.city, lambda: T0), 2)


def test_lines_written_at_the_same_time_make_one_chain(town, people):
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: write(people, n % 250), range(40)))
    assert problems(people) == []
    with people.context.database.reading() as connection:
        assert sum(1 for _ in audit.lines(connection)) == 40
