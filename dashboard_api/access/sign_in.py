"""Signing in and out: passwords, one-time links, displays' tokens. Each sign-in makes a new session."""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ulid import ULID

from dashboard_api.access import passwords, secret_text
from dashboard_api.access.admission import DISPLAY_LASTS_H, LASTS_H, Admission
from dashboard_api.access.names import folded, is_name
from dashboard_api.access.oidc import Subject
from dashboard_api.access.principal import Principal
from dashboard_api.access.refusals import Refusals
from dashboard_api.access.roles import ACCOUNT_ROLES, Role, Scope
from dashboard_api.access.throttle import SignInThrottle
from dashboard_api.errors import BadRequestError, StaleError, TooManyError, UnauthorisedError
from dashboard_api.store import accounts, credentials
from dashboard_api.store.audit import Actor, AuditLog, Entry, Name
from dashboard_api.store.engine import Database, Row

_HOUR_US: Final = 3600 * 1_000_000
_N_AT_ONCE: Final = 2  # argon2 takes 19 MiB and tens of milliseconds of a core each
_N_WAITING: Final = 16
DEVICE_LASTS_S: Final = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session.

    Attributes:
        cookie: the session cookie's value; nobody keeps it but the browser.
        device: the device cookie's value, None for a display.
    """

    principal: Principal
    cookie: str
    lasts_s: int
    device: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a sign-in comes from: address, device cookie, and the session cookie that it replaces."""

    address: str
    device: str | None = None
    session: str | None = None


