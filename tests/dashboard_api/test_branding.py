"""The city's own title, colour, logo and words on its pages."""

from __future__ import annotations

import os

import pytest
from fastapi.testclient import TestClient

from dashboard_api.app import create_app
from ingest.schema.city import read_city
from ingest.schema.errors import CityError
from languages.catalogue import load_languages
from languages.errors import CatalogueError

T0 = 1_790_000_000_000_000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
LOOK = '[branding]\ntitle = "Lampu <Kita>"\naccent = "#336699"\nlogo = "branding/logo.png"\n'


@pytest.fixture
def open_city(town):
    """Clients of the town with more in its ``city.toml``."""
    clients = []

    def make(more):
        path = town.city.folder / "city.toml"
        path.write_text(path.read_text() + more, encoding="utf-8")
        client = TestClient(create_app(read_city(town.city.folder, {}), lambda: T0))
        clients.append(client.__enter__())
        return clients[-1]

    yield make
    for client in clients:
        client.__exit__()


def test_title_colour_and_logo_are_on_the_pages(town, open_city):
    (town.city.folder / "branding").mkdir()
    (town.city.folder / "branding/logo.png").write_bytes(PNG)
    client = open_city(LOOK)
    look = client.get("/api/v1/city").json()["branding"]
    assert look == {"title": "Lampu <Kita>", "accent": "#336699", "logo": "/branding/logo.png"}
    answer = client.get("/open")
    assert "Lampu &lt;Kita&gt;" in answer.text
    assert "<Kita>" not in answer.text
    assert "solid #336699" in answer.text
    assert 'src="/branding/logo.png"' in answer.text
    assert "img-src 'self'" in answer.headers["content-security-policy"]
    logo = client.get("/branding/logo.png")
    assert (logo.status_code, logo.content, logo.headers["content-type"]) == (200, PNG, "image/png")
    again = client.get("/branding/logo.png", headers={"If-None-Match": logo.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_without_branding_the_citys_name_heads_its_pages(client):
    assert client.get("/api/v1/city").json()["branding"] == {"title": "Kota Uji", "accent": None, "logo": None}
    assert "Kota Uji" in client.get("/open").text
    assert client.get("/branding/logo.png").status_code == 404


@pytest.mark.parametrize("what", ["missing", "folder", "page", "large", "pipe"])
def test_what_is_no_logo_is_not_found(town, open_city, what):
    path = town.city.folder / "branding/logo.png"
    path.parent.mkdir()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what != "missing":
        path.write_bytes(b"<svg onload=alert(1)/>" if what == "page" else PNG + bytes(256 << 10))
    assert open_city(LOOK).get("/branding/logo.png").status_code == 404


@pytest.mark.parametrize(
    "line",
    [
        'logo = "/etc/passwd"',
        'logo = "../../x.png"',
        'logo = "data/terang.db"',
        'accent = "red;background:url(x)"',
        'accent = "#12"',
        f'title = "{"x" * 81}"',
        "colour = 1",
    ],
)
def test_a_look_that_cannot_be(tmp_path, line):
    (tmp_path / "city.toml").write_text(f'[city]\nname = "K"\n[branding]\n{line}\n')
    with pytest.raises(CityError, match=r"\[branding\]"):
        read_city(tmp_path, {})


def test_own_words_go_before_the_catalogues(town, open_city):
    folder = town.city.folder / "languages"
    folder.mkdir()
    (folder / "en.po").write_text('msgid "open.lead"\nmsgstr "All <figures>"\n')
    (folder / "jv.po").write_text('msgid "language.name"\nmsgstr "Basa Jawa"\nmsgid "open.data"\nmsgstr "Data bukak"\n')
    client = open_city("")
    city = client.get("/api/v1/city").json()
    assert city["own_words"] == ["en", "jv"]
    assert {"code": "jv", "name": "Basa Jawa"} in city["languages"]
    assert "All &lt;figures&gt;" in client.get("/open?lang=en").text
    assert "&lt;figures" not in client.get("/open?lang=id").text
    page = client.get("/open?lang=jv").text
    assert "Data bukak" in page
    assert "All &lt;figures&gt;" in page  # what a language does not say is said in the city's English
    words = client.get("/api/v1/words/en")
    assert words.json() == {"language": "en", "messages": {"open.lead": "All <figures>"}}
    same = client.get("/api/v1/words/en", headers={"If-None-Match": words.headers["etag"]})
    assert same.status_code == 304
    missing = client.get("/api/v1/words/id")
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("name", "text"),
    [("en.po", "msgid x"), ("en.po", "#" * ((1 << 20) + 1)), ("..po", ""), ("en.po", b"\xff")],
)
def test_own_words_that_cannot_be_read(tmp_path, name, text):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CatalogueError):
        load_languages(own=tmp_path)


def test_too_many_languages(tmp_path):
    for n in range(33):
        (tmp_path / f"a{chr(97 + n // 26)}{chr(97 + n % 26)}.po").write_text("")
    with pytest.raises(CatalogueError, match="at most 32"):
        load_languages(own=tmp_path)
