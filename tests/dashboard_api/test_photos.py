"""Photos: checked by content, bounded, without position data, kept once."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from ulid import ULID

from dashboard_api.errors import UnavailableError
from dashboard_api.store import photos
from dashboard_api.store.audit import changes

GPS = 0x8825


@pytest.fixture
def fault_id(town, client):
    town.darken(3)
    return client.get("/api/v1/faults").json()["items"][0]["id"]


def photo(form="JPEG", size=(400, 300), **how):
    pixels = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **how)
    return out.getvalue()


def bomb(width, height):
    """A PNG of a few hundred bytes that says it is of any size."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9999)) + chunk(b"IEND", b"")
    )


@pytest.fixture
def put(client, fault_id):
    def send(body, photo_id=None, **headers):
        return client.put(f"/api/v1/faults/{fault_id}/photos/{photo_id or ULID()}", content=body, headers=headers)

    return send


def test_a_photo_is_kept_once_and_a_repeat_changes_nothing(town, client, fault_id, put):
    photo_id = str(ULID())
    first = put(photo(), photo_id)
    assert (first.status_code, first.json()["id"]) == (200, photo_id)
    kept = client.get(first.json()["url"])
    assert (kept.status_code, kept.headers["content-type"]) == (200, "image/jpeg")
    for other in (photo(), photo(size=(30, 20)), b"no photo"):
        assert put(other, photo_id.lower()).status_code == 200
    assert client.get(first.json()["url"]).content == kept.content
    assert client.get(f"/api/v1/faults/{fault_id}").json()["photos"] == [photo_id]
    folder = town.city.data_folder / "photos"
    assert (folder.stat().st_mode & 0o777, (folder / fault_id).stat().st_mode & 0o777) == (0o700, 0o700)
    assert [path.name for path in (folder / fault_id).iterdir()] == [f"{photo_id}.jpg"]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_position_and_other_data_are_gone_and_the_picture_stands_upright(client, put, form):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "a phone"
    exif.get_ifd(GPS)[2] = (0.0, 47.0, 21.0)
    sent = photo(form, exif=exif)
    assert Image.open(io.BytesIO(sent)).getexif().get_ifd(GPS)
    kept = client.get(put(sent).json()["url"]).content
    seen = Image.open(io.BytesIO(kept))
    assert seen.size == (300, 400)
    assert not dict(seen.getexif())
    assert b"Exif" not in kept
    assert b"phone" not in kept


def test_large_photos_become_small(client, put):
    kept = client.get(put(photo(size=(4000, 3000), quality=70)).json()["url"]).content
    assert Image.open(io.BytesIO(kept)).size == (2048, 1536)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"GIF89a" + bytes(100),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xff\xd8\xff\xe0" + bytes(300),
        photo()[:2000],
        photo("PNG")[:2000],
        photo("GIF"),
        photo("TIFF"),
        b"MZ" + photo(),
    ],
    ids=["empty", "gif head", "svg", "jpeg head", "cut jpeg", "cut png", "gif", "tiff", "not at the start"],
)
def test_what_is_no_photo_by_its_content_is_refused_whatever_it_is_called(town, put, body):
    answer = put(body, **{"Content-Type": "image/jpeg"})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_a_photo")
    assert not list(town.city.data_folder.glob("photos/*/*"))


@pytest.mark.parametrize("size", [(9000, 9000), (100_000, 100_000), (2**31 - 1, 2**31 - 1), (2**30, 1)])
def test_decompression_bombs_are_refused(put, size):
    assert put(bomb(*size)).status_code in {413, 415}


def test_uploads_are_bounded(town, put, monkeypatch):
    assert put(bytes(13 << 20)).status_code == 413
    assert put(iter([bytes(1 << 20)] * 13)).status_code == 413  # without a length
    monkeypatch.setattr(photos, "MAX_PER_FAULT", 2)
    assert [put(photo(size=(20, 20))).status_code for _n in range(3)] == [200, 200, 400]
    assert not list(town.city.data_folder.glob("photos/*/*.part"))


def test_a_photo_that_was_kept_and_not_logged_is_logged_by_its_repeat_once(town, client, fault_id, put, monkeypatch):
    photo_id, kept = str(ULID()), photo()
    keep = photos.PhotoFolder.keep

    def keep_and_fail(self, *given):
        assert keep(self, *given)
        raise UnavailableError("database_silent", reason="the process ends before the commit")

    with monkeypatch.context() as ending:
        ending.setattr(photos.PhotoFolder, "keep", keep_and_fail)
        assert put(kept, photo_id).status_code == 503
    assert client.get(f"/api/v1/faults/{fault_id}").json()["photos"] == [photo_id]
    assert logged(town, fault_id) == []
    # the last step may be lost as well, after the commit
    monkeypatch.setattr(photos.PhotoFolder, "note_logged", lambda *_given: None)
    assert put(kept, photo_id).status_code == 200
    monkeypatch.undo()
    for _repeat in range(3):
        assert put(kept, photo_id).status_code == 200
        assert logged(town, fault_id) == [photo_id]
    folder = town.city.data_folder / "photos" / fault_id
    assert [path.name for path in folder.iterdir()] == [f"{photo_id}.jpg"]


def logged(town, fault_id):
    with town.engine.connect() as connection:
        return [after["photo_id"] for after in changes(connection, "photo.add", fault_id)]


def test_the_last_photo_that_has_room_may_come_twice_at_once(client, fault_id, put, monkeypatch):
    monkeypatch.setattr(photos, "MAX_PER_FAULT", 1)
    photo_id = str(ULID())
    prepare = photos.PhotoFolder.prepare

    def prepare_while_the_same_arrives(self, fault_id, photo_id, body):
        prepared = prepare(self, fault_id, photo_id, body)
        assert self.keep(fault_id, photo_id, prepared)
        return prepared

    monkeypatch.setattr(photos.PhotoFolder, "prepare", prepare_while_the_same_arrives)
    assert put(photo(), photo_id).status_code == 200


def test_only_faults_have_photos_and_only_ulids_name_them(client, fault_id):
    assert client.put(f"/api/v1/faults/{ULID()}/photos/{ULID()}", content=photo()).status_code == 404
    assert client.get(f"/api/v1/faults/{fault_id}/photos/{ULID()}").status_code == 404
    for name in ("..%2F..%2Fterang", "x" * 26, "../terang.db"):
        assert client.put(f"/api/v1/faults/{fault_id}/photos/{name}", content=photo()).status_code in {404, 405, 422}
