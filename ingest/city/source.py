"""A city's own register as columns of text: delimited text, a workbook, a vector file, or Overpass JSON.

What a file is, its first bytes say; its name does not count.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Final

from ingest.city.archives import chosen_member, registers_in, unpacked
from ingest.city.delimiter import likely_delimiter, mark_counts
from ingest.city.header import LOOKED_AT, find_header, names_of
from ingest.city.isolated_reading import Decoded, check_archive, decode_file, parts_of
from ingest.city.overpass import read_overpass
from ingest.city.source_kind import SNIFFED, WORKBOOKS, has_entities, kind_of
from ingest.city.source_table import GEOMETRY_X, GEOMETRY_Y, ReadingRules, Source
from ingest.city.text_encoding import encoding_of
from ingest.city.vector_source import texts_of, vector_source
from ingest.errors import UnusableError
from ingest.register.csv_rows import Row, split_rows
from ingest.register.delimited import text_lines
from ingest.register.issue import Issue
from ingest.register.text_table import TextTable, check_width, table_of_rows
from languages.message import Message, Plain, why, with_text

_MAX_BYTES: Final = 2 << 30  # of a source
_SEP: Final = re.compile(r"\s*\"?sep=(.)\"?[;,\s]*", re.IGNORECASE)


def read_source(path: Path, rules: ReadingRules | None = None) -> Source:
    """Read a register, whatever its name.

    Raises:
        UnusableError: missing, unreadable, without a header, not what it seems, or changed while it was read.
    """
    rules = rules or ReadingRules()
    try:
        if not path.is_file():
            raise UnusableError(_no_file(path))
        before = path.stat()
        if before.st_size > _MAX_BYTES:
            raise UnusableError(Message("terminal.error.large_file", file=path, gib=_MAX_BYTES >> 30))
        source = _read(path, rules)
        after = path.stat()
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=path, reason=why(error))) from error
    if (before.st_mtime_ns, before.st_size, before.st_ino) != (after.st_mtime_ns, after.st_size, after.st_ino):
        raise UnusableError(Message("terminal.error.changed_meanwhile", file=path))
    return source


def _no_file(path: Path) -> Message:
    if path.exists():
        return Message("terminal.error.no_regular_file", file=path)
    return Message("terminal.error.missing_file", file=path)


def _read(path: Path, rules: ReadingRules) -> Source:
    kind = kind_of(path)
    if kind != "workbook" and path.suffix.lower() in WORKBOOKS:
        is_old = path.suffix.lower() == ".xls"
        code = "terminal.error.no_old_workbook" if is_old else "terminal.error.no_workbook"
        raise UnusableError(Message(code, file=path))
    if not kind and path.suffix.lower() == ".geojson":
        raise UnusableError(Message("terminal.error.no_geojson", file=path))
    if kind == "workbook":
        if zipfile.is_zipfile(path):
            check_archive(path)
        return _from_workbook(path, rules)
    if kind == "zip":
        return _from_archive(path, rules)
    if kind == "Overpass JSON":
        table = read_overpass(path.read_bytes(), path, (GEOMETRY_X, GEOMETRY_Y))
        return Source(table, "EPSG:4326", kind)
    if kind:
        if kind == "KML" and has_entities(path):
            raise UnusableError(Message("terminal.error.kml_entities", file=path))
        return vector_source(path, kind, rules)
    return _from_text(path, rules)


def _from_archive(path: Path, rules: ReadingRules) -> Source:
    with unpacked(path) as folder:
        member, is_named = chosen_member(folder, path, rules.sheet)
        inner = replace(rules, sheet=None) if is_named else rules
        if kind_of(member) == "zip":  # an archive can hold itself
            raise UnusableError(Message("terminal.error.archive_in_archive", file=path, name=Plain(member.name)))
        try:
            source = _read(member, inner)
        except UnusableError as error:
            reason = why(error)
            where = f"{path}: {member.name}"
            raise UnusableError(
                with_text(reason, str(member), where) if isinstance(reason, Message) else reason
            ) from error
    return replace(source, table=replace(source.table, file=path.name, issues=_renamed(source, path.name)))


def _renamed(source: Source, name: str) -> tuple[Issue, ...]:
    """The issues of an archive's member as those of the archive, which is what a person has."""
    return tuple(replace(issue, file=name) for issue in source.table.issues)


def parts_in(path: Path) -> list[tuple[str, int]]:
    """The sheets, layers or files that a source is made of, and how many rows each has; none where it is one table.

    Raises:
        UnusableError: it cannot be read.
    """
    kind = kind_of(path)
    if kind == "workbook":
        if zipfile.is_zipfile(path):
            check_archive(path)
        return parts_of(kind, path)
    if kind == "GeoPackage":
        return parts_of(kind, path)
    if kind != "zip":
        return []
    with unpacked(path) as folder:
        names = registers_in(folder)
        if len(names) == 1:
            return parts_in(folder / names[0]) if kind_of(folder / names[0]) != "zip" else []
        sizes = {name: texts_of(folder / name) for name in names}
        return [(Path(name).stem if name.endswith(".shp") else name, len(sizes[name])) for name in names]


