"""Who may write and read which topic at the embedded broker, where names and passwords are asked for. Pure.

The same list as Mosquitto's (``city_pki.broker_files``): a controller writes its own births, data and deaths and reads
its own commands and the host's STATE; the host writes commands and its STATE and reads what controllers write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

NAMESPACE: Final = "spBv1.0"
_REPORTS: Final = ("NBIRTH", "NDATA", "NDEATH")


@dataclass(frozen=True, slots=True)
class TopicRules:
    """Of one city.

    Attributes:
        group: Sparkplug group id.
        host_id: Sparkplug host application id.
        host_name: name by which ingest connects.
    """

    group: str
    host_id: str
    host_name: str

    def may_write(self, name: str | None, topic: str) -> bool:
        """Whether ``name`` may publish on ``topic``, by a will too."""
        if name is None:
            return False
        if name == self.host_name:
            kind, node = self._split(topic)
            return topic == self._state or (kind == "NCMD" and _is_level(node))
        return topic in {f"{NAMESPACE}/{self.group}/{kind}/{name}" for kind in _REPORTS}

    def may_read(self, name: str | None, topic: str) -> bool:
        """Whether ``name`` may subscribe to ``topic``, a filter too, or receive a message on it."""
        if name is None:
            return False
        if topic == self._state:
            return True
        kind, node = self._split(topic)
        if name == self.host_name:
            return kind in _REPORTS and (node == "+" or _is_level(node))
        return kind == "NCMD" and node == name and _is_level(node)

    @property
    def _state(self) -> str:
        return f"{NAMESPACE}/STATE/{self.host_id}"

    def _split(self, topic: str) -> tuple[str, str]:
        """Kind of message and node of a topic of this group; both empty for another topic."""
        levels = topic.split("/")
        if len(levels) != 4 or levels[:2] != [NAMESPACE, self.group]:
            return "", ""
        return levels[2], levels[3]


def _is_level(node: str) -> bool:
    return bool(node) and "+" not in node and "#" not in node
