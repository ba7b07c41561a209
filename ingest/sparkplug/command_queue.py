"""The queue of outgoing commands (NCMD) and rebirth requests, sent at the next pass of the loop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, Protocol

from edge_agent.wire import NCMD, DataType, Metric, NodeTopic, Payload, Value, encode_payload
from edge_agent.wire.signed_order import COMMAND, SCHEDULE, command_bytes
from ingest.metrics import Metrics

REBIRTH_INTERVAL_S: Final = 10.0  # between two requests to one controller
_GREETED_AT_ONCE: Final = 200  # a turn of the loop
_MOST_ASKED: Final = 200_000  # remembered, strangers' names included


class Signer(Protocol):
    """Signs orders with the city's key."""

    def sign(self, kind: str, group: str, controller: str, order: bytes) -> str:
        """The text of the signature metric."""


class CommandQueue:
    """Commands to one group's controllers.

    Attributes:
        signer: signs schedules and dim commands; None = they go out unsigned.
    """

    def __init__(
        self, group: str, metrics: Metrics, *, monotonic: Callable[[], float], wall_ms: Callable[[], int]
    ) -> None:
        """Start with an empty queue."""
        self.signer: Signer | None = None
        self._group = group
        self._metrics = metrics
        self._monotonic = monotonic
        self._wall_ms = wall_ms
        self._asked_at: dict[str, float] = {}
        self._waiting: list[tuple[str, bytes]] = []
        self._to_greet: list[str] = []
        self._greet_at = 0.0

    def add(self, node: str, metrics: tuple[Metric, ...]) -> None:
        """Queue an NCMD to a controller; schedules and dim commands are signed if there is a key."""
        if self.signer is not None:
            metrics += self._signatures(self.signer, node, {metric.name: metric.value for metric in metrics})
        payload = encode_payload(Payload(timestamp_ms=self._wall_ms(), seq=None, metrics=metrics))
        self._waiting.append((str(NodeTopic(self._group, NCMD, node)), payload))

    def _signatures(self, signer: Signer, node: str, values: dict[str | None, Value]) -> tuple[Metric, ...]:
        signed = []
        schedule, levels, until_ms = (
            values.get(name) for name in ("Schedule/Document", "Lamps/Dim Command", "Lamps/Dim Until")
        )
        if isinstance(schedule, str):
            signed.append(("Schedule/Signature", SCHEDULE, schedule.encode()))
        if isinstance(levels, bytes):
            order = command_bytes(levels, until_ms if isinstance(until_ms, int) else None)
            signed.append(("Command/Signature", COMMAND, order))
        return tuple(
            Metric(signer.sign(kind, self._group, node, order), name=name, datatype=DataType.STRING)
            for name, kind, order in signed
        )

    def ask_rebirth(self, node: str, wait_s: float = REBIRTH_INTERVAL_S) -> bool:
        """Ask a controller to be born again, unless it was asked less than ``wait_s`` seconds ago; says whether."""
        now = self._monotonic()
        if now - self._asked_at.get(node, -wait_s) < wait_s:
            return False
        if len(self._asked_at) > _MOST_ASKED:
            self._asked_at.clear()
        self._asked_at[node] = now
        self._metrics.rebirths.inc()
        self.add(node, (Metric(value=True, name="Node Control/Rebirth"),))
        return True

    def forget(self) -> None:
        """Clear the times of requests, so that all may be repeated at once."""
        self._asked_at.clear()

    def greet(self, nodes: Iterable[str], at: float) -> None:
        """Request a birth from those of these controllers without a session at ``at``: births are not retained."""
        self._greet_at = at
        self._to_greet = list(nodes)

    def outgoing(self, sessions: Collection[str]) -> list[tuple[str, bytes]]:
        """The commands queued since the last call; ``sessions`` names the controllers that are online."""
        if self._to_greet and self._monotonic() >= self._greet_at:
            for node in self._to_greet[-_GREETED_AT_ONCE:]:
                if node not in sessions:
                    self.ask_rebirth(node)
            del self._to_greet[-_GREETED_AT_ONCE:]
        waiting, self._waiting = self._waiting, []
        return waiting
