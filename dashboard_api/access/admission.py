"""Finds out who a request comes from: session cookie or bearer token to principal, cached for a moment.

A principal is looked up in the database at most once in ``FRESH_S``: what another process revokes ends within that
time, what this one revokes at once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dashboard_api.access import secret_text
from dashboard_api.access.principal import LOCAL, PUBLIC, Principal
from dashboard_api.access.roles import ACCOUNT_ROLES, Role, Scope
from dashboard_api.errors import UnavailableError
from dashboard_api.store import credentials
from dashboard_api.store.accounts import is_closed
from dashboard_api.store.engine import Database, Row

FRESH_S: Final = 2.0
_KEPT: Final = 10_000
_HOUR_US: Final = 3600 * 1_000_000
# A session ends after so many hours, and after so many without a request. A crew's phone is offline for days; who can
# switch a city dark signs in every day.
LASTS_H: Final = {Role.VIEWER: 720, Role.CREW: 720, Role.OPERATOR: 168, Role.ADMINISTRATOR: 24}
IDLE_H: Final = {Role.VIEWER: 168, Role.CREW: 168, Role.OPERATOR: 24, Role.ADMINISTRATOR: 2}
DISPLAY_LASTS_H: Final = 24 * 365


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: the hash of its bearer token, or of its session cookie."""

    kind: str  # "token" or "session"
    secret_hash: str


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal | None
    looked_up_s: float
    ends_us: int | None


