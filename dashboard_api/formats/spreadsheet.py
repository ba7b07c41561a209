"""Cells that a spreadsheet opens without running anything. Pure."""

from __future__ import annotations

from typing import Any, Final

# a text cell that starts so is a formula to a spreadsheet, also where blanks stand before it
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: Any) -> Any:
    """A text that would be a formula behind an apostrophe; numbers stay numbers."""
    if isinstance(value, str) and (value.startswith(_FORMULA_STARTS) or value.lstrip().startswith(_FORMULA_STARTS)):
        return "'" + value
    return value
