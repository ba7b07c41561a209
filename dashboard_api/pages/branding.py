"""The city's own logo, for its pages."""

from __future__ import annotations

import os
import stat
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from dashboard_api.context import ContextOf
from dashboard_api.errors import NotFoundError
from dashboard_api.http.entity_tag import entity_tag, not_modified, tag_headers

PNG: Final = "image/png"
_MAX_BYTES: Final = 256 << 10
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def get_logo(request: Request, context: ContextOf) -> Response:
    """The city's logo, a PNG image of at most 256 kB.

    Raises:
        NotFoundError: the city has none, or its file is no such image.
    """
    logo = context.city.branding.logo
    data = b"" if logo is None else _content(str(context.city.folder / logo))
    if not data.startswith(_SIGNATURE) or len(data) > _MAX_BYTES:
        raise NotFoundError("no_logo")
    headers = tag_headers(entity_tag("logo", data), {"Cache-Control": "public, max-age=3600"})
    return not_modified(request, headers) or Response(data, media_type=PNG, headers=headers)


def _content(path: str) -> bytes:
    """The file, or nothing where it cannot be read; a pipe is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_MAX_BYTES + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    except OSError:
        return b""
