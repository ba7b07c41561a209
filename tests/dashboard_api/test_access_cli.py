"""The command line: accounts, tokens, the audit log, and where the server may listen."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from types import SimpleNamespace

import httpx
import pytest
from sqlalchemy import create_engine, text

from dashboard_api.__main__ import main
from ingest.database import migrate
from tests.dashboard_api.served_api import wait_for
from tests.dashboard_api.test_behind_nginx import certificate

__all__ = ["certificate"]
COMMAND = [sys.executable, "-m", "dashboard_api"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "city.toml").write_text('[city]\nname = "Kota Uji"\n')
    return tmp_path


def run(*arguments, stdin="", code=0):
    """The program in this process: each start of another one takes a second."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patched.setattr(sys, "argv", ["terang-api", *arguments])
        patched.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code, err.getvalue()
    return SimpleNamespace(stdout=out.getvalue(), stderr=err.getvalue())


def run_alone(*arguments, code=0):
    """The program as a process of its own."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == code, done.stderr
    return done


def started(*arguments):
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"(https?)://(\S+)$", line.strip())
    assert found, process.stderr.read()
    return process, f"{found[1]}://{found[2]}"


def test_accounts_from_nothing_to_a_session_over_tls(folder, certificate):
    cert, key = certificate
    city = ("--city", str(folder))
    refused = run_alone(*city, "--host", "0.0.0.0", code=2)
    assert "without accounts" in refused.stderr
    # a fresh folder, before ingest ever ran; --city may stand in front as well
    first = run(*city, "user", "add", "Admin", "--role", "administrator")
    password = first.stdout.strip()
    assert re.fullmatch(r"[a-z0-9-]{23}", password)
    assert "/sign-in/link?code=" in first.stderr
    crew = run("user", "add", "budi", "--role", "crew", "--district", "Siak", *city)
    assert crew.stdout.strip()
    piped = run("user", "add", "oper", "--role", "operator", "--password-stdin", *city, stdin="sandi dari pipa\n")
    assert piped.stdout == ""
    assert "no such user" in run("user", "disable", "nobody", *city, code=2).stderr
    assert "one already" in run("user", "add", "ADMIN", "--role", "viewer", *city, code=2).stderr
    secret = run("token", "add", "wall", "--scope", "display,read", "--expires", "90d", *city).stdout.strip()
    assert secret.startswith("terang_")
    assert secret not in run("token", "list", *city).stdout
    assert run("user", "list", *city).stdout.splitlines()[1] == "budi\tcrew\tSiak\tpassword"
    process, address = started(
        *city, "--host", "0.0.0.0", "--port", "0", "--tls-cert", str(cert), "--tls-key", str(key)
    )
    try:
        port = address.rpartition(":")[2]
        trust = ssl.create_default_context(cafile=cert)
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trust, timeout=20) as client:
            wait_for(lambda: client.get("/healthz").status_code == 200)
            assert client.get("/api/v1/me").status_code == 401
            for name, word in (("admin", password), ("oper", "sandi dari pipa")):
                answer = client.post("/api/v1/session", json={"name": name, "password": word})
                assert answer.status_code == 201
                assert answer.headers["set-cookie"].startswith("__Host-")
            shown = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
            assert shown.json()["scopes"] == ["display", "read"]
            run("token", "revoke", "wall", *city)
            time.sleep(2.2)
            assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    finally:
        process.terminate()
        process.wait(60)
    assert "the audit log is whole" in run_alone("audit", "verify", *city).stdout
    exported = run("audit", "export", *city).stdout
    assert '"session.password"' in exported
    with sqlite3.connect(folder / "data" / "terang.db") as connection:
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute("DELETE FROM audit WHERE seq = 2")
    assert "line 2 is missing" in run("audit", "verify", *city, code=1).stdout


def test_a_password_is_no_argument_and_no_key_is_readable_by_others(folder, certificate):
    cert, key = certificate
    city = ("--city", str(folder))
    assert "No such option" in run("user", "add", "x", "--role", "viewer", "--password", "y", *city, code=2).stderr
    key.chmod(0o644)
    tls = ("--tls-cert", str(cert), "--tls-key", str(key))
    assert "chmod 600" in run(*city, *tls, code=2).stderr
    assert "both or neither" in run(*city, *tls[:2], code=2).stderr
    key.write_text("not a key")
    key.chmod(0o600)
    assert "--tls-cert" in run(*city, *tls, code=2).stderr


def test_without_accounts_the_server_says_so_and_serves_this_machine(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process, address = started("--city", str(folder), "--port", str(port))
    try:
        wait_for(lambda: httpx.get(f"{address}/healthz").status_code == 200)
        me = httpx.get(f"{address}/api/v1/me").json()
        assert (me["kind"], me["role"], me["accounts"]) == ("local", "operator", False)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert "no accounts" in said


def test_a_database_of_an_earlier_version_takes_accounts(tmp_path):
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    import ingest.database as opened  # noqa: PLC0415

    engine = create_engine(f"sqlite:///{tmp_path}/old.db")
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", str(opened._MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text("INSERT INTO register VALUES (7, 0, 'old', 'd')"))
        connection.commit()
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version FROM register")).scalar_one() == 7
        for table in ("users", "sessions", "tokens", "audit", "audit_head", "audit_names", "sign_in_links"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
    engine.dispose()
