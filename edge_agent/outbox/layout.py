"""What one controller reports: its lamps, its circuits, and which metrics its meters can fill.

Owns the order of every array and the set of metrics in births and data. Pure; independent of sweeps, files or MQTT.
A record keeps the layout it was made with, so that a register change never puts a reading on another lamp.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from edge_agent.wire import BY_NAME, CATALOGUE

# Metrics that every controller reports, whatever its meters can do.
_ALWAYS: Final = frozenset({
    "Clock/Synchronised", "Sweep/Interval", "Outbox/Epoch", "Outbox/Sequence", "Outbox/Pending",
    "Agent/Sweep Duration", "Agent/Commands Refused", "Outbox/Dropped", "Outbox/Waiting",
})  # fmt: skip
# Metrics of every controller that has lamps.
_WITH_LAMPS: Final = frozenset({"Lamps/Dim Level", "Lamps/Quality", "Lamps/Poll Errors"})


@dataclass(frozen=True)
class Layout:
    """One controller's lamps, circuits and measurable metrics.

    Attributes:
        lamp_ids: order of all ``Lamps/`` arrays.
        circuit_ids: order of all ``Circuits/`` arrays.
        measured: names of metrics that some meter's profile can fill.
        is_dimmable: per lamp, whether its node takes dim commands.
        has_contactor: whether this agent switches the cabinet's contactor.
    """

    lamp_ids: tuple[str, ...]
    circuit_ids: tuple[str, ...] = ()
    measured: frozenset[str] = frozenset()
    is_dimmable: tuple[bool, ...] = field(default=())
    has_contactor: bool = False

    @cached_property
    def data_metrics(self) -> frozenset[str]:
        """Names of all metrics that this controller's NDATA may carry."""
        names = _ALWAYS | self.measured
        if self.lamp_ids:
            names |= _WITH_LAMPS
        return frozenset(name for name in names if name in BY_NAME)

    @cached_property
    def data_aliases(self) -> frozenset[int]:
        """Aliases of `data_metrics`."""
        return frozenset(spec.alias for spec in CATALOGUE if spec.name in self.data_metrics and spec.alias is not None)

    def to_json(self) -> str:
        """Text that says the same layout with the same characters, for the outbox."""
        document = {"lamps": self.lamp_ids, "circuits": self.circuit_ids, "measured": sorted(self.measured)}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """Read back `to_json`; what only control needs is not kept there.

        Raises:
            ValueError, KeyError, TypeError: not such a text.
        """
        document: dict[str, Any] = json.loads(text)
        return cls(tuple(document["lamps"]), tuple(document["circuits"]), frozenset(document["measured"]))

    @cached_property
    def key(self) -> str:
        """Short name of this layout: equal for equal lists."""
        return hashlib.blake2b(self.to_json().encode(), digest_size=8).hexdigest()
