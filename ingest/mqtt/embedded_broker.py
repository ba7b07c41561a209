"""The embedded broker for development and small towns: amqtt in a thread, for ``[broker] url = "embedded:"``.

``embedded:`` listens on 127.0.0.1:1883, ``embedded:1884`` on another port, ``embedded:0.0.0.0:1883`` for agents
elsewhere, and then only with passwords (``[broker] passwords``, a file that ``terang-city broker-password`` writes).
With passwords each name writes and reads its own topics only (``ingest.mqtt.topic_rules``). It keeps nothing on disk
and speaks no TLS: for larger cities use Mosquitto with certificates. The only module of ingest that uses amqtt.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import structlog
from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter  # type: ignore[import-untyped]  # no types
from amqtt.broker import Broker as AmqttBroker  # type: ignore[import-untyped]  # amqtt ships no types
from amqtt.contexts import Action, BrokerConfig, ListenerConfig  # type: ignore[import-untyped]  # as above
from amqtt.errors import AMQTTError, BrokerError, NoDataError  # type: ignore[import-untyped]  # as above

from city_pki.errors import PkiError
from city_pki.secret_file import read_secret
from ingest.errors import UnusableError
from ingest.mqtt.topic_rules import TopicRules
from ingest.schema.safe_url import without_secrets

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 1883
MAX_PACKET: Final = 4 << 20  # bytes
_START_TIMEOUT_S: Final = 10.0
_CONNECT_TIMEOUT_S: Final = 10.0
_MAX_CONNECTIONS: Final = 4096
_OWN_FILES: Final = 256  # that ingest opens itself: segments, database, sockets
_MAX_RETAINED: Final = 1000
_MAX_RETAINED_BYTES: Final = 65_536


def parse_embedded(url: str) -> tuple[str, int]:
    """``(host, port)`` of an ``embedded:`` URL.

    Raises:
        UnusableError: what follows is neither a port nor host:port.
    """
    rest = url.removeprefix("embedded:").removeprefix("//")
    host, _, port = rest.rpartition(":")
    try:
        return host or DEFAULT_HOST, int(port) if port else DEFAULT_PORT
    except ValueError:
        shown = without_secrets(url)
        raise UnusableError(f"[broker] url: {shown!r}: after 'embedded:' comes a port or host:port") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _connections_for_strangers() -> int:
    """How many connections this process may hold; the soft limit of open files is raised as far as allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = _MAX_CONNECTIONS + _OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(soft // 2, soft - _OWN_FILES)
    return _MAX_CONNECTIONS


class _SteadyDict(dict[str, Any]):
    """A dict that may grow while it is walked over: a walk sees the keys of its beginning."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().keys()))

    def items(self) -> Any:
        """Pairs of this moment."""
        return list(super().items())


class _SizedReader(StreamReaderAdapter):  # type: ignore[misc]  # amqtt ships no types
    """A connection's reading side that ends where somebody announces more than any sweep has."""

    def __init__(self, reader: asyncio.StreamReader, peer: object) -> None:
        super().__init__(reader)
        self._peer = peer
        self._is_cut_off = False

    async def read(self, n: int = -1) -> bytes:
        if n > MAX_PACKET and not self._is_cut_off:
            structlog.get_logger("broker").warning("cut off: its packet is too long", peer=str(self._peer), n_bytes=n)
            self._is_cut_off = True
        if self._is_cut_off:
            return b""  # as if it had hung up: what it goes on to send is no packet's beginning
        data: bytes = await super().read(n)
        return data


class _Broker(AmqttBroker):  # type: ignore[misc]  # as above
    """amqtt's broker, with limits: to packets, connections, the time until CONNECT, and retained messages.

    It shares a process with ingest: what strangers hold open here must not take ingest's own files and memory.
    """

    def __init__(self, config: BrokerConfig, max_connections: int, rules: TopicRules | None) -> None:
        super().__init__(config)
        self._rules = rules
        self._max_connections = max_connections
        self._n_open = 0
        self._is_full_told = False

    async def stream_connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
    ) -> None:
        if self._n_open >= self._max_connections:
            if not self._is_full_told:
                structlog.get_logger("broker").warning("no more connections are taken", n_open=self._n_open)
            self._is_full_told = True
            writer.close()
            return
        self._n_open += 1
        sized = _SizedReader(reader, writer.get_extra_info("peername"))
        try:
            await self.external_connected(sized, StreamWriterAdapter(writer), listener_name)
        except (OSError, ValueError) as error:  # of one client's bytes, at a place where amqtt expects none
            structlog.get_logger("broker").debug("connection broke", reason=str(error))
        finally:
            self._n_open -= 1
            self._is_full_told = self._is_full_told and self._n_open > self._max_connections // 2
            writer.close()  # amqtt leaves it open where no session began

    async def _initialize_client_session(self, *connection: Any) -> Any:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                return await super()._initialize_client_session(*connection)
        except (TimeoutError, UnicodeDecodeError) as error:
            raise NoDataError(str(error) or "no CONNECT in time") from error

    async def _topic_filtering(self, session: Any, topic: str, action: Action) -> bool:
        """Whether a client may publish, subscribe to or receive a topic."""
        if self._rules is None:
            return True
        if action is Action.PUBLISH:
            return self._rules.may_write(session.username, topic)
        return self._rules.may_read(session.username, topic)

    def _may_speak(self, session: Any, topic: str | None) -> bool:
        """Whether a message may go out: amqtt asks nobody about a will. None = the broker's own message."""
        return self._rules is None or session is None or self._rules.may_write(session.username, topic or "")

    async def _broadcast_message(self, session: Any, topic: str | None, *message: Any, **more: Any) -> None:
        if self._may_speak(session, topic):
            await super()._broadcast_message(session, topic, *message, **more)

    async def retain_message(self, source_session: Any, topic_name: str, data: Any, qos: int | None = None) -> None:
        """Keep a retained message, if there is room: a city has one, its host's STATE."""
        if not self._may_speak(source_session, topic_name):
            return
        is_known = topic_name in self._retained_messages
        room = 2 * _MAX_RETAINED if topic_name.startswith("spBv1.0/STATE/") else _MAX_RETAINED
        if data and not is_known and len(self._retained_messages) >= room:
            return
        if data and len(data) > _MAX_RETAINED_BYTES:
            return
        await super().retain_message(source_session, topic_name, data, qos)


