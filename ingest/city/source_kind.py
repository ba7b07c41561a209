"""What kind of register a file is, by its beginning."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SNIFFED: Final = 65_536
WORKBOOKS: Final = frozenset({".xls", ".xlsx", ".xlsm", ".xlsb", ".ods"})
_OVERPASS: Final = re.compile(r'"(?:elements|osm3s)"\s*:')
_ESRI: Final = re.compile(r'"(?:geometryType"\s*:\s*"esri|attributes"\s*:|spatialReference"\s*:)')


def kind_of(path: Path) -> str:
    """What a file is by its beginning.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _kind(file.read(SNIFFED))


def _kind(head: bytes) -> str:
    """What a file is by its first bytes; "" = text."""
    if head.startswith(b"PK\x03\x04"):
        is_book = b"[Content_Types].xml" in head or b"xl/" in head or b"opendocument.spreadsheet" in head
        return "workbook" if is_book else "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") or head[:4] in (b"\x09\x08\x10\x00", b"\x09\x08\x08\x00"):
        return "workbook"
    if head.startswith(b"SQLite format 3\0"):
        return "GeoPackage"
    if head.startswith(b"\x00\x00\x27\x0a"):
        return "Shapefile"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<" and (b"<kml" in text or b":kml" in text):
        return "KML"
    if text[:1] in (b"{", b"["):
        return _json_kind(text.decode("utf-8", "replace"))
    return ""


def _json_kind(text: str) -> str:
    if _OVERPASS.search(text) and '"features"' not in text:
        return "Overpass JSON"
    if _ESRI.search(text) and '"FeatureCollection"' not in text and '"Feature"' not in text:
        return "ESRI JSON"
    return "GeoJSON"


def has_entities(path: Path) -> bool:
    """Whether an XML file declares entities of its own, which may grow without end."""
    return b"<!entity" in path.read_bytes().lower()
