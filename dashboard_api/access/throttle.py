"""Slows the guessing of passwords down without locking anybody's colleague out.

Attempts count before the password is looked at, so that many at once gain nothing. Who has used up the free ones waits,
twice as long after each further one. Attempts are counted

* by address and account: a guesser's waiting is not the account owner's, who comes from another address;
* by address: for those who try one password on many names;
* by account, over all addresses: for those who own many addresses. This one alone could lock an owner out, so it ends
  in one attempt a minute for everybody together, and a device that the owner signed in on before does not count there.

A known device counts by itself alone, so it is let in even from the guesser's own address.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dashboard_api.access.rate_limits import network_of
from dashboard_api.errors import TooManyError

_KEPT: Final = 50_000  # counters; the one unused for longest goes first
_FORGET_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """So many free attempts, then waits from 1 s on, doubling up to ``longest_s``."""

    n_free: int
    longest_s: float


PAIR: Final = Backoff(5, 900.0)
ADDRESS: Final = Backoff(50, 900.0)
ACCOUNT: Final = Backoff(100, 60.0)
DEVICE: Final = Backoff(10, 900.0)


@dataclass(slots=True)
class _Counter:
    n: int = 0
    at_s: float = 0.0
    free_at_s: float = 0.0


class SignInThrottle:
    """Counts attempts in this process."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """``now_s``: a clock that only goes forward."""
        self._now_s = now_s
        self._counters: OrderedDict[tuple[str, str], _Counter] = OrderedDict()

    def begin(self, address: str, account: str, device: str | None) -> None:
        """Count an attempt before it is made.

        Args:
            address: where it comes from.
            account: the name that was typed, whether or not there is one.
            device: id of a device that the account's owner signed in on before.

        Raises:
            TooManyError: this caller has to wait; carries how long.
        """
        now_s = self._now_s()
        asked = [(self._counter(key, now_s), backoff) for key, backoff in _keys(address, account, device)]
        wait_s = max(counter.free_at_s - now_s for counter, _backoff in asked)
        if wait_s > 0:
            raise TooManyError("sign_in_throttled", retry_after_s=max(1, round(wait_s)))
        for counter, backoff in asked:
            counter.n += 1
            counter.at_s = now_s
            n_over = counter.n - backoff.n_free
            if n_over >= 0:
                counter.free_at_s = now_s + min(2.0 ** min(n_over, 30), backoff.longest_s)

    def succeed(self, address: str, account: str, device: str | None) -> None:
        """The attempt was right: this caller's failures are forgotten, and it does not count for the others."""
        for key, _backoff in _keys(address, account, device):
            counter = self._counters.get(key)
            if counter is None:
                continue
            if key[0] in {"pair", "device"}:
                del self._counters[key]
            else:
                counter.n = max(0, counter.n - 1)
                counter.free_at_s = 0.0 if key[0] == "address" else counter.free_at_s

    def _counter(self, key: tuple[str, str], now_s: float) -> _Counter:
        counter = self._counters.pop(key, None)
        if counter is None or now_s - counter.at_s > _FORGET_S:
            counter = _Counter(at_s=now_s)
        self._counters[key] = counter
        while len(self._counters) > _KEPT:
            self._counters.popitem(last=False)
        return counter


def _keys(address: str, account: str, device: str | None) -> tuple[tuple[tuple[str, str], Backoff], ...]:
    if device is not None:
        return ((("device", f"{device}\0{account}"), DEVICE),)
    network = network_of(address)
    return (
        (("pair", f"{network}\0{account}"), PAIR),
        (("address", network), ADDRESS),
        (("account", account), ACCOUNT),
    )