class Admission:
    """Looks principals up. Safe to call from threads."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        *,
        is_loopback: bool,
        is_always_closed: bool = False,
        are_accounts_lost: Callable[[], bool] = bool,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look up in ``database``.

        Args:
            database: the city's.
            clock: UTC microseconds.
            is_loopback: whether only this machine can reach the service.
            is_always_closed: whether people sign in elsewhere, so that there may be accounts at any time.
            are_accounts_lost: whether there were accounts in a database that was set aside: then nobody is an operator
                for being at this machine.
            now_s: a clock that only goes forward.
        """
        self._database = database
        self._clock = clock
        self._is_loopback = is_loopback
        self._are_accounts_lost = are_accounts_lost
        self._now_s = now_s
        self._lock = threading.Lock()
        self._known: OrderedDict[Shown, _Known] = OrderedDict()
        self._accounts: tuple[bool, float] | None = (True, float("inf")) if is_always_closed else None
        self._seen: dict[str, int] = {}  # session hash -> when
        self._used: dict[str, int] = {}  # token id -> when

    def has_accounts_cached(self) -> bool | None:
        """Whether the city has accounts; None = has to be looked up."""
        known = self._accounts
        return known[0] if known is not None and self._now_s() - known[1] < FRESH_S else None

    def has_accounts(self) -> bool:
        """Whether the city has accounts of people or programs, disabled and revoked ones included.

        Raises:
            UnavailableError: the database does not answer. Without an answer nobody is let in.
        """
        cached = self.has_accounts_cached()
        if cached is not None:
            return cached
        try:
            with self._database.reading() as connection:
                found = is_closed(connection) or self._are_accounts_lost()
        except UnavailableError as error:
            # a database of an earlier version, or none yet: nobody has an account there. One that had some has lost
            # its tables, which opens nothing.
            if error.code != "no_tables" or (self._accounts is not None and self._accounts[0]):
                raise
            found = False
        self._accounts = (found, self._now_s())
        return found

    def nobody(self, *, has_accounts: bool) -> Principal:
        """Who a request without credentials comes from."""
        return LOCAL if self._is_loopback and not has_accounts else PUBLIC

    def cached(self, shown: Shown) -> tuple[bool, Principal | None]:
        """``(whether it is known at the moment, the principal)``."""
        known = self._known.get(shown)
        if known is None or self._now_s() - known.looked_up_s >= FRESH_S:
            return False, None
        if known.ends_us is not None and self._clock() >= known.ends_us:
            return True, None
        return True, known.principal

    def remembered(self, shown: Shown | None) -> Principal | None:
        """Whom a secret belonged to when it was last looked up, for what may go on while the database is unreadable.

        Without a secret: this machine's user, as long as no account was ever known of.
        """
        if shown is None:
            had_accounts = (self._accounts is not None and self._accounts[0]) or self._are_accounts_lost()
            return LOCAL if self._is_loopback and not had_accounts else None
        known = self._known.get(shown)
        if known is None or (known.ends_us is not None and self._clock() >= known.ends_us):
            return None
        return known.principal

    def look_up(self, shown: Shown) -> Principal | None:
        """The principal, None where nothing (or nothing any more) has that secret.

        Raises:
            UnavailableError: the database does not answer.
        """
        now_us, at_s = self._clock(), self._now_s()
        find = self._of_token if shown.kind == "token" else self._of_session
        principal, ends_us = find(shown.secret_hash, now_us)
        with self._lock:
            self._known[shown] = _Known(principal, at_s, ends_us)
            self._known.move_to_end(shown)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
            if principal is not None and principal.kind == "token":
                self._used[principal.id] = now_us
            if principal is not None and principal.session_hash is not None:
                self._seen[principal.session_hash] = now_us
        return principal

    def look_up_session(self, id_hash: str) -> Principal | None:
        """The principal of a session by its hash.

        Raises:
            UnavailableError: the database does not answer.
        """
        return self.look_up(Shown("session", id_hash))

    def forget(self) -> None:
        """Look everybody up again: something was revoked."""
        with self._lock:
            self._known.clear()
        if self._accounts is not None and self._accounts[1] != float("inf"):
            self._accounts = (True, float("-inf")) if self._accounts[0] else None

    def write_use(self) -> None:
        """Write when sessions and tokens were last used, and remove sessions that ran out.

        Raises:
            UnavailableError: the database does not answer; the times stay for the next call.
        """
        with self._lock:
            seen, self._seen = self._seen, {}
            used, self._used = self._used, {}
        if not self.has_accounts():
            return
        try:
            with self._database.writing() as connection:
                credentials.note_use(connection, seen, used)
                credentials.end_expired(connection, self._clock())
        except UnavailableError:
            with self._lock:
                self._seen, self._used = {**seen, **self._seen}, {**used, **self._used}
            raise

    def _of_token(self, secret_hash: str, now_us: int) -> tuple[Principal | None, int | None]:
        with self._database.reading() as connection:
            row = credentials.token_by_hash(connection, secret_hash)
        if row is None or row.revoked_at_us is not None or (row.expires_at_us or now_us + 1) <= now_us:
            return None, None
        return _token_principal(row, None), row.expires_at_us

    def _of_session(self, id_hash: str, now_us: int) -> tuple[Principal | None, int | None]:
        with self._database.reading() as connection:
            row = credentials.session_row(connection, id_hash)
            if row is None or row.expires_at_us <= now_us:
                return None, None
            if row.token_id is not None:
                token = credentials.token_by_id(connection, row.token_id)
                if token is None or token.revoked_at_us is not None or (token.expires_at_us or now_us + 1) <= now_us:
                    return None, None
                return _token_principal(token, id_hash), min(row.expires_at_us, token.expires_at_us or 2**62)
        if row.account_id is None or row.account_is_disabled or row.account_role not in ACCOUNT_ROLES:
            return None, None
        role = Role(row.account_role)
        seen_at_us = max(row.seen_at_us, self._seen.get(id_hash, 0))
        ends_us = min(row.expires_at_us, seen_at_us + IDLE_H[role] * _HOUR_US)
        if ends_us <= now_us:
            return None, None
        principal = Principal(
            "user", row.account_id, row.account_name, role, districts=tuple(row.account_districts), session_hash=id_hash
        )
        return principal, ends_us


def _token_principal(row: Row[Any], session_hash: str | None) -> Principal:
    known = {str(scope) for scope in Scope}
    return Principal(
        "token",
        row.id,
        row.name,
        Role.PUBLIC,
        scopes=frozenset(Scope(name) for name in row.scopes if name in known),
        districts=tuple(row.districts),
        session_hash=session_hash,
        per_minute=row.per_minute,
    )


def shown_token(secret: str) -> Shown | None:
    """What a bearer token shows; None = too long to be one."""
    return Shown("token", secret_text.hash_of(secret)) if 0 < len(secret) <= secret_text.LONGEST else None


def shown_session(cookie: str | None) -> Shown | None:
    """What a session cookie shows; None = there is none."""
    if not cookie or len(cookie) > secret_text.LONGEST:
        return None
    return Shown("session", secret_text.hash_of(cookie))
