"""amqtt's broker within limits: what strangers hold open in it must not take ingest's own files and memory.

Beside ``embedded_broker``, which runs it, the only module of ingest that uses amqtt.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter  # type: ignore[import-untyped]  # no types
from amqtt.broker import Broker as AmqttBroker  # type: ignore[import-untyped]  # as above
from amqtt.contexts import BrokerConfig  # type: ignore[import-untyped]  # as above
from amqtt.errors import NoDataError  # type: ignore[import-untyped]  # as above

from ingest.mqtt.backlog import Backlog

TLS_LISTENER: Final = "tls"  # name of the listener that asks for certificates
MAX_PACKET: Final = 4 << 20  # bytes
_CONNECT_TIMEOUT_S: Final = 10.0
_MAX_RETAINED: Final = 1000
_MAX_RETAINED_BYTES: Final = 65_536
_MAX_FILTERS: Final = 100  # that one session subscribes to; an agent needs two, ingest four
_MAX_INFLIGHT: Final = 10_000  # messages sent to a session that it has not confirmed
_STALLED_S: Final = 60.0  # until who reads nothing is cut off; ingest itself may wait for its store for a while
_MAX_UNSENT: Final = 16 << 20  # bytes that wait for one connection to read
_MAX_UNSENT_OF_ALL: Final = 64 << 20
_DELIVERY: Final = 8 << 10  # bytes that a delivery takes in memory beside its data while it waits, measured
_MAX_READ_AHEAD: Final = 256 << 10  # bytes of one connection's messages that wait to be handed on
_MAX_READ_AHEAD_OF_ALL: Final = 1 << 20
_MAX_UNRELEASED: Final = 256  # messages of quality 2 of one session that it has not released
_FINISHED_AT_ONCE: Final = 256
_REFUSED: Final = 0x80  # SUBACK's return code


class SteadyDict(dict[str, Any]):
    """A dict that may grow while it is walked over: a walk sees the keys of its beginning."""

    def __iter__(self) -> Iterator[str]:
        """Keys of this moment."""
        return iter(list(super().keys()))

    def items(self) -> Any:
        """Pairs of this moment."""
        return list(super().items())


class _SizedReader(StreamReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """A connection's reading side: it waits while too much of what it read waits, and ends where somebody goes too far.

    Attributes:
        session: of amqtt, once there is one.
    """

    def __init__(self, reader: asyncio.StreamReader, peer: object) -> None:
        super().__init__(reader)
        self._peer = peer
        self._is_cut_off = False
        self.session: Any = None

    async def read(self, n: int = -1) -> bytes:
        if self.session is not None:
            await self.session.delivered_message_queue.has_room.wait()
            if len(self.session.inflight_in) > _MAX_UNRELEASED:
                self._cut_off("releases none of its messages")
        if n > MAX_PACKET:
            self._cut_off("its packet is too long", n_bytes=n)
        if self._is_cut_off:
            return b""  # as if it had hung up: what it goes on to send is no packet's beginning
        data: bytes = await super().read(n)
        return data

    def _cut_off(self, reason: str, **more: int) -> None:
        if not self._is_cut_off:
            structlog.get_logger("broker").warning(f"cut off: {reason}", peer=str(self._peer), **more)
        self._is_cut_off = True


class _PatientWriter(StreamWriterAdapter):  # type: ignore[misc]  # as above
    """A connection's writing side that ends where nobody reads: what waits for it would fill the memory."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        super().__init__(writer)
        self._stream = writer

    def write(self, data: bytes) -> None:
        """Write to a connection that stands; what was to be sent on a broken one is dropped without a word."""
        if not self._stream.transport.is_closing():
            super().write(data)

    async def drain(self) -> None:
        try:
            async with asyncio.timeout(_STALLED_S):
                await super().drain()
        except TimeoutError:
            self.cut_off("reads nothing")
            raise ConnectionResetError("cut off: reads nothing") from None

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return bool(self._stream.transport.is_closing())

    def cut_off(self, reason: str) -> None:
        """End the connection without a word; what was to be sent is dropped."""
        if self._stream.transport.is_closing():
            return
        peer = self._stream.get_extra_info("peername")
        structlog.get_logger("broker").warning("cut off", reason=reason, peer=str(peer))
        self._stream.transport.abort()


