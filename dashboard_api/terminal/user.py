"""``terang-api user``: accounts of people."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from dashboard_api.access import secret_text
from dashboard_api.access.roles import ALL_DISTRICTS, Role
from dashboard_api.errors import UnusableError
from dashboard_api.store.accounts import all_accounts
from dashboard_api.terminal.stand import CityOption, Stand, now_us, read_password, standing
from languages.terminal import terminal_words

app = typer.Typer(help="terminal.api.help.user", no_args_is_help=True)
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="terminal.api.help.password_stdin")]
Ask = Annotated[bool, typer.Option("--ask", help="terminal.api.help.ask")]
Link = Annotated[bool, typer.Option("--link", help="terminal.api.help.link")]
Site = Annotated[str | None, typer.Option(help="terminal.api.help.site")]
UserName = Annotated[str, typer.Argument(help="terminal.api.help.person")]


def _secrets(*, from_stdin: bool, ask: bool, link: bool) -> tuple[str | None, str | None, bool]:
    """``(password, link code, whether the password was made here)``."""
    if from_stdin + ask + link > 1:
        raise UnusableError(terminal_words(os.environ).say("terminal.api.error.one_secret"))
    if link:
        return None, secret_text.new_secret(), False
    if from_stdin or ask:
        return read_password(from_stdin=from_stdin), None, False
    return secret_text.new_password(), None, True


def _address(stand: Stand, site: str | None, code: str) -> str:
    hosts = stand.city.web.hosts
    begin = site or (f"https://{hosts[0]}" if hosts else "http://127.0.0.1:8000")
    return f"{begin.rstrip('/')}/sign-in/link?code={code}"


@app.command(help="terminal.api.do.user_add")
def add(
    context: typer.Context,
    name: UserName,
    role: Annotated[Role, typer.Option(help="terminal.api.help.role")],
    district: Annotated[list[str] | None, typer.Option(help="terminal.api.help.district")] = None,
    from_stdin: FromStdin = False,
    ask: Ask = False,
    link: Link = False,
    site: Site = None,
    city: CityOption = None,
) -> None:
    """Add an account; prints its password, or a one-time link, once and alone on standard output."""
    with standing(context, city) as stand:
        if role is Role.PUBLIC:
            raise UnusableError(terminal_words(os.environ).say("terminal.api.error.public"))
        password, code, is_made = _secrets(from_stdin=from_stdin, ask=ask, link=link)
        first_code = None
        if is_made and role is Role.ADMINISTRATOR and not _has_people(stand):
            first_code = secret_text.new_secret()  # the first one gets in by a link as well
        is_first = stand.accounts.add(name, role, district or [], password, code or first_code, now_us())
        _print_secret(stand, name, password if is_made else None, code, site)
        if first_code is not None:
            print(terminal_words(os.environ).say("terminal.api.user.first_link"), file=sys.stderr)
            print(_address(stand, site, first_code), file=sys.stderr)
        if role is Role.CREW and not district:
            print(
                terminal_words(os.environ).say("terminal.api.user.nowhere", name=name, all=ALL_DISTRICTS),
                file=sys.stderr,
            )
        if is_first:
            print(terminal_words(os.environ).say("terminal.api.user.first"), file=sys.stderr)


def _has_people(stand: Stand) -> bool:
    with stand.database.reading() as connection:
        return bool(all_accounts(connection))


def _print_secret(stand: Stand, name: str, password: str | None, code: str | None, site: str | None) -> None:
    if password is not None:
        print(terminal_words(os.environ).say("terminal.api.user.password", name=name), file=sys.stderr)
        print(password, flush=True)
    if code is not None:
        print(terminal_words(os.environ).say("terminal.api.user.link", name=name), file=sys.stderr)
        print(_address(stand, site, code), flush=True)


@app.command(help="terminal.api.do.user_reset")
def reset(
    context: typer.Context,
    name: UserName,
    from_stdin: FromStdin = False,
    ask: Ask = False,
    link: Link = False,
    site: Site = None,
    city: CityOption = None,
) -> None:
    """Give a new password or a one-time link; ends all sessions of the account, and enables it."""
    with standing(context, city) as stand:
        password, code, is_made = _secrets(from_stdin=from_stdin, ask=ask, link=link)
        stand.accounts.reset(name, password, code, now_us())
        _print_secret(stand, name, password if is_made else None, code, site)


@app.command(help="terminal.api.do.user_disable")
def disable(context: typer.Context, name: UserName, city: CityOption = None) -> None:
    """Disable an account and end its sessions."""
    with standing(context, city) as stand:
        n_ended = stand.accounts.disable(name)
        print(terminal_words(os.environ).say("terminal.api.user.disabled", name=name, n=n_ended))


@app.command(help="terminal.api.do.user_blank")
def blank(context: typer.Context, name: UserName, city: CityOption = None) -> None:
    """Remove a person's name from the database and the audit log, which stays whole (UU PDP 27/2022)."""
    with standing(context, city) as stand:
        n_rows = stand.accounts.blank(name)
        print(terminal_words(os.environ).say("terminal.api.user.blanked", n=n_rows))


@app.command("list", help="terminal.api.do.user_list")
def list_accounts(context: typer.Context, city: CityOption = None) -> None:
    """List accounts: name, role, districts, state."""
    with standing(context, city) as stand, stand.database.reading() as connection:
        for row in all_accounts(connection):
            way = "OpenID" if row.issuer else "password" if row.password_hash else "no password yet"
            state = "disabled" if row.is_disabled else way
            print(f"{row.name}\t{row.role}\t{', '.join(row.districts) or '-'}\t{state}")
