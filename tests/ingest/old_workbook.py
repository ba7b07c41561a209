"""Writes workbooks of Excel 97 (BIFF8) and Excel 5 (BIFF5) as small as their readers take them.

After Microsoft's [MS-XLS] and [MS-CFB]: one sheet of texts and numbers, in a compound file of 512-byte sectors.
"""

from __future__ import annotations

import struct

_SECTOR = 512
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
_SMALLEST_STREAM = 4096  # shorter streams stand in a stream of their own


def xls_of(rows, *, biff=8, sheet="PJU", codepage=1252):
    """A workbook's bytes.

    Args:
        rows: lists of texts, numbers and None.
        biff: 8 (Unicode) or 5 (texts in a code page).
        sheet: its name.
        codepage: of BIFF5.
    """
    version = {8: 0x0600, 5: 0x0500}[biff]
    encoding = f"cp{codepage}"

    def begin(kind):
        tail = struct.pack("<II", 0, 6) if biff == 8 else b""
        return _record(0x0809, struct.pack("<HHHH", version, kind, 0, 1997) + tail)

    def text(value, length):
        if biff == 8:
            return struct.pack(f"<{length}B", len(value), 1) + value.encode("utf-16-le")
        content = value.encode(encoding)
        return struct.pack(f"<{length}", len(content)) + content

    head = begin(0x0005) + _record(0x0042, struct.pack("<H", 1200 if biff == 8 else codepage))
    name = text(sheet, "B")
    n_globals = len(head) + 4 + 6 + len(name) + 4
    head += _record(0x0085, struct.pack("<IBB", n_globals, 0, 0) + name) + _record(0x000A)
    body = begin(0x0010)
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            place = struct.pack("<HHH", row, column, 0)
            if isinstance(value, str):
                body += _record(0x0204, place + text(value, "H"))
            elif value is not None:
                body += _record(0x0203, place + struct.pack("<d", value))
    return _compound_file("Workbook" if biff == 8 else "Book", head + body + _record(0x000A))


def _record(number, content=b""):
    return struct.pack("<HH", number, len(content)) + content


def _compound_file(name, stream):
    stream = stream.ljust(_SMALLEST_STREAM, b"\0")
    stream += b"\0" * (-len(stream) % _SECTOR)
    n_stream = len(stream) // _SECTOR
    assert n_stream + 2 <= _SECTOR // 4  # one sector of the allocation table is enough
    # sectors: the allocation table, the directory, the stream
    table = [_FAT, _END, *range(3, n_stream + 2), _END]
    table += [_FREE] * (_SECTOR // 4 - len(table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, _SMALLEST_STREAM, _END, 0, _END, 0)
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    directory = _entry("Root Entry", 5, child=1, start=_END, size=0) + _entry(name, 2, start=2, size=len(stream))
    directory += _entry("", 0) * 2
    return header + struct.pack(f"<{len(table)}I", *table) + directory + stream


def _entry(name, kind, *, child=_FREE, start=0, size=0):
    label = name.encode("utf-16-le") + b"\0\0" if name else b""
    head = label.ljust(64, b"\0") + struct.pack("<HBB", len(label), kind, 1)
    return head + struct.pack("<III", _FREE, _FREE, child) + bytes(36) + struct.pack("<IQ", start, size)
