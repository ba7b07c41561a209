"""``terang-city ca`` and ``terang-city keys``: the city's certification authority, and the keys that sign orders."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Final

import typer
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from city_pki.authority import Authority, create_authority, open_authority
from city_pki.broker_files import host_name, write_broker_files
from city_pki.certificates import new_key, private_pem
from city_pki.order_keys import KEY_FILE, create_keys, rotate_keys
from city_pki.secret_file import read_secret, write_public, write_secret
from edge_agent.wire.signed_order import encode_bytes, key_id
from ingest.audit_trail import AuditTrail
from ingest.errors import UnusableError
from ingest.schema.city import BROKER_FOLDER, City, read_city
from languages.terminal import terminal_words

PKI_FOLDER: Final = "pki"
CityFolder = Annotated[Path, typer.Option("--city", help="terminal.city.help.folder")]
BrokerName = Annotated[
    list[str],
    typer.Option("--broker-name", help="terminal.city.help.broker_name"),
]
BrokerPort = Annotated[int, typer.Option("--port", min=1, max=65535, help="terminal.city.help.port")]

ca = typer.Typer(no_args_is_help=True, help="terminal.city.help.ca")
keys = typer.Typer(no_args_is_help=True, help="terminal.city.help.keys")


def add_to(app: typer.Typer) -> None:
    """Add both groups of commands."""
    app.add_typer(ca, name="ca")
    app.command("broker-password", help="terminal.city.do.broker_password")(broker_password)
    app.add_typer(keys, name="keys")


@ca.command("init", help="terminal.city.do.ca_init")
def init(
    broker_name: BrokerName,
    root_key: Annotated[Path, typer.Option(help="terminal.city.help.root_key")],
    city: CityFolder = Path(),
    port: BrokerPort = 8883,
) -> None:
    """Make root, intermediate, the host's and the broker's certificates, and the broker's files. Never overwrites."""
    settings = read_city(city, os.environ)
    now = datetime.now(UTC)
    AuditTrail(settings).write("authority.init", settings.city.group)
    authority = create_authority(city / PKI_FOLDER, settings.city.name, root_key, now)
    _issue_servers(settings, authority, broker_name, port, now)
    typer.echo(terminal_words(os.environ).say("terminal.city.ca.made", folder=city / PKI_FOLDER, file=root_key))
    if settings.broker.url.startswith("embedded:"):
        what = "embedded" if settings.broker.tls_listen is None else "embedded_ready"
        typer.echo(terminal_words(os.environ).say(f"terminal.city.ca.{what}", folder=city / BROKER_FOLDER))
        return
    typer.echo(terminal_words(os.environ).say("terminal.city.ca.broker", folder=city / BROKER_FOLDER))
    typer.echo(terminal_words(os.environ).say("terminal.city.ca.settings"))


@ca.command("servers", help="terminal.city.do.ca_servers")
def servers(broker_name: BrokerName, city: CityFolder = Path(), port: BrokerPort = 8883) -> None:
    """Issue the host's and the broker's certificates anew, which last two years; then restart both."""
    settings = read_city(city, os.environ)
    authority = open_authority(city / PKI_FOLDER)
    AuditTrail(settings).write("authority.servers", settings.city.group, {"broker_names": broker_name})
    _issue_servers(settings, authority, broker_name, port, datetime.now(UTC))
    typer.echo(terminal_words(os.environ).say("terminal.city.ca.servers", folder=city))


@ca.command("broker-files", help="terminal.city.do.ca_broker_files")
def broker_files(city: CityFolder = Path(), port: BrokerPort = 8883) -> None:
    """Write the broker's lists and its listener anew, e.g. after the group in city.toml changed."""
    settings = read_city(city, os.environ)
    authority = open_authority(city / PKI_FOLDER)
    AuditTrail(settings).write("authority.broker_files", settings.city.group, {"port": port})
    write_broker_files(city / BROKER_FOLDER, authority, settings.city.group, settings.city.host_id, port)
    typer.echo(terminal_words(os.environ).say("terminal.city.ca.broker_written", folder=city / BROKER_FOLDER))


