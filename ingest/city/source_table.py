"""A register as it was read: texts by column, and how it is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest.register.text_table import TextTable

GEOMETRY_X: Final = "geometry.x"  # columns that points are put into
GEOMETRY_Y: Final = "geometry.y"


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """How a mapping wants a file read; None = find out.

    Attributes:
        sheet: of a workbook, or the layer of a vector file.
        encoding: of text.
        delimiter: of delimited text, one character.
        header_rows: lines of the header, from 1.
        columns: names that the mapping uses: delimiter and header are those under which most of them are found.
    """

    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_rows: tuple[int, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A register as found: its table, the kind of file, and the coordinate system if the file itself tells it."""

    table: TextTable
    crs: str | None = None
    kind: str = "delimited text"
    encoding: str = ""
    delimiter: str = ""
    header_rows: tuple[int, ...] = ()
    is_own_crs: bool = False  # the file names its system, and not only its format
