"""``terang-api``: serves a city's faults, lamps and page; ``user``, ``token`` and ``audit`` keep its accounts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dashboard_api.errors import ApiError
from dashboard_api.terminal import audit, token, user
from dashboard_api.terminal.labels import print_labels
from dashboard_api.terminal.stand import CityOption, city_folder, refused
from ingest.schema.errors import CityError
from languages.terminal import terminal_words, translate_help

app = typer.Typer(help="terminal.api.about", add_completion=False)
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(audit.app, name="audit")
app.command(name="labels", help="terminal.api.do.labels")(print_labels)


@app.callback(invoke_without_command=True, help="terminal.api.do.serve")
def serve(
    context: typer.Context,
    city: CityOption = None,
    host: Annotated[str, typer.Option(help="terminal.api.help.host")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="terminal.api.help.port")] = 8000,
    tls_cert: Annotated[Path | None, typer.Option(help="terminal.api.help.tls_cert")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="terminal.api.help.tls_key")] = None,
) -> None:
    """Serve a city's faults, lamps and page over HTTP."""
    if context.invoked_subcommand is not None:
        return
    # Here and not above: the app takes a second to import, which the commands of accounts need not wait for.
    from dashboard_api.terminal.serve import Listening, serve_city  # noqa: PLC0415

    try:
        serve_city(city_folder(context, city), Listening(host, port, tls_cert, tls_key))
    except (CityError, ApiError) as error:
        raise refused(error) from error


def main() -> None:
    """Entry point of ``terang-api``."""
    command = typer.main.get_command(app)
    translate_help(command, terminal_words(os.environ))
    command()


if __name__ == "__main__":
    main()
