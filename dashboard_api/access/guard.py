"""Lets a request through to its route, or not; plain ASGI around each route.

In this order: does the request come from another site's page, who sends it, are this minute's requests used up, may
they do this. Nothing of the body is read before.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Collection
from functools import lru_cache
from typing import Any, Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard_api.access.admission import Admission, Shown, shown_session, shown_token
from dashboard_api.access.cookies import SESSION, read_cookie
from dashboard_api.access.origin_check import SAFE_METHODS, is_own_origin
from dashboard_api.access.principal import PUBLIC, Principal
from dashboard_api.access.rate_limits import RateLimits
from dashboard_api.access.refusals import Refusals
from dashboard_api.access.roles import Role, Rule
from dashboard_api.errors import ForbiddenError, RequestError, UnauthorisedError, UnavailableError
from dashboard_api.http.host_check import LOOPBACK_NAMES, host_name

T = TypeVar("T")
_LOOK_AGAIN_S: Final = 5.0  # whether a stream's reader may still read
_FORWARDED: Final = frozenset((b"forwarded", b"x-forwarded-for", b"x-real-ip"))
_BEARER: Final = b"bearer "


class Gate:
    """Decides about requests; one for all routes."""

    def __init__(
        self,
        admission: Admission,
        limits: RateLimits,
        allowed_origins: Collection[str],
        refusals: Refusals,
        *,
        is_in_process: bool,
    ) -> None:
        """``refusals``: where tokens that do not hold are counted.

        ``is_in_process``: whether a look-up takes no longer than a function call, so that it needs no thread.
        """
        self.admission = admission
        self._limits = limits
        self._refusals = refusals
        self._allowed_origins = frozenset(allowed_origins)
        self._is_in_process = is_in_process

    async def principal_of(self, scope: Scope) -> Principal:
        """Who sends a request.

        Raises:
            UnauthorisedError: it shows a token that does not hold.
            ForbiddenError: there are no accounts, and it comes through a proxy.
            UnavailableError: the database does not answer.
        """
        has_accounts = self.admission.has_accounts_cached()
        if has_accounts is None:
            has_accounts = await self._ask(self.admission.has_accounts)
        if not has_accounts:
            is_forwarded = any(name in _FORWARDED for name, _value in scope["headers"])
            if is_forwarded or host_name(scope) not in LOOPBACK_NAMES:
                raise ForbiddenError("no_accounts")
            return self.admission.nobody(has_accounts=False)
        bearer = _bearer(scope)
        if bearer is not None:
            shown = shown_token(bearer)
            principal = None if shown is None else await self._find(shown)
            if principal is None:
                raise UnauthorisedError("bad_token")
            return principal
        shown = shown_session(read_cookie(scope, SESSION))
        principal = None if shown is None else await self._find(shown)
        return principal or self.admission.nobody(has_accounts=True)

    async def check(self, scope: Scope, rule: Rule) -> Principal:
        """The principal, if it may do what the rule is about.

        Raises:
            UnauthorisedError: nobody is signed in, or the token does not hold.
            ForbiddenError: not this one, or the request comes from another site's page.
            TooManyError: this minute's requests are used up.
            UnavailableError: the database does not answer.
        """
        if scope["method"] not in SAFE_METHODS and not self._is_own(scope):
            raise ForbiddenError("foreign_origin")
        try:
            principal = await self.principal_of(scope)
        except UnauthorisedError:
            self._refusals.count("token", address_of(scope))
            self._limits.count(PUBLIC, address_of(scope))  # guesses at tokens are counted as well
            raise
        except UnavailableError:
            remembered = self._remembered(scope) if rule.is_of_process else None
            if rule.role is not Role.PUBLIC and remembered is None:
                raise
            # what is public asks no database who it is
            principal = remembered or self.admission.nobody(has_accounts=True)
        if principal.kind != "local":
            self._limits.count(principal, address_of(scope))
        if not principal.may(rule):
            if not principal.is_known:
                raise UnauthorisedError("not_signed_in")
            raise ForbiddenError("not_your_right", role=str(principal.role), needed=str(rule.role))
        return principal

    def _remembered(self, scope: Scope) -> Principal | None:
        bearer = _bearer(scope)
        if bearer is not None:
            shown = shown_token(bearer)
            return None if shown is None else self.admission.remembered(shown)
        shown = shown_session(read_cookie(scope, SESSION))
        is_forwarded = any(name in _FORWARDED for name, _value in scope["headers"])
        if shown is None and (is_forwarded or host_name(scope) not in LOOPBACK_NAMES):
            return None
        return self.admission.remembered(shown)

    def _is_own(self, scope: Scope) -> bool:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        return is_own_origin(
            headers.get(b"sec-fetch-site"),
            headers.get(b"origin"),
            scope.get("scheme", "http"),
            headers.get(b"host", ""),
            self._allowed_origins,
        )

    async def _find(self, shown: Shown) -> Principal | None:
        is_known, principal = self.admission.cached(shown)
        if is_known:
            return principal
        return await self._ask(lambda: self.admission.look_up(shown))

    async def _ask(self, task: Callable[[], T]) -> T:
        return task() if self._is_in_process else await run_in_threadpool(task)


class Guard:
    """One route behind the gate."""

    def __init__(self, app: ASGIApp, rule: Rule, gate: Callable[[], Gate]) -> None:
        """``app``: the route's own; ``gate``: of the app that the request came to."""
        self._app = app
        self.rule = rule
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        gate = self._gate()
        principal = await gate.check(scope, self.rule)
        scope.setdefault("state", {})["principal"] = principal
        if principal.kind != "local":
            send = _private(send, is_public=not principal.is_known)
        if not self.rule.is_stream:
            await self._app(scope, receive, send)
            return
        stream = _Stream(receive, send, lambda: gate.check(scope, self.rule))
        await self._app(scope, stream.receive, stream.send)
        await stream.end()


