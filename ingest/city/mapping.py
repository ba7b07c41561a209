"""The mapping file of an import: which column of a city's own register means what.

Owns the format of ``MAP.toml`` (docs/register.md). Pure but for reading the file; an unknown key is an error, since a
misspelt one would silently leave a column out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping as MappingType
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ingest.errors import UnusableError
from ingest.register.check import CABINET_COLUMNS, LAMP_COLUMNS

UNITS: Final = {"W": 1.0, "kW": 1000.0}


class Rule(BaseModel):
    """How one field is filled.

    Attributes:
        column: the source's column, or several that are joined by ``separator``.
        constant: a value for every row, instead of a column.
        values: translations, whatever the case of the source's value.
        pattern: a regular expression whose first group is the value; what does not match stays as it is.
        otherwise: the value where the source has none.
        unit: of a power: ``W`` or ``kW``.
        several: what two numbers in one power field (``250/85``) mean: their sum, the first, the largest; without it
            the rating is ambiguous and stays empty.
        format: of a date, in ``strptime``'s letters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | tuple[str, ...] = ()
    separator: str = "-"
    constant: str | None = None
    values: MappingType[str, str | int | float | bool] = {}
    pattern: str | None = None
    otherwise: str = ""
    unit: Literal["W", "kW"] = "W"
    several: Literal["sum", "first", "largest"] | None = None
    format: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                n_groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"no regular expression: {error}") from error
            if n_groups < 1:
                raise ValueError("needs one group in parentheses: the value")
        return pattern

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if bool(self.column) == (self.constant is not None):
            raise ValueError("give either a column or a constant")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The source's columns that it reads."""
        return (self.column,) if isinstance(self.column, str) else self.column


class SourceSection(BaseModel):
    """``[source]``: how to read the file.

    Attributes:
        crs: coordinate system of a table's coordinates, e.g. ``EPSG:3857``; GeoJSON says its own.
        sheet: of a workbook; the first one if absent.
        keep: which columns that mean nothing here are kept as extra properties.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    crs: str = "EPSG:4326"
    sheet: str | None = None
    keep: Literal["all", "none"] | tuple[str, ...] = "all"


class ImportMap(BaseModel):
    """A whole mapping file: ``[source]``, ``[lamp]``, ``[cabinet]`` and, for cabinets of their own file, its path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: SourceSection = SourceSection()
    lamp: MappingType[str, Rule] = Field(default_factory=dict)
    cabinet: MappingType[str, Rule] = Field(default_factory=dict)
    cabinet_file: Path | None = None

    @field_validator("lamp", "cabinet", mode="before")
    @classmethod
    def _short_form(cls, section: Any) -> Any:
        if not isinstance(section, dict):
            return section
        return {field: {"column": rule} if isinstance(rule, str) else rule for field, rule in section.items()}

    @model_validator(mode="after")
    def _names_fields(self) -> Self:
        for section, rules, known in (("lamp", self.lamp, LAMP_COLUMNS), ("cabinet", self.cabinet, CABINET_COLUMNS)):
            for field in rules:
                if field not in known:
                    raise ValueError(f"[{section}] {field}: no such field; one of {', '.join(known)}")
        return self


def read_mapping(path: Path) -> ImportMap:
    """Read a mapping file.

    Raises:
        UnusableError: missing, no TOML, an unknown key or an impossible value; one line with file, key and reason.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UnusableError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableError(f"{path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UnusableError(f"{path}: not TOML: {error}") from error
    try:
        mapping = ImportMap(**document)
    except ValidationError as error:
        raise UnusableError(f"{path}: {_first_line(error)}") from error
    if mapping.cabinet_file is not None:
        mapping = mapping.model_copy(update={"cabinet_file": path.parent / mapping.cabinet_file})
    return mapping


def _first_line(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    return f"{where}: {reason}" if where else reason
