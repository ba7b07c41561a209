"""``terang-api token``: API tokens of programs and displays."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from dashboard_api.access.roles import ALL_DISTRICTS, Scope
from dashboard_api.errors import UnusableError
from dashboard_api.formats.times import iso
from dashboard_api.store.credentials import all_tokens
from dashboard_api.terminal.stand import CityOption, now_us, standing
from languages.terminal import terminal_words

app = typer.Typer(help="terminal.api.help.token", no_args_is_help=True)
_DAY_US: Final = 86_400 * 1_000_000


@app.command(help="terminal.api.do.token_add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="terminal.api.help.purpose")],
    scope: Annotated[list[Scope], typer.Option(help="terminal.api.help.scope", parser=str)],
    district: Annotated[list[str] | None, typer.Option(help="terminal.api.help.token_district")] = None,
    expires: Annotated[str | None, typer.Option(help="terminal.api.help.expires")] = None,
    per_minute: Annotated[int, typer.Option(min=1, max=1_000_000, help="terminal.api.help.rate")] = 6_000,
    city: CityOption = None,
) -> None:
    """Add a token; prints it once and alone on standard output."""
    with standing(context, city) as stand:
        expires_at_us = None if expires is None else _end_us(expires)
        districts = district or [ALL_DISTRICTS]
        scopes = _scopes(scope)
        secret, has_people = stand.accounts.add_token(name, scopes, districts, expires_at_us, per_minute, now_us())
        print(terminal_words(os.environ).say("terminal.api.token.shown", name=name), file=sys.stderr)
        print(secret, flush=True)
        if not has_people:
            print(terminal_words(os.environ).say("terminal.api.token.first"), file=sys.stderr)


def _scopes(given: list[Scope]) -> list[Scope]:
    known = [str(scope) for scope in Scope]
    names = [name.strip() for text in given for name in str(text).split(",")]
    for name in names:
        if name not in known:
            raise UnusableError(
                terminal_words(os.environ).say("terminal.api.error.scope", name=name, known=", ".join(known))
            )
    return [Scope(name) for name in dict.fromkeys(names)]


def _end_us(text: str) -> int:
    """The end that ``--expires`` names, UTC microseconds."""
    try:
        if text.endswith("d"):
            end_us = now_us() + int(timedelta(days=int(text[:-1])).total_seconds()) * 1_000_000
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
            end_us = round(moment.timestamp() * 1e6) + (_DAY_US if len(text) == len("2027-01-31") else 0)
    except (ValueError, OverflowError) as error:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.expires", text=text)) from error
    if not now_us() < end_us < 2**53:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.expires_past", text=text))
    return end_us


@app.command("list", help="terminal.api.do.token_list")
def list_tokens(context: typer.Context, city: CityOption = None) -> None:
    """List tokens: name, scopes, districts, state, last use."""
    with standing(context, city) as stand, stand.database.reading() as connection:
        for row in all_tokens(connection):
            state = "valid" if row.expires_at_us is None else f"until {iso(row.expires_at_us)}"
            if row.expires_at_us is not None and row.expires_at_us <= now_us():
                state = f"expired {iso(row.expires_at_us)}"
            if row.revoked_at_us is not None:
                state = f"revoked {iso(row.revoked_at_us)}"
            used = "never used" if row.used_at_us is None else f"last used {iso(row.used_at_us)}"
            print(f"{row.name}\t{', '.join(row.scopes)}\t{', '.join(row.districts)}\t{state}\t{used}")


@app.command(help="terminal.api.do.token_revoke")
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="terminal.api.help.token_name")],
    city: CityOption = None,
) -> None:
    """Revoke a token, and end the displays' sessions that it opened."""
    with standing(context, city) as stand:
        stand.accounts.revoke_token(name, now_us())
        print(terminal_words(os.environ).say("terminal.api.token.revoked", name=name))