def _private(send: Send, *, is_public: bool) -> Send:
    """What somebody may read because of who they are stays out of shared caches."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start" and not is_public:
            headers = [(name, value) for name, value in message["headers"] if name.lower() != b"cache-control"]
            held = [value for name, value in message["headers"] if name.lower() == b"cache-control"]
            control = held[0].replace(b"public", b"private") if held else b"private, no-cache"
            message = {**message, "headers": [*headers, (b"cache-control", control)]}
        await send(message)

    return guarded


class _Stream:
    """An answer that lasts: tells its route that the client is gone as soon as ``check`` no longer lets it through."""

    def __init__(self, receive: Receive, send: Send, check: Callable[[], Awaitable[Any]]) -> None:
        self._receive = receive
        self._send = send
        self._check = check
        self._is_revoked = False
        self._is_open = False  # begun, and not at its end

    async def receive(self) -> Message:
        waiting = asyncio.ensure_future(_as_coroutine(self._receive))
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=_LOOK_AGAIN_S)
                if done:
                    return waiting.result()
                try:
                    await self._check()
                except RequestError:
                    self._is_revoked = True
                    return {"type": "http.disconnect"}
        finally:
            waiting.cancel()

    async def send(self, message: Message) -> None:
        self._is_open = message["type"] == "http.response.start" or message.get("more_body", False)
        await self._send(message)

    async def end(self) -> None:
        """End the answer properly where the route left it: the client is still there."""
        if self._is_revoked and self._is_open:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


async def _as_coroutine(receive: Receive) -> Message:
    return await receive()


def _bearer(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            return bytes(value[len(_BEARER) :]).decode("latin-1").strip()
    return None


def address_of(scope: Scope) -> str:
    """The caller's address: the connection's, or what a trusted proxy says."""
    client = scope.get("client")
    return "unknown" if client is None else _written_address(str(client[0]))


@lru_cache(maxsize=4096)
def _written_address(text: str) -> str:
    """An address in its one form; what is none, shortened."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text[:64]
