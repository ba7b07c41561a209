# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""A controller gets its first certificate: by a code and an operator."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from city_pki.authority import create_authority
from city_pki.certificates import new_key
from city_pki.enrolment_records import APPROVAL_TIME
from city_pki.enrolments import CODE_LIFETIME
from city_pki.errors import PkiError, RefusedError
from city_pki.issued import read_issued
from city_pki.secret_file import write_public
from dashboard_api.app import create_app
from edge_agent import enrolment
from edge_agent.config import load_config
from edge_agent.enrolment import Place, enroll
from edge_agent.errors import Fatal
from edge_agent.wire import WireError
from edge_agent.wire.enrolment import EnrolmentCode, lookup, parse_code, request_proof
from ingest.schema.city import read_city
from tests.city_pki.enrolment_stand import Stand, name_on, stand  # noqa: F401
from tests.ingest.city_stand import free_port, wait_until, write_city

REPOSITORY = Path(__file__).parents[2]
PJU = "PJU-000"


def test_a_code_and_an_operator_give_a_controller_its_certificate(stand: Stand) -> None:
    stand.server.operator = stand.approve
    code = stand.code()
    assert stand.enroll(code) == PJU
    assert name_on(stand.place.cert) == PJU
    assert stand.place.key.stat().st_mode & 0o777 == 0o600
    assert stand.config.read_text() == f"# {PJU}\n"
    [entry] = read_issued(stand.city / "pki")
    assert stand.said == [{"digest": " ".join(entry.key[i : i + 4] for i in range(0, 24, 4))}]
    assert all(part not in text for text in stand.server.sent for part in (str(code), code.secret.hex()))
    assert "PRIVATE" not in "".join(stand.server.sent)


@pytest.mark.parametrize("missing", ["ca", "config"])
def test_a_folder_that_is_missing_is_said_before_the_code_is_used_up(stand: Stand, missing: str) -> None:
    stand.server.operator = stand.approve
    code, cabinet = stand.code(), stand.cabinet
    if missing == "config":
        stand.config = cabinet / "etc/agent.toml"
    else:
        stand.place = Place(*(cabinet / "etc" / name for name in ("controller.crt", "controller.key", "ca.crt")))
    with pytest.raises(Fatal, match=r"etc is missing.*not used yet"):
        stand.enroll(code)
    assert stand.server.sent == []
    (cabinet / "etc").mkdir()
    assert stand.enroll(code) == PJU


def test_a_code_is_kept_as_a_hash_in_a_file_for_its_owner(stand: Stand) -> None:
    code = stand.code()
    file = stand.city / "pki" / "enrolments.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(code) not in file.read_text()
    assert code.secret.hex() not in file.read_text()
    assert len(code.secret) * 8 >= 64


def test_a_code_is_used_up_by_one_request(stand: Stand) -> None:
    code = stand.code()
    stand.server.operator = stand.approve
    stand.enroll(code)
    with pytest.raises(Fatal, match="403"):
        stand.enroll(code)


def test_the_same_request_again_gets_the_same_answer(stand: Stand) -> None:
    code, csr = stand.code(), enrolment._csr(new_key(), "x")
    ask = [stand.enrolments.ask_with_code(csr, lookup(code.key), request_proof(code.key, csr), stand.now) for _ in "ab"]
    assert ask[0] == ask[1]


def test_without_an_operator_there_is_no_certificate(stand: Stand, monkeypatch) -> None:
    monkeypatch.setattr(enrolment, "APPROVAL_S", 0.1)
    with pytest.raises(Fatal, match="not approved: waiting"):
        stand.enroll(stand.code())
    assert not stand.place.cert.exists()
    assert read_issued(stand.city / "pki") == ()


def test_an_operator_can_refuse(stand: Stand) -> None:
    def refuse() -> None:
        for one in stand.enrolments.waiting(datetime.now(UTC)):
            stand.server.client.post(f"/api/v1/enrolments/{one.id}/decision", json={"approve": False})

    stand.server.operator = refuse
    with pytest.raises(Fatal, match="not approved: refused"):
        stand.enroll(stand.code())


