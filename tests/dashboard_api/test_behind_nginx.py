"""The API behind the nginx of `deploy`: limits and addresses pass through."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from dashboard_api.app import create_app
from tests.dashboard_api.people import PASSWORD
from tests.dashboard_api.served_api import serving, socket_port, wait_for, with_settings

CONF = Path(__file__).parents[2] / "deploy" / "nginx-terang.conf"


@pytest.fixture
def database_url():
    return "sqlite:///data/terang.db"


@pytest.fixture
def certificate(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def test_behind_the_nginx_of_deploy(town, people, certificate, require_debian, tmp_path):
    nginx = require_debian("nginx-light")
    people.add("budi", "operator")
    settings = with_settings(town, '[web]\nhosts = ["localhost"]\ntrusted_proxies = ["127.0.0.1"]\n')
    cert, key = certificate
    with socket_port() as plain, socket_port() as secure, serving(create_app(settings)) as port:
        text = (
            CONF.read_text().replace("terang.example.go.id", "localhost").replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        )
        text = text.replace("listen 80;", f"listen 127.0.0.1:{plain};").replace("443 ssl", f"127.0.0.1:{secure} ssl")
        text = text.replace("/etc/ssl/terang/fullchain.pem", str(cert)).replace("/etc/ssl/terang/key.pem", str(key))
        paths = "".join(
            f"{name}_temp_path {tmp_path};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        head = f"daemon off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\n"
        whole = f"{head}http {{ access_log off;\n{paths}{text}}}\n"
        (tmp_path / "nginx.conf").write_text(whole)
        process = subprocess.Popen([nginx, "-c", tmp_path / "nginx.conf", "-p", tmp_path], stderr=subprocess.PIPE)
        try:
            trust = ssl.create_default_context(cafile=cert)
            with httpx.Client(base_url=f"https://localhost:{secure}", verify=trust) as client:
                wait_for(lambda: client.get("/healthz").status_code == 200)
                assert client.get("/api/v1/faults").status_code == 401
                spoofed = {"X-Forwarded-For": "192.0.2.1", "Forwarded": "for=192.0.2.1", "X-Forwarded-Proto": "http"}
                origin = {"Origin": f"https://localhost:{secure}"}
                body = {"name": "budi", "password": PASSWORD}
                answer = client.post("/api/v1/session", json=body, headers={**spoofed, **origin})
                assert answer.status_code == 201, answer.text
                assert answer.headers["set-cookie"].startswith("__Host-")
                assert "max-age" in answer.headers["strict-transport-security"]
                assert client.get("/api/v1/me").json()["name"] == "budi"
                assert client.get("/api/v1/faults", headers={"Host": "evil.example"}).status_code == 400
                with client.stream("GET", "/api/v1/events", timeout=10) as feed:
                    assert "terang" in next(feed.iter_text())
            moved = httpx.get(f"http://127.0.0.1:{plain}/x?y=1", headers={"Host": "localhost"})
            assert (moved.status_code, moved.headers["location"]) == (308, "https://localhost/x?y=1")
            with people.context.database.reading() as connection:
                seen = connection.exec_driver_sql("SELECT text FROM audit_names WHERE kind = 'address'").scalars().all()
            assert set(seen) == {"terminal", "127.0.0.1"}
        finally:
            process.terminate()
            process.wait(60)
