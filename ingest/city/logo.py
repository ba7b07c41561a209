"""A city's logo: a PNG image, checked, and rewritten without what is not its picture (author, place, time)."""

from __future__ import annotations

import struct
import zlib
from typing import Final

from ingest.errors import UnusableError
from languages.message import Message, Plain

MAX_BYTES: Final = 256 << 10
MAX_SIDE: Final = 1024  # pixels
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PICTURE: Final = (b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND")


def plain_logo(data: bytes, where: str) -> bytes:
    """The image's picture alone.

    Raises:
        UnusableError: no PNG, damaged, or larger than ``MAX_BYTES`` or ``MAX_SIDE``; ``where`` names it.
    """
    if len(data) > MAX_BYTES or not data.startswith(_SIGNATURE):
        raise UnusableError(Message("terminal.error.no_png", where=Plain(where), max_bytes=Plain(MAX_BYTES >> 10)))
    kept = [_SIGNATURE]
    kinds: list[bytes] = []
    at = len(_SIGNATURE)
    while at < len(data) and b"IEND" not in kinds:
        head = data[at : at + 8]
        if len(head) < 8:
            raise UnusableError(Message("terminal.error.png_cut", where=Plain(where)))
        length, kind = struct.unpack(">I4s", head)
        chunk = data[at : at + 12 + length]
        if len(chunk) < 12 + length or zlib.crc32(chunk[4:-4]) != struct.unpack(">I", chunk[-4:])[0]:
            raise UnusableError(Message("terminal.error.png_chunk", where=Plain(where), kind=kind))
        if not kinds and (kind != b"IHDR" or length != 13):
            raise UnusableError(Message("terminal.error.png_head", where=Plain(where)))
        if kind == b"IHDR" and max(struct.unpack(">II", chunk[8:16])) > MAX_SIDE:
            raise UnusableError(Message("terminal.error.png_large", where=Plain(where), max_side=Plain(MAX_SIDE)))
        kinds.append(kind)
        if kind in _PICTURE:
            kept.append(chunk)
        at += 12 + length
    if b"IDAT" not in kinds or kinds[-1] != b"IEND":
        raise UnusableError(Message("terminal.error.png_incomplete", where=Plain(where)))
    return b"".join(kept)
