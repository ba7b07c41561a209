"""SQL's ``LIKE`` that tells upper from lower case, on every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import Boolean


class ExactLike(FunctionElement[bool]):
    """``text LIKE pattern`` that tells upper from lower case; a backslash takes a wildcard's meaning away."""

    type = Boolean()
    inherit_cache = False  # its SQL depends on the pattern's value


@compiles(ExactLike)
def _like(element: ExactLike, compiler: Any, **kwargs: Any) -> str:
    text, pattern = (compiler.process(one, **kwargs) for one in element.clauses)
    return f"({text} LIKE {pattern} ESCAPE '\\')"


@compiles(ExactLike, "sqlite")
def _glob(element: ExactLike, compiler: Any, **kwargs: Any) -> str:
    """SQLite's LIKE takes upper for lower case, its GLOB does not."""
    text, pattern = element.clauses
    globbed = literal(_glob_of(pattern.value))
    return f"({compiler.process(text, **kwargs)} GLOB {compiler.process(globbed, **kwargs)})"


def _glob_of(pattern: str) -> str:
    made, is_escaped = "", False
    for letter in pattern:
        if is_escaped or letter not in "%_\\":
            made += f"[{letter}]" if letter in "*?[" else letter
            is_escaped = False
        elif letter == "\\":
            is_escaped = True
        else:
            made += {"%": "*", "_": "?"}[letter]
    return made
