"""Photos of faults: checked by content, re-encoded without position data, kept as files of the city's data folder."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from dashboard_api.errors import BadRequestError, MediaTypeError, NotFoundError, TooLargeError, UnavailableError
from durable_files.whole_file import create_file

MAX_PIXELS: Final = 64_000_000
MAX_PER_FAULT: Final = 20
MEDIA_TYPE: Final = "image/jpeg"
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_LONGEST_EDGE: Final = 2048  # pixels: a pole's label stays readable
_QUALITY: Final = 82
_FOLDER_MODE: Final = 0o700


def reencode(body: bytes) -> bytes:
    """``body`` as a JPEG of at most 2048 pixels an edge, turned upright, without EXIF, XMP, comments or thumbnails.

    Raises:
        MediaTypeError: no JPEG, PNG or WebP by its content, or one that breaks off.
        TooLargeError: more pixels than ``MAX_PIXELS``, whatever its size in bytes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(body), formats=_FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise TooLargeError("photo_too_large", max_pixels=MAX_PIXELS)
                image.draft("RGB", (_LONGEST_EDGE, _LONGEST_EDGE))  # a JPEG is decoded small at once
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((_LONGEST_EDGE, _LONGEST_EDGE))
                plain = Image.new("RGB", upright.size, "white")
                mask = upright.convert("RGBA").getchannel("A") if upright.has_transparency_data else None
                plain.paste(upright.convert("RGB"), mask=mask)
        out = io.BytesIO()
        plain.save(out, "JPEG", quality=_QUALITY, optimize=True)
        return out.getvalue()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLargeError("photo_too_large", max_pixels=MAX_PIXELS) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, ArithmeticError) as error:
        raise MediaTypeError("not_a_photo") from error


class PhotoFolder:
    """``photos/<fault>/<photo>.jpg`` in the data folder, for the user of the API alone; safe to call from threads."""

    def __init__(self, data_folder: Path) -> None:
        """In ``data_folder``; nothing is made before the first photo."""
        self._folder = data_folder / "photos"
        self._coding = threading.Lock()  # one photo is decoded at a time: each takes some 200 MB at worst
        self._keeping = threading.Lock()

    def ids(self, fault_id: str) -> list[str]:
        """Ids of a fault's photos, oldest first."""
        try:
            names = os.listdir(self._folder / fault_id)  # noqa: PTH208  (names are enough)
        except OSError:
            return []
        return sorted(name.removesuffix(".jpg") for name in names if name.endswith(".jpg"))

    def read(self, fault_id: str, photo_id: str) -> bytes:
        """A photo as it is kept.

        Raises:
            NotFoundError: there is none.
        """
        try:
            return self._path(fault_id, photo_id).read_bytes()
        except OSError as error:
            raise NotFoundError("no_photo", photo_id=photo_id) from error

    def prepare(self, fault_id: str, photo_id: str, body: bytes) -> bytes | None:
        """The photo as it will be kept; None if it is there already, which a repeat does not change. Ids are ULIDs.

        Raises:
            MediaTypeError, TooLargeError: as ``reencode``.
            BadRequestError: the fault has ``MAX_PER_FAULT`` photos.
        """
        if self.is_kept(fault_id, photo_id):
            return None
        with self._coding:
            self._check_room(fault_id)
            return reencode(body)

    def keep(self, fault_id: str, photo_id: str, photo: bytes) -> bool:
        """Keep a photo that was prepared; False if it is there meanwhile.

        Raises:
            BadRequestError: the fault has ``MAX_PER_FAULT`` photos.
            UnavailableError: it cannot be written.
        """
        with self._keeping:
            if self.is_kept(fault_id, photo_id):
                return False
            self._check_room(fault_id)
            try:
                return self._write(self._path(fault_id, photo_id), photo)
            except OSError as error:
                raise UnavailableError("photos_unwritable", reason=error.strerror or str(error)) from error

    def is_kept(self, fault_id: str, photo_id: str) -> bool:
        """Whether there is the photo."""
        return self._path(fault_id, photo_id).exists()

    def is_logged(self, fault_id: str, photo_id: str) -> bool:
        """Whether it is known that a photo that is kept stands in the audit log; False = look there."""
        return not self._mark(fault_id, photo_id).exists()

    def note_logged(self, fault_id: str, photo_id: str) -> None:
        """The transaction with the photo's line has ended."""
        with contextlib.suppress(OSError):  # it is looked for in the log again
            self._mark(fault_id, photo_id).unlink(missing_ok=True)

    def _check_room(self, fault_id: str) -> None:
        if len(self.ids(fault_id)) >= MAX_PER_FAULT:
            raise BadRequestError("too_many_photos", n=MAX_PER_FAULT)

    def _path(self, fault_id: str, photo_id: str) -> Path:
        return self._folder / fault_id / f"{photo_id}.jpg"

    def _mark(self, fault_id: str, photo_id: str) -> Path:
        """An empty file beside a photo whose line in the audit log may not have been committed."""
        return self._folder / fault_id / f"{photo_id}.unlogged"

    def _write(self, path: Path, photo: bytes) -> bool:
        """Write a whole file under its name, or nothing; the first writer's photo stays."""
        for folder in (self._folder, path.parent):
            folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            folder.chmod(_FOLDER_MODE)
        create_file(path.with_suffix(".unlogged"), b"", mode=0o600)
        return create_file(path, photo, mode=0o600)
