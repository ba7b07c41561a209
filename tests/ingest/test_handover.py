"""`terang-city export` and `adopt`: what goes over, and what stays."""

from __future__ import annotations

import io
import json
import sys
import tomllib
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import ingest.city.__main__
from ingest.city.exporting import export_files
from ingest.city.handover_limits import LOGO, MANIFEST, SETTINGS
from ingest.city.logo import plain_logo
from ingest.city.mapping import read_mapping
from ingest.city.portable import CARRIED, LEFT, toml_text
from ingest.city.private_texts import look_of
from ingest.errors import UnusableError
from ingest.schema.city import City, read_city
from languages.catalogue import load_languages
from languages.po_file import po_text, read_po
from tests.ingest.handover_city import BUDI, CITY, MAPPING, SECRET, WORDS, adopt, archive_of, chunk, png


@pytest.fixture
def old(tmp_path):
    """A city with marked secrets and people's data wherever it keeps any."""
    folder = tmp_path / "lama"
    files = {
        "city.toml": CITY,
        "mappings/pju.toml": MAPPING,
        "languages/id.po": WORDS,
        "lamps.csv": f"lamp_id,cabinet_id,latitude,longitude,street,owner\nL-{SECRET},C-1,1,102,{SECRET},{BUDI}\n",
        "cabinets.csv": f"cabinet_id,controller_id,supply_account,address\nC-1,PJU-{SECRET},5312{SECRET},10.1.2.3\n",
        f"{SECRET}.token": f"token-{SECRET}",
        f"{SECRET}.oidc": f"secret-{SECRET}",
        "data/terang.db": f"contact {SECRET}",
        "data/reports.key": SECRET,
        "pki/intermediate.key": f"-----BEGIN PRIVATE KEY-----{SECRET}",
        "broker/acl": SECRET,
        f"mappings/{SECRET}.csv": SECRET,
        f"languages/{SECRET}.txt": SECRET,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o600)
    (folder / "gambar").mkdir()
    author = chunk(b"tEXt", f"Author\0{BUDI}".encode())
    (folder / "gambar/logo.png").write_bytes(png(author, chunk(b"eXIf", SECRET.encode())) + SECRET.encode())
    return folder


def test_no_secret_and_nobodys_data_is_in_the_archive(old):
    data = archive_of(old)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = {name: archive.read(name) for name in archive.namelist()}
    assert sorted(unpacked) == [LOGO, "languages/id.po", MANIFEST, "mappings/pju.toml", SETTINGS]
    for name, content in {**unpacked, "the archive": data}.items():
        assert SECRET.lower() not in content.decode("latin-1").lower(), name
        assert b"Budi" not in content, name
        assert b"0812" not in content, name


def test_the_next_city_has_settings_mapping_limits_words_and_branding(old, tmp_path):
    made = adopt(archive_of(old), new := tmp_path / "baru", broker="embedded:1999", tls_listen="0.0.0.0:8883")
    city = read_city(new, {})
    assert (city.city.name, city.city.timezone, city.city.group) == ("Kota Baru", "Asia/Makassar", "terang")
    assert (city.broker.url, city.broker.tls_listen) == ("embedded:1999", "0.0.0.0:8883")
    assert (city.schedule.on, city.schedule.dim[0].level) == ("17:45", 40)
    assert (city.telemetry.retention_days, city.web.public_per_minute) == (400, 300)
    assert city.public.columns == ("pole",)
    limits = city.parsed_limits()
    assert (limits.value("warm_up"), limits.value("lamp_failure_power", "LED")) == (420, 0.25)
    assert (city.branding.title, city.branding.accent, str(city.branding.logo)) == ("Lampu Kita", "#336699", LOGO)
    assert plain_logo((new / LOGO).read_bytes(), "logo") == png()
    assert load_languages(own=city.words_folder)["id"].say("open.lead") == 'Data "terbuka" kota kami'
    mapping = read_mapping(new / "mappings/pju.toml")
    assert mapping.lamp["technology"].values == {"SON": "HPS"}
    assert (mapping.lamp["street"].column, mapping.lamp["street"].values) == ("jalan", {})
    assert "district" not in mapping.lamp
    assert mapping.cabinet_file == new / "mappings/panel.csv"
    assert (made.timezone, made.title, made.mappings) == ("Asia/Makassar", "Lampu Kita", ("mappings/pju.toml",))
    # and hands the same to a third one
    assert adopt(archive_of(new), tmp_path / "ketiga").sizes == made.sizes


def test_the_same_city_gives_the_same_archive(old):
    assert archive_of(old) == archive_of(old)


