"""Columns of the register, as lists or arrays, made into numbers: what the fleet's index is built of.

Pure. No loop over a million lamps where their different texts are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int32 = npt.NDArray[np.int32]
Float64 = npt.NDArray[np.float64]

NONE: Final = -1


def texts(values: Any) -> list[str]:
    """A column's texts; None = ""."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return ["" if value is None else value if type(value) is str else str(value) for value in values]


def numbers(values: Any) -> Float64:
    """A column's numbers: float64 (n,), NaN = unknown."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        return values.astype(np.float64)
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    return np.array([np.nan if value is None or value == "" else float(value) for value in listed], np.float64)


def integers(values: Any) -> Int32:
    """A column's whole numbers: int32 (n,), ``NONE`` = unknown or negative."""
    found = numbers(values)
    return np.where(np.isfinite(found) & (found >= 0), found, NONE).astype(np.int32)


def coded(keys: Sequence[Any], known: dict[Any, int]) -> Int32:
    """Number of each key: int32 (n,); unknown keys are given the next one, falsy ones ``NONE``."""
    return np.fromiter((known.setdefault(k, len(known)) if k else NONE for k in keys), np.int32, len(keys))


def _words(values: Any) -> tuple[Int32, list[str]]:
    """Number of each row's text among the different ones: a million lamps have few."""
    try:
        column = pa.array(values, pa.string())
    except (pa.ArrowException, TypeError):
        column = pa.array(texts(values), pa.string())
    coded = pc.fill_null(column, "").dictionary_encode()
    return coded.indices.to_numpy().astype(np.int32, copy=False), coded.dictionary.to_pylist()


def looked_up(values: Any, table: Mapping[str, int], default: int, dtype: type[np.generic]) -> Any:
    """What a table says of each row's text: ``dtype`` (n,)."""
    row, words = _words(values)
    return np.array([table.get(word, default) for word in words], dtype)[row] if words else np.empty(0, dtype)


def numbered(group: Int32, names: Any, by: Callable[[str], Any]) -> tuple[Int32, list[tuple[int, str]]]:
    """Number of each row's (group, name), int32 (n,), and those pairs in order; ``NONE`` without group or name."""
    row, words = _words(names)
    order = sorted(range(len(words)), key=lambda i: by(words[i]))
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    is_named = np.array([bool(word) for word in words], bool)[row] & (group >= 0) if words else np.empty(0, bool)
    pair, number = np.unique(group[is_named] * np.int64(len(words)) + rank[row[is_named]], return_inverse=True)
    numbered_rows = np.full(len(group), NONE, np.int32)
    numbered_rows[is_named] = number
    return numbered_rows, [(int(key // len(words)), words[order[int(key % len(words))]]) for key in pair]
