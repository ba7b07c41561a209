"""Topics and the host's state document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from edge_agent.wire.bounded_json import read_json
from edge_agent.wire.errors import WireError

NAMESPACE: Final = "spBv1.0"
SEQ_MODULUS: Final = 256  # seq and bdSeq both run 0-255
NBIRTH: Final = "NBIRTH"
NDATA: Final = "NDATA"
NDEATH: Final = "NDEATH"
NCMD: Final = "NCMD"
_MAX_STATE_BYTES: Final = 4096
MESSAGE_TYPES: Final = (NBIRTH, NDATA, NDEATH, NCMD)


def client_id(group: str, node: str) -> str:
    """An agent's MQTT client id: another one for every group and node, whatever hyphens are in them."""
    return f"terang-{_without_hyphens(group)}-{node}"


def host_client_id(group: str, host_id: str) -> str:
    """A host's MQTT client id: another one for every group and host, and no agent's."""
    return f"terang--ingest-{_without_hyphens(group)}-{host_id}"


def _without_hyphens(text: str) -> str:
    return text.replace("%", "%25").replace("-", "%2D")


@dataclass(frozen=True, slots=True)
class NodeTopic:
    """``spBv1.0/{group}/{message_type}/{node}`` in parts."""

    group: str
    message_type: str
    node: str

    def __str__(self) -> str:
        """The topic as MQTT carries it."""
        return f"{NAMESPACE}/{self.group}/{self.message_type}/{self.node}"


def parse_topic(topic: str) -> NodeTopic:
    """Split a node topic.

    Raises:
        WireError: not ``spBv1.0/{group}/{NBIRTH|NDATA|NDEATH|NCMD}/{node}``.
    """
    parts = topic.split("/")
    if len(parts) != 4 or parts[0] != NAMESPACE or parts[2] not in MESSAGE_TYPES or not parts[1] or not parts[3]:
        raise WireError(f"{topic!r} is not a Sparkplug node topic")
    return NodeTopic(parts[1], parts[2], parts[3])


def state_topic(host_id: str) -> str:
    """Topic of a host application's retained state."""
    return f"{NAMESPACE}/STATE/{host_id}"


def encode_state(*, is_online: bool, timestamp_ms: int) -> bytes:
    """The host's state document; birth and will of one connection carry the same timestamp."""
    return json.dumps({"online": is_online, "timestamp": timestamp_ms}, separators=(",", ":")).encode()


def decode_state(data: bytes) -> tuple[bool, int]:
    """``(is_online, timestamp_ms)`` of a host's state document.

    Raises:
        WireError: not such a document.
    """
    try:
        document = read_json(data, max_bytes=_MAX_STATE_BYTES)
        online, timestamp = document["online"], document["timestamp"]
    except (WireError, TypeError, KeyError) as error:
        raise WireError(f"not a STATE document: {error}") from error
    if not isinstance(online, bool) or not isinstance(timestamp, int) or isinstance(timestamp, bool):
        raise WireError("a STATE document holds a boolean 'online' and an integer 'timestamp'")
    if timestamp < 0:
        raise WireError(f"a STATE document's timestamp is {timestamp}")
    return online, timestamp
