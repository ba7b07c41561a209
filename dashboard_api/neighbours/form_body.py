"""Reads the fields of a small HTML form; XML and other bodies are refused unread."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from dashboard_api.errors import BadRequestError

FORM: Final = "application/x-www-form-urlencoded"
_LARGEST: Final = 32 << 10  # bytes
_MOST_FIELDS: Final = 40


async def form_fields(request: Request) -> dict[str, str]:
    """Fields by name, in Unicode's composed form; of one that stands several times, the first.

    Raises:
        BadRequestError: another kind of body, one that is too large, or text that no database can hold.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise BadRequestError("not_this_form", expected=FORM)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise BadRequestError("form_too_large", max_bytes=_LARGEST)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequestError("not_this_form", expected=FORM) from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if "\0" in value:
            raise BadRequestError("unstorable_value")
        found.setdefault(name, unicodedata.normalize("NFC", value).strip())
    return found
