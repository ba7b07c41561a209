"""Sparkplug B datatypes that Terang uses, and their numbers."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class DataType(IntEnum):
    """Sparkplug B datatypes, with the standard's numbers."""

    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    STRING_ARRAY = 33


# Numeric array types and the typecode of ``array.array`` and ``struct`` that their items have.
ARRAY_TYPECODE: Final[dict[int, str]] = {
    DataType.UINT8_ARRAY: "B",
    DataType.UINT16_ARRAY: "H",
    DataType.UINT32_ARRAY: "I",
    DataType.UINT64_ARRAY: "Q",
    DataType.FLOAT_ARRAY: "f",
    DataType.DOUBLE_ARRAY: "d",
}
