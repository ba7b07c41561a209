"""Tells subscribers what has changed: looks every few seconds, sends pages, waits longer after each failure.

What was delivered is remembered in memory alone. After a restart, and when the register was replaced, a subscriber gets
everything that its subscription means once more: rather twice than never.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import numpy as np
import numpy.typing as npt
import structlog
from starlette.concurrency import run_in_threadpool
from ulid import ULID

from dashboard_api.context import Context
from dashboard_api.errors import ApiError
from dashboard_api.formats.times import iso
from dashboard_api.neighbours.ngsi_ld import mapping
from dashboard_api.neighbours.ngsi_ld.entities import EntitySource, Layout
from dashboard_api.neighbours.ngsi_ld.selecting import chosen
from dashboard_api.neighbours.ngsi_ld.subscriptions import Subscription
from dashboard_api.neighbours.outgoing.endpoints import GIVE_UP_AFTER, is_listed, wait_s
from dashboard_api.neighbours.outgoing.sender import Sender
from dashboard_api.store.ngsi_subscriptions import all_subscriptions, write_delivery

EVERY_S: Final = 10.0
PAGES: Final = {mapping.LAMP: 200, mapping.GROUP: 20}  # entities of a notification; a circuit carries its lamps
MOST_PAGES: Final = 20  # of one subscription at a time
UInt32 = npt.NDArray[np.uint32]


@dataclass(slots=True)
class _Reported:
    """What a subscriber knows: type -> uint32 (n,) mark of each entity, 0 = nothing."""

    layout: Layout
    marks: dict[str, UInt32] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Page:
    """One notification: rows of a type with their marks, and the body."""

    kind: str
    rows: npt.NDArray[np.int64]
    marks: UInt32
    body: bytes


class Notifier:
    """Tells the subscribers of one city."""

    def __init__(
        self, context: Context, source: EntitySource, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """``transport``: another way out than the network."""
        self._context = context
        self._source = source
        self._transport = transport
        self._reported: dict[str, _Reported] = {}
        self._log = structlog.get_logger("api")

    async def run(self) -> None:
        """Tell subscribers until cancelled, each at its own pace: none waits for another one's endpoint."""
        sender = Sender(self._transport)
        running: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                running = {one: task for one, task in running.items() if not task.done()}
                try:
                    due, now_us = await self._due()
                except (ApiError, OSError, ValueError) as error:
                    self._log.debug("subscriptions wait", reason=str(error))
                    continue
                for row in due:
                    if row.id not in running:
                        running[row.id] = asyncio.create_task(self._try_one(sender, row, now_us))
        finally:
            for task in running.values():
                task.cancel()
            await asyncio.gather(*running.values(), return_exceptions=True)
            await sender.close()

    async def tell(self) -> None:
        """Tell every subscriber whose time has come, and wait until all are told.

        Raises:
            UnavailableError: the database does not answer.
        """
        sender = Sender(self._transport)
        try:
            due, now_us = await self._due()
            await asyncio.gather(*(self._tell_one(sender, row, now_us) for row in due))
        finally:
            await sender.close()

    async def _due(self) -> tuple[list[Any], int]:
        """The subscriptions whose time has come, and when that is."""
        rows = await run_in_threadpool(all_subscriptions, self._context.database)
        self._reported = {row.id: self._reported[row.id] for row in rows if row.id in self._reported}
        now_us = self._context.now_us()
        return [row for row in rows if row.is_active and _is_due(row, now_us) and not _is_over(row, now_us)], now_us

    async def _try_one(self, sender: Sender, row: Any, now_us: int) -> None:
        try:
            await self._tell_one(sender, row, now_us)
        except (ApiError, OSError, ValueError) as error:
            self._log.debug("a subscription waits", id=row.id, reason=str(error))

    async def _tell_one(self, sender: Sender, row: Any, now_us: int) -> None:
        try:
            found = Subscription.model_validate(row.document)
            address = found.notification.endpoint.uri
            if not is_listed(address, self._context.city.ngsi.notify):
                await self._failed(row, now_us, "the city no longer lists this host", is_final=True)
                return
            reported, pages = await run_in_threadpool(self._pages, row.id, found, now_us)
        except (ApiError, ValueError) as error:
            self._log.warning("a subscription cannot be read", id=row.id, reason=str(error)[:200])
            return
        n_sent = 0
        headers = _headers(found.notification.endpoint.accept)
        reason = None
        for page in pages:
            reason = await sender.send("POST", address, page.body, headers)
            if reason is not None:
                break
            reported.marks[page.kind][page.rows] = page.marks
            n_sent += 1
        if n_sent:
            values = {
                "n_sent": row.n_sent + n_sent,
                "n_failed": 0,
                "sent_at_us": now_us,
                "succeeded_at_us": now_us,
                "next_at_us": now_us + found.wait_us,
            }
            await run_in_threadpool(write_delivery, self._context.database, row.id, values)
        if reason is not None:
            await self._failed(row, now_us, reason, n_before=0 if n_sent else row.n_failed)

    async def _failed(
        self, row: Any, now_us: int, reason: str, *, n_before: int | None = None, is_final: bool = False
    ) -> None:
        n_failed = (row.n_failed if n_before is None else n_before) + 1
        is_dead = is_final or n_failed >= GIVE_UP_AFTER
        values = {
            "n_failed": n_failed,
            "n_failed_ever": row.n_failed_ever + 1,
            "failed_at_us": now_us,
            "error": reason,
            "next_at_us": now_us + wait_s(n_failed) * 1_000_000,
            **({"is_active": False} if is_dead else {}),
        }
        await run_in_threadpool(write_delivery, self._context.database, row.id, values)
        if is_dead:
            self._log.warning("a subscription is given up", id=row.id, failures=n_failed, reason=reason)

    def _pages(self, subscription_id: str, found: Subscription, now_us: int) -> tuple[_Reported, list[_Page]]:
        """What the subscriber knows, and what is to be sent now; runs in a thread."""
        snapshot = self._source.snapshot()
        reported = self._reported.get(subscription_id)
        if reported is None or reported.layout is not snapshot.layout:
            reported = self._reported[subscription_id] = _Reported(snapshot.layout)
        meant = {kind: np.zeros(snapshot.n(kind), np.bool_) for kind in mapping.WATCHED}
        for selection in found.selections:
            for kind, rows in chosen(snapshot, selection):
                meant[kind][rows] = True
        pages: list[_Page] = []
        for kind, is_meant in meant.items():
            names = found.watched(kind)
            if not names or not is_meant.any():
                reported.marks.pop(kind, None)
                continue
            marks = np.ones(len(is_meant), np.uint32)
            for name in names:
                marks = marks << np.uint32(8) | snapshot.watched[kind][name]
            known = reported.marks.setdefault(kind, np.zeros(len(is_meant), np.uint32))
            known[~is_meant] = 0  # what comes back later is reported again
            changed = np.flatnonzero(is_meant & (known != marks))
            for start in range(0, len(changed), PAGES[kind]):
                if len(pages) == MOST_PAGES:
                    return reported, pages
                rows = changed[start : start + PAGES[kind]]
                data = snapshot.documents(kind, rows, found.attrs)
                body = _body(subscription_id, found, kind, data, now_us)
                pages.append(_Page(kind, rows, marks[rows], body))
        return reported, pages


def _is_due(row: Any, now_us: int) -> bool:
    """Whether its time has come, or was reckoned from a time that has not come yet: the clock was set back."""
    reckoned_us = max(row.created_at_us, row.sent_at_us or 0, row.failed_at_us or 0)
    return bool(row.next_at_us <= now_us or reckoned_us > now_us)


def _is_over(row: Any, now_us: int) -> bool:
    return row.expires_at_us is not None and row.expires_at_us <= now_us


def _body(subscription_id: str, found: Subscription, kind: str, data: list[dict[str, Any]], now_us: int) -> bytes:
    if found.notification.format == "normalized":
        data = [mapping.normalized(kind, one) for one in data]
    document: dict[str, Any] = {
        "id": f"urn:ngsi-ld:Notification:{ULID()}",
        "type": "Notification",
        "subscriptionId": subscription_id,
        "notifiedAt": iso(now_us),
        "data": data,
    }
    if found.notification.endpoint.accept == "application/ld+json":
        document["@context"] = mapping.CONTEXT_URI
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _headers(media_type: str) -> dict[str, str]:
    headers = {"Content-Type": media_type}
    if media_type == "application/json":
        headers["Link"] = mapping.CONTEXT_LINK
    return headers
