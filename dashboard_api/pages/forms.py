"""Reads a small HTML form; the field names are ours, so nothing of a multipart reader is needed."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request

from dashboard_api.errors import BadRequestError

_LARGEST: Final = 16 << 10  # bytes
_MOST_FIELDS: Final = 10


async def read_form(request: Request) -> dict[str, str]:
    """The form's fields.

    Raises:
        BadRequestError: no form, one that is too large, or one that is no UTF-8.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadRequestError("not_a_form")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise BadRequestError("not_a_form")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequestError("not_a_form") from error
    return dict(pairs)