class SignIn:
    """Makes and ends sessions."""

    def __init__(
        self,
        database: Database,
        admission: Admission,
        audit: AuditLog,
        refusals: Refusals,
        key: Callable[[str], bytes],
        clock: Callable[[], int],
    ) -> None:
        """``key``: of a purpose, such as signing device cookies; ``clock``: UTC microseconds."""
        self._database = database
        self._admission = admission
        self._audit = audit
        self._refusals = refusals
        self._device_key = partial(key, "device")
        self._clock = clock
        self.throttle = SignInThrottle(database, partial(key, "throttle"), clock)
        self._hashing = threading.Semaphore(_N_AT_ONCE)
        self._waiting = threading.Semaphore(_N_AT_ONCE + _N_WAITING)

    def by_password(self, name: str, password: str, caller: Caller) -> SignedIn:
        """Sign in with name and password.

        Raises:
            UnauthorisedError: no such account, a wrong password, or a disabled account: the same answer, after the
                same time.
            TooManyError: too many attempts.
            StaleError: the city has no accounts.
            UnavailableError: the database does not answer.
        """
        if not self._admission.has_accounts():
            raise StaleError("no_accounts_yet")
        name = folded(name)
        with self._database.reading() as connection:
            row = accounts.account_by_name(connection, name)
        device = self._known_device(caller.device, row)
        self._begin(caller.address, name, device, None if row is None else row.id)
        with self._hashing_turn():
            is_right = passwords.is_password(password, None if row is None else row.password_hash)
        if row is None or not is_right or row.is_disabled:
            self._refusals.count("password", caller.address, None if row is None else row.id)
            raise UnauthorisedError("sign_in_refused")
        self.throttle.succeed(caller.address, name, device)
        return self.admit(row.id, caller, "session.password")

    def by_link(self, code: str, password: str, caller: Caller) -> SignedIn:
        """Set a password by a one-time link, which is used up by this, and sign in.

        Raises:
            BadRequestError: a password that is too short, too long, or no text.
            UnauthorisedError: no such link, or no longer.
            TooManyError: too many attempts.
        """
        problem = passwords.password_problem(password)
        if problem is not None:
            raise BadRequestError(problem, shortest=passwords.SHORTEST, longest=passwords.LONGEST)
        self._begin(caller.address, f"\0link {caller.address}", None)
        with self._hashing_turn():
            password_hash = passwords.hash_password(password)
        with self._database.writing() as connection:
            row = accounts.take_link(connection, secret_text.hash_of(code), self._clock())
            if row is not None and not row.is_disabled:
                accounts.end_sessions(connection, row.id)
                accounts.change_account(connection, row.id, password_hash=password_hash)
                person = Name(row.id, row.name)
                self._audit.append(connection, Entry(Actor(person, caller.address), "account.password", row.id))
        self._admission.forget()
        if row is None or row.is_disabled:
            self._refusals.count("link", caller.address, None if row is None else row.id)
            raise UnauthorisedError("link_refused")
        self.throttle.succeed(caller.address, f"\0link {caller.address}", None)
        return self.admit(row.id, caller, "session.link")

    def by_token(self, secret: str, caller: Caller) -> SignedIn:
        """Let a display in: a session with the rights of its token, which may only show.

        Raises:
            UnauthorisedError: no such token, or none for displays.
            TooManyError: too many attempts.
        """
        self._begin(caller.address, f"\0token {caller.address}", None)
        with self._database.reading() as connection:
            row = credentials.token_by_hash(connection, secret_text.hash_of(secret))
        now_us = self._clock()
        is_right = row is not None and row.revoked_at_us is None and (row.expires_at_us or now_us + 1) > now_us
        if row is None or not is_right or set(row.scopes) != {Scope.DISPLAY}:
            self._refusals.count("display", caller.address, None if row is None else row.id)
            raise UnauthorisedError("token_refused")
        self.throttle.succeed(caller.address, f"\0token {caller.address}", None)
        cookie, id_hash = self._new_session({"token_id": row.id}, DISPLAY_LASTS_H, caller, "session.display", row)
        principal = self._admission.look_up_session(id_hash)
        if principal is None:
            raise UnauthorisedError("token_refused")
        return SignedIn(principal, cookie, DISPLAY_LASTS_H * 3600, None)

    def by_subject(self, subject: Subject, caller: Caller) -> SignedIn:
        """Sign in whom an OpenID provider confirmed; the account is made, or takes the role that it has there now.

        An account is known by issuer and subject alone: a name that somebody took there opens nobody's account here.

        Raises:
            UnauthorisedError: the account is disabled.
        """
        with self._database.writing() as connection:
            row = accounts.account_of_subject(connection, subject.issuer, subject.subject)
            rights = {"role": str(subject.role), "districts": list(subject.districts)}
            if row is None:
                user_id, name = str(ULID()), folded(subject.name)
                if not is_name(name) or accounts.account_by_name(connection, name) is not None:
                    name = f"{name[:48]}-{user_id[-10:].lower()}" if is_name(name) else f"openid-{user_id.lower()}"
                origin = {"issuer": subject.issuer, "subject": subject.subject, "created_at_us": self._clock()}
                values = {"id": user_id, "name": name, **rights, "password_hash": None, "is_disabled": False}
                accounts.add_account(connection, {**values, **origin})
                before: dict[str, Any] = {}
            else:
                user_id, name = row.id, row.name
                before = {"role": row.role, "districts": row.districts}
                accounts.change_account(connection, user_id, **rights)
            if before != rights:
                actor = Actor(Name(user_id, name), caller.address)
                self._audit.append(connection, Entry(actor, "account.openid", user_id, before, rights))
        return self.admit(user_id, caller, "session.openid")

    def admit(self, user_id: str, caller: Caller, action: str) -> SignedIn:
        """Make a session for an account whose owner has been recognised.

        Raises:
            UnauthorisedError: the account is gone or disabled.
        """
        with self._database.reading() as connection:
            row = accounts.account_by_id(connection, user_id)
        if row is None or row.is_disabled or row.role not in ACCOUNT_ROLES:
            raise UnauthorisedError("sign_in_refused")
        lasts_h = LASTS_H[Role(row.role)]
        cookie, id_hash = self._new_session({"user_id": row.id}, lasts_h, caller, action, row)
        principal = self._admission.look_up_session(id_hash)
        if principal is None:
            raise UnauthorisedError("sign_in_refused")
        return SignedIn(principal, cookie, lasts_h * 3600, self._device_cookie(row.id))

    def sign_out(self, principal: Principal, address: str, *, everywhere: bool) -> None:
        """End the session that a principal came by, or all of its account."""
        if principal.session_hash is None and not (everywhere and principal.kind == "user"):
            return
        with self._database.writing() as connection:
            if everywhere and principal.kind == "user":
                n = accounts.end_sessions(connection, principal.id)
            else:
                n = credentials.end_session(connection, principal.session_hash or "")
            actor = Actor(Name(principal.id, principal.name), address)
            self._audit.append(connection, Entry(actor, "session.end", principal.id, after={"n_ended": n}))
        self._admission.forget()

    def _begin(self, address: str, account: str, device: str | None, account_id: str | None = None) -> None:
        try:
            self.throttle.begin(address, account, device)
        except TooManyError:
            self._refusals.count("throttled", address, account_id)
            raise

    def _new_session(
        self, owner: dict[str, str], lasts_h: int, caller: Caller, action: str, row: Row[Any]
    ) -> tuple[str, str]:
        """Store a session under a new secret, whatever the browser came with; ``(cookie, its hash)``."""
        cookie = secret_text.new_secret()
        id_hash, now_us = secret_text.hash_of(cookie), self._clock()
        with self._database.writing() as connection:
            if caller.session is not None:
                credentials.end_session(connection, secret_text.hash_of(caller.session))
            times = {"created_at_us": now_us, "seen_at_us": now_us, "expires_at_us": now_us + lasts_h * _HOUR_US}
            nobody = {"user_id": None, "token_id": None}
            credentials.add_session(connection, {"id_hash": id_hash, **nobody, **owner, **times})
            self._audit.append(connection, Entry(Actor(Name(row.id, row.name), caller.address), action, row.id))
        self._admission.forget()
        return cookie, id_hash

    @contextmanager
    def _hashing_turn(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise TooManyError("sign_in_busy", retry_after_s=2)
        try:
            with self._hashing:
                yield
        finally:
            self._waiting.release()

    def _device_cookie(self, user_id: str) -> str:
        device = secrets.token_hex(16)
        return f"{device}.{self._device_mac(user_id, device)}"

    def _device_mac(self, user_id: str, device: str) -> str:
        return hmac.new(self._device_key(), f"{user_id}\0{device}".encode(), "sha256").hexdigest()

    def _known_device(self, cookie: str | None, row: Row[Any] | None) -> str | None:
        """The device's id, if the account's owner signed in on it before."""
        device, _, mac = (cookie or "").partition(".")
        if row is None or not device or len(device) > 32 or not mac.isascii():
            return None
        return device if hmac.compare_digest(self._device_mac(row.id, device), mac) else None
