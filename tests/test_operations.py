"""docs/operations.md and the server's units are held to what the programs do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from ingest.database import open_database
from ingest.schema.city import read_city

REPOSITORY = Path(__file__).parents[1]
GUIDE = (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
UNITS = ("terang-ingest@.service", "terang-worker.service", "terang-api@.service")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_valid_for_systemd(name, require_debian, tmp_path):
    analyze = require_debian("systemd")
    text_of = (REPOSITORY / "deploy" / name).read_text(encoding="utf-8")
    for program in re.findall(r"/opt/terang/bin/(\S+)", text_of):
        (tmp_path / program).write_text("#!/bin/sh\n")
        (tmp_path / program).chmod(0o755)
    unit = tmp_path / name.replace("@", "@kota")
    unit.write_text(text_of.replace("/opt/terang/bin/", f"{tmp_path}/"))
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_comes_back_for_ever_and_keeps_its_files_to_itself(name):
    lines = (REPOSITORY / "deploy" / name).read_text(encoding="utf-8").splitlines()
    for setting in ("Restart=always", "StartLimitIntervalSec=0", "UMask=0077", "ProtectSystem=strict", "User=terang"):
        assert setting in lines
    assert f"deploy/{name}" in GUIDE


def test_the_sql_makes_databases_that_ingest_can_use(postgresql, tmp_path):
    admin = make_url(postgresql.make_schema()).set(query={})
    (sql,) = blocks("sql")
    sql = re.sub(r"\bterang\b", "terang_city", sql)  # the test server's own role has that name
    engine = create_engine(admin, isolation_level="AUTOCOMMIT")
    statements = [statement.strip() for statement in sql.split(";") if statement.strip()]
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        url = admin.set(username="terang_city", password="change-me", database="kota_a")
        (tmp_path / "city.toml").write_text(blocks("toml")[0])
        city = read_city(tmp_path, {"TERANG_DATABASE_URL": url.render_as_string(hide_password=False)})
        opened = open_database(city)
        with opened.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM lamps")).scalar_one() == 0
        opened.dispose()
    finally:
        with engine.connect() as connection:
            for name in ("kota_a", "kota_b"):
                connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            connection.execute(text("DROP ROLE IF EXISTS terang_city"))
        engine.dispose()


def test_a_database_url_may_name_several_hosts(postgresql, tmp_path):
    """The first host is not there: the second is taken."""
    url = make_url(postgresql.make_schema())
    pattern = re.search(r"^postgresql\+psycopg://terang@/kota_a\?(\S+)$", GUIDE, re.MULTILINE)
    assert pattern is not None
    assert pattern[1].count("host=") == 2
    host, port = url.host or url.query.get("host"), url.port or 5432
    user = f"{url.username}:{url.password}" if url.password else url.username
    options = "".join(f"&{name}={value}" for name, value in url.query.items() if name not in {"host", "port"})
    several = (
        f"postgresql+psycopg://{user}@/{url.database}?host=127.0.0.1:1&host={host}:{port}"
        f"&target_session_attrs=read-write{options}"
    )
    (tmp_path / "city.toml").write_text('[city]\nname = "Kota"\n')
    engine = open_database(read_city(tmp_path, {"TERANG_DATABASE_URL": several}))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM lamps")).scalar_one() == 0
    engine.dispose()


def test_every_settings_example_is_read(tmp_path):
    groups = set()
    for example in blocks("toml"):
        (tmp_path / "city.toml").write_text(example)
        city = read_city(tmp_path, {}).city
        assert city.name == "Kota A"
        groups.add(city.group)
    assert "kota-a" in groups
