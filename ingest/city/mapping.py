"""The mapping file of an import: which column of a city's own register means what.

Owns the format of ``MAP.toml`` (docs/register.md). Pure but for reading the file; an unknown key is an error, since a
misspelt one would silently leave a column out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from durable_files.bounded_read import read_bounded
from edge_agent.wire import WireError, read_toml_text
from ingest.city.row_filter import Condition, parse_where
from ingest.city.source_table import ReadingRules
from ingest.errors import UnusableError
from ingest.register.check import CABINET_COLUMNS, LAMP_COLUMNS
from ingest.schema.city import MAX_FILE_BYTES
from ingest.schema.validation import reason_of
from languages.message import Message, Plain, why

_WHERE: Final = "where"
_DELIMITERS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_MAX_HEADER_ROW: Final = 1000


class Rule(BaseModel):
    """How one field is filled.

    Attributes:
        column: the source's column, or several that are joined by ``separator``; what is empty of a text is left out,
            an id needs all its parts.
        separator: a blank in texts such as a street, ``-`` in ids, where none is given.
        constant: a value for every row, instead of a column.
        values: translations, whatever the case of the source's value.
        pattern: a regular expression whose first group is the value, which ``values`` then translates; what does not
            match stays as it is.
        otherwise: the value where the source has none.
        unit: of a power that names none: ``W`` or ``kW``, of a supply ``VA`` or ``kVA``; without it the column's name
            may say so.
        several: what two numbers in one power field (``250/85``) mean: their sum, the first, the largest; without it
            the rating is ambiguous and stays empty.
        format: of a date, in ``strptime``'s letters; several where a column mixes them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | tuple[str, ...] = ()
    separator: str | None = None
    constant: str | None = None
    values: MappingType[str, str | int | float | bool] = {}
    pattern: str | None = None
    otherwise: str = ""
    unit: Literal["W", "kW", "VA", "kVA"] | None = None
    several: Literal["sum", "first", "largest"] | None = None
    format: str | tuple[str, ...] = ()

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                n_groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(Message("value.regex", reason=why(error))) from error
            if n_groups < 1:
                raise ValueError(Message("value.group"))
        return pattern

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.column) == (self.constant is not None):
            raise ValueError(Message("value.column_or_constant"))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The source's columns that it reads."""
        return (self.column,) if isinstance(self.column, str) else self.column

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats of dates that it names."""
        return (self.format,) if isinstance(self.format, str) else self.format


class SourceSection(BaseModel):
    """``[source]``: how to read the file.

    Attributes:
        crs: coordinate system of the coordinates, e.g. ``EPSG:3857``; where it is absent the file's own, else WGS 84.
        sheet: of a workbook, or the layer of a vector file; the first one if absent.
        keep: which columns that mean nothing here are kept as extra properties.
        header_row: line of the header, or lines where several name the columns; found if absent.
        encoding: of a text, by Python's name; detected from its first bytes, or UTF-8, if absent.
        delimiter: between a text's fields; found if absent.
        where: which rows count at all.
        count: a column that says how many lamps a row represents.
        fill_down: columns whose empty cells mean the value of the row above.
        copies: what a row that repeats another one word for word is: ``refused``, or one of the pole's ``lamps``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crs: str | None = None
    sheet: str | None = None
    keep: Literal["all", "none"] | tuple[str, ...] = "all"
    header_row: int | tuple[int, ...] = ()
    encoding: str | None = None
    delimiter: str | None = None
    where: tuple[Condition, ...] = ()
    count: str | None = None
    fill_down: tuple[str, ...] = ()
    copies: Literal["refused", "lamps"] = "refused"

    @field_validator("fill_down", mode="before")
    @classmethod
    def _one_or_several(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names

    @field_validator("crs", mode="before")
    @classmethod
    def _code(cls, crs: Any) -> Any:
        return f"EPSG:{crs}" if isinstance(crs, int) and not isinstance(crs, bool) else crs

    @field_validator("header_row")
    @classmethod
    def _is_a_line(cls, rows: int | tuple[int, ...]) -> tuple[int, ...]:
        lines = (rows,) if isinstance(rows, int) else rows
        if any(not 1 <= line <= _MAX_HEADER_ROW for line in lines) or len(lines) > 5:
            raise ValueError(Message("value.header_row", max_header_row=Plain(_MAX_HEADER_ROW)))
        return tuple(sorted(lines))

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, text: str | None) -> str | None:
        mark = _DELIMITERS.get(text, text) if text is not None else None
        if mark is not None and (len(mark) != 1 or mark in '"\r\n'):
            raise ValueError(Message("value.delimiter"))
        return mark

    @field_validator(_WHERE, mode="before")
    @classmethod
    def _conditions(cls, where: Any) -> Any:
        return parse_where(where)


