"""Requests per minute: of a token, of a session, and of an address that shows neither."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from limits import RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from dashboard_api.access.principal import Principal
from dashboard_api.access.window_counts import WindowCounts
from dashboard_api.errors import TooManyError

_STEP: Final = 32
_KEPT: Final = 10_000  # sessions


class RateLimits:
    """Counts requests in this process."""

    def __init__(
        self, public_per_minute: int, session_per_minute: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Limits of an address without credentials, and of a session; minutes are those of ``monotonic``."""
        self._monotonic = monotonic
        self._limiter: Final = FixedWindowRateLimiter(WindowCounts(clock=monotonic))
        self._public = RateLimitItemPerMinute(public_per_minute)
        self._session = RateLimitItemPerMinute(session_per_minute)
        self._tokens: dict[int, RateLimitItemPerMinute] = {}
        # a map asks for hundreds of tiles at once: sessions count in steps
        self._step = max(1, min(_STEP, session_per_minute // 20))
        self._counted: dict[str, int] = {}  # session -> requests since its last step

    def count(self, principal: Principal, address: str) -> None:
        """Count one request.

        Raises:
            TooManyError: the minute's requests are used up; carries when the next minute begins.
        """
        cost = 1
        if principal.kind == "token":
            per_minute = principal.per_minute or 1
            item = self._tokens.setdefault(per_minute, RateLimitItemPerMinute(per_minute))
            key = ("token", principal.id)
        elif principal.session_hash is not None:
            if not self._is_step(principal.session_hash):
                return
            item, key, cost = self._session, ("session", principal.session_hash), self._step
        else:
            item, key = self._public, ("address", network_of(address))
        if not self._limiter.hit(item, *key, cost=cost):
            reset_at_s = self._limiter.get_window_stats(item, *key).reset_time
            retry_after_s = max(1, round(reset_at_s - self._monotonic()))
            raise TooManyError("too_many_requests", retry_after_s=retry_after_s, per_minute=item.amount)

    def _is_step(self, session: str) -> bool:
        """Whether this request of a session completes a step."""
        n = self._counted.get(session, 0) + 1
        if n >= self._step:
            self._counted.pop(session, None)
            return True
        if len(self._counted) >= _KEPT:
            self._counted.clear()
        self._counted[session] = n
        return False


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 that one IPv6 customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
