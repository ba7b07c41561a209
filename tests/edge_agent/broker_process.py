"""A real Mosquitto on a free loopback port, and a counting host that acknowledges, for the tests of the link."""

from __future__ import annotations

import getpass
import random
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.wire import BY_ALIAS, BY_NAME, Metric, Payload, decode_payload, encode_payload, parse_topic


def free_port() -> int:
    """A port below the range of outgoing connections: none of those may take it while a broker is down."""
    while True:
        port = random.SystemRandom().randrange(11_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Broker:
    """Mosquitto that can be killed and started again on the same port."""

    def __init__(self, program: Path, folder: Path, extra: str = "", port: int | None = None) -> None:
        self.port = port or free_port()
        self._program = program
        self._config = folder / f"mosquitto-{self.port}.conf"
        listener = extra or f"listener {self.port} 127.0.0.1\n"
        self._config.write_text(
            listener.replace("PORT", str(self.port))
            + f"user {getpass.getuser()}\n"  # as root it would drop to a user who may not read a test's files
            + "allow_anonymous true\npersistence false\nmax_queued_messages 100000\nmax_inflight_messages 0\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(self._program), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(1000):  # TLS on a machine under load takes its time
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError(f"mosquitto does not listen on {self.port}")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RecordingHost:
    """A host that keeps every record by (epoch, sequence), counts repeats, and acknowledges what is whole.

    Attributes:
        messages: (message type, payload) of every node message, in order of arrival.
        stored: (epoch, sequence) -> payload of the first copy.
        n_repeats: copies after the first with equal contents.
        n_conflicts: copies after the first with other contents: a number was used twice.
    """

    def __init__(self, port: int, group: str, node: str, *, is_acknowledging: bool = True) -> None:
        self.group, self.node = group, node
        self.is_acknowledging = is_acknowledging
        self.messages: list[tuple[str, Payload]] = []
        self.stored: dict[tuple[int, int], dict[str, Any]] = {}
        self.was_live: set[tuple[int, int]] = set()
        self.n_repeats = self.n_conflicts = 0
        self.n_seq_gaps = 0
        self.whole: dict[int, int] = {}
        self._seq: int | None = None
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"spBv1.0/{group}/+/{node}", 1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client: Any, _userdata: Any, message: Any) -> None:
        kind = parse_topic(message.topic).message_type
        if kind == "NCMD":
            return
        payload = decode_payload(message.payload)
        with self._lock:
            self.messages.append((kind, payload))
            if kind == "NBIRTH":
                self._seq = payload.seq
                values = {metric.name: metric.value for metric in payload.metrics}
                base = values["Outbox/Sequence"] - values["Outbox/Pending"]
                self.whole.setdefault(values["Outbox/Epoch"], base)
            elif kind == "NDATA":
                self._take(payload)

    def _take(self, payload: Payload) -> None:
        if self._seq is None or payload.seq != (self._seq + 1) % 256:
            self.n_seq_gaps += 1
        self._seq = payload.seq
        values = {BY_ALIAS[metric.alias].name: metric.value for metric in payload.metrics}
        pending = values.pop("Outbox/Pending")
        epoch = values["Outbox/Epoch"]
        key = (epoch, values["Outbox/Sequence"])
        contents = {"timestamp_ms": payload.timestamp_ms} | values
        self.whole[epoch] = max(self.whole.get(epoch, 0), key[1] - pending)
        if key in self.stored:
            self.n_repeats += 1
            self.n_conflicts += self.stored[key] != contents
        else:
            self.stored[key] = contents
            if not payload.metrics[0].is_historical:
                self.was_live.add(key)
        while (epoch, self.whole[epoch] + 1) in self.stored:
            self.whole[epoch] += 1
        if self.is_acknowledging:
            self.acknowledge(epoch, self.whole[epoch])

    def acknowledge(self, epoch: int, sequence: int) -> None:
        self.command(
            Metric(epoch, name="Outbox/Epoch"),
            Metric(sequence, alias=BY_NAME["Outbox/Acknowledged"].alias, name="Outbox/Acknowledged"),
        )

    def command(self, *metrics: Metric) -> None:
        self.send(encode_payload(Payload(int(time.time() * 1000), None, metrics)))

    def send(self, payload: bytes) -> None:
        self._client.publish(f"spBv1.0/{self.group}/NCMD/{self.node}", payload, 0)

    def of(self, kind: str) -> list[Payload]:
        with self._lock:
            return [payload for name, payload in self.messages if name == kind]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_until(condition: Any, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("did not come true in time")
        time.sleep(0.02)
