"""Limits on what a request says: the size of its body, and texts that no store can hold; plain ASGI.

Ids are compared in Unicode's composed form (NFC), the form in which the register keeps them: path and query are brought
into it here, bodies by `dashboard_api.api.fields`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import parse_qsl, urlencode

from fastapi import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard_api.formats.problem_document import MEDIA_TYPE, problem_document
from dashboard_api.http.asked_language import problem_words
from languages.catalogue import Languages

MAX_BODY_BYTES: Final = 1 << 20
MAX_PHOTO_BYTES: Final = 12 << 20
MAX_QUERY_FIELDS: Final = 100
_PHOTO: Final = re.compile(r"/api/v1/faults/[^/]+/photos/[^/]+")


class RequestLimits:
    """Refuses bodies that are too large (413) and path or query with text that no store can hold (400)."""

    def __init__(self, app: ASGIApp, languages: Languages, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        """Wrap ``app``; ``languages`` for the refusal."""
        self._app = app
        self._languages = languages
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-length"), "0")
        is_photo = scope["method"] == "PUT" and _PHOTO.fullmatch(scope["path"])
        max_bytes = MAX_PHOTO_BYTES if is_photo else self._max_body_bytes
        if not length.isdigit() or len(length) > 18 or int(length) > max_bytes:
            await self._refuse_body(scope, receive, send, max_bytes)
            return
        composed = _composed(scope)
        if composed is None:
            document = problem_document(400, problem_words(scope, self._languages), "unstorable_address")
            await JSONResponse(document, 400, media_type=MEDIA_TYPE)(scope, receive, send)
            return
        n_received = 0

        async def receive_some() -> Message:
            nonlocal n_received
            message = await receive()
            n_received += len(message.get("body", b""))
            if n_received > max_bytes:
                raise HTTPException(413)  # the one error of a body's reader that FastAPI passes on
            return message

        await self._app(composed, receive_some, send)

    async def _refuse_body(self, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
        # The rest of the body is read and thrown away by the server, within its time limit: a connection that was
        # closed at once would lose the answer together with it.
        document = problem_document(413, problem_words(scope, self._languages), "body_too_large", max_bytes=max_bytes)
        await JSONResponse(document, 413, media_type=MEDIA_TYPE)(scope, receive, send)


def _composed(scope: Scope) -> Scope | None:
    """The scope with path and query in NFC; None = they hold what is no text."""
    path, query = scope["path"], scope["query_string"]
    if "\0" in path or b"%00" in query or b"\0" in query:
        return None
    if path.isascii() and b"%" not in query:
        return scope
    try:
        path.encode()  # percent signs may stand for bytes that are no UTF-8
        fields = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_QUERY_FIELDS
        )
    except (UnicodeError, ValueError):
        return None
    composed = {**scope, "path": unicodedata.normalize("NFC", path)}
    texts = [(name, unicodedata.normalize("NFC", value)) for name, value in fields]
    if texts != fields:
        composed["query_string"] = urlencode(texts).encode()
    return composed
