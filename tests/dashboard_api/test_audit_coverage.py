"""What stands in the audit log of changes that no route of the API makes by itself."""

from __future__ import annotations

import contextlib
import io
import re
import threading
from functools import partial
from unittest import mock

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import delete, insert, text

from city_pki.takeover import end_session
from dashboard_api.access.anchors import ANCHOR_FILE, read_anchors, read_head
from dashboard_api.access.audit_check import check_log
from dashboard_api.app import create_app
from dashboard_api.store import audit
from dashboard_api.store.audit import Actor, Entry, Name
from ingest.audit_trail import SERVICE, AuditTrail
from ingest.city.__main__ import main
from ingest.register.sync import sync_register
from ingest.schema.tables import cabinets, controllers, lamps, register
from tests.dashboard_api.people import sign_in

T0 = 1_790_000_000_000_000
PHOTO_ID = "01JDB2M7Z8Q5W3N4T6V9X0Y1KC"
LAMPS = """\
lamp_id,latitude,longitude,cabinet_id,circuit,position,bus,address,profile
L-1,0.79,102.0,C-1,1,1,A,1,lamp-node
L-2,0.79,102.001,C-1,1,2,A,2,lamp-node
"""
CABINETS = "cabinet_id,controller_id\nC-1,PJU-1\n"


def lines_of(people):
    """``[(line, who, where from)]``, by names."""
    with people.context.database.reading() as connection:
        names = {commitment: row.text for commitment, row in audit.names(connection).items()}
        return [(line, names[line.actor], names[line.origin]) for line, _mac in audit.lines(connection)]


def problems_of(people):
    folder = people.city.data_folder
    key = people.context.key_file.derived("audit")
    with people.context.database.reading() as connection:
        return check_log(connection, key, read_head(folder), read_anchors(folder / ANCHOR_FILE)).problems


