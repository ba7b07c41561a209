"""`terang-city adopt` refuses archives that are damaged, foreign or made to do harm, and leaves nothing of them."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.city.adopting import adopt_files
from ingest.city.handover_archive import files_of, read_archive
from ingest.city.handover_limits import FORMAT, LOGO, MANIFEST, MAX_FILE, MAX_FILES, SETTINGS, VERSION
from ingest.errors import UnusableError
from tests.ingest.handover_city import adopt, chunk, png


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
