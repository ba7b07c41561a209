"""Opens a city's connection to its broker, as its settings say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from edge_agent.wire import host_client_id
from ingest.mqtt.connection import Broker, BrokerAddress, parse_address
from ingest.mqtt.embedded_broker import EmbeddedBroker, TlsListener, parse_embedded
from ingest.mqtt.topic_rules import TopicRules
from ingest.schema.city import BROKER_FOLDER, City


def open_broker(
    city: City, closers: list[Callable[[], object]], wall_ms: Callable[[], int], *, is_elected: bool
) -> Broker:
    """Connect to a city's broker, or start the embedded one and connect to it.

    Args:
        city: its settings.
        closers: what closes the connection and the embedded broker is appended, last opened last.
        wall_ms: the system's time, Unix time [ms].
        is_elected: a lock guarantees that no other process uses this city's client id.

    Raises:
        UnusableError: the address or the port cannot be used.
    """
    settings = city.broker
    if settings.url.startswith("embedded:"):
        host, port = parse_embedded(settings.url)
        passwords = in_folder(city, settings.passwords)
        rules = TopicRules(city.city.group, city.city.host_id, settings.username or "")
        secure = None
        if settings.tls_listen is not None:
            named = TopicRules(city.city.group, city.city.host_id, "")  # nobody by a certificate is the host
            secure = TlsListener(settings.tls_listen, city.folder / BROKER_FOLDER, named)
        embedded = EmbeddedBroker(host, port, passwords, None if passwords is None else rules, secure)
        embedded.start()
        closers.append(embedded.stop)
        address = BrokerAddress(
            "127.0.0.1" if host == "0.0.0.0" else host,  # noqa: S104  # compared, not bound
            port,
            username=settings.username,
            password=settings.password,
        )
    else:
        host, port, is_tls = parse_address(settings.url)
        address = BrokerAddress(
            host,
            port,
            is_tls,
            ca=in_folder(city, settings.ca),
            cert=in_folder(city, settings.cert),
            key=in_folder(city, settings.key),
            username=settings.username,
            password=settings.password,
        )
    client_id = host_client_id(city.city.group, city.city.host_id)
    if not is_elected:
        client_id += f"-{os.getpid()}"
    broker = Broker(address, group=city.city.group, host_id=city.city.host_id, client_id=client_id, wall_ms=wall_ms)
    closers.append(broker.close)
    return broker


def in_folder(city: City, path: Path | None) -> Path | None:
    """A path of ``city.toml``, which is relative to the city's folder; None stays None."""
    return None if path is None else city.folder / path
