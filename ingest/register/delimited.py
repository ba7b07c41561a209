"""Delimited text as columns: whatever a city's spreadsheet wrote as "CSV".

Pure: bytes in, columns of text out. Takes a byte-order mark, UTF-16, cp1252 where it is no UTF-8, commas, semicolons,
tabs and pipes; every row of the file is answered for once, as a row of the columns or as an issue.
"""

from __future__ import annotations

import codecs
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Final

from ingest.errors import UnusableError
from ingest.register.csv_rows import split_rows
from ingest.register.issue import Issue
from ingest.register.text_table import TextTable, check_width, table_of_rows
from languages.message import Message, Plain

_MAX_LINE: Final = 4 << 20  # characters; what a longer line holds is not even split
DELIMITERS: Final = (",", ";", "\t", "|")
_BOM: Final = "\ufeff"


def read_delimited(content: bytes, file: str) -> TextTable:
    """Parse delimited text with a header row, as a city's own files are.

    Raises:
        UnusableError: there is no header, or it names a column twice.
    """
    issues: list[Issue] = []
    encoding = _encoding(content, file, issues)
    lines = text_lines(content, encoding)
    head, start = "", 0
    for head in lines:
        if head.strip():
            break
        start += 1
    delimiter = _delimiter(head)
    rows = split_rows(chain((head,), lines), delimiter, start)
    header = _header(next(rows, (start, []))[1], file)
    table = table_of_rows(file, header, rows, issues)
    is_last_refused = bool(issues) and issues[-1].is_refused and issues[-1].line > max(table.lines, default=0)
    # an export that was copied halfway ends within a row: without the line's end, or with too few fields
    is_cut = bool(content) and (not content.rstrip(b"\0").endswith((b"\n", b"\r")) or is_last_refused)
    return TextTable(table.file, table.columns, table.lines, table.issues, table.n_rows, is_cut=is_cut)


def text_lines(content: bytes, encoding: str) -> Iterator[str]:
    """The lines of a text, their ends kept; bytes that the encoding does not know become U+FFFD.

    Byte-order marks are left out wherever they stand: files that were joined have one in the middle.
    """
    text = io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace", newline="")
    lines = _cut_lines(text) if _may_have_long_line(content) else iter(text)
    if encoding.startswith("utf-8") and content.find(codecs.BOM_UTF8, 1) < 0:
        return lines
    return (line.replace(_BOM, "") for line in lines)


def _may_have_long_line(content: bytes) -> bool:
    """Whether some line may be longer than is read: then it covers a whole block of half that length."""
    block = _MAX_LINE // 2
    starts = range(0, len(content) - block + 1, block)
    return any(max(content.rfind(end, at, at + block) for end in (b"\n", b"\r")) < 0 for at in starts)


def _cut_lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines of which those that are too long end in a null character, for which their row is refused."""
    while line := text.readline(_MAX_LINE):
        if len(line) < _MAX_LINE or line.endswith(("\n", "\r")):
            yield line
            continue
        while (rest := text.readline(_MAX_LINE)) and not rest.endswith(("\n", "\r")):
            pass
        yield line + "\0\n"


def _encoding(content: bytes, file: str, issues: list[Issue]) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"  # Excel's "Unicode text"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        issues.append(Issue(file, line, "", Message("finding.not_utf8"), is_refused=False))
        return "cp1252"
    return "utf-8-sig"


def _delimiter(head: str) -> str:
    """The separator that the header uses most, outside of quotes."""
    outside = "".join(head.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _header(row: list[str] | Message, file: str) -> list[str]:
    header = [] if isinstance(row, Message) else [" ".join(name.replace("\0", "").split()) for name in row]
    if not any(header):
        raise UnusableError(Message("terminal.error.no_header", file=Plain(file)))
    check_width(header, file)
    for name, n in Counter(header).items():
        if name and n > 1:
            raise UnusableError(Message("terminal.error.doubled_column", file=Plain(file), column=Plain(name)))
    return header
