"""`terang-city export` and `adopt`: what goes over, what stays, and what `adopt` refuses."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import sys
import tomllib
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import ingest.city.__main__
from ingest.city.adopting import adopt_files
from ingest.city.exporting import export_files
from ingest.city.handover_archive import archive_bytes, files_of, read_archive
from ingest.city.handover_limits import FORMAT, LOGO, MANIFEST, MAX_FILE, MAX_FILES, SETTINGS, VERSION
from ingest.city.logo import plain_logo
from ingest.city.mapping import read_mapping
from ingest.city.portable import CARRIED, LEFT, toml_text
from ingest.city.private_texts import look_of
from ingest.errors import UnusableError
from ingest.schema.city import City, read_city
from languages.catalogue import load_languages
from languages.po_file import po_text, read_po

SECRET = "q7Rahasia"  # every planted secret and personal datum holds it
BUDI = f"Budi-{SECRET}"
CITY = f"""
[city]
name = "Kota {SECRET}"
group = "group-{SECRET}"
host_id = "host-{SECRET}"
timezone = "Asia/Makassar"
language = "id"
[broker]
url = "mqtts://broker-{SECRET}.go.id:8883"
ca = "pki/{SECRET}.crt"
username = "user-{SECRET}"
passwords = "{SECRET}.txt"
[telemetry]
url = "influxdb://influx-{SECRET}:8086?org={SECRET}&bucket=b"
token_file = "{SECRET}.token"
retention_days = 400
[database]
url = "postgresql+psycopg://{SECRET}:{SECRET}-word@db-{SECRET}/terang"
[schedule]
on = "17:45"
dim = [{{ at = "23:00", level = 40 }}]
[public]
columns = ["pole"]
licence = "https://creativecommons.org/licenses/by/4.0/"
[branding]
title = "Lampu Kita"
accent = "#336699"
logo = "gambar/logo.png"
[web]
hosts = ["{SECRET}.go.id"]
key_file = "{SECRET}.key"
public_per_minute = 300
[oidc]
issuer = "https://id-{SECRET}.go.id"
client_id = "{SECRET}"
client_secret_file = "{SECRET}.oidc"
roles = {{ "{SECRET}" = "crew" }}
[keys]
working_key = "pki/{SECRET}.orders"
[limits]
warm_up = "7m"
[limits.LED]
lamp_failure_power = 0.25
"""
MAPPING = f"""
# asked of {BUDI}, telephone 0812 3456 7890
cabinet_file = "/home/{SECRET}/panel.csv"
[source]
crs = "EPSG:32750"
where = {{ kind = "lamp" }}
[lamp]
lamp_id = "No"
latitude = "Y"
longitude = "X"
street = {{ column = "jalan", values = {{ "a" = "{SECRET}" }} }}
district = {{ constant = "{SECRET}" }}
technology = {{ column = "tipe", pattern = "([A-Z]+)", values = {{ SON = "HPS" }} }}
installed_on = {{ column = "tgl", format = "%d-%m-%Y" }}
[cabinet]
cabinet_id = "panel"
controller_id = {{ column = "panel", values = {{ "1" = "PJU-{SECRET}" }} }}
supply_account = {{ column = "idpel", otherwise = "{SECRET}" }}
"""
WORDS = f"""
# Translators: {BUDI}
msgid ""
msgstr ""
"Last-Translator: {BUDI} <budi@{SECRET}.id>\\n"
"Language: id\\n"

#. {BUDI}
msgid "open.lead"
msgstr "Data \\"terbuka\\" kota kami"
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*more: bytes, side: int = 1) -> bytes:
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(b"\0\1\2\3")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


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


ENVIRONMENT = {"TERANG_BROKER_PASSWORD": f"pass-{SECRET}", "TERANG_OIDC_CLIENT_SECRET": f"oidc-{SECRET}"}


def archive_of(folder, *maps):
    return archive_bytes(export_files(folder, maps, ENVIRONMENT).files, "0.1.0")


def adopt(data, folder, **options):
    return adopt_files(files_of(data, "a.zip"), folder, "a.zip", "Kota Baru", **options)


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


# --- archives that are refused ---


def packed(entries, compression=zipfile.ZIP_DEFLATED):
    """An archive of ``(name or ZipInfo, data)``."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return target.getvalue()


def manifest(files, version=VERSION, **more):
    about = {name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    return json.dumps({"format": FORMAT, "version": version, "terang": "9.9", "files": about} | more).encode()


def whole(files, **more):
    """An archive that is right but for what its files hold."""
    return packed([(MANIFEST, manifest(files, **more)), *files.items()])


GOOD = {SETTINGS: b'[city]\ntimezone = "Asia/Jakarta"\n'}


def entry(name, mode=0):
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


def patched(data, **fields):
    """The archive with its directory's first row changed: ``flags``, ``method``, ``size`` at their offsets."""
    at = data.index(b"PK\x01\x02")
    changed = bytearray(data)
    for name, value in fields.items():
        offset, form = {"flags": (8, "<H"), "method": (10, "<H"), "packed": (20, "<I"), "size": (24, "<I")}[name]
        struct.pack_into(form, changed, at + offset, value)
    return bytes(changed)


