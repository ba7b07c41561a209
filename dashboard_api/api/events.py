"""Server-sent events: fault opened, changed, closed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Header, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from dashboard_api.errors import BadRequestError, UnavailableError
from dashboard_api.events.feed import Feed

_PING_S: Final = 15
MAX_STREAMS: Final = 500


async def get_events(
    request: Request,
    last_event_id: Annotated[str | None, Header(description="`id` of the last event that was received")] = None,
) -> EventSourceResponse:
    """A stream of fault events; ``Last-Event-ID`` resumes it where a client was cut off."""
    if last_event_id is not None and not (
        last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 19
    ):
        raise BadRequestError("foreign_event_id")
    feed: Feed = request.app.state.feed
    if feed.n_streams >= MAX_STREAMS:
        raise UnavailableError("too_many_streams", n=MAX_STREAMS)

    async def events() -> AsyncIterator[bytes | ServerSentEvent]:
        yield ServerSentEvent(comment="terang", retry=3000)
        async for frames in feed.stream(None if last_event_id is None else int(last_event_id)):
            yield frames

    return EventSourceResponse(events(), ping=_PING_S)
