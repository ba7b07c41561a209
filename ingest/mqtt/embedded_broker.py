"""The embedded broker for development and small towns: amqtt in a thread, for ``[broker] url = "embedded:"``.

``embedded:`` listens on 127.0.0.1:1883, ``embedded:1884`` on another port, ``embedded:0.0.0.0:1883`` for agents
elsewhere, and then only with passwords (``[broker] passwords``, a file that ``terang-city broker-password`` writes).
``[broker] tls_listen = "0.0.0.0:8883"`` is a second place, for controllers with certificates of ``terang-city ca``.
With passwords or certificates each name writes and reads its own topics only (``ingest.mqtt.topic_rules``). It keeps
nothing on disk, and reads the list of revoked certificates when it starts: for larger cities use Mosquitto. Owns the
thread; what the broker allows is ``bounded_broker``'s and ``ruled_broker``'s.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
import ssl
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from amqtt.contexts import BrokerConfig, ListenerConfig  # type: ignore[import-untyped]  # amqtt ships no types
from amqtt.errors import AMQTTError, BrokerError  # type: ignore[import-untyped]  # as above

from city_pki.errors import PkiError
from city_pki.secret_file import read_secret
from ingest.errors import UnusableError
from ingest.mqtt.bounded_broker import TLS_LISTENER, SteadyDict
from ingest.mqtt.ruled_broker import RuledBroker
from ingest.mqtt.topic_rules import TopicRules
from ingest.schema.safe_url import without_secrets
from languages.message import Message, Plain, why

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 1883
_START_TIMEOUT_S: Final = 10.0
_MAX_CONNECTIONS: Final = 4096
_OWN_FILES: Final = 256  # that ingest opens itself: segments, database, sockets
_TELL_EVERY_S: Final = 60.0
_SESSION_KEPT_S: Final = 3600  # of a client with a password that asked for its session to be kept


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
        raise UnusableError(Message("terminal.error.embedded_port", shown=shown)) from None


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


class _Seldom(logging.Filter):
    """Passes one record a minute from each line of code: strangers decide how often there is something to say."""

    def __init__(self) -> None:
        super().__init__()
        self._logged_s: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        place = record.pathname, record.lineno
        if record.created - self._logged_s.get(place, float("-inf")) < _TELL_EVERY_S:
            return False
        self._logged_s[place] = record.created
        return True


def _log_seldom(logger: logging.Logger) -> None:
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.addFilter(_Seldom())
        logger.addHandler(handler)


def _check_passwords(path: Path) -> None:
    try:
        read_secret(path)
    except PkiError as error:
        raise UnusableError(Message("terminal.error.broker_passwords", reason=why(error))) from error


@dataclass(frozen=True, slots=True)
class TlsListener:
    """Where the broker listens for clients with certificates, and what it knows of them.

    Attributes:
        bind: ``HOST:PORT``.
        folder: what ``terang-city ca init`` wrote for the broker.
        rules: who may write and read what there, by the name on the certificate.
    """

    bind: str
    folder: Path
    rules: TopicRules

    def context(self) -> ssl.SSLContext:
        """What TLS asks of clients: a certificate of the city's authority that is not revoked.

        Raises:
            UnusableError: a file is missing or damaged.
        """
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_cert_chain(self.folder / "broker.crt", self.folder / "broker.key")
            for name in ("ca.crt", "crl.pem"):
                context.load_verify_locations(self.folder / name)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        except (OSError, ssl.SSLError) as error:
            raise UnusableError(
                Message("terminal.error.broker_tls_files", folder=Plain(self.folder), reason=why(error))
            ) from error
        return context


class EmbeddedBroker:
    """A broker on a thread of its own."""

    def __init__(
        self,
        host: str,
        port: int,
        passwords: Path | None = None,
        rules: TopicRules | None = None,
        secure: TlsListener | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            host: where to listen.
            port: there.
            passwords: lines of ``name:argon2 hash``, mode 0600; None = whoever is on this machine may connect.
            rules: who may write and read what; None = everybody everything.
            secure: a second place to listen, where a certificate is asked for instead of a password.

        Raises:
            UnusableError: other machines could connect and there are no passwords, or others may read their file.
        """
        if passwords is None and not is_loopback(host):
            raise UnusableError(Message("terminal.error.embedded_open", host=Plain(host), port=Plain(port)))
        if passwords is not None:
            _check_passwords(passwords)
        self._passwords = passwords
        self._rules = rules
        self._bind = f"{host}:{port}"
        self._secure = secure
        self._tls = None if secure is None else secure.context()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="broker", daemon=True)
        self._is_up = Event()
        self._error: Exception | None = None
        self._broker: RuledBroker | None = None

    def start(self) -> None:
        """Listen.

        Raises:
            UnusableError: the port is taken.
        """
        self._thread.start()
        if not self._is_up.wait(_START_TIMEOUT_S) or self._error is not None:
            raise UnusableError(self._why_not())

    def _why_not(self) -> Message:
        if self._error is None:
            return Message("terminal.error.broker_not_started", bind=Plain(self._bind))
        return Message("terminal.error.broker_fails", bind=Plain(self._bind), reason=why(self._error))

    def stop(self) -> None:
        """Close every connection and the port."""
        if self._error is None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_START_TIMEOUT_S)

    def _run(self) -> None:
        _log_seldom(logging.getLogger("amqtt"))
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
        listeners = {"default": ListenerConfig(type="tcp", bind=self._bind)}
        if self._secure is not None:
            listeners[TLS_LISTENER] = ListenerConfig(type="tcp", bind=self._secure.bind)
        config = BrokerConfig(
            listeners=listeners,
            plugins=plugins,
            session_expiry_interval=_SESSION_KEPT_S,
        )
        named = None if self._secure is None else self._secure.rules
        self._broker = RuledBroker(config, _connections_for_strangers(), self._rules, self._tls, named)
        # amqtt 0.12 walks over its subscriptions while other sessions add theirs, and drops the walker when that
        # happens
        self._broker._subscriptions = SteadyDict()  # noqa: SLF001  (there is no public way)
        await self._broker.start()
