"""``terang-api``: serves a city's faults, lamps and page."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from dashboard_api.app import create_app
from dashboard_api.errors import UnusableError
from dashboard_api.http.server import run_server
from dashboard_api.logs import set_up_logs
from ingest.schema.city import read_city
from ingest.schema.errors import CityError

# SQLite releases the interpreter lock for every row that it fetches. A thread that draws tiles may then hold it for one
# switch interval each time: with Python's default of 5 ms, a list of a hundred faults could wait half a second.
_SWITCH_S: Final = 0.001


def serve(
    city: Annotated[Path, typer.Option(help="The city's folder.")],
    host: Annotated[str, typer.Option(help="Loopback only, as long as there are no accounts.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 = any free port.")] = 8000,
) -> None:
    """Serve a city's faults, lamps and page over HTTP."""
    log_config = set_up_logs()
    try:
        app = create_app(read_city(city, os.environ))
        listener = _listen(host, port)
    except (CityError, UnusableError) as error:
        print(f"terang-api: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    bound_host, bound_port = listener.getsockname()[:2]
    print(f"terang-api: http://{bound_host}:{bound_port}", flush=True)
    sys.setswitchinterval(_SWITCH_S)
    run_server(app, listener, app.state.metrics, log_config)


def _listen(host: str, port: int) -> socket.socket:
    """Bind the socket first, so that a port in use ends the program with one line."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UnusableError(f"--host {host}: not an IP address") from error
    if not address.is_loopback:
        raise UnusableError(f"--host {host}: without accounts the API serves loopback only; put a proxy in front")
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
    typer.run(serve)


if __name__ == "__main__":
    main()
