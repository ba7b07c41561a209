"""A third language is one file: server, agent's terminal and page speak it without a change of code."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import hatch_build
from dashboard_api.app import create_app
from edge_agent.__main__ import main
from ingest.database import open_database
from ingest.readiness import Readiness
from ingest.schema.city import read_city
from ingest.status_page import readiness_document
from languages import catalogue
from languages.choice import accepted_language, terminal_language
from languages.message import Message, Plain

ROOT = Path(__file__).parents[2]
JAVANESE = """\
msgid ""
msgstr ""
"Language: jv\\n"
"Content-Type: text/plain; charset=UTF-8\\n"

msgid "language.name"
msgstr "Basa Jawa"

msgid "fault.lampFailure.title"
msgstr "Lampu mati (jv)"

msgid "problem.no_lamp"
msgstr "ora ana lampu {lamp_id}"

msgid "readiness.kept_database"
msgstr "basis data lawas ana ing {name}"

msgid "readiness.starting"
msgstr "lagi mulai"

msgid "page.lamp"
msgstr "Lampu dalan"

msgid "agent.scan.no_ports"
msgstr "Ora ana port serial ing mesin iki."
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The installed catalogues and one file more."""
    copied = tmp_path / "languages"
    copied.mkdir()
    for path in catalogue.FOLDER.glob("*.po"):
        shutil.copy(path, copied)
    (copied / "jv.po").write_text(JAVANESE, encoding="utf-8")
    monkeypatch.setattr(catalogue, "FOLDER", copied)
    return copied


@pytest.fixture
def client(folder, tmp_path):
    city = tmp_path / "city"
    city.mkdir()
    (city / "city.toml").write_text('[city]\nname = "Kutha Padhang"\nlanguage = "jv"\n', encoding="utf-8")
    settings = read_city(city, {})
    (city / "data").mkdir()
    open_database(settings).dispose()
    with TestClient(create_app(settings)) as opened:
        yield opened


def test_the_server_offers_it_and_answers_in_it(client):
    assert {"code": "jv", "name": "Basa Jawa"} in client.get("/api/v1/city").json()["languages"]
    (row,) = [row for row in client.get("/api/v1/codes").json()["items"] if row["code"] == "lampFailure"]
    assert row["title"] == {"en": "Lamp dark", "id": "Lampu mati", "jv": "Lampu mati (jv)"}
    assert row["advice"]["jv"] == row["advice"]["en"]  # what it does not say yet is in English


def test_a_problem_is_reported_in_it_where_it_is_asked_for(client):
    for asked in ({"params": {"lang": "jv"}}, {"headers": {"Accept-Language": "fr, jv-ID;q=0.9, en;q=0.1"}}):
        problem = client.get("/api/v1/lamps/L-9", **asked).json()
        assert problem["detail"] == "ora ana lampu L-9"
        assert (problem["code"], problem["parameters"]) == ("no_lamp", {"lamp_id": "L-9"})
    assert client.get("/api/v1/lamps/L-9").json()["detail"] == "no lamp L-9"


def test_readiness_is_reported_in_it_by_the_api_and_by_ingest(client, folder):
    problem = client.get("/readyz", headers={"Accept-Language": "jv"}).json()
    assert problem["code"] == "no_register"
    catalogue_of_jv = catalogue.load_catalogue("jv")
    readiness = Readiness(lambda: 0.0)
    readiness.warn("database", Message("readiness.kept_database", name=Plain("x.damaged")))
    document = readiness_document(readiness, catalogue_of_jv)
    assert document["reasons"] == {"start": "lagi mulai"}
    assert document["warnings"] == {"database": "basis data lawas ana ing x.damaged"}


def test_an_answer_names_its_language_and_the_citys_is_the_last_resort(client):
    assert client.get("/api/v1/faults").headers["content-language"] == "jv"
    assert client.get("/api/v1/faults", headers={"Accept-Language": "id"}).headers["content-language"] == "id"
    by_parameter = client.get("/api/v1/faults", params={"lang": "en"}, headers={"Accept-Language": "id"})
    assert by_parameter.headers["content-language"] == "en"
    refused = client.get("/api/v1/faults", params={"lang": "fr"})
    assert refused.status_code == 400
    assert refused.json()["parameters"]["known"] == ["en", "id", "jv"]


def test_the_agents_terminal_speaks_it(folder, monkeypatch, capsys):
    monkeypatch.setenv("TERANG_LANGUAGE", "jv")
    monkeypatch.setattr("edge_agent.line_commands.list_ports", list)
    assert main(["scan"]) == 1
    assert capsys.readouterr().out == "Ora ana port serial ing mesin iki.\n"


def test_the_page_is_built_with_it(folder, tmp_path):
    made = hatch_build.page_catalogues(folder.parent)
    assert made["jv"]["page.lamp"] == "Lampu dalan"
    assert made["jv"].keys() == made["en"].keys()
    assert not any(name.startswith(("agent.", "problem.", "demo.")) for name in made["jv"])
    hatch_build.write_catalogues(folder.parent)
    written = folder.parent / hatch_build.CATALOGUES / "jv.json"
    assert json.loads(written.read_text(encoding="utf-8")) == made["jv"]
    (folder / "jv.po").unlink()
    hatch_build.write_catalogues(folder.parent)
    assert not written.exists()


def test_a_catalogue_that_changes_has_the_page_built_anew(tmp_path):
    shutil.copytree(catalogue.FOLDER, tmp_path / "languages", ignore=shutil.ignore_patterns("__pycache__"))
    before = hatch_build.digest(tmp_path)
    (tmp_path / "languages" / "jv.po").write_text(JAVANESE, encoding="utf-8")
    assert hatch_build.digest(tmp_path) != before


def test_an_agent_runs_without_words_where_their_file_is_damaged(folder, monkeypatch, capsys):
    (folder / "en.po").write_text("msgid damaged", encoding="utf-8")
    monkeypatch.setattr("edge_agent.line_commands.list_ports", list)
    assert main(["scan"]) == 1
    assert capsys.readouterr().out == "agent.scan.no_ports\n"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("id-ID,id;q=0.9,en-US;q=0.8", "id"),
        ("en;q=0.2, id;q=0.7", "id"),
        ("en;q=0, id;q=0.1", "id"),
        ("EN-gb", "en"),
        ("fr, *", None),
        ("id;q=x", None),
        ("", None),
        ("," * 5_000 + "id", None),
        (";;;=,q=,id;q", None),
    ],
)
def test_what_a_browser_accepts(header, language):
    assert accepted_language(header, ("en", "id")) == language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "id_ID.UTF-8"}, "id"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "id_ID.UTF-8"}, "id"),
        ({"LANG": "id_ID.UTF-8", "TERANG_LANGUAGE": "en"}, "en"),
        ({"LANG": "id_ID.UTF-8", "TERANG_LANGUAGE": "xx"}, "id"),
    ],
)
def test_what_a_terminal_speaks(environment, language):
    assert terminal_language(environment, ("en", "id")) == language


def test_the_agent_reads_its_words_without_babel():
    assert "babel" not in (ROOT / "languages" / "po_file.py").read_text(encoding="utf-8").partition('"""\n\n')[2]
    import subprocess  # noqa: PLC0415 - only here

    code = "import languages.catalogue as c, languages.choice, sys; c.load_languages(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"babel", "gettext", "numpy", "pydantic"} & set(run.stdout.split())
