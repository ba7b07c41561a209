"""``terang-city enroll`` and ``revoke``: certificates of controllers."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from city_pki.authority import open_authority
from city_pki.broker_files import host_name, listening_port, write_broker_files
from city_pki.certificates import new_key, private_pem
from city_pki.enrolments import CODE_LIFETIME, Enrolments
from city_pki.errors import PkiError
from city_pki.order_keys import PUBLIC_FILE, read_public
from city_pki.secret_file import write_public, write_secret
from city_pki.takeover import BrokerPlace, end_session, signal_broker
from edge_agent.wire.enrolment import shown_digest
from edge_agent.wire.signed_order import encode_bytes
from ingest.audit_trail import AuditTrail, operating_system_user
from ingest.city.agent_file import SecureLink, agent_toml
from ingest.city.pki_commands import PKI_FOLDER, CityFolder
from ingest.errors import UnusableError
from ingest.mqtt.connection import parse_address
from ingest.register.folder_register import read_city_files
from ingest.schema.city import BROKER_FOLDER, City, read_city
from languages.message import Message, Plain, why
from languages.terminal import terminal_words

PID_FILE: Final = Path("/run/mosquitto/mosquitto.pid")  # Debian's
AGENT_FOLDER: Final = "/var/lib/terang"  # where an agent keeps the key that it made
ControllerId = Annotated[str, typer.Argument(help="terminal.city.help.controller", show_default=False)]
BrokerUrl = Annotated[str | None, typer.Option("--broker", help="terminal.city.help.broker_url")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("enroll", help="terminal.city.do.enroll")(enroll)
    app.command("approve", help="terminal.city.do.approve")(approve)
    app.command("revoke", help="terminal.city.do.revoke")(revoke)


def enroll(
    controller_id: ControllerId,
    city: CityFolder = Path(),
    out: Annotated[Path | None, typer.Option(help="terminal.city.help.out_folder")] = None,
    broker: BrokerUrl = None,
    code: Annotated[bool, typer.Option("--code", help="terminal.city.help.one_time_code")] = False,
    server: Annotated[str | None, typer.Option(help="terminal.city.help.api_server")] = None,
) -> None:
    """Make key, certificate and agent.toml of one controller to carry to its cabinet; or, better, a one-time code."""
    settings = read_city(city, os.environ)
    if code:
        text = agent_text(settings, controller_id, broker, AGENT_FOLDER, server)
        AuditTrail(settings).write("enrolment.code", controller_id)
        given = Enrolments(city / PKI_FOLDER).new_code(controller_id, text, datetime.now(UTC))
        minutes = CODE_LIFETIME.seconds // 60
        typer.echo(
            terminal_words(os.environ).say("terminal.city.enroll.code", controller=controller_id, n=minutes), err=True
        )
        typer.echo(str(given))
        return
    authority = open_authority(city / PKI_FOLDER)
    text = agent_text(settings, controller_id, broker, server=server)
    folder = out or Path(controller_id)
    if folder.exists():
        raise UnusableError(terminal_words(os.environ).say("terminal.city.enroll.folder_exists", folder=folder))
    AuditTrail(settings).write("controller.enroll", controller_id)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError as error:
        raise UnusableError(
            terminal_words(os.environ).say("terminal.city.enroll.folder_exists", folder=folder)
        ) from error
    except OSError as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(folder), reason=why(error))) from error
    key = new_key()
    certificate = authority.issue(key.public_key(), controller_id, datetime.now(UTC))
    write_secret(folder / "controller.key", private_pem(key))
    write_public(folder / "controller.crt", certificate)
    write_public(folder / "ca.crt", authority.chain)
    write_public(folder / "agent.toml", text.encode())
    _write_broker(settings)
    typer.echo(terminal_words(os.environ).say("terminal.city.enroll.made", folder=folder, controller=controller_id))


def approve(
    request: Annotated[str | None, typer.Argument(help="terminal.city.help.request")] = None,
    city: CityFolder = Path(),
    refuse: Annotated[bool, typer.Option("--refuse", help="terminal.city.help.refuse")] = False,
) -> None:
    """Approve a controller's request for a certificate; first compare the key with what the cabinet shows."""
    settings = read_city(city, os.environ)
    enrolments, now = Enrolments(city / PKI_FOLDER), datetime.now(UTC)
    if request is None:
        for one in enrolments.waiting(now):
            until = datetime.fromisoformat(one.until).astimezone(ZoneInfo(settings.city.timezone))
            typer.echo(
                terminal_words(os.environ).say(
                    "terminal.city.approve.row",
                    controller=one.controller,
                    key=shown_digest(one.digest),
                    until=f"{until:%Y-%m-%d %H:%M:%S}",
                    id=one.id,
                )
            )
        return
    actor = f"command line, {operating_system_user()}"
    waiting = next((one for one in enrolments.waiting(now) if request in (one.id, one.controller)), None)
    if waiting is not None:  # else what follows says why not
        action = "enrolment.refuse" if refuse else "enrolment.approve"
        after = {"controller_id": waiting.controller, "key": shown_digest(waiting.digest)}
        AuditTrail(settings).write(action, waiting.id, after)
    if refuse:
        done = enrolments.refuse(request, actor, now)
    else:
        done = enrolments.approve(open_authority(city / PKI_FOLDER), request, actor, now)
        _write_broker(settings)
    typer.echo(
        terminal_words(os.environ).say(
            "terminal.city.approve.refused" if refuse else "terminal.city.approve.done",
            controller=done.controller,
            key=shown_digest(done.digest),
        )
    )


