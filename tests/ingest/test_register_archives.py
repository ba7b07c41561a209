"""Registers packed into archives."""

from __future__ import annotations

import io
import zipfile

import pytest

from ingest.errors import UnusableError
from tests.ingest.department_drafts import drafted
from tests.ingest.test_department_lists import PER_CABINET, ROWS


def archive_of(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def test_a_register_in_an_archive_is_read_and_told_by_the_archives_name(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive_of({"export/lampy.csv": ROWS, "export/readme.pdf": b"%PDF"}))
    found = drafted(tmp_path / "a.zip", PER_CABINET, source={"fill_down": "box"})
    assert len(found.lamps) == 4
    assert all(issue.file in ("a.zip", "") for issue in found.issues)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.csv": ROWS, "b.csv": ROWS}, "holds 2 files: a.csv, b.csv; name the lamps' as [source] sheet"),
        ({"x/a.csv": ROWS, "y/a.csv": ROWS}, "holds 'a.csv' twice"),
        ({"readme.pdf": b"%PDF"}, "without a register"),
        ({"a.csv": archive_of({"a.csv": ROWS})}, "is an archive in an archive"),
        ({"a.csv": ""}, "no header"),
    ],
)
def test_an_archive_that_is_not_clear_is_refused(tmp_path, files, said):
    (tmp_path / "a.zip").write_bytes(archive_of(files))
    with pytest.raises(UnusableError) as caught:
        drafted(tmp_path / "a.zip")
    assert said in str(caught.value)
    assert "/terang-" not in str(caught.value)  # no place that is gone by then


def test_members_of_an_archive_stay_in_their_folder(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive_of({"../../evil.csv": ROWS}))
    assert len(drafted(tmp_path / "a.zip", PER_CABINET, source={"fill_down": "box"}).lamps) == 4
    assert not (tmp_path.parent / "evil.csv").exists()


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ingest.city.isolated_reading.MAX_UNPACKED", 1000)
    (tmp_path / "a.zip").write_bytes(archive_of({"a.csv": b"0" * 1001}))
    with pytest.raises(UnusableError, match="unpacks to more than"):
        drafted(tmp_path / "a.zip")