def test_every_key_of_a_city_is_carried_or_stays():
    for section, field in City.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            carried, left = CARRIED.get(section, ()), LEFT.get(section, ())
            assert sorted(model.model_fields) == sorted({*carried, *left}), section
            assert not set(carried) & set(left)


PRIVATE = [
    "hubungi budi@kota.go.id",
    "https://budi:kata@data.go.id/",
    "https://TOKEN@data.go.id/",
    "0812-3456-7890",
    "+62 812 3456 7890",
    "IDPEL 531234567890",
    "10.20.30.40",
    "b8:27:eb:01:02:03",
    "$argon2id$v=19$m=65536",
    "-----BEGIN EC PRIVATE KEY-----",
    "ghp_A8f7s6d5a4s3d2f1g0h9j8k7l6A1",
]


@pytest.mark.parametrize("text", PRIVATE)
@pytest.mark.parametrize("place", ["title", "licence", "words", "separator", "value", "column"])
def test_what_looks_like_a_secret_or_a_person_is_refused_and_not_shown(old, text, place):
    file, before, after = {
        "title": ("city.toml", '"Lampu Kita"', json.dumps(text)),
        "licence": ("city.toml", '"https://creativecommons.org/licenses/by/4.0/"', json.dumps(text)),
        "words": ("languages/id.po", 'Data \\"terbuka\\" kota kami', text),
        "separator": ("mappings/pju.toml", 'format = "%d-%m-%Y"', f"separator = {json.dumps(text)}"),
        "value": ("mappings/pju.toml", "SON =", f"{json.dumps(text)} ="),
        "column": ("mappings/pju.toml", '"tipe"', json.dumps(text)),
    }[place]
    content = (old / file).read_text()
    assert before in content
    (old / file).write_text(content.replace(before, after))
    with pytest.raises(UnusableError, match=r"remove it") as caught:
        export_files(old, (), {})
    assert text not in str(caught.value)
    assert file in str(caught.value)


@pytest.mark.parametrize(
    ("secret", "environment"),
    [
        ("kunci-x9", {"TERANG_BROKER_PASSWORD": "kunci-x9"}),
        ("kunci-x9", {"TERANG_TELEMETRY_TOKEN": "kunci-x9"}),
        ("kunci-x9", {"TERANG_DATABASE_URL": "postgresql+psycopg://u:kunci-x9@h/d"}),
        (f"token-{SECRET}", {}),
        (f"5312{SECRET}", {}),
    ],
)
def test_a_known_secret_or_account_in_a_text_is_refused(old, secret, environment):
    content = (old / "city.toml").read_text()
    (old / "city.toml").write_text(content.replace("Lampu Kita", f"Lampu {secret}"))
    with pytest.raises(UnusableError, match=r"\[?branding.*remove it") as caught:
        export_files(old, (), environment)
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["Peta Lampu Kota", "EPSG:32750", "%d-%m-%Y %H:%M:%S", "250/85 W", "#336699", "2026-01-15", "17:45"]
)
def test_ordinary_texts_are_carried(text):
    assert look_of(text) is None


def test_both_commands_in_a_terminal(old, tmp_path, monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["terang-city", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            ingest.city.__main__.main()
        return caught.value.code or 0, *capsys.readouterr()

    monkeypatch.setenv("TERANG_LANGUAGE", "en")
    archive = tmp_path / "kota.zip"
    code, out, _ = call("export", archive, "--city", old)
    assert code == 0
    assert "Lampu Kita" in out  # a person reads the texts
    assert "mappings/pju.toml: [lamp] district" in out
    assert SECRET not in out
    code, _, err = call("export", archive, "--city", old)
    assert (code, "is there already" in err) == (2, True)
    code, out, _ = call("adopt", archive, tmp_path / "baru")
    assert code == 0
    assert read_city(tmp_path / "baru", {}).city.name == "Kota Terang"
    assert "other city's: Lampu Kita" in out
    code, _, err = call("adopt", archive, tmp_path / "baru")
    assert (code, err.count("\n")) == (2, 1)


PLAIN = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=5))
def test_what_is_written_as_toml_reads_the_same(document):
    try:
        text = toml_text(document)
        text.encode()
    except UnicodeEncodeError:
        return  # half a character
    assert tomllib.loads(text) == document


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(PLAIN.filter(bool), PLAIN.filter(bool), max_size=5))
def test_what_is_written_as_a_catalogue_reads_the_same(messages):
    found = read_po(po_text("id", messages), "id.po")
    assert found.pop("").startswith("Language: id\n")
    assert found == messages
