"""The agent's file, agent.toml: read, checked, and turned into frozen values.

Owns the names and limits of every key; the values themselves are in `settings`. It opens no port and no profile; it
only says whether the file makes sense, and if not, in which file, at which key, and why.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from durable_files.bounded_read import read_bounded
from edge_agent.bus_config import parse_bus
from edge_agent.errors import ConfigError
from edge_agent.settings import (
    AgentConfig,
    BrokerConfig,
    BusConfig,
    CircuitMeter,
    ControllerConfig,
    Device,
    KeysConfig,
    LampMeter,
    OutboxConfig,
    SweepConfig,
)
from edge_agent.tables import Table, read_toml
from edge_agent.wire.errors import WireError
from edge_agent.wire.signed_order import KEY_BYTES, decode_bytes
from languages.hidden import place_alone
from languages.message import Message, Plain, why

__all__ = [
    "OVERRIDES",
    "AgentConfig",
    "BrokerConfig",
    "BusConfig",
    "CircuitMeter",
    "ControllerConfig",
    "Device",
    "KeysConfig",
    "LampMeter",
    "OutboxConfig",
    "SweepConfig",
    "load_config",
    "parse_config",
]
SCHEMES = ("mqtt", "mqtts")
MAX_TOPIC_LEVEL = 200
MAX_PASSWORD_BYTES = 65_536


# environment variable -> section and key; the environment wins over the file
OVERRIDES = {
    f"TERANG_{section}_{key}".upper(): (section, key)
    for section, keys in {
        "controller": ("group", "id", "latitude", "longitude", "timezone"),
        "broker": ("url", "ca", "cert", "key", "username", "password_file", "primary_host", "keepalive_s"),
        "sweep": ("interval_s", "interval_day_s", "slow_s"),
        "enrolment": ("server",),
        "outbox": ("path", "retention_days", "resend_after_s", "window", "rate_per_s", "max_mb", "status"),
    }.items()
    for key in keys
}
PASSWORD_VARIABLE = "TERANG_BROKER_PASSWORD"  # noqa: S105 - the variable's name, not a secret


def load_config(path: Path, environment: Mapping[str, str]) -> AgentConfig:
    """Read agent.toml.

    Args:
        path: the file.
        environment: variables of `OVERRIDES`, which win over the file; others are ignored.

    Raises:
        ConfigError: naming file, key and reason.
    """
    document = read_toml(path)
    return parse_config(document, path, environment)


def parse_config(document: dict[str, Any], path: Path, environment: Mapping[str, str]) -> AgentConfig:
    """Check a document already parsed from TOML; see `load_config`."""
    root = Table(f"{path}", document)
    sections = {name: root.table(name) for name in ("controller", "broker", "sweep", "outbox", "enrolment")}
    keys = root.table("keys")  # also makes the name a known one
    for variable, (section, key) in OVERRIDES.items():
        if variable in environment:
            sections[section].override(key, environment[variable], variable)
    buses = tuple(parse_bus(table) for table in root.tables("bus"))
    root.finish()
    config = AgentConfig(
        controller=_controller(sections["controller"]),
        broker=_broker(sections["broker"], path.parent, environment.get(PASSWORD_VARIABLE)),
        sweep=_sweep(sections["sweep"]),
        outbox=_outbox(sections["outbox"], path.parent),
        buses=buses,
        source=path,
        keys=_keys(keys) if root.has("keys") else None,
        enrolment_server=_enrolment(sections["enrolment"]),
    )
    _check_whole(config)
    return config


def _controller(table: Table) -> ControllerConfig:
    section = ControllerConfig(
        group=_topic_level(table, "group"),
        id=_topic_level(table, "id"),
        latitude=table.number("latitude", minimum=-90, maximum=90),
        longitude=table.number("longitude", minimum=-180, maximum=180),
        timezone=table.text("timezone", "UTC"),
    )
    try:
        ZoneInfo(section.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.fail("timezone", Message("agent.error.timezone", timezone=section.timezone))
    table.finish()
    return section


def _topic_level(table: Table, key: str) -> str:
    """Read a name that becomes one level of an MQTT topic."""
    value = table.text(key)
    if any(character in value for character in "/+#"):
        table.fail(key, Message("agent.error.topic", value=value[:60]))
    if len(value) > MAX_TOPIC_LEVEL:
        table.fail(
            key, Message("agent.error.long_topic", value=Plain(len(value)), max_topic_level=Plain(MAX_TOPIC_LEVEL))
        )
    return value


def _broker(table: Table, folder: Path, password: str | None) -> BrokerConfig:
    urls = table.texts("url")
    for url in urls:
        _check_url(table, url)
    password_file = table.path("password_file", folder)
    if password is None and password_file is not None:
        try:
            password = read_bounded(password_file, MAX_PASSWORD_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            table.fail("password_file", why(error))
    section = BrokerConfig(
        urls=urls,
        ca=table.path("ca", folder),
        cert=table.path("cert", folder),
        key=table.path("key", folder),
        username=table.optional_text("username"),
        password=password,
        primary_host=table.optional_text("primary_host"),
        keepalive_s=table.integer("keepalive_s", 60, minimum=5, maximum=3600),
        password_file=password_file,
    )
    table.finish()
    for key, file in (("ca", section.ca), ("cert", section.cert), ("key", section.key)):
        if file is not None and not file.is_file():
            table.fail(key, Message("agent.error.no_such_file", file=Plain(file)))
    if (section.cert is None) != (section.key is None):
        table.fail("cert" if section.cert is None else "key", Message("agent.error.cert_and_key"))
    return section


def _check_url(table: Table, url: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or above 65535
        is_good = False
    if not is_good:
        table.fail("url", Message("agent.error.broker_url", url=place_alone(url)))
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        table.fail("url", Message("agent.error.broker_parts"))


def _sweep(table: Table) -> SweepConfig:
    section = SweepConfig(
        interval_s=table.number("interval_s", 60.0, minimum=0.1, maximum=3600),
        interval_day_s=table.number("interval_day_s", 300.0, minimum=0.1, maximum=86400),
        slow_s=table.number("slow_s", 900.0, minimum=0.1, maximum=86400),
    )
    table.finish()
    return section


def _outbox(table: Table, folder: Path) -> OutboxConfig:
    path = table.path("path", folder) or Path("/var/lib/terang/outbox.db")
    section = OutboxConfig(
        path=path,
        retention_days=table.number("retention_days", 30.0, minimum=0.01, maximum=3650),
        resend_after_s=table.number("resend_after_s", 120.0, minimum=1, maximum=86400),
        window=table.integer("window", 100, minimum=1, maximum=10000),
        rate_per_s=table.number("rate_per_s", 20.0, minimum=0.1, maximum=10000),
        max_mb=table.integer("max_mb", 512, minimum=1, maximum=1_000_000),
        status=table.path("status", folder),
    )
    table.finish()
    return section


def _keys(table: Table) -> KeysConfig:
    working, recovery = (_public_key(table, key) for key in ("working", "recovery"))
    if working == recovery:
        table.fail("recovery", Message("agent.error.recovery_is_working"))
    section = KeysConfig(working, recovery, table.integer("number", 0))
    table.finish()
    return section


def _public_key(table: Table, key: str) -> bytes:
    try:
        return decode_bytes(table.text(key), KEY_BYTES)
    except WireError as error:
        table.fail(key, why(error))


def _enrolment(table: Table) -> str | None:
    server = table.optional_text("server")
    table.finish()
    if server is not None and not server.startswith(("https://", "http://")):
        table.fail("server", Message("agent.error.no_https", server=server))
    return server


def _check_whole(config: AgentConfig) -> None:
    where = config.source
    if not config.buses:
        raise ConfigError(Message("agent.error.no_bus", where=Plain(where)))
    for what, values in (
        ("bus name", [bus.name for bus in config.buses]),
        ("bus port", [bus.port for bus in config.buses]),
        ("lamp_id", config.lamp_ids),
        ("circuit", config.circuit_ids),
    ):
        seen: set[str] = set()
        for value in values:
            if value in seen:
                raise ConfigError(Message("agent.error.twice", where=Plain(where), what=Plain(what), value=value))
            seen.add(value)
    for key in ("cabinet", "io"):
        if sum(getattr(bus, key) is not None for bus in config.buses) > 1:
            raise ConfigError(Message("agent.error.one_bus", where=Plain(where), key=Plain(key)))
    if config.sweep.slow_s < config.sweep.interval_s:
        raise ConfigError(Message("agent.error.slow_sweep", where=Plain(where)))