class ImportMap(BaseModel):
    """A whole mapping file: ``[source]``, ``[lamp]``, ``[cabinet]`` and, for cabinets of their own file, its path.

    ``[cabinet_source]`` says how the cabinets' file is read; without a path it is another sheet or layer of the lamps'.

    ``where`` in ``[lamp]`` and ``[cabinet]`` says which rows are lamps, and which are cabinets in the same table.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lamp_where: tuple[Condition, ...] = ()
    cabinet_where: tuple[Condition, ...] | None = None

    source: SourceSection = SourceSection()
    cabinet_source: SourceSection | None = None
    lamp: MappingType[str, Rule] = Field(default_factory=dict)
    cabinet: MappingType[str, Rule] = Field(default_factory=dict)
    cabinet_file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _filters(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        taken = dict(document)
        for section in ("lamp", "cabinet"):
            if f"{section}_{_WHERE}" in document:
                raise ValueError(Message("value.where_key", section=Plain(section), where=Plain(_WHERE)))
            rules = document.get(section)
            if isinstance(rules, dict) and _WHERE in rules:
                taken[section] = {field: rule for field, rule in rules.items() if field != _WHERE}
                taken[f"{section}_{_WHERE}"] = parse_where(rules[_WHERE])
        return taken

    @field_validator("lamp", "cabinet", mode="before")
    @classmethod
    def _short_form(cls, section: Any) -> Any:
        if not isinstance(section, dict):
            return section
        return {field: {"column": rule} if isinstance(rule, str | list) else rule for field, rule in section.items()}

    @model_validator(mode="after")
    def _names_fields(self) -> Self:
        for section, rules, known in (("lamp", self.lamp, LAMP_COLUMNS), ("cabinet", self.cabinet, CABINET_COLUMNS)):
            for field in rules:
                if field not in known:
                    raise ValueError(
                        Message(
                            "value.field",
                            section=Plain(section),
                            field=Plain(field),
                            known=Plain(", ".join(known)),
                        )
                    )
        return self

    def reading(self) -> ReadingRules:
        """How the file is read."""
        sections = [self.lamp] if self.has_cabinet_file else [self.lamp, self.cabinet]
        names = [column for rules in sections for rule in rules.values() for column in rule.columns]
        conditions = (*self.source.where, *self.lamp_where, *(self.cabinet_where or ()))
        names += [condition.column for condition in conditions]
        return _rules(self.source, names or LAMP_COLUMNS)

    @property
    def filtered_columns(self) -> tuple[str, ...]:
        """The columns by which rows of lamps are left out."""
        return tuple(condition.column for condition in (*self.source.where, *self.lamp_where))

    def cabinet_reading(self) -> ReadingRules:
        """How the cabinets' file is read; what ``[cabinet_source]`` leaves out is found."""
        names = [column for rule in self.cabinet.values() for column in rule.columns]
        return _rules(self.cabinet_source or SourceSection(), names or CABINET_COLUMNS)

    @property
    def has_cabinet_file(self) -> bool:
        """Whether cabinets have a file, a sheet or a layer of their own."""
        return self.cabinet_file is not None or self.cabinet_source is not None


def _rules(source: SourceSection, names: Iterable[str]) -> ReadingRules:
    assert isinstance(source.header_row, tuple)
    columns = tuple(dict.fromkeys(names))
    return ReadingRules(source.sheet, source.encoding, source.delimiter, source.header_row, columns)


def read_mapping(path: Path) -> ImportMap:
    """Read a mapping file.

    Raises:
        UnusableError: missing, no TOML, an unknown key or an impossible value; one line with file, key and reason.
    """
    try:
        document = read_toml_text(read_bounded(path, MAX_FILE_BYTES))
    except FileNotFoundError as error:
        raise UnusableError(Message("terminal.error.missing_file", file=Plain(path))) from error
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    except WireError as error:
        raise UnusableError(Message("terminal.error.no_toml", where=Plain(path), reason=why(error))) from error
    try:
        mapping = ImportMap(**document)
    except ValidationError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=_reason(error))) from error
    if mapping.cabinet_file is not None:
        mapping = mapping.model_copy(update={"cabinet_file": path.parent / mapping.cabinet_file})
    return mapping


def _reason(error: ValidationError) -> Message | Plain:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Message("terminal.error.at", where=Plain(where), reason=reason_of(first)) if where else reason_of(first)
