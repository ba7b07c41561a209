"""Requests per minute: of a token, of a session, and of an address that shows neither."""

from __future__ import annotations

import ipaddress
import time
from typing import Final

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from dashboard_api.access.principal import Principal
from dashboard_api.errors import TooManyError


class RateLimits:
    """Counts requests in this process."""

    def __init__(self, public_per_minute: int, session_per_minute: int) -> None:
        """Limits of an address without credentials, and of a session."""
        self._limiter: Final = FixedWindowRateLimiter(MemoryStorage())
        self._public = RateLimitItemPerMinute(public_per_minute)
        self._session = RateLimitItemPerMinute(session_per_minute)
        self._tokens: dict[int, RateLimitItemPerMinute] = {}

    def count(self, principal: Principal, address: str) -> None:
        """Count one request.

        Raises:
            TooManyError: the minute's requests are used up; carries when the next minute begins.
        """
        if principal.kind == "token":
            per_minute = principal.per_minute or 1
            item = self._tokens.setdefault(per_minute, RateLimitItemPerMinute(per_minute))
            key = ("token", principal.id)
        elif principal.session_hash is not None:
            item, key = self._session, ("session", principal.session_hash)
        else:
            item, key = self._public, ("address", network_of(address))
        if not self._limiter.hit(item, *key):
            reset_at_s = self._limiter.get_window_stats(item, *key).reset_time
            retry_after_s = max(1, round(reset_at_s - time.time()))
            raise TooManyError("too_many_requests", retry_after_s=retry_after_s, per_minute=item.amount)


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
