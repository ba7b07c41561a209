"""Answers HEAD as GET without its body, for every address that GET has (RFC 9110, 9.3.2); plain ASGI."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """Passes HEAD on as GET; of the answer only its head leaves."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked = {**scope, "method": "GET"}  # the server still has to see HEAD: it sends no body then
        is_begun = False

        async def hear() -> Message:
            # an answer that lasts for hours would never end: it is told that nobody listens
            return {"type": "http.disconnect"} if is_begun else await receive()

        async def head(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                if "route" in asked:
                    scope["route"] = asked["route"]  # for the metrics
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                is_begun = True

        await self._app(asked, hear, head)
