"""The NCMD that acknowledges stored records to an agent; under load one covers some four records."""

from __future__ import annotations

from typing import Final

from edge_agent.wire import PayloadMessage

_UINT64: Final = 8  # Sparkplug's number for the type


class Acknowledgement:
    """An encoded message whose numbers are replaced for each use: a quarter of the cost of encoding anew."""

    def __init__(self) -> None:
        """Name its metrics."""
        self._message = PayloadMessage()
        self._epoch = self._message.metrics.add(name="Outbox/Epoch", datatype=_UINT64)
        self._acknowledged = self._message.metrics.add(name="Outbox/Acknowledged", datatype=_UINT64)

    def encode(self, at_ms: int, epoch: int, acknowledged: int) -> bytes:
        """The payload at ``at_ms`` (UTC): everything of ``epoch`` up to the number ``acknowledged`` is stored."""
        self._message.timestamp = at_ms
        self._epoch.long_value, self._acknowledged.long_value = epoch, acknowledged
        return self._message.SerializeToString()
