"""No password or token of a URL reaches an error, a log or a page, however the URL is mistyped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.schema.safe_url import scrubbed, without_secrets
from tests.ingest.city_stand import REPOSITORY, write_city

SECRET = "Geh3imesW0rt"
MISTYPED = [
    "postgresql+psycopg://terang:{s}@127.0.0.1:1/terang",
    "postgresql+psycopg://terang:{s}@127.0.0.1:65x/terang",
    "postgresql+psycopg://terang:{s}@@127.0.0.1:1/terang",
    "postgresql+psycopg://terang:x/{s}@127.0.0.1:1/terang",
    "postgresql+psycopg://terang:x@{s}@127.0.0.1:1/terang",
    "postgresql+psycopg://terang:{s}#@127.0.0.1:1/terang",
    "postgresql+psycopg://terang:{s}127.0.0.1:1/terang",
    "postgresql+psycopg://127.0.0.1:{s}/terang",
    "postgresql+psycopg:/terang:{s}@127.0.0.1/terang",
    "postgresql+psycopg//terang:{s}@127.0.0.1/terang",
    "postgres://terang:{s}@127.0.0.1:1/terang",
    "postgresql+nodriver://terang:{s}@127.0.0.1:1/terang",
    "postgresql+psycopg://terang@127.0.0.1:1/terang?password={s}",
    "postgresql+psycopg://terang@127.0.0.1:1/terang?passwort={s}",
    "mysql://terang:{s}@127.0.0.1/terang",
    "terang:{s}@127.0.0.1/terang",
    "sqlite://terang:{s}@127.0.0.1/terang",
    "{s}",
]
OTHERS = [
    ("TERANG_BROKER_URL", "mqtt://terang:{s}@127.0.0.1:65x"),
    ("TERANG_BROKER_URL", "mqtt//terang:{s}@127.0.0.1"),
    ("TERANG_BROKER_URL", "http://terang:{s}@127.0.0.1"),
    ("TERANG_BROKER_URL", "mqtt://terang:{s}@"),
    ("TERANG_BROKER_URL", "mqtt://[terang:{s}@127.0.0.1"),
    ("TERANG_BROKER_URL", "embedded:terang:{s}@x"),
    ("TERANG_TELEMETRY_URL", "influxdb://127.0.0.1:1?org=o&bucket=b&token={s}"),
    ("TERANG_TELEMETRY_URL", "influxdb://token:{s}@127.0.0.1:1?org=o&bucket=b"),
    ("TERANG_TELEMETRY_URL", "influxdb://127.0.0.1:{s}?org=o&bucket=b"),
    ("TERANG_TELEMETRY_URL", "influx://127.0.0.1:1?token={s}"),
    ("TERANG_TELEMETRY_URL", "influxdb://127.0.0.1:1?org=o&bucket=b&{s}"),
]


@pytest.mark.parametrize("form", [*MISTYPED, *(form for _, form in OTHERS)])
def test_the_shown_url_holds_no_part_of_the_secret(form):
    url = form.format(s=SECRET)
    assert SECRET not in without_secrets(url)
    assert SECRET not in scrubbed(f"could not translate host name {url!r}", url)


def test_what_is_no_secret_is_shown():
    for url in (
        "sqlite:///data/terang.db",
        "parquet:data/telemetry",
        "embedded:127.0.0.1:1883",
        "mqtt://10.0.0.2:1883",
    ):
        assert without_secrets(url) == url
    shown = without_secrets("postgresql+psycopg://terang:x@db1:5432,db2:5432/terang?target_session_attrs=read-write")
    assert shown == "postgresql+psycopg://terang:***@db1:5432,db2:5432/terang?target_session_attrs=read-write"
    assert without_secrets("influxdb://h:8086?org=o&bucket=b&token=t") == "influxdb://h:8086?org=o&bucket=b&token=***"


@settings(max_examples=400, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=30), st.sampled_from([":", "://", "//", ""]))
def test_any_password_is_hidden(secret, slashes):
    shown = without_secrets(f"postgresql+psycopg{slashes}terang:{secret}@db/terang")
    assert secret not in shown
    for piece in re.split(r"\W+", secret):
        assert len(piece) < 5 or piece in "postgresql+psycopg://terang:***@db/terang" or piece not in shown


@pytest.mark.parametrize(
    "password", ["p@ss w0rd!", "sand/wich#1", "a+b c%d", "gemüse-Brot", "x'y\"z;DROP", "%41%42%43"]
)
@pytest.mark.parametrize(
    "form",
    [
        "postgresql+psycopg://terang:{}@db/terang",
        "postgresql+psycopg://terang@db/terang?password={}",
        "postgresql+psycopg://terang@db/terang?sslpassword={}",
        "influxdb://db:8086?org=o&bucket=b&token={}",
        "mqtt://terang:{}@broker",
    ],
)
def test_a_secret_is_hidden_as_it_was_meant_and_however_it_is_written_again(form, password):
    for given_as in {quote(password, safe=""), quote_plus(password)}:
        url = form.format(given_as)
        for shown_as in (given_as, unquote(given_as), unquote_plus(given_as), quote(unquote(given_as), safe="")):
            assert shown_as not in scrubbed(f"cannot connect with {shown_as!s} to it", url)
        assert given_as not in without_secrets(url)


def run(program, city, name, url, timeout_s=90):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), name: url}
    more = ["--port", "0"] if program == "dashboard_api" else ["--status", ""]
    command = [sys.executable, "-m", program, "--city", str(city), *more]
    try:
        ended = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=city
        )
    except subprocess.TimeoutExpired as still_runs:
        return None, f"{still_runs.stdout} {still_runs.stderr}"
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("program", "name", "form"),
    [
        ("ingest", "TERANG_DATABASE_URL", MISTYPED[1]),
        ("ingest", "TERANG_DATABASE_URL", MISTYPED[4]),
        ("ingest", "TERANG_DATABASE_URL", MISTYPED[10]),
        ("ingest", "TERANG_DATABASE_URL", MISTYPED[11]),
        ("ingest", "TERANG_BROKER_URL", OTHERS[4][1]),
        ("ingest", "TERANG_TELEMETRY_URL", OTHERS[8][1]),
        ("dashboard_api", "TERANG_DATABASE_URL", MISTYPED[1]),
        ("dashboard_api", "TERANG_DATABASE_URL", MISTYPED[10]),
        ("dashboard_api", "TERANG_TELEMETRY_URL", OTHERS[8][1]),
    ],
)
def test_a_program_given_such_a_url_says_one_line_without_it(tmp_path, program, name, form):
    city = write_city(tmp_path / "city", n_controllers=1, n_lamps=1, broker_port=1)
    status, said = run(program, city, name, form.format(s=SECRET))
    assert SECRET not in said
    assert "Traceback" not in said
    assert status == 2, said


def test_a_citys_data_is_for_its_own_user_alone(tmp_path):
    city = write_city(tmp_path / "city", n_controllers=1, n_lamps=1, broker_port=1)
    (city / "data").mkdir(mode=0o755)
    (city / "data" / "terang.db").touch(mode=0o644)
    run("ingest", city, "TERANG_BROKER_URL", "mqtt://127.0.0.1:65x")  # ends when the stores are open
    assert (city / "data").stat().st_mode & 0o777 == 0o700
    made = [path for path in (city / "data").rglob("*") if path.is_file()]
    assert {"terang.db", "ingest.lock"} <= {path.name for path in made}
    assert [path for path in made if path.stat().st_mode & 0o077] == []