def doubled_manifest():
    with pytest.warns(UserWarning, match="Duplicate"):
        return packed([(MANIFEST, manifest(GOOD)), *GOOD.items(), *GOOD.items()])


NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(200))
REFUSED = {
    "traversal": (lambda: packed([("../evil", b"x")]), "leads out"),
    "traversal within": (lambda: packed([("mappings/../../evil.toml", b"x")]), "leads out"),
    "absolute": (lambda: packed([("/etc/passwd", b"x")]), "leads out"),
    "backslashes": (lambda: packed([("..\\evil", b"x")]), "leads out"),
    "drive": (lambda: packed([("C:/evil", b"x")]), "leads out"),
    "hidden behind a NUL": (
        lambda: packed([("settings.tomlX..", b"x")]).replace(b"settings.tomlX..", b"settings.toml\0.."),
        "leads out|is damaged",
    ),
    "symlink": (lambda: packed([(entry(SETTINGS, stat.S_IFLNK | 0o777), b"/etc/passwd")]), "no plain file"),
    "device": (lambda: packed([(entry(SETTINGS, stat.S_IFCHR | 0o666), b"")]), "no plain file"),
    "pipe": (lambda: packed([(entry(SETTINGS, stat.S_IFIFO | 0o666), b"")]), "no plain file"),
    "folder": (lambda: packed([("mappings/", b"")]), "no plain file"),
    "too many files": (lambda: packed([(f"mappings/m{n}.toml", b"") for n in range(MAX_FILES + 1)]), "at most"),
    "a bomb": (lambda: packed([(SETTINGS, b"\0" * MAX_FILE)]), "too many"),
    "a longer bomb": (lambda: packed([(SETTINGS, b"\0" * (MAX_FILE + 1))], zipfile.ZIP_STORED), "too many"),
    "a bomb that says less": (lambda: patched(packed([(SETTINGS, NOISE)]), size=2), "is damaged|not as long"),
    "a bomb that says it was packed less": (
        lambda: patched(packed([(SETTINGS, b"\0" * MAX_FILE)]), packed=90_000),
        "damaged|no man",
    ),
    "many large files": (
        lambda: packed([(f"mappings/m{n}.toml", b"#\n" * 400_000) for n in range(99)], zipfile.ZIP_DEFLATED),
        "too many|more than",
    ),
    "encrypted": (lambda: patched(whole(GOOD), flags=1), "encrypted"),
    "bzip2": (lambda: packed([(SETTINGS, b"x")], zipfile.ZIP_BZIP2), "another way"),
    "twice": (doubled_manifest, "stands twice"),
    "no manifest": (lambda: packed(GOOD.items()), "has no manifest.json"),
    "manifest of something else": (lambda: whole(GOOD, format="other"), "format: is not"),
    "manifest without end": (lambda: packed([(MANIFEST, b"[" * 100_000), *GOOD.items()]), "no JSON|too many"),
    "manifest that is a list": (lambda: packed([(MANIFEST, b"[]"), *GOOD.items()]), "format: is not"),
    "newer version": (lambda: whole({**GOOD, "new.thing": b""}, version=VERSION + 1), "upgrade it first"),
    "version that is no number": (lambda: whole(GOOD, version="1"), "is no number"),
    "version 0": (lambda: whole(GOOD, version=0), "is no number"),
    "version true": (lambda: whole(GOOD, version=True), "is no number"),
    "unknown file": (lambda: whole({**GOOD, "run.sh": b""}), "has no place"),
    "unknown file in a folder": (lambda: whole({**GOOD, "mappings/a.py": b""}), "has no place"),
    "city.toml": (lambda: whole({**GOOD, "city.toml": b""}), "has no place"),
    "file beside the manifest": (
        lambda: packed([(MANIFEST, manifest(GOOD)), *GOOD.items(), ("mappings/a.toml", b"")]),
        "alone",
    ),
    "file in the manifest alone": (
        lambda: packed([(MANIFEST, manifest({**GOOD, "mappings/a.toml": b""})), *GOOD.items()]),
        "alone",
    ),
    "damaged digest": (lambda: packed([(MANIFEST, manifest(GOOD)), (SETTINGS, b"[city]\n")]), "is damaged"),
    "cut off": (lambda: whole(GOOD)[:-30], "is damaged"),
    "text": (lambda: b"no archive", "no archive"),
    "empty": (lambda: b"", "no archive"),
    "a program before it": (lambda: b"#!/bin/sh\n" + whole(GOOD), "no archive"),
    "settings that are no TOML": (lambda: whole({SETTINGS: b"="}), "not TOML"),
    "settings that are no text": (lambda: whole({SETTINGS: b"\xff"}), "not TOML"),
    "a broker": (lambda: whole({SETTINGS: b'[broker]\nurl = "mqtt://evil"\n'}), r"\[broker\]"),
    "a database": (lambda: whole({SETTINGS: b'[database]\nurl = "sqlite:////etc/x"\n'}), r"\[database\]"),
    "a host": (lambda: whole({SETTINGS: b'[web]\nhosts = ["evil"]\n'}), r"\[web\] hosts"),
    "a name": (lambda: whole({SETTINGS: b'[city]\nname = "x"\n'}), r"\[city\] name"),
    "a section that is a value": (lambda: whole({SETTINGS: b"city = 1\n"}), r"\[city\]"),
    "limits that are a value": (lambda: whole({SETTINGS: b"limits = 1\n"}), "limits"),
    "an impossible value": (lambda: whole({SETTINGS: b'[schedule]\non = "noon"\n'}), r"\[schedule\] on"),
    "a date": (lambda: whole({SETTINGS: b"[schedule]\non = 2026-01-01\n"}), "neither a text"),
    "an unknown limit": (lambda: whole({SETTINGS: b"[limits]\nnone = 1\n"}), "no such limit"),
    "an unknown zone": (lambda: whole({SETTINGS: b'[city]\ntimezone = "Mars/Base"\n'}), "time zone"),
    "a zone that is a number": (lambda: whole({SETTINGS: b"[city]\ntimezone = 7\n"}), "time zone"),
    "a logo elsewhere": (lambda: whole({SETTINGS: b'[branding]\nlogo = "../x.png"\n'}), "logo"),
    "a logo that is not there": (lambda: whole({SETTINGS: f'[branding]\nlogo = "{LOGO}"\n'.encode()}), "belong"),
    "a logo that nobody names": (lambda: whole({**GOOD, LOGO: png()}), "belong"),
    "a logo with an author": (lambda: whole({**GOOD, LOGO: png(chunk(b"tEXt", b"Author\0x"))}), "more than"),
    "a logo that is a page": (lambda: whole({**GOOD, LOGO: b"<svg/>"}), "no PNG"),
    "a wide logo": (lambda: whole({**GOOD, LOGO: png(side=5000)}), "larger than"),
    "a mapping with an unknown key": (lambda: whole({**GOOD, "mappings/a.toml": b"x = 1\n"}), "unknown key"),
    "a mapping of a file elsewhere": (
        lambda: whole({**GOOD, "mappings/a.toml": b'cabinet_file = "/etc/passwd"\n'}),
        "cabinet_file",
    ),
    "a mapping of no table": (lambda: whole({**GOOD, "mappings/a.toml": b"lamp = 1\n"}), "tables"),
    "a mapping of a file without name": (lambda: whole({**GOOD, "mappings/a.toml": b"cabinet_file = 1\n"}), "name"),
    "words that are none": (lambda: whole({**GOOD, "languages/id.po": b"msgid x"}), "quoted string"),
    "words that are no text": (lambda: whole({**GOOD, "languages/id.po": b"\xff\xfe"}), "decode"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_that_is_refused_leaves_nothing(name, tmp_path):
    make, reason = REFUSED[name]
    (tmp_path / "a.zip").write_bytes(make())
    with pytest.raises(UnusableError, match=reason) as caught:
        adopt_files(read_archive(tmp_path / "a.zip"), tmp_path / "baru", "a.zip", "Kota Baru")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_archive_of_only_settings_is_taken(tmp_path):
    adopt(whole(GOOD), tmp_path / "baru")
    assert sorted(path.name for path in (tmp_path / "baru").iterdir()) == ["cabinets.csv", "city.toml", "lamps.csv"]


@pytest.fixture(scope="module")
def good_archive():
    return whole({**GOOD, "mappings/a.toml": b'[lamp]\nlamp_id = "No"\n', "languages/id.po": b""})


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_anywhere_is_refused_or_changes_nothing(good_archive, data):
    at = data.draw(st.integers(0, len(good_archive) - 1))
    damaged = bytearray(good_archive)
    damaged[at] ^= data.draw(st.integers(1, 255))
    found, reason = None, ""
    try:
        found = files_of(bytes(damaged), "a.zip")
    except UnusableError as error:
        reason = str(error)
    assert "\n" not in reason
    assert reason or found == files_of(good_archive, "a.zip")


@pytest.mark.parametrize("what", ["file", "full", "link"])
def test_a_folder_that_is_used_is_left_alone(tmp_path, what):
    target = tmp_path / "baru"
    if what == "file":
        target.write_text("x")
    elif what == "link":
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    else:
        target.mkdir()
        (target / "x").write_text("x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnusableError, match="is there already"):
        adopt(whole(GOOD), target)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_disk_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.city.adopting.os.fsync", full)
    with pytest.raises(UnusableError, match="No space left"):
        adopt(whole(GOOD), tmp_path / "baru")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["none.zip", "."])
def test_an_archive_that_is_no_file(tmp_path, path):
    with pytest.raises(UnusableError):
        read_archive(tmp_path / path)


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


# --- the two formats that are written here ---

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
