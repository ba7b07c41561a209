"""A controller gets its certificate: by a code and an operator, and the next one by the present one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from city_pki.authority import create_authority
from city_pki.certificates import new_key, private_pem
from city_pki.enrolments import APPROVAL_TIME, CODE_LIFETIME, MOST_RENEWALS, RENEWAL_TIME, Enrolments
from city_pki.errors import PkiError, RefusedError
from city_pki.issued import read_issued
from city_pki.secret_file import write_public, write_secret
from dashboard_api.app import create_app
from edge_agent import enrolment
from edge_agent.config import load_config
from edge_agent.enrolment import Place, enroll, renew
from edge_agent.enrolment_server import Server
from edge_agent.errors import Fatal
from edge_agent.link.certificate_files import next_of
from edge_agent.wire import WireError
from edge_agent.wire.enrolment import EnrolmentCode, lookup, parse_code, request_proof
from ingest.database import open_database
from ingest.schema.city import read_city
from tests.ingest.city_stand import free_port, wait_until, write_city

REPOSITORY = Path(__file__).parents[2]
PJU = "PJU-000"


class Direct(Server):
    """The real routes, without a network; `answers` may change what comes back."""

    def __init__(self, client: TestClient) -> None:
        super().__init__("http://testserver")
        self.client = client
        self.sent: list[str] = []
        self.answers: Any = lambda document: document
        self.operator: Any = lambda: None

    def _exchange(self, url: str, body: bytes | None) -> dict[str, Any]:
        self.operator()
        self.sent.append((body or b"").decode())
        answer = (
            self.client.post(url, content=body, headers={"Content-Type": "application/json"})
            if body
            else self.client.get(url)
        )
        if answer.status_code >= 400:
            raise Fatal(f"refused: {answer.status_code}")
        return self.answers(answer.json())


class Stand:
    """A city with an authority, its API, and an empty cabinet."""

    def __init__(self, folder: Path) -> None:
        self.city = write_city(folder / "kota", n_controllers=2, n_lamps=3, broker_port=1)
        toml = self.city / "city.toml"
        toml.write_text(toml.read_text().replace("mqtt://127.0.0.1:1", "mqtts://broker.kota:8883"))
        self.now = datetime.now(UTC)
        self.authority = create_authority(self.city / "pki", "Kota Uji", folder / "root.key", self.now)
        self.enrolments = Enrolments(self.city / "pki")
        self.cabinet = folder / "cabinet"
        self.cabinet.mkdir()
        self.place = Place(*(self.cabinet / name for name in ("controller.crt", "controller.key", "ca.crt")))
        self.config = self.cabinet / "agent.toml"
        city = read_city(self.city, {})
        open_database(city).dispose()  # decisions are written into the audit log
        self.server = Direct(TestClient(create_app(city)))
        self.said: list[dict[str, str]] = []

    def code(self, controller: str = PJU) -> EnrolmentCode:
        return self.enrolments.new_code(controller, f"# {controller}\n", datetime.now(UTC))

    def approve(self) -> None:
        """What an operator does as soon as something waits."""
        for one in self.enrolments.waiting(datetime.now(UTC)):
            path = f"/api/v1/enrolments/{one.id}/decision"
            assert self.server.client.post(path, json={"approve": True}).status_code == 200

    def enroll(self, code: EnrolmentCode) -> str:
        return enroll(self.server, code, self.place, self.config, lambda _what, more: self.said.append(more))

    def certify(self, at: datetime, controller: str = PJU) -> None:
        """A cabinet with the certificate that it got at a time."""
        key = new_key()
        write_secret(self.place.key, private_pem(key))
        write_public(self.place.cert, self.authority.issue(key.public_key(), controller, at))
        write_public(self.place.ca, self.authority.chain)


@pytest.fixture
def stand(tmp_path, monkeypatch):
    monkeypatch.setattr(enrolment, "POLL_S", 0.01)
    return Stand(tmp_path)


def name_on(path: Path) -> str:
    [name] = x509.load_pem_x509_certificate(path.read_bytes()).subject
    return str(name.value)


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


# --- renewal ---


def test_a_young_certificate_is_not_renewed(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=200))
    assert renew(stand.server, stand.place, stand.now) == "fresh"
    assert stand.server.sent == []


def test_an_old_certificate_is_followed_by_the_next_one_without_an_operator(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    before = stand.place.cert.read_bytes(), stand.place.key.read_bytes()
    assert renew(stand.server, stand.place, stand.now) == "next"
    assert (stand.place.cert.read_bytes(), stand.place.key.read_bytes()) == before, (
        "the old one serves until it is tried"
    )
    assert name_on(next_of(stand.place.cert)) == PJU
    assert next_of(stand.place.key).read_bytes() != before[1]
    assert next_of(stand.place.key).stat().st_mode & 0o777 == 0o600
    assert renew(stand.server, stand.place, stand.now) == "next"
    assert len(read_issued(stand.city / "pki")) == 2


def test_one_that_was_off_for_400_days_comes_back_when_an_operator_approves(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=400))
    assert renew(stand.server, stand.place, stand.now) == "waiting"
    assert renew(stand.server, stand.place, stand.now) == "waiting", "the same request, not another one"
    [request] = stand.enrolments.waiting(stand.now)
    assert request.controller == PJU
    stand.approve()
    assert renew(stand.server, stand.place, stand.now) == "next"
    assert name_on(next_of(stand.place.cert)) == PJU
    assert not stand.place.asked.exists()


def test_an_approval_that_comes_too_late_is_asked_for_again(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=400))
    renew(stand.server, stand.place, stand.now)
    [request] = stand.enrolments.waiting(stand.now)
    until = datetime.fromisoformat(request.until)
    assert until >= stand.now + RENEWAL_TIME
    assert stand.enrolments.waiting(until - timedelta(seconds=1)) == (request,)
    assert stand.enrolments.waiting(until + timedelta(seconds=1)) == ()


def test_a_controller_that_asks_without_end_gets_no_more(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    for _ in range(MOST_RENEWALS):
        assert renew(stand.server, stand.place, stand.now) == "next"
        for path in (stand.place.cert, stand.place.key):
            next_of(path).unlink()
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)


@pytest.mark.parametrize("days", [300, 400])
def test_a_revoked_certificate_is_not_renewed(stand: Stand, days: int) -> None:
    stand.certify(stand.now - timedelta(days=days))
    stand.authority.revoke(PJU, stand.now)
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)
    assert not next_of(stand.place.cert).exists()


def test_another_authoritys_certificate_and_anothers_key_renew_nothing(stand: Stand) -> None:
    stand.certify(stand.now - timedelta(days=300))
    own = stand.place.key.read_bytes()
    write_secret(stand.place.key, private_pem(new_key()))
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)
    write_secret(stand.place.key, own)
    stranger = create_authority(stand.cabinet / "pki", "Kota Uji", stand.cabinet / "root.key", stand.now)
    key = new_key()
    write_secret(stand.place.key, private_pem(key))
    write_public(stand.place.cert, stranger.issue(key.public_key(), PJU, stand.now - timedelta(days=300)))
    stand.place.asked.unlink(missing_ok=True)
    with pytest.raises(Fatal, match="403"):
        renew(stand.server, stand.place, stand.now)


# --- the routes, and the code as a person types it ---


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


# --- real processes ---


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
