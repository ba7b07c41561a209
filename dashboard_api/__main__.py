"""``terang-api``: serves a city's faults, lamps and page; ``user``, ``token`` and ``audit`` keep its accounts."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dashboard_api.access.key_file import check_mode
from dashboard_api.app import create_app
from dashboard_api.context import Context
from dashboard_api.errors import ApiError, UnavailableError, UnusableError
from dashboard_api.http.server import run_server
from dashboard_api.logs import set_up_logs
from dashboard_api.terminal import audit, token, user
from dashboard_api.terminal.labels import print_labels
from dashboard_api.terminal.stand import CityOption, city_folder, refused
from ingest.schema.city import read_city
from ingest.schema.errors import CityError

# SQLite releases the interpreter lock for every row that it fetches. A thread that draws tiles may then hold it for one
# switch interval each time: with Python's default of 5 ms, a list of a hundred faults could wait half a second.
_SWITCH_S: Final = 0.001


app = typer.Typer(help="Serves a city's faults, lamps and page over HTTP; keeps its accounts.", add_completion=False)
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(audit.app, name="audit")
app.command(name="labels")(print_labels)


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    city: CityOption = None,
    host: Annotated[str, typer.Option(help="Loopback only, as long as there are no accounts.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free port.")] = 8000,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain, PEM; serves https.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM, mode 0600.")] = None,
) -> None:
    """Serve a city's faults, lamps and page over HTTP."""
    if context.invoked_subcommand is not None:
        return
    log_config = set_up_logs()
    try:
        tls = _tls(tls_cert, tls_key)
        address = _address(host)
        settings = read_city(city_folder(context, city), os.environ)
        settings.oidc_secret()  # what cannot be read is said now, not at the first sign-in
        api = create_app(settings, is_loopback=address.is_loopback)
        has_accounts = _has_accounts(api.state.context, address)
        listener = _listen(address, port)
    except (CityError, ApiError) as error:
        raise refused(error) from error
    bound_host, bound_port = listener.getsockname()[:2]
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    print(f"terang-api: {'https' if tls else 'http'}://{shown}:{bound_port}", flush=True)
    if not has_accounts:
        print("terang-api: no accounts: whoever is at this machine is the operator", file=sys.stderr)
    sys.setswitchinterval(_SWITCH_S)
    run_server(api, listener, api.state.metrics, log_config, tls)


def _tls(cert: Path | None, key: Path | None) -> dict[str, Any]:
    """Uvicorn's settings for TLS, none without a certificate."""
    if (cert is None) != (key is None):
        raise UnusableError("--tls-cert and --tls-key: both or neither")
    if cert is None or key is None:
        return {}
    try:
        check_mode(key)
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:  # an SSLError is an OSError whose text names no file
        raise UnusableError(f"--tls-cert {cert} --tls-key {key}: {error}") from error
    return {"ssl_certfile": cert, "ssl_keyfile": key}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UnusableError(f"--host {host}: not an IP address") from error


def _has_accounts(context: Context, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the city has accounts; beyond loopback it must have some.

    A database that does not answer yet is no reason not to start on loopback: until it does, nobody gets in.
    """
    try:
        has_accounts = context.admission.has_accounts()
    except UnavailableError as error:
        if address.is_loopback:
            return True
        raise UnusableError(f"--host {address}: whether the city has accounts cannot be read: {error}") from error
    if not has_accounts and not address.is_loopback:
        raise UnusableError(
            f"--host {address}: without accounts the API serves loopback only; first:"
            " terang-api user add NAME --role administrator"
        )
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
        raise UnusableError(f"{address}:{port}: {error.strerror}; --port takes another one") from error
    return listener


def main() -> None:
    """Entry point of ``terang-api``."""
    app()


if __name__ == "__main__":
    main()
