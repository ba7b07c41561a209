"""Many MQTT connections in one thread: a paho client for each virtual agent, served by one selector.

The only module of the simulator that knows paho. Every agent has a connection of its own, since a connection has one
will.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from firmware_sim.errors import SimError
from firmware_sim.fleet.virtual_agent import Publication, VirtualAgent
from languages.message import Message, Plain, why

_KEEPALIVE_S: Final = 30
_MISC_EVERY_S: Final = 1.0
_OTHER_FILES: Final = 200
_log = logging.getLogger(__name__)


class BrokerError(SimError):
    """The broker cannot be reached."""


def allow_connections(n_connections: int) -> None:
    """Let this process hold so many sockets at once: the usual soft limit is 1024 files.

    Raises:
        BrokerError: the machine's hard limit is lower.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = n_connections + _OTHER_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise BrokerError(Message("sim.open_files", n=n_connections, needed=needed, hard=hard))
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Link:
    """One agent's connection; reconnects when ``open`` is called again."""

    def __init__(
        self,
        agent: VirtualAgent,
        host: str,
        port: int,
        loop: LinkLoop,
        now_ms: Callable[[], int],
        on_command: Callable[[], None],
        on_change: Callable[[bool], None],
    ) -> None:
        """Prepare; ``open`` connects.

        ``on_command`` is called when something is in ``commands``, ``on_change`` with whether it is open now.
        """
        self.agent = agent
        self.commands: deque[bytes] = deque()
        self.retry_s = 0.0
        self._host, self._port = host, port
        self._loop = loop
        self._now_ms = now_ms
        self._on_command = on_command
        self._on_change = on_change
        self._client: mqtt.Client | None = None

    @property
    def is_open(self) -> bool:
        """A connection stands or is being made."""
        return self._client is not None

    def _hold(self, client: mqtt.Client | None) -> mqtt.Client | None:
        """Have this connection from now on; return the one before."""
        before, self._client = self._client, client
        self._on_change(client is not None)
        return before

    def open(self) -> None:
        """Connect with a fresh will.

        Raises:
            BrokerError: nobody listens there.
        """
        # a broker has one client of a name: cities that share it have controllers of the same id
        client_id = f"sim/{self.agent.group}/{self.agent.controller.controller_id}"
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        client.max_inflight_messages_set(100)
        will = self.agent.will()
        client.will_set(will.topic, will.payload, qos=1)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_open = lambda _client, _data, sock: self._loop.add(self, sock)
        client.on_socket_close = lambda _client, _data, sock: self._loop.remove(sock)
        client.on_socket_register_write = lambda _client, _data, sock: self._loop.want_write(sock, is_wanted=True)
        client.on_socket_unregister_write = lambda _client, _data, sock: self._loop.want_write(sock, is_wanted=False)
        self._hold(client)
        try:
            client.connect(self._host, self._port, _KEEPALIVE_S)
        except OSError as error:
            self._hold(None)
            raise BrokerError(
                Message("sim.at", where=Plain(f"{self._host}:{self._port}"), reason=why(error))
            ) from error

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            _log.warning("%s: refused: %s", self.agent.controller.controller_id, reason)
            return
        client.subscribe(self.agent.command_topic, qos=1)
        self.send(self.agent.connect(self._now_ms()))

    def _on_disconnect(self, client: mqtt.Client, _data: Any, _flags: Any, _reason: Any, _properties: Any) -> None:
        if client is self._client:
            self._hold(None)
            self.agent.cut_off()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.commands.append(bytes(message.payload))
        self._on_command()

    def send(self, messages: list[Publication]) -> None:
        """Hand messages to the connection; without one they are lost, as on a wire."""
        if self._client is None:
            return
        for message in messages:
            self._client.publish(message.topic, message.payload, qos=message.qos)

    def cut(self) -> None:
        """Drop the connection without DISCONNECT, so that the broker publishes the will."""
        client = self._hold(None)
        self.agent.cut_off()
        sock = None if client is None else client.socket()
        if isinstance(sock, socket.socket):
            self._loop.remove(sock)
            self._loop.bury(sock)

    def close(self) -> None:
        """An intended end."""
        if self._client is None:
            return
        self.send(self.agent.disconnect(self._now_ms()))
        client = self._hold(None)
        assert client is not None
        for _ in range(100):
            if not client.want_write():
                break
            client.loop_write()
        client.disconnect()
        client.loop_write()

    def serve(self, *, is_readable: bool, is_writable: bool) -> None:
        """The selector found something to do."""
        client = self._client
        if client is None:
            return
        if is_readable:
            client.loop_read(16)
        if is_writable and self._client is client:
            client.loop_write()

    def tend(self) -> None:
        """Keep-alive."""
        if self._client is not None:
            self._client.loop_misc()


class LinkLoop:
    """Waits on all sockets at once."""

    def __init__(self) -> None:
        """Nothing to wait for yet."""
        self._selector = selectors.DefaultSelector()
        self._links: set[Link] = set()
        self._tended_s = 0.0
        self._dying: list[socket.socket] = []

    def add(self, link: Link, sock: Any) -> None:
        """A socket opened."""
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, link)
        self._links.add(link)

    def remove(self, sock: Any) -> None:
        """A socket closes."""
        try:
            key = self._selector.unregister(sock)
        except (KeyError, ValueError):
            return
        self._links.discard(key.data)

    def bury(self, sock: socket.socket) -> None:
        """Break a connection off: what was sent before arrives, nothing is said after it.

        A socket closed over unread bytes would be reset, and the broker would forget what it had not read yet.
        """
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        self._dying.append(sock)

    def _close_dying(self) -> None:
        """Close what the broker has closed."""
        for sock in list(self._dying):
            try:
                is_over = not sock.recv(65_536)
            except BlockingIOError:
                continue
            except OSError:
                is_over = True
            if is_over:
                sock.close()
                self._dying.remove(sock)

    def want_write(self, sock: Any, *, is_wanted: bool) -> None:
        """A client has, or has no longer, something to write."""
        try:
            link = self._selector.get_key(sock).data
        except (KeyError, ValueError):  # a connection that was cut lets go of its socket late
            return
        self._selector.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if is_wanted else 0), link)

    def wait(self, timeout_s: float, now_s: float) -> None:
        """Serve whatever is ready within ``timeout_s``."""
        for key, events in self._selector.select(timeout_s):
            is_readable, is_writable = bool(events & selectors.EVENT_READ), bool(events & selectors.EVENT_WRITE)
            key.data.serve(is_readable=is_readable, is_writable=is_writable)
        self._close_dying()
        if now_s - self._tended_s >= _MISC_EVERY_S:
            self._tended_s = now_s
            for link in list(self._links):
                link.tend()

    def close(self) -> None:
        """Let go of the selector, and of connections that the broker still holds."""
        for sock in self._dying:
            sock.close()
        self._selector.close()
