"""Puts refused sign-ins and tokens into the audit log: a few lines for however many there are.

Refusals are counted by network in this process, and written down every half minute or so. Each line takes a turn from
a small store that refills once a minute; when that is short, one line stands for all networks that are left. So a flood
fills neither the log nor this process, and what it hides are the networks of the least refusals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from dashboard_api.access.rate_limits import network_of
from dashboard_api.store.audit import Actor, AuditLog, Entry, Name
from dashboard_api.store.engine import Database

Kind = Literal["password", "link", "display", "token", "openid", "throttled"]
MOST_LINES: Final = 20  # at once
REFILL_US: Final = 60 * 1_000_000  # one more line
_MOST_NETWORKS: Final = 2_000
_MOST_ACCOUNTS: Final = 10
_OTHERS: Final = "many networks"
_NOBODY: Final = Name("nobody", "nobody")


@dataclass(slots=True)
class _Count:
    first_us: int
    n: dict[str, int] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)

    def add(self, other: _Count) -> None:
        self.first_us = min(self.first_us, other.first_us)
        for kind, n in other.n.items():
            self.n[kind] = self.n.get(kind, 0) + n
        self.accounts.update(list(other.accounts)[: _MOST_ACCOUNTS - len(self.accounts)])


class Refusals:
    """Counts refusals. Safe to call from threads."""

    def __init__(self, database: Database, audit: AuditLog, clock: Callable[[], int]) -> None:
        """``clock``: UTC microseconds."""
        self._database = database
        self._audit = audit
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}
        self._n_lines = float(MOST_LINES)
        self._refilled_us = clock()

    def count(self, kind: Kind, address: str, account_id: str | None = None) -> None:
        """Count one refusal.

        Args:
            kind: what was refused.
            address: where it came from.
            account_id: of the account that it was about, None = there is none. What was typed is not kept.
        """
        network = network_of(address)
        with self._lock:
            if network not in self._counts and len(self._counts) >= _MOST_NETWORKS:
                network = _OTHERS
            count = self._counts.setdefault(network, _Count(self._clock()))
            count.n[kind] = count.n.get(kind, 0) + 1
            if account_id is not None and len(count.accounts) < _MOST_ACCOUNTS:
                count.accounts.add(account_id)

    def write(self) -> None:
        """Write what was counted, as far as there are lines for it; the rest waits.

        Raises:
            UnavailableError: the database does not answer, or the log is broken; what was counted stays.
            UnusableError: the audit key cannot be read; what was counted stays.
        """
        now_us = self._clock()
        with self._lock:
            self._n_lines = min(MOST_LINES, self._n_lines + max(0, now_us - self._refilled_us) / REFILL_US)
            self._refilled_us = now_us
            n_lines = int(self._n_lines)
            if not self._counts or n_lines < 1:
                return
            counts, self._counts = self._counts, {}
        chosen = _in_lines(counts, n_lines)
        try:
            with self._database.writing() as connection:
                for network, n_networks, count in chosen:
                    after = {
                        "n": dict(sorted(count.n.items())),
                        "first_at_us": count.first_us,
                        "n_networks": n_networks,
                        "accounts": sorted(count.accounts),
                    }
                    entry = Entry(Actor(_NOBODY, network), "access.refused", "sign-in", after=after)
                    self._audit.append(connection, entry)
        except Exception:
            with self._lock:
                for network, count in counts.items():
                    self._counts.setdefault(network, _Count(count.first_us)).add(count)
            raise
        with self._lock:
            self._n_lines -= len(chosen)


def _in_lines(counts: dict[str, _Count], n_lines: int) -> list[tuple[str, int, _Count]]:
    """``(network, how many networks, count)``: the networks of the most refusals, then all others in one."""
    ordered = sorted(counts.items(), key=lambda item: -sum(item[1].n.values()))
    n_alone = n_lines if len(ordered) <= n_lines else n_lines - 1
    lines = [(network, 1, count) for network, count in ordered[:n_alone]]
    rest = ordered[n_alone:]
    if rest:
        together = _Count(rest[0][1].first_us)
        for _network, count in rest:
            together.add(count)
        lines.append((_OTHERS, len(rest), together))
    return lines
