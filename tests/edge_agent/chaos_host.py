"""A host as a process of its own, to be killed at any instant: what it acknowledges is in its file, synced.

One line a record, in the order of arrival: epoch, number, digest of what the record says. A repeat with the same digest
is dropped, one with another digest is written too, so that the file shows every number that was used twice.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.wire import BY_ALIAS, Metric, Payload, decode_payload, encode_payload

FILE = "host.txt"


def read_file(folder: Path) -> list[tuple[int, int, str]]:
    """(epoch, number, digest) of every line."""
    file = folder / FILE
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(epoch), int(number), digest) for epoch, number, digest in map(str.split, lines)]


class SyncedHost:
    def __init__(self, folder: Path, port: int) -> None:
        self._known = {(epoch, number): digest for epoch, number, digest in read_file(folder)}
        self._sink = (folder / FILE).open("a")
        self._whole: dict[int, int] = {}
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("spBv1.0/terang/NDATA/chaos", 1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)

    def serve(self) -> None:
        self._client.loop_forever()

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        payload = decode_payload(message.payload)
        values: dict[str, Any] = {BY_ALIAS[metric.alias].name: metric.value for metric in payload.metrics}
        pending, number = values.pop("Outbox/Pending"), values.pop("Outbox/Sequence")
        epoch = values.pop("Outbox/Epoch")
        digest = hashlib.sha256(repr((payload.timestamp_ms, sorted(values.items()))).encode()).hexdigest()[:16]
        if self._known.get((epoch, number)) != digest:
            self._known[epoch, number] = digest
            self._sink.write(f"{epoch} {number} {digest}\n")
            self._sink.flush()
            os.fsync(self._sink.fileno())
        whole = max(self._whole.get(epoch, 0), number - pending)
        while (epoch, whole + 1) in self._known:
            whole += 1
        self._whole[epoch] = whole
        stored = (Metric(epoch, name="Outbox/Epoch"), Metric(whole, name="Outbox/Acknowledged"))
        self._client.publish("spBv1.0/terang/NCMD/chaos", encode_payload(Payload(0, None, stored)), 0)


if __name__ == "__main__":
    SyncedHost(Path(sys.argv[1]), int(sys.argv[2])).serve()
