"""The live feed: one poller reads new events from the database and queues them for every open stream."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from dashboard_api.context import Context
from dashboard_api.errors import ApiError
from dashboard_api.formats.fault_document import fault_document
from dashboard_api.store.feed import events_after, newest_seq
from ingest.schema import life

_POLL_S: Final = 0.5
_PAGE: Final = 500
_BACKLOG: Final = 2_000  # events that a slow stream may lag behind before it is ended
_KINDS: Final = {
    life.EVENT_OPENED: "opened",
    life.EVENT_REOPENED: "opened",
    "reopen": "opened",
    life.EVENT_CLOSED: "closed",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event as streams send it; ``name`` is opened, changed or closed, ``data`` is JSON."""

    seq: int
    name: str
    data: str


class Feed:
    """Polls while it is open; streams subscribe."""

    def __init__(self, context: Context) -> None:
        """``context``: whose database to poll."""
        self._context = context
        self._queues: set[asyncio.Queue[FeedEvent | None]] = set()
        self._seq = -1
        self._beginning = asyncio.Lock()

    async def run(self) -> None:
        """Poll until cancelled; a database that does not answer is asked again."""
        while True:
            try:
                await self._begin()
                for event in await self._after(self._seq):
                    self._seq = event.seq
                    self._hand_out(event)
            except ApiError as error:
                _log.debug("feed: %s", error)
            await asyncio.sleep(_POLL_S)

    async def _begin(self) -> None:
        """Set the poller's first position, once."""
        async with self._beginning:
            if self._seq < 0:
                self._seq = await run_in_threadpool(newest_seq, self._context.database)

    async def _after(self, seq: int) -> list[FeedEvent]:
        found = await run_in_threadpool(events_after, self._context.database, seq, _PAGE)
        catalogue = self._context.languages[self._context.city.city.language]
        return [_event(seq, kind, fault_document(row, catalogue)) for seq, kind, row in found]

    def _hand_out(self, event: FeedEvent) -> None:
        for queue in list(self._queues):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:  # too slow: it has to load anew, with a fresh stream
                self._queues.discard(queue)
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
                queue.put_nowait(None)

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[asyncio.Queue[FeedEvent | None]]:
        """A queue of events from now on; None = this stream fell behind and ends."""
        queue: asyncio.Queue[FeedEvent | None] = asyncio.Queue(_BACKLOG)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    async def stream(self, last_seq: int | None) -> AsyncIterator[FeedEvent]:
        """Events after ``last_seq`` (None: from now on), without gap or repeat."""
        async with self.subscribed() as queue:
            await self._begin()  # what comes after its start is handed out, so everything before is in the pages below
            sent = last_seq
            while sent is not None:
                page = await self._after(sent)
                for event in page:
                    yield event
                    sent = event.seq
                if len(page) < _PAGE:
                    break
            while (event_or_end := await queue.get()) is not None:
                if sent is None or event_or_end.seq > sent:
                    yield event_or_end


def _event(seq: int, kind: str, fault: dict[str, Any]) -> FeedEvent:
    document: dict[str, Any] = {"id": seq, "kind": _KINDS.get(kind, "changed"), "fault": fault}
    return FeedEvent(seq, document["kind"], json.dumps(document, separators=(",", ":")))