class BoundedBroker(AmqttBroker):  # type: ignore[misc]  # as above
    """amqtt's broker, with limits: to packets, connections, the time until CONNECT, retained messages, subscriptions.

    Its sessions end with their connections, however these end; who reads or confirms nothing is cut off.

    It shares a process with ingest: what strangers hold open here must not take ingest's own files and memory.
    """

    def __init__(self, config: BrokerConfig, max_connections: int, tls: ssl.SSLContext | None = None) -> None:
        """Nothing is started yet.

        Args:
            config: of amqtt; a listener called ``TLS_LISTENER`` is one of plain TCP there.
            max_connections: that stand at once, also those that have not finished their TLS handshake.
            tls: of that listener.
        """
        super().__init__(config)
        self._broadcast_queue = Backlog(_MAX_READ_AHEAD_OF_ALL, holds_writers=True)
        self._tls = tls
        self._max_connections = max_connections
        self._n_open = 0
        self._n_tasks_kept = 0
        self._unsent: dict[Any, int] = {}  # handler -> bytes
        self._n_unsent = 0
        self._n_filters: dict[str, int] = {}
        self._is_full_logged = False

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        """Serve a connection, or end it where there are too many."""
        if self._n_open >= self._max_connections:
            if not self._is_full_logged:
                structlog.get_logger("broker").warning("no more connections are accepted", n_open=self._n_open)
            self._is_full_logged = True
            writer.close()
            return
        self._n_open += 1
        sized = _SizedReader(reader, writer.get_extra_info("peername"))
        try:
            with suppress(OSError, ValueError):  # of one client's bytes, at a place where amqtt expects none
                if listener_name == TLS_LISTENER:
                    if self._tls is None:
                        return
                    await writer.start_tls(self._tls, ssl_handshake_timeout=_CONNECT_TIMEOUT_S)
                await self.external_connected(sized, _PatientWriter(writer), listener_name)
        finally:
            self._n_open -= 1
            self._is_full_logged = self._is_full_logged and self._n_open > self._max_connections // 2
            writer.close()  # amqtt leaves it open where no session began

    async def _initialize_client_session(self, *connection: Any) -> Any:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                return await super()._initialize_client_session(*connection)
        except (TimeoutError, UnicodeDecodeError) as error:
            raise NoDataError(str(error) or "no CONNECT in time") from error

    async def _handle_client_session(self, reader: Any, writer: Any, client_session: Any, *more: Any) -> None:
        """Serve a session; one whose connection breaks before amqtt serves it would stand as connected for ever."""
        handler = more[0]
        if not isinstance(client_session.delivered_message_queue, Backlog):
            client_session.delivered_message_queue = Backlog(_MAX_READ_AHEAD)
        if isinstance(reader, _SizedReader):
            reader.session = client_session
        handler.mqtt_publish = partial(self._deliver, handler, handler.mqtt_publish)
        try:
            await super()._handle_client_session(reader, writer, client_session, *more)
        finally:
            self._unsent.pop(handler, None)
            _session, handler = self._sessions.get(client_session.client_id, (None, None))
            if handler is None or handler.writer is None or handler.writer is writer:  # not another connection's
                self._n_filters.pop(client_session.client_id, None)
                if client_session.transitions.is_connected():
                    client_session.transitions.disconnect()  # amqtt removes it within a second

    async def _deliver(
        self, handler: Any, publish: Callable[..., Awaitable[Any]], topic: str, data: Any, *more: Any, **options: Any
    ) -> Any:
        """Send a message to a session; who reads so slowly that too much waits for it is cut off."""
        if _is_closing(handler):
            return None
        n_bytes = len(data) + _DELIVERY
        self._unsent[handler] = self._unsent.get(handler, 0) + n_bytes
        self._n_unsent += n_bytes
        try:
            if self._n_unsent > _MAX_UNSENT_OF_ALL:
                _cut_off(max(self._unsent, key=self._unsent.__getitem__))
            if self._unsent[handler] > _MAX_UNSENT:
                _cut_off(handler)
                return None
            return await publish(topic, data, *more, **options)
        except Exception:  # noqa: BLE001  # amqtt would print a traceback for each message to a broken connection
            return None
        finally:
            self._n_unsent -= n_bytes
            if handler in self._unsent:
                self._unsent[handler] -= n_bytes

    async def add_subscription(self, subscription: tuple[str, int], session: Any) -> int:
        """Subscribe, if the session has not too many filters already."""
        n_filters = self._n_filters.get(session.client_id, 0)
        if n_filters >= _MAX_FILTERS:
            return _REFUSED
        self._n_filters[session.client_id] = n_filters + 1
        return int(await super().add_subscription(subscription, session))

    async def _handle_unsubscription(self, client_session: Any, handler: Any, unsubscribe_waiter: Any) -> None:
        topics = unsubscribe_waiter.result().topics
        await super()._handle_unsubscription(client_session, handler, unsubscribe_waiter)
        for topic in topics:
            if not self._subscriptions.get(topic, True):
                del self._subscriptions[topic]
        left = self._n_filters.get(client_session.client_id, 0) - len(topics)
        self._n_filters[client_session.client_id] = max(0, left)

    def _get_handler(self, session: Any) -> Any:
        """Who delivers to a session; nobody, once it confirms nothing of what it was sent."""
        handler = super()._get_handler(session)
        if handler is not None and len(session.inflight_out) > _MAX_INFLIGHT:
            _cut_off(handler, "confirms nothing")
            session.inflight_out.clear()
            return None
        return handler

    async def _run_broadcast(self, running_tasks: Any) -> None:
        """Deliver one message; amqtt forgets what was delivered only behind the oldest that was not."""
        await super()._run_broadcast(running_tasks)
        if len(running_tasks) > self._n_tasks_kept + _FINISHED_AT_ONCE:
            for _ in range(len(running_tasks)):
                task = running_tasks.popleft()
                if not task.done():
                    running_tasks.append(task)
                elif not task.cancelled():
                    task.exception()  # of a connection that broke
            self._n_tasks_kept = len(running_tasks)

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Any) -> None:
        """Send a session what is retained under a filter, one after the other, if the filter is its own.

        amqtt sends each new session what is retained under everybody's filters, all at once.
        """
        topic_filter, qos = subscription
        if all(holder is not session for holder, _qos in self._subscriptions.get(topic_filter, ())):
            return
        for topic, retained in list(self._retained_messages.items()):
            if not self._matches(topic, topic_filter):
                continue
            handler = self._get_handler(session)
            if handler is None or _is_closing(handler):
                return
            await handler.mqtt_publish(topic, retained.data, min(qos, retained.qos or qos), retain=True)

    async def retain_message(self, source_session: Any, topic_name: str, data: Any, qos: int | None = None) -> None:
        """Keep a retained message, if there is room: a city has one, its host's STATE."""
        is_known = topic_name in self._retained_messages
        room = 2 * _MAX_RETAINED if topic_name.startswith("spBv1.0/STATE/") else _MAX_RETAINED
        if data and not is_known and len(self._retained_messages) >= room:
            return
        if data and len(data) > _MAX_RETAINED_BYTES:
            return
        await super().retain_message(source_session, topic_name, data, qos)


def _is_closing(handler: Any) -> bool:
    return isinstance(handler.writer, _PatientWriter) and handler.writer.is_closing()


def _cut_off(handler: Any, reason: str = "reads too slowly") -> None:
    if isinstance(handler.writer, _PatientWriter):
        handler.writer.cut_off(reason)
