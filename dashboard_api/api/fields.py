"""Texts and times that requests carry, each with its limit: types for parameters and bodies."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from dashboard_api.errors import BadRequestError
from languages.message import Message

UNSTORABLE: Final = "unstorable_text"
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # what a database text cannot hold


def _storable(text: str) -> str:
    if _UNSTORABLE.search(text):
        raise PydanticCustomError(UNSTORABLE, "unstorable", {"message": Message("value.unstorable")})
    return text


def _composed(text: str) -> str:
    """Ids are compared in NFC, the form in which the register keeps them."""
    return unicodedata.normalize("NFC", _storable(text))


def refuse_blank(name: str, text: str | None) -> None:
    """Refuse a text that shows nothing: white space, control and format characters alone.

    Raises:
        BadRequestError: ``text`` is blank; None is not.
    """
    if text is not None and all(unicodedata.category(character)[0] in "ZC" for character in text):
        raise BadRequestError("blank", name=name)


Id = Annotated[str, StringConstraints(max_length=128), AfterValidator(_composed)]
CircuitName = Annotated[str, StringConstraints(max_length=64), AfterValidator(_composed)]
Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_composed)]
Note = Annotated[str, StringConstraints(max_length=4000), AfterValidator(_storable)]
TimeText = str  # `dashboard_api.formats.times.parse_time` holds its limit, with an error that repeats it
NumberList = Annotated[str, StringConstraints(max_length=200)]
WordList = Annotated[str, StringConstraints(max_length=1000)]
Cursor = Annotated[str, StringConstraints(max_length=512)]
