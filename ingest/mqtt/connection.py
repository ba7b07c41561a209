"""The connection to the MQTT broker; the only module of ingest that uses paho.

Driven by the caller: ``receive`` waits for messages and does everything else that the connection needs meanwhile. paho
is used as it comes, through its functions for foreign event loops, over a socket that reads in large bites.
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from socket import IPPROTO_TCP, SO_RCVBUF, SOL_SOCKET, TCP_NODELAY, socket
from typing import Any, Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.wire import NAMESPACE, NBIRTH, NDATA, NDEATH, WireError, decode_state, encode_state, state_topic
from ingest.errors import UnusableError, describe
from ingest.mqtt.socket_buffer import SocketBuffer
from ingest.mqtt.state_time import StateTime
from ingest.schema.safe_url import without_secrets
from languages.message import Message, Plain, why

KEEPALIVE_S: Final = 30
_CONNECT_TIMEOUT_S: Final = 5.0
_BACKOFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
_ANSWER_TIMEOUT_S: Final = 10.0
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_RECEIVE_BUFFER: Final = 4 << 20


MqttMessage = tuple[str, bytes]  # topic and payload


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where and how to connect."""

    host: str
    port: int
    is_tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password: str | None = None


def parse_address(url: str) -> tuple[str, int, bool]:
    """``(host, port, is_tls)`` of an ``mqtt://`` or ``mqtts://`` URL.

    Raises:
        UnusableError: it names no host, or a port that is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise UnusableError(Message("terminal.error.broker_url", url=without_secrets(url))) from None
    if not parts.hostname:
        raise UnusableError(Message("terminal.error.broker_no_host", url=without_secrets(url)))
    return parts.hostname, port, parts.scheme == "mqtts"


class _Client(mqtt.Client):
    """paho's client over a buffered socket; everything else is paho's own."""

    buffer: SocketBuffer | None = None

    def _create_socket(self) -> Any:
        inner: socket = super()._create_socket()  # type: ignore[assignment]  # a plain or TLS socket: no web sockets here
        inner.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        inner.setsockopt(SOL_SOCKET, SO_RCVBUF, _RECEIVE_BUFFER)
        self.buffer = SocketBuffer(inner)
        return self.buffer


class Broker:
    """One connection as the Sparkplug host application of one group.

    Attributes:
        state_time: the time in our STATE; its ``tell`` is called for later ones of others.
        tell_retained: called with the topic of each retained message that was refused.
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        group: str,
        host_id: str,
        client_id: str,
        wall_ms: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is connected before ``receive``.

        Raises:
            UnusableError: a TLS file is missing or broken.
        """
        self._address = address
        self._state_topic = state_topic(host_id)
        self._topics = [(f"{NAMESPACE}/{group}/{kind}/+", int(kind == NDEATH)) for kind in (NBIRTH, NDATA, NDEATH)]
        self._monotonic = monotonic
        self._messages: list[MqttMessage] = []
        self._waiting_bytes = 0
        self.state_time = StateTime(wall_ms, monotonic)
        self._n_failures = 0
        self._retry_at = 0.0
        self._deadline = 0.0
        self._is_open = False
        self.is_subscribed = False
        self.n_sessions = 0
        self.tell_retained: Callable[[str], object] = lambda _topic: None
        self.trouble: Message | None = Message("readiness.not_connected")
        self._client = self._make_client(client_id)

    def _make_client(self, client_id: str) -> _Client:
        client = _Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.suppress_exceptions = False
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        # being registered keeps paho from writing in the middle of a publish: `receive` writes
        client.on_socket_register_write = lambda *_: None
        address = self._address
        if address.username is not None:
            client.username_pw_set(address.username, address.password)
        if address.is_tls:
            try:
                context = ssl.create_default_context(cafile=None if address.ca is None else str(address.ca))
                if address.cert is not None:
                    context.load_cert_chain(address.cert, address.key)
            except (OSError, ssl.SSLError) as error:
                raise UnusableError(Message("terminal.error.broker_files", reason=why(error))) from error
            client.tls_set_context(context)
        return client

    # --- the caller's side
    # ---------------------------------------------------------------------------------------------

    def receive(self, timeout_s: float, max_bytes: int) -> list[MqttMessage]:
        """Messages that came within ``timeout_s``, at once when ``max_bytes`` of them are there.

        Connects and reconnects by itself; ``trouble`` says what is in the way, ``n_sessions`` counts fresh starts.
        """
        end = self._monotonic() + timeout_s
        while True:
            if not self._is_open:
                self._connect(end)
            else:
                self._turn(max(0.0, end - self._monotonic()), max_bytes)
            if self._waiting_bytes >= max_bytes or self._monotonic() >= end:
                messages, self._messages, self._waiting_bytes = self._messages, [], 0
                return messages

    def publish(self, topic: str, payload: bytes) -> None:
        """Send at QoS 0 with the next turn; lost if the connection is."""
        if self.is_subscribed:
            self._client.publish(topic, payload)

    def flush(self) -> None:
        """Send what was published."""
        buffer = self._client.buffer
        if not self._is_open or buffer is None:
            return
        if self._client.want_write():
            self._client.loop_write()
        try:
            buffer.flush()
        except OSError as error:
            self._lost(Message("readiness.error", reason=Plain(error)))

    def close(self) -> None:
        """Say goodbye as a host does: STATE offline, then disconnect."""
        if self.is_subscribed:
            self._publish_state(is_online=False)
            self._client.disconnect()
            self.flush()
        self._is_open = self.is_subscribed = False
        if self._client.buffer is not None:
            self._client.buffer.close()

    # --- connection
    # ----------------------------------------------------------------------------------------------------

    def _connect(self, end: float) -> None:
        now = self._monotonic()
        if now < self._retry_at:
            time.sleep(max(0.0, min(self._retry_at, end) - now))
            return
        will = encode_state(is_online=False, timestamp_ms=self.state_time.renew())
        self._client.will_set(self._state_topic, will, 1, True)
        try:
            self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            where = Plain(f"{self._address.host}:{self._address.port}")
            self._failed(Message("readiness.at", where=where, reason=Plain(error)))
            return
        assert self._client.buffer is not None
        self._client.buffer.defer()
        self._is_open = True
        self._deadline = self._monotonic() + _ANSWER_TIMEOUT_S

    def _failed(self, reason: Message) -> None:
        self.trouble = reason
        self._retry_at = self._monotonic() + _BACKOFF_S[min(self._n_failures, len(_BACKOFF_S) - 1)]
        self._n_failures += 1

    def _lost(self, reason: Message) -> None:
        self._is_open = self.is_subscribed = False
        if self._client.buffer is not None:
            self._client.buffer.close()
        self._failed(reason)

    def _turn(self, timeout_s: float, max_bytes: int) -> None:
        """Wait for the socket once, read what it has, write what is due."""
        client, buffer = self._client, self._client.buffer
        assert buffer is not None
        try:
            self.flush()
            if not self._is_open:
                return
            if not buffer.is_dry or select.select([buffer], [], [], min(timeout_s, 0.05))[0]:
                loop_read = client.loop_read
                while self._is_open and loop_read() == mqtt.MQTT_ERR_SUCCESS:
                    if buffer.is_dry or self._waiting_bytes >= max_bytes:
                        break
            if self._is_open:
                client.loop_misc()
        except Exception as error:  # noqa: BLE001  # whatever a packet does to paho, another connection follows
            self._lost(Message("readiness.error", reason=Plain(describe(error))))
        if self._is_open and self.state_time.must_reconnect():
            self._lost(Message("readiness.later_state"))
        if self._is_open and not self.is_subscribed and self._monotonic() > self._deadline:
            self._lost(Message("readiness.silent_broker"))

    # --- paho's side
    # ---------------------------------------------------------------------------------------------------

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self.trouble = Message("readiness.refused", reason=Plain(reason))
            return
        self._client.subscribe([*self._topics, (self._state_topic, 1)])

    def _on_subscribe(self, _client: Any, _userdata: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            self.trouble = Message("readiness.no_subscription")
            return
        self.is_subscribed = True
        self.trouble = None
        self._n_failures = 0
        self.n_sessions += 1
        self._publish_state(is_online=True)

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if self._is_open:
            self._lost(self.trouble or Message("readiness.connection_lost", reason=Plain(reason)))

    def _on_message(self, _client: Any, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # the standard has the server close such a sender's connection; not every server does
        if topic == self._state_topic:
            self._on_state(payload)
            return
        if message.retain:  # births, data and deaths are never retained: it is old, or somebody's who wishes us ill
            self.tell_retained(topic)
            return
        self._messages.append((topic, payload))
        self._waiting_bytes += len(payload)

    def _on_state(self, payload: bytes) -> None:
        """Another's word that we are offline (an older connection's will) is set right, as the standard demands.

        If it carries a later time than ours, agents would not believe us: then a new connection has to follow.
        """
        try:
            is_online, at_ms = decode_state(payload)
        except WireError:
            return
        if not is_online and self.is_subscribed and not self.state_time.hear(at_ms):
            self._publish_state(is_online=True)

    def _publish_state(self, *, is_online: bool) -> None:
        payload = encode_state(is_online=is_online, timestamp_ms=self.state_time.ms)
        self._client.publish(self._state_topic, payload, qos=1, retain=True)
