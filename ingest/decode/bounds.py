"""Limits of what a message may say, applied where it is parsed; beyond them a value is refused or unknown.

Pure. The numbers are far beyond what an agent says, and small enough for every column and job behind them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from edge_agent.wire import WireError, unpack_strings

MAX_PAYLOAD: Final = 4_000_000  # bytes: 65,536 lamps with every quantity take 1.8 million
MAX_DEATH: Final = 4096  # bytes of an NDEATH: it says one number
MAX_FIELDS: Final = 4096  # of one payload, nearly all of them metrics; an agent's birth has 40
MAX_LAMPS: Final = 65_536  # of one controller; a bus carries 247
MAX_ID: Final = 128  # characters of an id: the database's columns hold as many
MAX_VERSION_TEXT: Final = 64
MAX_SCHEDULE_TEXT: Final = 65_536
MAX_INTERVAL_S: Final = 86_400 * 7  # an agent's configuration allows a day
MAX_SEQUENCE: Final = (1 << 63) - 1
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_LIST: Final = re.compile("[\x01-\x1f\x7f-\x9f]")


def is_id(text: str) -> bool:
    """Whether a text may be a controller's id: 1 to 128 characters, none of them a control character."""
    return 0 < len(text) <= MAX_ID and _CONTROL.search(text) is None


def id_list(metric: Any, most: int) -> tuple[str, ...]:
    """The ids of a StringArray metric; its length is looked at before its contents.

    Raises:
        WireError: more ids than ``most``, one longer than 128 characters, a control character, or no StringArray.
    """
    if metric is None or metric.is_null:
        return ()
    data = metric.bytes_value
    if len(data) > most * 4 * MAX_ID or data.count(b"\0") > most:
        raise WireError(f"{metric.name} holds more than {most} ids")
    ids = unpack_strings(data)
    if any(len(text) > MAX_ID for text in ids):
        raise WireError(f"{metric.name} holds an id of more than {MAX_ID} characters")
    if _CONTROL_IN_LIST.search(data.decode()) is not None:
        raise WireError(f"{metric.name} holds a control character")
    return ids


def shown_text(metric: Any, most: int) -> str | None:
    """A text to be shown and stored: cut to ``most`` characters, control characters replaced; None = absent."""
    if metric is None or metric.is_null or not isinstance(text := metric.string_value, str):
        return None  # protobuf hands over as bytes what is not UTF-8
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[:most])


def document_text(metric: Any, most: int) -> str | None:
    """A text to be parsed; None = absent, longer than ``most``, or not UTF-8."""
    if metric is None or metric.is_null or not isinstance(text := metric.string_value, str) or len(text) > most:
        return None
    return text


def whole_number(metric: Any, most: int) -> int | None:
    """A number from 0 to ``most``; None = null or absent.

    Raises:
        WireError: it is larger.
    """
    if metric is None or metric.is_null:
        return None
    value = int(metric.long_value or metric.int_value)
    if value > most:
        raise WireError(f"{metric.name} is {value}, and {most} is the most")
    return value
