"""What pydantic finds wrong with a value, as a message that can be put into words: of a TOML file or of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from languages.hidden import without_user_part
from languages.message import Message, Plain

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

NAMELESS = frozenset({"extra_forbidden", "missing"})
"""Types of errors of which the key says everything, so that no value is shown."""


MAX_SHOWN = 200  # characters of a value
_MAX_PLACE = 200  # characters of the place of a value


def shown_value(value: object) -> str:
    """A refused value as a complaint shows it: the whole of a long list has no place there."""
    text = without_user_part(repr(value))
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def place_of(error: ErrorDetails) -> str:
    """Where the value stands, as ``body.dim.0.level``; empty for the whole document."""
    return ".".join(str(part) for part in error["loc"])[:_MAX_PLACE]


def reason_of(error: ErrorDetails) -> Message:
    """Why a value is refused: what a validator of ours says, else pydantic's reason, never in pydantic's own words.

    A validator says it by ``ValueError(Message(...))``, or as ``message`` in the context of a `PydanticCustomError`.
    """
    context: Mapping[str, Any] = error.get("ctx", {})
    said = context.get("message") or next(iter(getattr(context.get("error"), "args", ())), None)
    if isinstance(said, Message):
        return said
    kind = error["type"]
    found = _of_keys(kind) or _of_types(kind) or _of_forms(kind, context) or _of_bounds(kind, context)
    return found or _of_sizes(kind, context) or Message("value.refused")


def _of_keys(kind: str) -> Message | None:
    match kind:
        case "extra_forbidden" | "unexpected_keyword_argument" | "unexpected_positional_argument" | "no_such_attribute":
            return Message("value.unknown_key")
        case "missing" | "missing_argument" | "missing_keyword_only_argument" | "missing_positional_only_argument":
            return Message("value.missing")
        case "multiple_argument_values":
            return Message("value.twice")
        case "union_tag_not_found":
            return Message("value.missing")
    return None


def _of_types(kind: str) -> Message | None:
    match kind:
        case "string_type" | "string_unicode" | "bytes_type" | "bytes_invalid_encoding" | "invalid_key":
            return Message("value.text")
        case "int_type" | "int_parsing" | "int_parsing_size" | "int_from_float":
            return Message("value.whole_number")
        case "float_type" | "float_parsing" | "finite_number" | "decimal_type" | "decimal_parsing":
            return Message("value.number")
        case "fraction_type" | "fraction_parsing" | "complex_type" | "complex_str_parsing":
            return Message("value.number")
        case "bool_type" | "bool_parsing":
            return Message("value.boolean")
        case "list_type" | "tuple_type" | "set_type" | "frozen_set_type" | "deque_type" | "iterable_type":
            return Message("value.list")
        case "dict_type" | "mapping_type" | "frozen_dict_type" | "ordered_dict_type" | "counter_type":
            return Message("value.table")
        case "model_type" | "model_attributes_type" | "dataclass_type" | "dataclass_exact_type" | "named_tuple_type":
            return Message("value.table")
        case "path_type":
            return Message("value.path")
        case "none_required":
            return Message("value.null")
    return None


def _of_forms(kind: str, context: Mapping[str, Any]) -> Message | None:
    """Texts that have to be of a form."""
    match kind:
        case "json_invalid" | "json_type":
            return Message("value.json")
        case "string_not_ascii":
            return Message("value.ascii")
        case "string_pattern_mismatch":
            return Message("value.pattern", pattern=Plain(context["pattern"]))
        case "literal_error" | "enum":
            return Message("value.choice", words=Plain(context["expected"].replace(" or ", ", ")))
        case "union_tag_invalid":
            return Message("value.choice", words=Plain(context["expected_tags"]))
        case "url_scheme":
            return Message("value.choice", words=Plain(context["expected_schemes"].replace(" or ", ", ")))
        case "url_type" | "url_parsing" | "url_syntax_violation":
            return Message("value.uri")
        case "uuid_type" | "uuid_parsing" | "uuid_version":
            return Message("value.uuid")
        case "date_past" | "datetime_past":
            return Message("value.ahead")
        case "date_future" | "datetime_future":
            return Message("value.past")
    if kind.startswith(("date_", "datetime_", "time_", "timezone_")):
        return Message("value.time")
    return None


def _of_bounds(kind: str, context: Mapping[str, Any]) -> Message | None:
    """Numbers."""
    match kind:
        case "greater_than_equal":
            return Message("value.least", least=_bound(context["ge"]))
        case "less_than_equal":
            return Message("value.most", most=_bound(context["le"]))
        case "greater_than":
            return Message("value.above", bound=_bound(context["gt"]))
        case "less_than":
            return Message("value.below", bound=_bound(context["lt"]))
        case "multiple_of":
            return Message("value.multiple", of=_bound(context["multiple_of"]))
        case "decimal_max_digits":
            return Message("value.digits", most=context["max_digits"])
        case "decimal_max_places":
            return Message("value.decimals", most=context["decimal_places"])
        case "decimal_whole_digits":
            return Message("value.digits", most=context["whole_digits"])
    return None


def _of_sizes(kind: str, context: Mapping[str, Any]) -> Message | None:
    """Texts and lists."""
    match kind:
        case "string_too_short" | "bytes_too_short":
            return Message("value.short", n=context["min_length"])
        case "string_too_long" | "bytes_too_long" | "url_too_long":
            return Message("value.long", n=context["max_length"])
        case "too_short":
            return Message("value.few", n=context["min_length"])
        case "too_long":
            return Message("value.many", n=context["max_length"])
        case "recursion_loop" | "recursion_depth_exceeded":
            return Message("value.deep")
    return None


def _bound(value: Any) -> Any:
    """A limit as it is shown: a whole number without a fraction, a time or a date as text of our own."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | float) else Plain(value)
