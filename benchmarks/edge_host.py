"""The other end of the line for `bench_edge`: a broker, and a host that counts every record and acknowledges it."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.wire import (
    BY_ALIAS,
    NCMD,
    NDATA,
    DataType,
    Metric,
    NodeTopic,
    Payload,
    decode_payload,
    encode_payload,
    parse_topic,
)

AMQTT = """
import asyncio, sys
from amqtt.broker import Broker
async def main():
    config = {"listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1]}},
              "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}}
    broker = Broker(config)
    await broker.start()
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def running_broker(folder: Path) -> Iterator[tuple[str, int]]:
    """Start Mosquitto, or amqtt where there is none; give its name and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto:
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n")
        command = [mosquitto, "-c", str(config)]
    else:
        command = [sys.executable, "-c", AMQTT, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await_listener(port)
            yield ("mosquitto" if mosquitto else "amqtt"), port
        finally:
            process.terminate()


def _await_listener(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError(f"no broker on port {port}")


class CountingHost:
    """Keeps what every record said under (epoch, number), and acknowledges what is whole.

    Attributes:
        n_conflicts: records that came under a number which another record already had.
        n_messages: NDATA received.
    """

    def __init__(self, port: int, group: str, node: str) -> None:
        """Connect and listen."""
        self._node = (group, node)
        self._records: dict[int, dict[int, tuple[int | None, frozenset[tuple[int, Any]]]]] = {}
        self._whole: dict[int, int] = {}
        self._durations_s: list[float] = []
        self.n_conflicts = 0
        self.n_messages = 0
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="counting-host")
        self._client.on_connect = lambda client, *_: client.subscribe(f"spBv1.0/{group}/+/{node}", 1)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def n_stored(self) -> int:
        """Different records held."""
        with self._lock:
            return sum(len(records) for records in self._records.values())

    @property
    def n_lost(self) -> int:
        """Numbers below the newest that never came."""
        with self._lock:
            return sum(max(records) - len(records) for records in self._records.values() if records)

    @property
    def n_doubled(self) -> int:
        """Numbers used twice, and sweeps that came under two numbers (told by their time)."""
        with self._lock:
            times = [at_ms for records in self._records.values() for at_ms, _ in records.values()]
            return self.n_conflicts + len(times) - len(set(times))

    def sweep_durations_s(self) -> list[float]:
        """What the agent said its sweeps took [s], in order of arrival, and forget it."""
        with self._lock:
            durations, self._durations_s = self._durations_s, []
        return durations

    def _take(self, client: Client, _userdata: Any, message: MQTTMessage) -> None:
        if parse_topic(message.topic).message_type != NDATA:
            return
        payload = decode_payload(message.payload)
        values = {BY_ALIAS[m.alias].name: m.value for m in payload.metrics if m.alias in BY_ALIAS}
        epoch, number = values.pop("Outbox/Epoch", 0), values.pop("Outbox/Sequence")
        assert isinstance(epoch, int)
        assert isinstance(number, int)
        is_live = not any(m.is_historical for m in payload.metrics)
        at_ms = next((m.timestamp_ms for m in payload.metrics if m.timestamp_ms), payload.timestamp_ms)
        content = frozenset((name, value) for name, value in values.items() if name.startswith("Lamps/"))
        with self._lock:
            self.n_messages += 1
            records = self._records.setdefault(epoch, {})
            if number in records and records[number] != (at_ms, content):
                self.n_conflicts += 1
            records.setdefault(number, (at_ms, content))
            duration_s = values.get("Agent/Sweep Duration")
            if is_live and isinstance(duration_s, float):
                self._durations_s.append(duration_s)
            whole = self._whole.get(epoch, 0)
            while whole + 1 in records:
                whole += 1
            self._whole[epoch] = whole
        self._acknowledge(client, epoch, whole)

    def _acknowledge(self, client: Client, epoch: int, number: int) -> None:
        metrics = (
            Metric(epoch, name="Outbox/Epoch", datatype=DataType.UINT64),
            Metric(number, name="Outbox/Acknowledged", datatype=DataType.UINT64),
        )
        group, node = self._node
        body = encode_payload(Payload(time.time_ns() // 1_000_000, None, metrics))
        client.publish(str(NodeTopic(group, NCMD, node)), body, qos=1)