def _check_passwords(path: Path) -> None:
    try:
        read_secret(path)
    except PkiError as error:
        raise UnusableError(f"[broker] passwords: {error}") from error


class EmbeddedBroker:
    """A broker on a thread of its own."""

    def __init__(self, host: str, port: int, passwords: Path | None = None, rules: TopicRules | None = None) -> None:
        """Nothing is started yet.

        Args:
            host: where to listen.
            port: there.
            passwords: lines of ``name:argon2 hash``, mode 0600; None = whoever is on this machine may connect.
            rules: who may write and read what; None = everybody everything.

        Raises:
            UnusableError: other machines could connect and there are no passwords, or others may read their file.
        """
        if passwords is None and not is_loopback(host):
            raise UnusableError(
                f"[broker] url: embedded:{host}:{port} listens beyond this machine, and only with passwords: set"
                " [broker] passwords (terang-city broker-password writes the file), or use Mosquitto with certificates"
            )
        if passwords is not None:
            _check_passwords(passwords)
        self._passwords = passwords
        self._rules = rules
        self._bind = f"{host}:{port}"
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="broker", daemon=True)
        self._is_up = Event()
        self._error: Exception | None = None
        self._broker: AmqttBroker | None = None

    def start(self) -> None:
        """Listen.

        Raises:
            UnusableError: the port is taken.
        """
        self._thread.start()
        if not self._is_up.wait(_START_TIMEOUT_S) or self._error is not None:
            raise UnusableError(f"embedded broker on {self._bind}: {self._error or 'does not start'}")

    def stop(self) -> None:
        """Close every connection and the port."""
        if self._error is None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_START_TIMEOUT_S)

    def _run(self) -> None:
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._start())
        except (AMQTTError, BrokerError, OSError) as error:
            self._error = error
            self._is_up.set()
            return
        self._is_up.set()
        self._loop.run_forever()
        if self._broker is not None:
            self._loop.run_until_complete(self._broker.shutdown())
        self._loop.close()

    async def _start(self) -> None:
        plugins: dict[str, Any] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
        if self._passwords is not None:
            plugins = {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(self._passwords)}}
        config = BrokerConfig(listeners={"default": ListenerConfig(type="tcp", bind=self._bind)}, plugins=plugins)
        self._broker = _Broker(config, _connections_for_strangers(), self._rules)
        # amqtt 0.12 walks over its subscriptions while other sessions add theirs, and drops the walker when that
        # happens
        self._broker._subscriptions = _SteadyDict()  # noqa: SLF001  (there is no public way)
        await self._broker.start()
