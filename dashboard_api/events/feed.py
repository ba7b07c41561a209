"""The live feed: one poller reads new events from the database and queues them for every open stream.

A stream that resumes reads pages of past events. Many clients resume at once, after a restart of a proxy: they share
the pages, which are read and encoded once, and are given out at a limited rate.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import Context
from dashboard_api.errors import ApiError
from dashboard_api.formats.fault_document import fault_document
from dashboard_api.store.feed import events_after, newest_seq
from ingest.schema import life

_POLL_S: Final = 0.5
_PAGE: Final = 200
_BACKLOG: Final = 2_000  # events that a slow stream may lag behind before it is ended
_KEPT_PAGES: Final = 16
_KEPT_S: Final = 5.0  # a page shows its faults as they are now: it is read again after so long
_REPLAY_BYTES_S: Final = 40e6  # of past events to all streams together: sending them takes the event loop's time
_KINDS: Final = {
    life.EVENT_OPENED: "opened",
    life.EVENT_REOPENED: "opened",
    "reopen": "opened",
    life.EVENT_CLOSED: "closed",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event; ``frame`` is what streams send."""

    seq: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class _Page:
    """Events that follow each other, as streams send them."""

    last_seq: int
    frames: bytes
    is_last: bool
    read_s: float


class Feed:
    """Polls while it is open; streams subscribe."""

    def __init__(self, context: Context) -> None:
        """``context``: whose database to poll."""
        self._context = context
        self._queues: set[asyncio.Queue[FeedEvent | None]] = set()
        self._seq = -1
        self._beginning = asyncio.Lock()
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self._replaying = asyncio.Lock()

    @property
    def n_streams(self) -> int:
        """Streams that are open."""
        return len(self._queues)

    async def run(self) -> None:
        """Poll until cancelled; a database that does not answer is asked again."""
        while True:
            try:
                await self._begin()
                events = await self._after(self._seq)
                for event in events:
                    self._seq = event.seq
                    self._hand_out(event)
                if not events:
                    await self._look_back()
            except ApiError as error:
                _log.debug("feed: %s", error)
            await asyncio.sleep(_POLL_S)

    async def _begin(self) -> None:
        """Set the poller's first position, once."""
        async with self._beginning:
            if self._seq < 0:
                self._seq = await self._newest()

    async def _look_back(self) -> None:
        """Where the database has become one of an earlier time, go on from its end; every stream has to load anew."""
        newest = await self._newest()
        if newest < self._seq:
            self._seq = newest
            self._pages.clear()
            for queue in list(self._queues):
                self._end(queue)

    async def _newest(self) -> int:
        return await run_in_threadpool(newest_seq, self._context.database)

    async def _after(self, seq: int) -> list[FeedEvent]:
        catalogue = self._context.languages[self._context.city.city.language]

        def read() -> list[FeedEvent]:
            found = events_after(self._context.database, seq, _PAGE)
            return [_event(seq, kind, fault_document(row, catalogue)) for seq, kind, row in found]

        return await run_in_threadpool(read)

    async def _page_after(self, seq: int) -> _Page:
        """The events after ``seq``, as another stream has just read them, or read now."""
        page = self._pages.get(seq)
        if page is not None and time.monotonic() - page.read_s < _KEPT_S:
            return page
        events = await self._after(seq)
        frames = b"".join(event.frame for event in events)
        last_seq = events[-1].seq if events else seq
        page = _Page(last_seq, frames, len(events) < _PAGE, time.monotonic())
        if page.is_last:
            self._pages.pop(seq, None)  # it still grows
        else:
            self._pages[seq] = page
            self._pages.move_to_end(seq)
            if len(self._pages) > _KEPT_PAGES:
                self._pages.popitem(last=False)
        return page

    def _hand_out(self, event: FeedEvent) -> None:
        for queue in list(self._queues):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:  # too slow: it has to load anew, with a fresh stream
                self._end(queue)

    def _end(self, queue: asyncio.Queue[FeedEvent | None]) -> None:
        self._queues.discard(queue)
        if queue.full():
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

    async def stream(self, last_seq: int | None) -> AsyncIterator[bytes]:
        """Events after ``last_seq``, without gap or repeat, as they are sent.

        None, or a number that the database does not have: from now on.
        """
        async with self.subscribed() as queue:
            await self._begin()  # what comes after its start is handed out, so everything before is in the pages below
            sent = last_seq
            if sent is not None and sent > self._seq and sent > await self._newest():  # nearly none asks
                sent = None
            is_replaying = sent is not None
            while is_replaying and sent is not None:
                async with self._replaying:
                    page = await self._page_after(sent)
                    await asyncio.sleep(len(page.frames) / _REPLAY_BYTES_S)  # other requests come between two pages
                sent, is_replaying = page.last_seq, not page.is_last
                if page.frames:
                    yield page.frames
            while (event_or_end := await queue.get()) is not None:
                if sent is None or event_or_end.seq > sent:
                    yield event_or_end.frame


def _event(seq: int, kind: str, fault: dict[str, Any]) -> FeedEvent:
    document: dict[str, Any] = {"id": seq, "kind": _KINDS.get(kind, "changed"), "fault": fault}
    data = json.dumps(document, separators=(",", ":"))
    return FeedEvent(seq, ServerSentEvent(id=str(seq), event=document["kind"], data=data).encode())