def test_a_code_for_another_controller_changes_nothing_in_a_cabinet(stand: Stand) -> None:
    stand.server.operator = stand.approve
    with pytest.raises(Fatal, match=r"the code is for PJU-001, and .* is of PJU-000: nothing was written"):
        enroll(stand.server, stand.code("PJU-001"), stand.place, stand.config, lambda *_: None, expected=PJU)
    assert list(stand.cabinet.iterdir()) == []


@pytest.mark.parametrize("late", [CODE_LIFETIME + timedelta(minutes=5), timedelta(days=15)])
def test_a_code_lasts_a_quarter_of_an_hour(stand: Stand, late: timedelta) -> None:
    code, csr = stand.code(), enrolment._csr(new_key(), "x")
    with pytest.raises(RefusedError):
        stand.enrolments.ask_with_code(csr, lookup(code.key), request_proof(code.key, csr), stand.now + late)


def test_an_operator_has_two_minutes(stand: Stand) -> None:
    code, csr = stand.code(), enrolment._csr(new_key(), "x")
    asked = stand.enrolments.ask_with_code(csr, lookup(code.key), request_proof(code.key, csr), stand.now)
    later = stand.now + APPROVAL_TIME + timedelta(seconds=1)
    with pytest.raises(PkiError, match="no request waits"):
        stand.enrolments.approve(stand.authority, asked.id, "x", later)
    assert stand.enrolments.waiting(later) == ()


def test_a_newer_code_ends_the_older_one(stand: Stand) -> None:
    older = stand.code()
    stand.code()
    stand.code("PJU-001")
    with pytest.raises(Fatal, match="403"):
        stand.enroll(older)


def test_a_code_is_bound_to_its_controller_whatever_name_is_asked_for(stand: Stand) -> None:
    code, key = stand.code(), new_key()
    csr = enrolment._csr(key, "PJU-001")
    asked = stand.enrolments.ask_with_code(csr, lookup(code.key), request_proof(code.key, csr), stand.now)
    done = stand.enrolments.approve(stand.authority, asked.id, "x", stand.now)
    assert done.certificate is not None
    [name] = x509.load_pem_x509_certificate(done.certificate.encode()).subject
    assert name.value == PJU


def test_whoever_replaces_the_request_on_its_way_gets_nothing(stand: Stand) -> None:
    code, csr, other = stand.code(), enrolment._csr(new_key(), "x"), enrolment._csr(new_key(), "x")
    with pytest.raises(RefusedError):
        stand.enrolments.ask_with_code(other, lookup(code.key), request_proof(code.key, csr), stand.now)
    assert stand.enrolments.waiting(stand.now) == ()


@pytest.mark.parametrize("member", ["certificate", "ca", "agent_toml", "proof"])
def test_whoever_replaces_the_answer_on_its_way_is_noticed(stand: Stand, member: str) -> None:
    stand.server.operator = stand.approve
    stranger = create_authority(stand.cabinet / "pki", "Kota Uji", stand.cabinet / "root.key", stand.now)
    false = {
        "certificate": stranger.issue(new_key().public_key(), PJU, stand.now).decode(),
        "ca": stranger.chain.decode(),
        "agent_toml": '[broker]\nurl = "mqtts://elsewhere"\n',
        "proof": "00" * 32,
    }
    stand.server.answers = lambda document: (
        document | {member: false[member]} if document.get("certificate") else document
    )
    with pytest.raises(Fatal, match="nothing was written"):
        stand.enroll(stand.code())
    assert not any(path.exists() for path in (stand.place.cert, stand.place.key, stand.place.ca, stand.config))


def test_a_wrong_key_is_refused(stand: Stand) -> None:
    for bad in ("", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "x" * 4096):
        with pytest.raises(RefusedError):
            stand.enrolments.ask_with_code(bad, "", "", stand.now)


