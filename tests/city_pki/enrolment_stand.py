"""A city's authority and a controller that asks it for certificates, without a network between them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from fastapi.testclient import TestClient

from city_pki.authority import create_authority
from city_pki.certificates import new_key, private_pem
from city_pki.enrolments import Enrolments
from city_pki.secret_file import write_public, write_secret
from dashboard_api.app import create_app
from edge_agent import enrolment
from edge_agent.enrolment import Place, enroll
from edge_agent.enrolment_server import Server
from edge_agent.errors import Fatal
from edge_agent.wire.enrolment import EnrolmentCode
from ingest.database import open_database
from ingest.schema.city import read_city
from tests.ingest.city_stand import write_city

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
