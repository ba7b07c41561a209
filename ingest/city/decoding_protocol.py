"""What the process that opens foreign files hands to the one that started it: names of columns, and packed messages.

A message is packed as JSON: its id, its parameters, and which of them are shown without quotes.
"""

from __future__ import annotations

import json
from typing import Final

from languages.message import Message, Plain

LINE: Final = "terang.line"
REASON: Final = "terang.reason"
X: Final = "terang.x"
Y: Final = "terang.y"
PART: Final = "terang.part"
PARTS: Final = "parts of "  # before the kind of a file whose sheets or layers are asked for
ABOUT: Final = b"terang.about"
UNREADABLE: Final = 3  # exit code of the process that says why on standard error
NO_GEOMETRY: Final = Message("finding.no_geometry")
_FAMILIES: Final = ("finding.", "terminal.error.")
_MOST_PARAMETERS: Final = 10


class UnreadableError(Exception):
    """The file is not what it seems.

    Attributes:
        message: why.
    """

    def __init__(self, message: Message) -> None:
        """Hold the message."""
        super().__init__(message)
        self.message = message


def packed(message: Message) -> str:
    """A message of texts and numbers in one line."""
    plain = [name for name, value in message.parameters.items() if isinstance(value, Plain)]
    return json.dumps([message.code, message.parameters, plain], ensure_ascii=False)


def unpacked(text: str) -> Message | None:
    """The message that was packed; None where the text is none, as the process that wrote it may have been hostile."""
    try:
        code, parameters, plain = json.loads(text)
        is_ours = isinstance(code, str) and code.startswith(_FAMILIES) and len(parameters) <= _MOST_PARAMETERS
        values = {name: Plain(value) if name in plain else value for name, value in parameters.items()}
        if not is_ours or any(type(value) not in (str, Plain, int, float) for value in values.values()):
            return None
        return Message(code, **values)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
