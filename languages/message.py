"""A message that is not yet in anybody's language: its id and its parameters, put into words where it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePath
from typing import Any, Final

from languages.catalogue import FALLBACK, Catalogue, load_catalogue
from languages.errors import CatalogueError
from languages.hidden import without_user_part

SHOWN_CHARACTERS: Final = 60
_MOST_PARAMETERS: Final = 16  # of a message that another process wrote
_LONGEST: Final = 1000  # characters of its code, and of each of its texts
_DEEPEST: Final = 3  # messages within messages
VARYING: Final = "…"


class Plain(str):
    """A text that a message shows without quotes and as long as it is: a unit, a name of our own, a list of names."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """A message's id in the catalogues, and its parameters by name.

    A ``str`` is what somebody else wrote, such as a register's value: it is shown in quotes, escaped and cut where it
    is long. `Plain` texts and paths are shown as they are, floats without needless digits, messages in the same
    language. Nothing is put into words before `say`.
    """

    code: str
    parameters: Mapping[str, object] = field(hash=False)

    def __init__(self, code: str, /, **parameters: object) -> None:
        """Hold id and parameters."""
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "parameters", parameters)

    def say(self, words: Catalogue) -> str:
        """The message in a language, in one line that is fit for a terminal."""
        return words.say(self.code, **{name: _text(value, words) for name, value in self.parameters.items()})

    def __str__(self) -> str:
        """The message in English, for logs."""
        return self.say(_english())

    @property
    def kind(self) -> tuple[str, ...]:
        """What messages have in common that differ by values alone: its id, and those of the messages in it."""
        inner = [value.kind for value in self.parameters.values() if isinstance(value, Message)]
        return (self.code, *(code for kind in inner for code in kind))


def said(error: BaseException, words: Catalogue) -> str:
    """What an exception says, in a language if it carries a `Message`, else as its text stands."""
    first = error.args[0] if error.args else None
    return first.say(words) if isinstance(first, Message) else str(error)


def why(error: BaseException) -> Message | Plain:
    """What an exception says, as a part of another message; of an error of the system its reason alone."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, Message) else Plain(getattr(error, "strerror", None) or error)


def document_of(message: Message) -> dict[str, Any]:
    """A message as JSON for a program: ``code``, and ``parameters`` by name, of which each may be a message again."""
    return {"code": message.code, "parameters": {name: _member(value) for name, value in message.parameters.items()}}


def _member(value: object) -> object:
    if isinstance(value, Message):
        return document_of(value)
    return value if isinstance(value, int | float) else without_user_part(str(value))


def message_of(document: object, depth: int = _DEEPEST) -> Message | None:
    """The message that `document_of` wrote, its texts as they are; None where it is none."""
    if not isinstance(document, Mapping) or depth <= 0:
        return None
    code, parameters = document.get("code"), document.get("parameters")
    if not isinstance(code, str) or len(code) > _LONGEST or not isinstance(parameters, Mapping):
        return None
    if len(parameters) > _MOST_PARAMETERS:
        return None
    values: dict[str, object] = {}
    for name, value in parameters.items():
        if isinstance(value, str):
            values[name] = Plain(value[:_LONGEST])
        elif isinstance(value, int | float):
            values[name] = value
        elif (inner := message_of(value, depth - 1)) is not None:
            values[name] = inner
        else:
            return None
    return Message(code, **values)


def with_text(message: Message, old: str, new: str) -> Message:
    """A message whose paths and texts of our own say ``new`` instead of ``old``: a copy's path, say."""
    shown: dict[str, object] = {}
    for name, value in message.parameters.items():
        if isinstance(value, Message):
            shown[name] = with_text(value, old, new)
        else:
            shown[name] = Plain(str(value).replace(old, new)) if isinstance(value, Plain | PurePath) else value
    return Message(message.code, **shown)


def in_common(messages: Iterable[Message]) -> Message:
    """A message for several of one kind: our own texts that are the same in all, ``…`` for values and other texts.

    Raises:
        ValueError: there is no message.
    """
    first, *others = messages
    shared: dict[str, object] = {}
    for name, value in first.parameters.items():
        if isinstance(value, Message):
            shared[name] = in_common([value, *(other.parameters[name] for other in others)])  # type: ignore[list-item]
        else:
            is_same = isinstance(value, Plain) and all(other.parameters.get(name) == value for other in others)
            shared[name] = value if is_same else Plain(VARYING)
    return Message(first.code, **shared)


def printable(text: str) -> str:
    """A text with everything escaped that could move a terminal's cursor, change its colours or break the line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shown(text: str) -> str:
    """A value in quotes, control characters escaped and cut where it is long: fit for one line of a terminal."""
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return repr(cut)


def _text(value: object, words: Catalogue) -> str:
    if isinstance(value, Message):
        return value.say(words)
    if isinstance(value, Plain | PurePath):
        return printable(without_user_part(str(value)))
    if isinstance(value, str):
        return shown(without_user_part(value))
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


@cache
def _english() -> Catalogue:
    try:
        return load_catalogue(FALLBACK)
    except CatalogueError:
        return Catalogue(FALLBACK, {})