@pytest.mark.parametrize(
    "body",
    [
        {"csr": "x"},
        {"csr": "x", "lookup": "00", "proof": "00"},
        {"csr": "x", "certificate": "x", "signature": "00"},
        {"csr": "\x00\ud800"[:1], "lookup": "", "proof": ""},
    ],
)
def test_a_refusal_says_no_more_than_that(stand: Stand, body: dict[str, str]) -> None:
    answer = stand.server.client.post("/api/v1/enrolments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "enrolment_refused")


def test_a_city_without_an_authority_says_so(tmp_path) -> None:
    city = write_city(tmp_path / "kota", n_controllers=1, n_lamps=1, broker_port=1)
    client = TestClient(create_app(read_city(city, {})))
    body = {"csr": "x", "certificate": "x", "signature": "00"}
    answers = [client.post("/api/v1/enrolments", json=body), client.get("/api/v1/enrolments/00")]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "no_authority")] * 2


def test_an_authority_whose_key_others_may_read_signs_nothing(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    (stand.city / "pki" / "intermediate.key").chmod(0o640)
    body = {"csr": "x", "certificate": "x", "signature": "00"}
    answer = stand.server.client.post("/api/v1/enrolments", json=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "authority_unusable")
    assert "intermediate" not in answer.text


def test_an_unknown_request_is_not_found(stand: Stand) -> None:
    write_public(stand.city / "pki" / "ca.crt", stand.authority.chain)
    assert stand.server.client.get("/api/v1/enrolments/00").status_code == 404
    assert stand.server.client.post("/api/v1/enrolments/00/decision", json={"approve": True}).status_code == 404


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=16, max_size=16), st.booleans())
def test_a_code_is_read_as_it_was_written_whatever_case_and_blanks(
    secret: bytes, fingerprint: bytes, is_low: bool
) -> None:
    code = EnrolmentCode(secret, fingerprint)
    text = str(code).replace("-", " - ") if is_low else str(code)
    assert parse_code(text.lower() if is_low else text) == code


@given(st.text(max_size=100).filter(lambda text: len(text.replace("-", "").replace(" ", "")) != 42))
def test_any_other_text_is_no_code_and_is_not_repeated(text: str) -> None:
    with pytest.raises(WireError) as reported:
        parse_code(text)
    assert len(text) < 30 or text not in str(reported.value)


@pytest.mark.end_to_end
def test_the_commands_together(tmp_path) -> None:
    city = write_city(tmp_path / "kota", n_controllers=1, n_lamps=3, broker_port=1)
    port = free_port()

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True, cwd=REPOSITORY, check=False
        )

    where = ("--city", city)
    made = run("ingest.city", "ca", "init", "--broker-name", "broker.kota", "--root-key", tmp_path / "root.key", *where)
    assert made.returncode == 0, made.stderr
    assert run("ingest.city", "keys", "init", "--recovery", tmp_path / "recovery.key", *where).returncode == 0
    code = run("ingest.city", "enroll", PJU, "--code", "--broker", "mqtts://broker.kota", *where)
    assert code.returncode == 0, code.stderr
    api = subprocess.Popen(
        [sys.executable, "-m", "dashboard_api", "--city", str(city), "--port", str(port)], cwd=REPOSITORY
    )
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60)
        command = [sys.executable, "-m", "edge_agent", "enroll", "--server", f"http://127.0.0.1:{port}"]
        command += ["--code", code.stdout.strip(), "--folder", str(tmp_path), "--config", str(tmp_path / "agent.toml")]
        agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"LANG": "C"})
        waiting = ""
        end = time.monotonic() + 60
        while PJU not in waiting and time.monotonic() < end:
            waiting = run("ingest.city", "approve", *where).stdout
        assert run("ingest.city", "approve", PJU, *where).returncode == 0
        shown, _ = agent.communicate(timeout=60)
        assert agent.returncode == 0
        digest = shown.split("Key ")[1].split(".")[0] if "Key " in shown else shown.split("Kunci ")[1].split(".")[0]
        assert digest in waiting, "operator and cabinet see the same key"
    finally:
        api.terminate()
        api.wait()
    text = (tmp_path / "agent.toml").read_text()
    (tmp_path / "agent.toml").write_text(text.replace("/var/lib/terang/c", f"{tmp_path}/c"))
    config = load_config(tmp_path / "agent.toml", {})
    assert config.broker.urls == ("mqtts://broker.kota",)
    assert config.keys is not None
    assert config.broker.key is not None
    assert config.broker.key.stat().st_mode & 0o777 == 0o600
    assert (name_on(tmp_path / "controller.crt"), config.controller.id) == (PJU, PJU)
