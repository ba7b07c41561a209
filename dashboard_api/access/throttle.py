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

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dashboard_api.access.rate_limits import network_of
from dashboard_api.errors import TooManyError
from dashboard_api.store import attempts
from dashboard_api.store.attempts import Attempts
from dashboard_api.store.engine import Database

FORGET_US: Final = 24 * 3600 * 1_000_000
CLOCK_ERROR_US: Final = 5 * 1_000_000  # of another process that counts in the same database


@dataclass(frozen=True, slots=True)
class Backoff:
    """So many free attempts, then waits from 1 s on, doubling up to ``longest_s``."""

    n_free: int
    longest_s: float


PAIR: Final = Backoff(5, 900.0)
ADDRESS: Final = Backoff(50, 900.0)
ACCOUNT: Final = Backoff(100, 60.0)
DEVICE: Final = Backoff(10, 900.0)


class SignInThrottle:
    """Counts attempts in the database: a restart forgets none of them, and a second process counts with this one."""

    def __init__(self, database: Database, key: Callable[[], bytes], clock: Callable[[], int]) -> None:
        """``key``: what the counters' keys are digested with; ``clock``: UTC microseconds."""
        self._database = database
        self._key = key
        self._clock = clock

    def begin(self, address: str, account: str, device: str | None) -> None:
        """Count an attempt before it is made.

        Args:
            address: where it comes from.
            account: the name that was typed, whether or not there is one.
            device: id of a device that the account's owner signed in on before.

        Raises:
            TooManyError: this caller has to wait; carries how long.
            UnavailableError: the database does not answer.
        """
        asked = self._asked(address, account, device)
        now_us = self._clock()
        with self._database.reading() as connection:  # who has to wait writes nothing
            found = attempts.attempts_of(connection, list(asked))
        if any(known.at_us > now_us + CLOCK_ERROR_US for known in found.values()):
            self._date_again(found, now_us)
        else:
            _refuse_early(asked, found, now_us)
        with self._database.writing() as connection:
            attempts.lock(connection)
            found = attempts.attempts_of(connection, list(asked))
            _refuse_early(asked, found, now_us)
            for key, (_kind, backoff) in asked.items():
                known = found.get(key)
                n = 1 if known is None or now_us - known.at_us > FORGET_US else known.n + 1
                n_over = n - backoff.n_free
                wait_us = round(min(2.0 ** min(n_over, 30), backoff.longest_s) * 1e6) if n_over >= 0 else 0
                attempts.write_attempts(connection, key, Attempts(n, now_us, now_us + wait_us))

    def _date_again(self, found: Mapping[str, Attempts], now_us: int) -> None:
        """The clock was set back: waits begin now, where they would begin anew with each attempt until then."""
        with self._database.writing() as connection:
            for key, known in found.items():
                if known.at_us > now_us:
                    waits_us = max(0, known.free_at_us - known.at_us)
                    attempts.write_attempts(connection, key, Attempts(known.n, now_us, now_us + waits_us))

    def succeed(self, address: str, account: str, device: str | None) -> None:
        """The attempt was right: this caller's failures are forgotten, and it does not count for the others.

        Raises:
            UnavailableError: the database does not answer.
        """
        asked = self._asked(address, account, device)
        with self._database.writing() as connection:
            attempts.lock(connection)
            found = attempts.attempts_of(connection, list(asked))
            for key, (kind, _backoff) in asked.items():
                if key not in found:
                    continue
                if kind in {"pair", "device"}:
                    attempts.forget_attempts(connection, key)
                else:
                    known = found[key]
                    free_at_us = 0 if kind == "address" else known.free_at_us
                    attempts.write_attempts(connection, key, Attempts(max(0, known.n - 1), known.at_us, free_at_us))

    def forget_old(self) -> None:
        """Remove counters that count no longer; their number stays bounded.

        Raises:
            UnavailableError: the database does not answer.
        """
        with self._database.writing() as connection:
            attempts.forget_old(connection, self._clock() - FORGET_US)

    def _asked(self, address: str, account: str, device: str | None) -> dict[str, tuple[str, Backoff]]:
        key = self._key()
        return {
            hmac.new(key, f"{kind}\0{what}".encode("utf-8", "surrogatepass"), "sha256").hexdigest(): (kind, backoff)
            for (kind, what), backoff in _keys(address, account, device)
        }


def _refuse_early(asked: Mapping[str, tuple[str, Backoff]], found: Mapping[str, Attempts], now_us: int) -> None:
    waits_us = [
        # a clock that was set back makes nobody wait for longer than they ever have to
        min(found[key].free_at_us - now_us, round(backoff.longest_s * 1e6))
        for key, (_kind, backoff) in asked.items()
        if key in found and now_us - found[key].at_us <= FORGET_US
    ]
    wait_us = max(waits_us, default=0)
    if wait_us > 0:
        raise TooManyError("sign_in_throttled", retry_after_s=max(1, round(wait_us / 1e6)))


def _keys(address: str, account: str, device: str | None) -> tuple[tuple[tuple[str, str], Backoff], ...]:
    if device is not None:
        return ((("device", f"{device}\0{account}"), DEVICE),)
    network = network_of(address)
    return (
        (("pair", f"{network}\0{account}"), PAIR),
        (("address", network), ADDRESS),
        (("account", account), ACCOUNT),
    )
