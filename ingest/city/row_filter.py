"""Which rows of a foreign table count: the ``where`` of a mapping.

``where = { kind = "lamp" }``: the column's value, whatever its case; a list means any of them;
``{ state = { not = ["removed", ""] } }`` leaves rows out; several columns must all agree. ``"kind = 'lamp'"``, with
``and``, ``!=`` and ``in (…)``, says the same in one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.city.header import column_called
from ingest.errors import UnusableError
from ingest.register.issue import listed
from ingest.register.text_table import TextTable
from languages.message import Message, Plain

_COMPARED: Final = re.compile(
    r"""\s*(?:"(?P<quoted>[^"]+)"|(?P<column>[^=!<>'"]+?))\s*(?P<op>==?|!=|<>|(?:not\s+)?in\b)\s*(?P<value>.+?)\s*""",
    re.IGNORECASE,
)
_VALUE: Final = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|([^'",()]*))\s*""")
_AND: Final = re.compile(r"\s+and\s+(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Condition:
    """A row counts if the column's value is, or is not, one of these (in lower case, without surrounding blanks)."""

    column: str
    values: frozenset[str]
    is_negative: bool = False


def parse_where(where: Any) -> tuple[Condition, ...]:
    """The conditions that a mapping's ``where`` states.

    Raises:
        ValueError: it is not written as the module says.
    """
    if isinstance(where, tuple | list) and all(isinstance(item, Condition) for item in where):
        return tuple(where)
    if isinstance(where, str):
        return tuple(_parsed(part) for part in _AND.split(where.strip()))
    if not isinstance(where, dict) or not where:
        raise ValueError(Message("terminal.error.where.form"))
    if "column" in where and where.keys() <= {"column", "value", "values", "equals", "is", "in", "not"}:
        column = where["column"]
        rest = {key: value for key, value in where.items() if key != "column"}
        if not isinstance(column, str) or len(rest) != 1:
            raise ValueError(Message("terminal.error.where.column"))
        key, values = rest.popitem()
        return (Condition(column, _words(values), key == "not"),)
    return tuple(_condition(column, values) for column, values in where.items())


def _condition(column: str, values: Any) -> Condition:
    if isinstance(values, dict):
        if len(values) != 1 or next(iter(values)) not in {"not", "in", "is"}:
            raise ValueError(Message("terminal.error.where.value", column=Plain(column)))
        key, inner = next(iter(values.items()))
        return Condition(column, _words(inner), key == "not")
    return Condition(column, _words(values))


def _words(values: Any) -> frozenset[str]:
    words = values if isinstance(values, list | tuple) else [values]
    if not words or any(not isinstance(word, str | int | float | bool) for word in words):
        raise ValueError(Message("terminal.error.where.values"))
    return frozenset(_word(str(word).lower() if isinstance(word, bool) else str(word)) for word in words)


def _word(text: str) -> str:
    return " ".join(text.split()).casefold()


def _parsed(text: str) -> Condition:
    match = _COMPARED.fullmatch(text)
    if match is None:
        raise ValueError(Message("terminal.error.where.condition", text=text))
    op = " ".join(match["op"].lower().split())
    value = match["value"].strip()
    if op.endswith("in"):
        if not (value.startswith("(") and value.endswith(")")):
            raise ValueError(Message("terminal.error.where.in", text=text))
        parts = value[1:-1].split(",")
    else:
        parts = [value]
    words = []
    for part in parts:
        found = _VALUE.fullmatch(part)
        if found is None:
            raise ValueError(Message("terminal.error.where.no_value", part=part))
        words.append(next(group for group in found.groups() if group is not None))
    column = match["quoted"] or match["column"].strip()
    return Condition(column, _words(words), op in {"!=", "<>", "not in"})


def rows_where(table: TextTable, conditions: Sequence[Condition], section: str) -> npt.NDArray[np.bool_]:
    """Which rows meet all conditions: bool (n_rows,).

    Raises:
        UnusableError: a condition names a column that the table does not have.
    """
    is_wanted = np.ones(len(table.lines), np.bool_)
    for condition in conditions:
        name = column_called(condition.column, table.columns)
        if name is None:
            file, has = Plain(table.file), listed(table.columns)
            where, column = Plain(section), condition.column
            raise UnusableError(
                Message("terminal.error.no_where_column", file=file, section=where, column=column, columns=has)
            )
        known: dict[str, bool] = {}
        meets = np.fromiter(
            (
                known[value] if value in known else known.setdefault(value, _word(value) in condition.values)
                for value in table.columns[name]
            ),
            np.bool_,
            len(table.lines),
        )
        is_wanted &= ~meets if condition.is_negative else meets
    return is_wanted


def rows_of(table: TextTable, is_kept: npt.NDArray[np.bool_]) -> TextTable:
    """The rows that a mask selects; what was reported of refused rows is kept."""
    if is_kept.all():
        return table
    rows = np.flatnonzero(is_kept).tolist()
    columns = {name: [values[row] for row in rows] for name, values in table.columns.items()}
    n_rows = table.n_rows - len(table.lines) + len(rows)
    return TextTable(
        table.file, columns, [table.lines[row] for row in rows], table.issues, n_rows, table.exact, table.is_cut
    )
