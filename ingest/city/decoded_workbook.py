"""The rows of a foreign workbook's sheet, as texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from ingest.city.decoded_text import BATCH, cell_text, listed_names, one_line
from ingest.city.decoding_protocol import (
    ABOUT,
    LINE,
    UnreadableError,
    packed,
)
from ingest.register.text_table import MAX_COLUMNS
from languages.message import Message

_MOST_MERGED: Final = 100_000  # cells of a sheet


def read_workbook(path: Path, sheet: str) -> Iterator[pa.RecordBatch]:
    """A sheet's rows as texts, columns ``0``, ``1`` …; ``exact`` names those that hold fractional numbers."""
    import python_calamine  # noqa: PLC0415

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(path)
        if sheet and sheet not in workbook.sheet_names:
            raise UnreadableError(
                Message("terminal.error.no_sheet", name=sheet, names=listed_names(workbook.sheet_names))
            )
        notes = []
        page = workbook.get_sheet_by_name(sheet or workbook.sheet_names[0])
        if not sheet and len(workbook.sheet_names) > 1:
            filled = [name for name in workbook.sheet_names if workbook.get_sheet_by_name(name).height]
            page = workbook.get_sheet_by_name((filled or workbook.sheet_names)[0])
            others = listed_names(name for name in workbook.sheet_names if name != page.name)
            notes.append(packed(Message("finding.sheet", name=page.name, others=others)))
    except (python_calamine.CalamineError, OSError, IndexError, ValueError) as error:
        reason = one_line(error)
        raise UnreadableError(Message("terminal.error.no_workbook_because", reason=reason)) from error
    line = 0 if page.start is None else 1
    exact: set[int] = set()
    chunk: list[list[str]] = []
    for row in page.iter_rows():
        exact.update(at for at, value in enumerate(row) if type(value) is float and not value.is_integer())
        chunk.append([cell_text(value) for value in row])
        if len(chunk) >= BATCH:
            yield _sheet_batch(chunk, line, exact, notes)
            line += len(chunk)
            chunk = []
    yield _sheet_batch(chunk, line, exact, notes, _merged(page))


def _merged(page: Any) -> list[tuple[int, int, int]]:
    """Cells over several rows that are one: the value stands in the first alone."""
    found = [(top, left, bottom) for (top, left), (bottom, _right) in page.merged_cell_ranges or () if bottom > top]
    return sorted(found)[:_MOST_MERGED]


def _sheet_batch(
    chunk: list[list[str]], line: int, exact: set[int], notes: list[str], merged: Sequence[tuple[int, int, int]] = ()
) -> pa.RecordBatch:
    n_columns = min(max(map(len, chunk), default=0), MAX_COLUMNS)
    padded = (row[:n_columns] + [""] * (n_columns - len(row)) for row in chunk)
    columns = {str(at): pa.array(values, pa.string()) for at, values in enumerate(zip(*padded, strict=True))}
    columns[LINE] = pa.array(range(line, line + len(chunk)), pa.int32())
    about = {"exact": sorted(map(str, exact)), "notes": notes, "merged": list(merged)}
    return pa.record_batch(columns).replace_schema_metadata({ABOUT: json.dumps(about).encode()})
