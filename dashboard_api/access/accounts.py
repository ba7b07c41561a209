"""What the command line does to accounts and tokens: one transaction each, with its audit line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ulid import ULID

from dashboard_api.access import passwords, secret_text
from dashboard_api.access.names import folded, is_name
from dashboard_api.access.roles import Role, Scope
from dashboard_api.errors import UnusableError
from dashboard_api.store import accounts, audit, credentials
from dashboard_api.store.audit import Actor, AuditLog, Entry, Name
from dashboard_api.store.engine import Connection, Database, Row
from languages.message import Message, Plain

LINK_LASTS_US: Final = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts and tokens of a city, as its administrator at the terminal changes them."""

    database: Database
    audit: AuditLog
    actor: Actor

    def add(
        self, name: str, role: Role, districts: Sequence[str], password: str | None, link_code: str | None, now_us: int
    ) -> bool:
        """Add an account, with a password or a one-time link or both; whether it is the city's first.

        Raises:
            UnusableError: not a name, one that is taken, or a password that cannot be.
        """
        name = _checked(name)
        password_hash = None if password is None else _hashed(password)
        values: dict[str, Any] = {
            "id": str(ULID()),
            "name": name,
            "role": str(role),
            "districts": list(districts),
            "password_hash": password_hash,
            "is_disabled": False,
            "issuer": None,
            "subject": None,
            "created_at_us": now_us,
        }
        with self.database.writing() as connection:
            if accounts.account_by_name(connection, name) is not None:
                raise UnusableError(Message("terminal.error.user_exists", name=Plain(name)))
            is_first = accounts.n_accounts(connection) == 0
            accounts.add_account(connection, values)
            if link_code is not None:
                accounts.add_link(connection, secret_text.hash_of(link_code), values["id"], now_us + LINK_LASTS_US)
            after = {"name": Name(values["id"], name), "role": str(role), "districts": list(districts)}
            self._note(connection, "account.add", values["id"], after=after)
        return is_first

    def reset(self, name: str, password: str | None, link_code: str | None, now_us: int) -> None:
        """Give an account a new password, or a one-time link and no password; ends its sessions and enables it."""
        password_hash = None if password is None else _hashed(password)
        with self.database.writing() as connection:
            row = self._account(connection, name)
            n_ended = accounts.end_sessions(connection, row.id)
            accounts.change_account(connection, row.id, password_hash=password_hash, is_disabled=False)
            if link_code is not None:
                accounts.add_link(connection, secret_text.hash_of(link_code), row.id, now_us + LINK_LASTS_US)
            before = {"is_disabled": row.is_disabled}
            self._note(connection, "account.reset", row.id, before, {"is_disabled": False, "n_ended": n_ended})

    def disable(self, name: str) -> int:
        """Disable an account and end its sessions; how many."""
        with self.database.writing() as connection:
            row = self._account(connection, name)
            n_ended = accounts.end_sessions(connection, row.id)
            accounts.change_account(connection, row.id, is_disabled=True)
            before = {"is_disabled": row.is_disabled}
            self._note(connection, "account.disable", row.id, before, {"is_disabled": True, "n_ended": n_ended})
        return n_ended

    def blank(self, name: str) -> int:
        """Remove a person's name from the city's database, the audit log's commitments included; rows changed.

        The account, if there is one, is disabled and loses name and password. The audit chain stays whole.
        """
        name = folded(name)
        with self.database.writing() as connection:
            row = accounts.account_by_name(connection, name)
            n = accounts.blank_name(connection, name)
            if row is not None:
                accounts.end_sessions(connection, row.id)
                blanked = {"name": f"-{row.id.lower()}", "password_hash": None, "is_disabled": True}
                accounts.change_account(connection, row.id, **blanked, issuer=None, subject=None)
                n += 1
            n += audit.blank(connection, None if row is None else row.id, name)
            self._note(connection, "account.blank", "" if row is None else row.id, after={"n_rows": n})
        return n

    def add_token(
        self,
        name: str,
        scopes: Sequence[Scope],
        districts: Sequence[str],
        expires_at_us: int | None,
        per_minute: int,
        now_us: int,
    ) -> tuple[str, bool]:
        """Add an API token; its secret, which nobody can show again, and whether there are accounts of people too.

        Raises:
            UnusableError: not a name, or one that is taken.
        """
        name = _checked(name)
        secret = secret_text.new_token()
        values: dict[str, Any] = {
            "id": str(ULID()),
            "name": name,
            "secret_hash": secret_text.hash_of(secret),
            "scopes": [str(scope) for scope in scopes],
            "districts": list(districts),
            "per_minute": per_minute,
            "created_at_us": now_us,
            "expires_at_us": expires_at_us,
            "revoked_at_us": None,
            "used_at_us": None,
        }
        with self.database.writing() as connection:
            if credentials.token_by_name(connection, name) is not None:
                raise UnusableError(Message("terminal.error.token_exists", name=Plain(name)))
            credentials.add_token(connection, values)
            shown = ("scopes", "districts", "per_minute", "expires_at_us")
            after = {"name": Name(values["id"], name), **{key: values[key] for key in shown}}
            self._note(connection, "token.add", values["id"], after=after)
            has_people = accounts.n_accounts(connection) > 0
        return secret, has_people

    def revoke_token(self, name: str, now_us: int) -> None:
        """Revoke a token.

        Raises:
            UnusableError: no such token.
        """
        with self.database.writing() as connection:
            row = credentials.token_by_name(connection, folded(name))
            if row is None:
                raise UnusableError(Message("terminal.error.no_token", name=Plain(name)))
            credentials.revoke_token(connection, row.id, row.revoked_at_us or now_us)
            self._note(connection, "token.revoke", row.id, {"revoked": row.revoked_at_us is not None})

    def _account(self, connection: Connection, name: str) -> Row[Any]:
        row = accounts.account_by_name(connection, folded(name))
        if row is None:
            raise UnusableError(Message("terminal.error.no_user", name=Plain(name)))
        return row

    def _note(
        self,
        connection: Connection,
        action: str,
        target: str,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        self.audit.append(connection, Entry(self.actor, action, target, before or {}, after or {}))


def _checked(name: str) -> str:
    name = folded(name)
    if not is_name(name):
        raise UnusableError(Message("terminal.error.account_name"))
    return name


def _hashed(password: str) -> str:
    problem = passwords.password_problem(password)
    if problem is not None:
        raise UnusableError(
            Message(
                "terminal.error.password_length", shortest=Plain(passwords.SHORTEST), longest=Plain(passwords.LONGEST)
            )
        )
    return passwords.hash_password(password)
