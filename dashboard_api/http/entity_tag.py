"""Entity tags of lists: a caller that holds the newest answer gets 304 without a body."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from dashboard_api.version import terang_version


def entity_tag(*parts: Any) -> str:
    """A weak entity tag of what an answer is made of, such as revisions, language and format."""
    text = repr((terang_version(), *parts))  # another version may write the same rows differently
    return f'W/"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def tag_headers(tag: str, headers: dict[str, str] | None = None) -> dict[str, str]:
    """Headers of an answer that is kept, and asked for again each time."""
    return {"Cache-Control": "private, no-cache", **(headers or {}), "ETag": tag}


def not_modified(request: Request, headers: dict[str, str]) -> Response | None:
    """304 if the caller holds the answer whose ``headers`` these are, else None."""
    held = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if "*" in held or headers["ETag"].removeprefix("W/") in held:
        return Response(status_code=304, headers=headers)
    return None
