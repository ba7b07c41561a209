"""Headers that every answer carries: nothing is framed, sniffed, or loaded from elsewhere; plain ASGI."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# for answers that are no pages: whatever a browser makes of one, it runs and loads nothing
_NOTHING: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer a form would be sent with Origin: null
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(self), microphone=()"),
)
_TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """Adds what an answer does not say itself."""

    def __init__(self, app: ASGIApp, *, is_shared: bool = False) -> None:
        """Wrap ``app``; ``is_shared``: pages of other origins may read answers (they are listed)."""
        self._app = app
        self._always = _ALWAYS if is_shared else (*_ALWAYS, (b"cross-origin-resource-policy", b"same-origin"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                names = {name for name, _value in headers}
                headers += [pair for pair in self._always if pair[0] not in names]
                if b"content-security-policy" not in names:
                    headers.append((b"content-security-policy", _NOTHING))
                if scope.get("scheme") == "https":
                    headers.append(_TLS_ONLY)
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, add)
