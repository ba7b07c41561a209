"""What pydantic finds wrong with a table of a TOML file, as a message that can be put into words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from languages.message import Message, Plain

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NAMELESS = frozenset({"extra_forbidden", "missing"})
"""Types of errors of which the key says everything, so that no value is shown."""


MAX_SHOWN = 200  # characters of a value


def shown_value(value: object) -> str:
    """A refused value as a complaint shows it: the whole of a long list has no place there."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def reason_of(error: ErrorDetails) -> Message | Plain:
    """Why a value is refused: what a validator of ours says, else pydantic's reason; a rare one in pydantic's words."""
    context: Mapping[str, Any] = error.get("ctx", {})
    own = getattr(context.get("error"), "args", ())
    if own and isinstance(own[0], Message):
        return own[0]
    found = _of_keys(error["type"]) or _of_types(error["type"]) or _of_bounds(error["type"], context)
    return found or Plain(error["msg"].removeprefix("Value error, "))


def _of_keys(kind: str) -> Message | None:
    match kind:
        case "extra_forbidden":
            return Message("terminal.error.value.unknown_key")
        case "missing":
            return Message("terminal.error.value.missing")
    return None


def _of_types(kind: str) -> Message | None:
    match kind:
        case "string_type":
            return Message("terminal.error.value.text")
        case "int_type" | "int_parsing" | "int_from_float":
            return Message("terminal.error.value.whole_number")
        case "float_type" | "float_parsing" | "finite_number":
            return Message("terminal.error.value.number")
        case "bool_type" | "bool_parsing":
            return Message("terminal.error.value.boolean")
        case "list_type" | "tuple_type":
            return Message("terminal.error.value.list")
        case "dict_type" | "model_type" | "mapping_type":
            return Message("terminal.error.value.table")
        case "path_type":
            return Message("terminal.error.value.path")
    return None


def _of_bounds(kind: str, context: Mapping[str, Any]) -> Message | None:
    match kind:
        case "greater_than_equal":
            return Message("terminal.error.value.least", least=context["ge"])
        case "less_than_equal":
            return Message("terminal.error.value.most", most=context["le"])
        case "string_too_short":
            return Message("terminal.error.value.short", n=context["min_length"])
        case "string_too_long":
            return Message("terminal.error.value.long", n=context["max_length"])
        case "too_long":
            return Message("terminal.error.value.many", n=context["max_length"])
        case "string_pattern_mismatch":
            return Message("terminal.error.value.pattern", pattern=Plain(context["pattern"]))
        case "literal_error" | "enum":
            return Message("terminal.error.value.choice", words=Plain(context["expected"].replace(" or ", ", ")))
    return None