def terang_city(*arguments, code=0):
    """Run a command of ``terang-city`` in this process; what it prints."""
    printed, problems = io.StringIO(), io.StringIO()
    with (
        mock.patch("sys.argv", ["terang-city", *map(str, arguments)]),
        mock.patch("ingest.city.controllers.end_session", partial(end_session, deadline_s=0)),  # no broker answers
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(problems),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert (ended.value.code or 0) == code, problems.getvalue()
    return printed.getvalue()


def write_register(folder, lamps=LAMPS):
    (folder / "lamps.csv").write_text(lamps, encoding="utf-8")
    (folder / "cabinets.csv").write_text(CABINETS, encoding="utf-8")


def test_commands_of_terang_city_are_lines_of_the_same_chain(town, people, tmp_path):
    people.add("budi", "operator")  # a line of the API's own
    write_register(tmp_path)
    terang_city("apply", tmp_path, "--yes")
    write_register(tmp_path, LAMPS.replace("L-2", "L-9"))
    terang_city("apply", tmp_path, "--yes")
    terang_city("restore-register", tmp_path, "--yes")
    with town.engine.begin() as connection:
        row = {"controller_id": "PJU-OLD", "epoch": "1", "stored_sequence": 0, "is_online": False, "last_seen_us": 0}
        connection.execute(insert(controllers), row)
    terang_city("retire", "PJU-OLD", "--city", tmp_path)
    people.add("siti", "viewer")
    found = lines_of(people)
    told = [(line.action, line.target) for line, _who, _where in found]
    assert told[1:-1] == [
        ("register.apply", "register"),
        ("register.apply", "register"),
        ("register.restore", "register"),
        ("controller.retire", "PJU-OLD"),
    ]
    assert {where for line, _who, where in found[1:-1]} == {"terminal"}
    assert all(who for _line, who, _where in found)
    first, second = found[1][0], found[2][0]
    assert (second.before["version"], second.before["digest"]) == (first.after["version"], first.after["digest"])
    assert (second.after["version"], second.after["n_lamps"]) == (first.after["version"] + 1, 2)
    assert problems_of(people) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_certificates_codes_and_keys_are_in_the_log_before_they_are_made(people, tmp_path):
    folder = tmp_path
    write_register(folder)
    keys = tmp_path / "stick"
    keys.mkdir()
    terang_city("ca", "init", "--city", folder, "--broker-name", "localhost", "--root-key", keys / "root.key")
    terang_city("keys", "init", "--city", folder, "--recovery", keys / "recovery.key")
    broker = ("--broker", "mqtts://127.0.0.1:8883")
    terang_city("enroll", "PJU-1", "--city", folder, "--out", tmp_path / "out", *broker)
    code = terang_city("enroll", "PJU-1", "--code", "--city", folder, *broker).strip()
    terang_city("keys", "rotate", "--city", folder, "--recovery", keys / "recovery.key")
    # no broker answers here: the certificate is revoked all the same
    terang_city("revoke", "PJU-1", "--city", folder, "--broker", "mqtts://127.0.0.1:1", code=2)
    told = [line.action for line, _who, _where in lines_of(people)]
    assert told == [
        "authority.init",
        "order_keys.init",
        "controller.enroll",
        "enrolment.code",
        "order_keys.rotate",
        "controller.revoke",
    ]
    assert code not in repr(lines_of(people))
    assert problems_of(people) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_logged_is_not_done_but_a_stolen_controller_is_revoked(people, tmp_path):
    write_register(tmp_path)
    terang_city("ca", "init", "--city", tmp_path, "--broker-name", "localhost", "--root-key", tmp_path / "root.key")
    broker = ("--broker", "mqtts://127.0.0.1:1")
    terang_city("enroll", "PJU-1", "--city", tmp_path, "--out", tmp_path / "first", *broker)
    people.context.key_file.path.chmod(0o644)  # others may read it: nothing is keyed with it
    out = tmp_path / "second"
    terang_city("enroll", "PJU-1", "--city", tmp_path, "--out", out, *broker, code=2)
    assert not out.exists()
    terang_city("apply", tmp_path, "--yes", code=2)
    assert [line.action for line, _who, _where in lines_of(people)] == ["authority.init", "controller.enroll"]
    terang_city("revoke", "PJU-1", "--city", tmp_path, *broker, code=2)
    assert "PJU-1" in (tmp_path / "broker" / "acl").read_text()


def test_edited_files_that_ingest_applies_by_itself_are_in_the_log(town, people, tmp_path):
    note = AuditTrail(town.city, SERVICE).note("register.apply", "register", is_required=False)
    with town.engine.begin() as connection:  # a city that ingest has not started on yet
        for table in (lamps, cabinets, register):
            connection.execute(delete(table))
    write_register(tmp_path)
    sync_register(town.engine, tmp_path, note=note)
    write_register(tmp_path, LAMPS.replace("L-2", "L-3"))
    sync_register(town.engine, tmp_path, note=note)
    told = [
        (line.action, line.after["version"], line.after["n_lamps"], where) for line, _who, where in lines_of(people)
    ]
    assert told == [("register.apply", 1, 2, "terang-ingest"), ("register.apply", 2, 2, "terang-ingest")]


def test_ingest_goes_on_with_a_register_that_the_log_cannot_tell(town, people, tmp_path):
    people.context.key_file.derived("audit")
    people.context.key_file.path.chmod(0o644)
    note = AuditTrail(town.city, SERVICE).note("register.apply", "register", is_required=False)
    with town.engine.begin() as connection:
        for table in (lamps, cabinets, register):
            connection.execute(delete(table))
    write_register(tmp_path)
    found, _issues = sync_register(town.engine, tmp_path, note=note)
    assert found.version == 1


def test_two_processes_that_write_at_the_same_time_make_one_chain_and_one_anchor_a_day(town, people):
    trail = AuditTrail(town.city)
    errors = []

    def of_terang_city():
        for n in range(8):
            try:
                with town.engine.begin() as connection:
                    trail.note("register.apply", f"c{n}")(connection, {}, {"n": n})
                trail.keep_anchor(town.engine)
            except Exception as error:  # noqa: BLE001  # of a thread, for the test to see
                errors.append(error)

    def of_the_api():
        for n in range(8):
            try:
                with people.context.database.writing() as connection:
                    entry = Entry(Actor(Name("u-1", "budi"), "203.0.113.9"), "test", f"a{n}")
                    people.context.audit.append(connection, entry)
                people.context.keep_anchor()
            except Exception as error:  # noqa: BLE001  # of a thread, for the test to see
                errors.append(error)

    threads = [threading.Thread(target=work) for work in (of_terang_city, of_the_api, of_terang_city, of_the_api)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [line.seq for line, _who, _where in lines_of(people)] == list(range(1, 33))
    assert problems_of(people) == []


def test_an_anchor_that_the_power_cut_in_two_is_written_anew(town, people):
    trail = AuditTrail(town.city, now_us=lambda: T0)
    with town.engine.begin() as connection:
        trail.note("test", "x")(connection, {}, {})
    path = people.city.data_folder / ANCHOR_FILE
    path.write_text('{"day": "2026-09-', encoding="ascii")
    trail.keep_anchor(town.engine)
    assert [anchor.seq for anchor in read_anchors(path)] == [1]
    assert problems_of(people) == []


def jpeg(colour="red"):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_photo_has_a_line_and_its_repeat_has_none(town, people):
    town.darken(1)
    people.add("budi", "crew", "*")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        crew = sign_in(app, "budi")
        (fault,) = crew.get("/api/v1/faults").json()["items"]
        for body in (jpeg(), jpeg("blue")):
            assert crew.put(f"/api/v1/faults/{fault['id']}/photos/{PHOTO_ID}", content=body).status_code == 200
        assert crew.put(f"/api/v1/faults/{fault['id']}/photos/{PHOTO_ID[:-1]}D", content=b"no photo").status_code == 415
    (line,) = [line for line, _who, _where in lines_of(people) if line.action == "photo.add"]
    assert (line.target, line.after["photo_id"]) == (fault["id"], PHOTO_ID)
    assert re.fullmatch("[0-9a-f]{64}", line.after["sha256"])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_photo_is_kept_that_the_log_cannot_tell(town, people):
    town.darken(1)
    people.add("budi", "crew", "*")
    app = create_app(town.city, lambda: T0)
    with TestClient(app):
        crew = sign_in(app, "budi")
        (fault,) = crew.get("/api/v1/faults").json()["items"]
        with town.engine.begin() as connection:
            connection.execute(text("UPDATE audit_head SET seal = 'x'"))
        assert crew.put(f"/api/v1/faults/{fault['id']}/photos/{PHOTO_ID}", content=jpeg()).status_code == 503
    assert list((people.city.data_folder).rglob("*.jpg")) == []