def _issue_servers(settings: City, authority: Authority, names: list[str], port: int, now: datetime) -> None:
    pki, broker = settings.folder / PKI_FOLDER, settings.folder / BROKER_FOLDER
    write_broker_files(broker, authority, settings.city.group, settings.city.host_id, port)
    for folder, file, name, server_names in (
        (pki, "host", host_name(settings.city.group, settings.city.host_id), ()),
        (broker, "broker", names[0], tuple(names)),
    ):
        key = new_key()
        certificate = authority.issue(key.public_key(), name, now, server_names=server_names)
        write_secret(folder / f"{file}.key", private_pem(key))
        write_public(folder / f"{file}.crt", certificate)


def broker_password(
    name: Annotated[str, typer.Argument(help="terminal.city.help.who", show_default=False)],
    city: CityFolder = Path(),
) -> None:
    """Make a password for the embedded broker; it is shown once, its hash goes into the file of [broker] passwords."""
    settings = read_city(city, os.environ)
    if settings.broker.passwords is None:
        raise UnusableError(terminal_words(os.environ).say("terminal.city.password.no_file", file=city / "city.toml"))
    if not name or ":" in name or name.startswith("#") or not name.isprintable() or name != name.strip():
        raise UnusableError(terminal_words(os.environ).say("terminal.city.password.name", name=repr(name)))
    path = city / settings.broker.passwords
    lines = read_secret(path).decode().splitlines() if path.exists() else []
    AuditTrail(settings).write("broker.password", name)
    password = token_urlsafe(24)
    lines = [line for line in lines if not line.startswith(f"{name}:")]
    lines.append(f"{name}:{PasswordHash((Argon2Hasher(),)).hash(password)}")
    write_secret(path, ("\n".join(lines) + "\n").encode())
    typer.echo(terminal_words(os.environ).say("terminal.city.password.shown", name=name), err=True)
    typer.echo(password)


@keys.command("init", help="terminal.city.do.keys_init")
def init_keys(
    recovery: Annotated[Path, typer.Option(help="terminal.city.help.recovery_new")],
    city: CityFolder = Path(),
) -> None:
    """Make the key that signs orders and the one that may replace it. Never overwrites."""
    settings = read_city(city, os.environ)
    AuditTrail(settings).write("order_keys.init", settings.city.group)
    made = create_keys(city / PKI_FOLDER, recovery)
    typer.echo(
        terminal_words(os.environ).say("terminal.city.keys.made", folder=city / PKI_FOLDER, key=key_id(made.working))
    )
    typer.echo(terminal_words(os.environ).say("terminal.city.keys.recovery", file=recovery))
    typer.echo(terminal_words(os.environ).say("terminal.city.keys.settings", file=f"{PKI_FOLDER}/{KEY_FILE}"))
    typer.echo(terminal_words(os.environ).say("terminal.city.keys.agents"))
    typer.echo(f'[keys]\nworking = "{encode_bytes(made.working)}"\nrecovery = "{encode_bytes(made.recovery)}"')


@keys.command("rotate", help="terminal.city.do.keys_rotate")
def rotate(
    recovery: Annotated[Path, typer.Option(help="terminal.city.help.recovery")],
    city: CityFolder = Path(),
) -> None:
    """Replace the working key, lost or stolen; controllers learn the new one from the recovery key's signature."""
    settings = read_city(city, os.environ)
    AuditTrail(settings).write("order_keys.rotate", settings.city.group)
    made = rotate_keys(city / PKI_FOLDER, recovery, settings.city.group)
    typer.echo(
        terminal_words(os.environ).say("terminal.city.keys.rotated", folder=city / PKI_FOLDER, key=key_id(made.working))
    )
    typer.echo(terminal_words(os.environ).say("terminal.city.keys.learned"))