def revoke(
    controller_id: ControllerId,
    city: CityFolder = Path(),
    broker: BrokerUrl = None,
    pid_file: Annotated[Path | None, typer.Option(help="terminal.city.help.pid_file")] = None,
) -> None:
    """Revoke a controller's certificates and end its session; returns when the broker denies it everything."""
    settings = read_city(city, os.environ)
    authority = open_authority(city / PKI_FOLDER)
    if controller_id == host_name(settings.city.group, settings.city.host_id):
        raise UnusableError(terminal_words(os.environ).say("terminal.city.revoke.host", controller=controller_id))
    # a stolen controller is shut out also while the database is down
    AuditTrail(settings).write("controller.revoke", controller_id, is_required=False)
    hit = authority.revoke(controller_id, datetime.now(UTC))
    _write_broker(settings)
    typer.echo(
        terminal_words(os.environ).say(
            "terminal.city.revoke.written", controller=controller_id, n=len(hit), folder=city / BROKER_FOLDER
        )
    )
    host, port, _ = parse_address(_broker_url(settings, broker))
    trouble = None
    try:
        signal_broker(pid_file or PID_FILE)
    except PkiError as error:
        trouble = error
    started_s = time.monotonic()
    try:
        end_session(
            authority, BrokerPlace(host, port, city / PKI_FOLDER / "ca.crt"), settings.city.group, controller_id
        )
    except PkiError as error:
        both = why(error) if trouble is None else Message("terminal.error.both", reason=why(error), other=why(trouble))
        raise PkiError(both) from error
    typer.echo(
        terminal_words(os.environ).say(
            "terminal.city.revoke.ended", controller=controller_id, s=f"{time.monotonic() - started_s:.1f}"
        )
    )


def agent_text(
    settings: City, controller_id: str, broker: str | None, folder: str = "", server: str | None = None
) -> str:
    """``agent.toml`` of a controller that has a certificate.

    Raises:
        UnusableError: the register has no such controller, it is the host's name, or the broker is not reached by TLS.
    """
    if controller_id == host_name(settings.city.group, settings.city.host_id):
        raise UnusableError(terminal_words(os.environ).say("terminal.city.enroll.host", controller=controller_id))
    register, _issues = read_city_files(settings.folder)
    pki = settings.folder / PKI_FOLDER
    keys = read_public(pki) if (pki / PUBLIC_FILE).exists() else None
    number = 0 if keys is None or keys.rotation is None else keys.rotation.number
    pinned = None if keys is None else (encode_bytes(keys.working), encode_bytes(keys.recovery), number)
    secure = SecureLink(_broker_url(settings, broker), folder, pinned, server)
    return agent_toml(register, settings, controller_id, secure)


def _broker_url(settings: City, broker: str | None) -> str:
    url = broker or settings.broker.url
    if urlsplit(url).scheme != "mqtts":
        raise UnusableError(terminal_words(os.environ).say("terminal.city.enroll.no_tls", url=repr(url)))
    parse_address(url)
    return url


def _write_broker(settings: City) -> None:
    """Write the broker's lists anew; the port is that of the file as it stands."""
    folder = settings.folder
    port = listening_port(folder / BROKER_FOLDER)
    authority = open_authority(folder / PKI_FOLDER)
    write_broker_files(folder / BROKER_FOLDER, authority, settings.city.group, settings.city.host_id, port)
