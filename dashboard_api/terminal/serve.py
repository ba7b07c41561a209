"""Start the server of a city: its TLS, where it listens, and whether it may listen there without accounts."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dashboard_api.access.key_file import check_mode
from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.errors import UnavailableError, UnusableError
from dashboard_api.http.server import run_server
from dashboard_api.logs import set_up_logs
from durable_files.patient_stderr import tell
from ingest.schema.city import read_city
from languages.terminal import terminal_words

# SQLite releases the interpreter lock for every row that it fetches. A thread that draws tiles may then hold it for one
# switch interval each time: with Python's default of 5 ms, a list of a hundred faults could wait half a second.
_SWITCH_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to serve: an address and a port (0: a free one), and the files of the certificate and its key, if any."""

    host: str
    port: int
    tls_cert: Path | None
    tls_key: Path | None


def serve_city(folder: Path, where: Listening) -> None:
    """Serve the city of a folder until a signal ends it.

    Raises CityError for a folder that cannot be read, UnusableError where it cannot be served as asked.
    """
    log_config = set_up_logs()
    tls = _tls(where.tls_cert, where.tls_key)
    address = _address(where.host)
    settings = read_city(folder, os.environ)
    settings.oidc_secret()  # what cannot be read is said now, not at the first sign-in
    api = create_app(settings, is_loopback=address.is_loopback)
    has_accounts = _has_accounts(api.state.context, address)
    listener = _listen(address, where.port)
    bound_host, bound_port = listener.getsockname()[:2]
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    tell(f"terang-api: {'https' if tls else 'http'}://{shown}:{bound_port}")
    if not has_accounts:
        tell(terminal_words(os.environ).say("terminal.api.no_accounts"), is_error=True)
    sys.setswitchinterval(_SWITCH_S)
    # What the program is made of lives as long as it: no collection of garbage has to go through it again, which holds
    # the interpreter for a tenth of a second.
    gc.collect()
    gc.freeze()
    run_server(api, listener, api.state.metrics, log_config, tls)


def _tls(cert: Path | None, key: Path | None) -> dict[str, Any]:
    """Uvicorn's settings for TLS, none without a certificate."""
    if (cert is None) != (key is None):
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.tls_pair"))
    if cert is None or key is None:
        return {}
    try:
        check_mode(key)
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:  # an SSLError is an OSError whose text names no file
        raise UnusableError(
            terminal_words(os.environ).say("terminal.api.error.tls", cert=cert, key=key, reason=error)
        ) from error
    return {"ssl_certfile": cert, "ssl_keyfile": key}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.host", host=host)) from error


def _has_accounts(context: Context, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the city has accounts; beyond loopback it must have some.

    A database that does not answer yet is no reason not to start on loopback: until it does, nobody gets in.
    """
    try:
        has_accounts = context.admission.has_accounts()
    except UnavailableError as error:
        if address.is_loopback:
            return True
        raise UnusableError(
            terminal_words(os.environ).say("terminal.api.error.accounts_unread", host=address, reason=error)
        ) from error
    if not has_accounts and not address.is_loopback:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.no_accounts", host=address))
    return has_accounts


def _listen(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> socket.socket:
    """Bind the socket first, so that a port in use ends the program with one line."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # asyncio turns Nagle's delay off for sockets that say they are TCP: without it every second answer takes 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise UnusableError(
            terminal_words(os.environ).say("terminal.api.error.port", host=address, port=port, reason=error.strerror)
        ) from error
    return listener