def _from_text(path: Path, rules: ReadingRules) -> Source:
    content = path.read_bytes()
    if b"\0" in content[:SNIFFED] and content.startswith((b"\x7fELF", b"%PDF", b"\x89PNG")):
        raise UnusableError(Message("terminal.error.other_kind", file=path))
    encoding, remark = encoding_of(content, rules.encoding, str(path))
    issues = [Issue(path.name, 0, "", remark, is_refused=False)] if remark is not None else []
    lines = text_lines(content, encoding)
    head = list(islice(lines, LOOKED_AT))
    n_skipped = 0
    delimiter = rules.delimiter
    if head and (sep := _SEP.fullmatch(head[0].lstrip("\ufeff").rstrip("\r\n"))) is not None:
        delimiter = delimiter or sep[1]
        head = head[1:]
        n_skipped = 1
    delimiter = delimiter or likely_delimiter(head, rules.columns)
    counts = mark_counts(head, delimiter)
    n_columns = max(counts.items(), key=lambda item: (item[1], item[0]))[0] + 1 if counts else 0
    rows = split_rows(_without_mark(chain(head, lines)), delimiter, n_skipped, n_columns)
    table, header_rows = _with_header(path.name, rows, rules, issues)
    return Source(table, None, "delimited text", encoding, delimiter, header_rows)


def _without_mark(lines: Iterator[str]) -> Iterator[str]:
    first = next(lines, None)
    if first is not None:
        yield first.lstrip("\ufeff")
        yield from lines


def _with_header(
    file: str, rows: Iterator[Row], rules: ReadingRules, issues: list[Issue], exact: frozenset[str] = frozenset()
) -> tuple[TextTable, tuple[int, ...]]:
    """The rows under their header: that of the named lines, or the one that is found."""
    named = rules.header_rows
    head: list[Row] = []
    if named:
        for row in rows:
            head.append(row)
            if row[0] >= max(named):
                break
        chosen = tuple(at for at, row in enumerate(head) if row[0] in named and not isinstance(row[1], Message))
        if len(chosen) != len(named):
            raise UnusableError(Message("terminal.error.header_line", file=Plain(file), line=max(named)))
    else:
        head = list(islice(rows, LOOKED_AT))
        chosen = find_header([[] if isinstance(row, Message) else row for _line, row in head], rules.columns)
        if not chosen:
            raise UnusableError(Message("terminal.error.header_unfound", file=Plain(file)))
    cells = [values for at in chosen if not isinstance(values := head[at][1], Message)]
    names = names_of(cells, file, head[chosen[0]][0], issues)
    while names and not names[-1]:
        names.pop()
    check_width(names, file)
    titles = [
        line for at, (line, row) in enumerate(head) if at < chosen[0] and not isinstance(row, Message) and any(row)
    ]
    lines_of_header = tuple(head[at][0] for at in chosen)
    if titles or len(chosen) > 1:
        code = "finding.header_lines" if len(chosen) > 1 else "finding.header_line"
        reason = Message(code, lines=Plain(", ".join(map(str, lines_of_header))))
        issues.append(Issue(file, 0, "", reason, is_refused=False))
    rest = chain(head[chosen[-1] + 1 :], rows)
    by_name = frozenset(names[int(at)] for at in exact if int(at) < len(names))
    return table_of_rows(file, names, rest, issues, by_name), lines_of_header


def _from_workbook(path: Path, rules: ReadingRules) -> Source:
    found = decode_file("workbook", path, rules.sheet or "")
    issues = [Issue(path.name, 0, "", note, is_refused=False) for note in found.notes]
    table, header_rows = _with_header(path.name, _sheet_rows(found), rules, list(issues), found.exact)
    merged = [cell for cell in found.merged if cell[0] >= header_rows[-1]]  # those of the header name groups of columns
    if merged and (n_filled := _unmerge(found, merged)):
        reason = Message("finding.merged_cells", n=n_filled)
        issues.append(Issue(path.name, 0, "", reason, is_refused=False))
        rules = replace(rules, header_rows=header_rows)
        table, header_rows = _with_header(path.name, _sheet_rows(found), rules, issues, found.exact)
    return Source(table, None, "workbook", header_rows=header_rows)


def _sheet_rows(found: Decoded) -> Iterator[Row]:
    return ((line, row) for line, *row in zip(found.lines, *found.columns.values(), strict=True))


def _unmerge(found: Decoded, merged: Sequence[tuple[int, int, int]]) -> int:
    """Put the value of merged cells into each of their rows; returns how many cells got one."""
    rows = {line - 1: at for at, line in enumerate(found.lines)}
    n_filled = 0
    for top, left, bottom in merged:
        column = found.columns.get(str(left))
        if column is None or top not in rows or not column[rows[top]]:
            continue
        for row in range(top + 1, min(bottom, found.lines[-1]) + 1):
            if row in rows and not column[rows[row]] and any(values[rows[row]] for values in found.columns.values()):
                column[rows[row]] = column[rows[top]]
                n_filled += 1
    return n_filled
