"""A page with one gap: rendered and compressed once, filled per request. Pure."""

from __future__ import annotations

import struct
import zlib
from typing import Final

MARK: Final = "\0"  # no text of a page holds it
MOST: Final = 0xFFFF  # bytes of a fill: one stored block of DEFLATE
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # of a gzip file without name and time (RFC 1952)
_LEVEL: Final = 9


class FilledPage:
    """A page in two parts, with text between them.

    The parts are DEFLATE streams that end at a byte (the first one by a full flush), and the fill is a stored block
    between them (RFC 1951, 3.2.4): together one gzip file.
    """

    def __init__(self, page: str) -> None:
        """``page``: with one ``MARK`` where the fill comes.

        Raises:
            ValueError: there is none, or more than one.
        """
        before, after = page.split(MARK)
        self._before, self._after = before.encode(), after.encode()
        first = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._packed_before = _HEAD + first.compress(self._before) + first.flush(zlib.Z_FULL_FLUSH)
        last = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._packed_after = last.compress(self._after) + last.flush()
        self._crc_before = zlib.crc32(self._before)

    def filled(self, fill: bytes) -> tuple[bytes, bytes]:
        """The page with ``fill``, which is markup already: ``(plain, as gzip)``.

        Raises:
            ValueError: the fill is longer than ``MOST``.
        """
        n = len(fill)
        if n > MOST:
            raise ValueError(f"{n} bytes do not fit into the page")
        body = b"%b%b%b" % (self._before, fill, self._after)
        crc = zlib.crc32(self._after, zlib.crc32(fill, self._crc_before))
        block = struct.pack("<BHH", 0, n, n ^ 0xFFFF)
        end = struct.pack("<II", crc, len(body) & 0xFFFFFFFF)
        return body, b"%b%b%b%b%b" % (self._packed_before, block, fill, self._packed_after, end)
