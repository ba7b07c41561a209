"""The MQTT connection: the only module that imports paho.

Owns the link's thread: brokers in turn, TLS, reconnecting with jitter, and nothing of Sparkplug, which `session` knows.
The polling never waits for it.
"""

from __future__ import annotations

import logging
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.link.certificate_files import CertificateFiles
from edge_agent.link.link_settings import LinkSettings
from edge_agent.link.lost_connection import LostConnection

if TYPE_CHECKING:
    from edge_agent.link.session import NodeSession

LOG: Final = logging.getLogger(__name__)
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
HANDSHAKE_S: Final = 15.0  # from CONNECT to SUBACK
HOST_WAIT_S: Final = 30.0  # for the primary host's STATE, before the next broker is tried
MAX_PACKET_BYTES: Final = 4_000_000  # of an incoming message: the agent lives in 40 MB
STABLE_S: Final = 30.0  # a connection that held so long was a good one: the waits begin small again


class MqttLink:
    """Keeps a session connected, on a thread of its own."""

    def __init__(
        self,
        settings: LinkSettings,
        session: NodeSession,
        monotonic: Callable[[], float],
        random: Callable[[], float],
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Start nothing yet; `random` gives numbers in 0..1 for the jitter."""
        self._settings = settings
        self._session = session
        self._monotonic = monotonic
        self._random = random
        self._first_wait_s = first_wait_s
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._is_started = False
        self._is_closing = False
        self._is_subscribed = False
        self._is_refused = False
        self._lost = LostConnection()
        self._certificate: CertificateFiles | None = None
        if settings.cert is not None and settings.key is not None:
            self._certificate = CertificateFiles(settings.cert, settings.key, monotonic)
        self.url = settings.urls[0]
        self.last_error = ""

    def start(self) -> None:
        """Start the thread, once."""
        if not self._is_started:
            self._is_started = True
            self._thread.start()

    def is_alive(self) -> bool:
        """Whether the thread works, or has not been started yet."""
        return self._thread.is_alive() or not self._is_started

    def wake(self) -> None:
        """Let the thread look at the session now; from any thread."""
        with suppress(BlockingIOError):  # wakes before this one are unread: it will look anyway
            os.write(self._wake_write, b"\0")

    def stop(self, timeout_s: float) -> None:
        """Publish the death certificate, disconnect, end the thread."""
        self._stop.set()
        self.wake()
        if self._is_started:
            self._thread.join(timeout_s)

    # --- the thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        wait_s, turn = self._first_wait_s, 0
        while not self._stop.is_set():
            self.url = self._settings.urls[turn % len(self._settings.urls)]
            turn += 1
            started_s = self._monotonic()
            try:
                self._serve()
            except (OSError, ValueError) as error:
                self._say(f"{self.url}: {error}")
            except Exception:
                LOG.exception("unexpected error; reconnecting")
            finally:
                self._session.lost()
                if self._certificate is not None and not self._is_subscribed:
                    self._certificate.failed()
            if self._stop.is_set():
                return
            if self._monotonic() - started_s > STABLE_S:
                wait_s = self._first_wait_s
            is_round_done = turn % len(self._settings.urls) == 0
            self._stop.wait(wait_s * (0.5 + self._random()) if is_round_done else 0.2 * self._random())
            wait_s = min(LONGEST_WAIT_S, 2 * wait_s) if is_round_done else wait_s

    def _serve(self) -> None:
        """One connection, from TCP to its end."""
        parts = urlsplit(self.url)
        is_secure = parts.scheme == "mqtts"
        self._is_closing = self._is_subscribed = self._is_refused = False
        self._lost = LostConnection()
        client = self._client(is_secure=is_secure)
        host = parts.hostname or ""
        client.connect(host, parts.port or (8883 if is_secure else 1883), self._settings.keepalive_s)
        try:
            self._loop(client)
        finally:
            if self._is_closing:
                client.disconnect()
                self._drain(client)
            elif (sock := client.socket()) is not None:
                sock.close()  # no DISCONNECT: the broker shall publish the will

    def _client(self, *, is_secure: bool) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = 10.0
        client.suppress_exceptions = False
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if is_secure:
            context = ssl.create_default_context(cafile=str(settings.ca) if settings.ca else None)
            if self._certificate is not None:
                context.load_cert_chain(*self._certificate.choose())
            client.tls_set_context(context)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_log = self._on_log
        return client

    def _on_socket_open(self, client: Client, _userdata: Any, _socket: Any) -> None:
        """TCP is up and CONNECT comes next: only now a bdSeq is used up."""
        will = self._session.will()
        client.will_set(will.topic, will.payload, will.qos, retain=False)

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._is_refused = True
            self._say(f"{self.url}: refused: {reason}")
            return
        client.subscribe(list(self._session.subscriptions()))

    def _on_subscribe(self, client: Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [reason for reason in reasons[: self._session.n_needed_subscriptions] if reason.is_failure]
        if refused:
            self._is_refused = True
            self._say(f"{self.url}: refused the subscription to commands: {refused[0]}")
            return
        self._is_subscribed = self._lost.is_answered = True
        if self._certificate is not None:
            self._certificate.accepted()
        self.last_error = ""
        LOG.info("connected to %s", self.url)
        self._session.ready(_PahoTransport(client, self), self._monotonic())

    def _on_disconnect(self, _client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._lost.disconnected(str(reason))

    def _on_log(self, _client: Client, _userdata: Any, _level: Any, text: str) -> None:
        self._lost.logged(text)

    def sent(self, topic: str, n_bytes: int) -> None:
        """Note a message that was handed over for sending."""
        self._lost.sent(topic.split("/")[2], n_bytes, self._monotonic())

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._session.received(
            message.topic, bytes(message.payload), self._monotonic(), is_retained=bool(message.retain)
        )

    def _loop(self, client: Client) -> None:
        started_s = self._monotonic()
        host_since_s = started_s
        while not self._is_closing and not self._is_refused:
            if self._stop.is_set():
                self._session.close()
                return
            now_s = self._monotonic()
            if not self._is_subscribed and now_s - started_s > HANDSHAKE_S:
                raise TimeoutError("no answer to CONNECT and SUBSCRIBE")
            if self._certificate is not None and self._certificate.is_next_due():
                LOG.info("reconnecting with another certificate")
                self._session.close()
                return
            if not self._session.is_waiting_for_host:
                host_since_s = now_s
            elif len(self._settings.urls) > 1 and now_s - host_since_s > HOST_WAIT_S:
                LOG.warning("the primary host is not online at %s; trying the next broker", self.url)
                self._session.close()
                return
            wait_s = self._session.pump(now_s)
            if not self._turn(client, min(wait_s, 1.0)):
                self._say(f"{self.url}: connection lost: {self._lost.words(self._monotonic())}")
                return

    def _turn(self, client: Client, wait_s: float) -> bool:
        """Wait for the socket or a wake, and let paho work; False when the connection is gone."""
        sock = client.socket()
        if sock is None:
            return False
        assert isinstance(sock, socket.socket)  # a TLS socket is one too; paho's own websockets are not used
        is_pending = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        readers: list[socket.socket | int] = [sock, self._wake_read]
        writers = [sock] if client.want_write() else []
        readable, writable, _ = select.select(readers, writers, [], 0.0 if is_pending else max(0.0, wait_s))
        if self._wake_read in readable:
            os.read(self._wake_read, 4096)
        if is_pending or sock in readable:
            if client.loop_read() != MQTT_ERR_SUCCESS:
                return False
            n_bytes = _incoming_bytes(client)
            if n_bytes > MAX_PACKET_BYTES:
                self._lost.disconnected(f"a message of {n_bytes} bytes came, and {MAX_PACKET_BYTES} are read")
                return False
        if writable and client.loop_write() != MQTT_ERR_SUCCESS:
            return False
        return client.loop_misc() == MQTT_ERR_SUCCESS

    def _drain(self, client: Client) -> None:
        """Let the last packets leave, for a moment."""
        deadline_s = self._monotonic() + 2.0
        while client.socket() is not None and client.want_write() and self._monotonic() < deadline_s:
            if not self._turn(client, 0.1):
                return

    def closing(self) -> None:
        """The session has ended this connection on purpose."""
        self._is_closing = True

    def _say(self, text: str) -> None:
        self.last_error = text
        LOG.warning("%s", text)


def _incoming_bytes(client: Client) -> int:
    """Length of the packet that is being received, 0 between two; MQTT 3.1.1 cannot announce a limit."""
    packet: Any = getattr(client, "_in_packet", None)
    length = packet.get("remaining_length", 0) if isinstance(packet, dict) else 0
    return length if isinstance(length, int) else 0


class _PahoTransport:
    """The session's view of one paho client."""

    def __init__(self, client: Client, link: MqttLink) -> None:
        self._client = client
        self._link = link

    def publish(self, topic: str, payload: bytes, qos: int) -> None:
        self._client.publish(topic, payload, qos, retain=False)
        self._link.sent(topic, len(payload))

    def disconnect(self) -> None:
        self._link.closing()
