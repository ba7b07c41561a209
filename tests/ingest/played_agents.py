"""Agents played over MQTT, one or many, for intake's tests."""

import random
import threading
import time
from collections.abc import Callable

import numpy as np
import paho.mqtt.client as mqtt

from edge_agent.wire import BY_NAME, DataType, Metric, Payload, decode_payload, encode_payload, pack_strings
from tests.ingest.city_stand import lamp_name, wait_until

GROUP = "terang"


class PlayedAgent:
    """One controller over MQTT, with an outbox in memory that forgets only what was acknowledged."""

    def __init__(self, fleet: "PlayedFleet", number: int, n_lamps: int, aliases: dict[str, int]) -> None:
        self._fleet = fleet
        self.number = number
        self.node = f"PJU-{number:03d}"
        self.n_lamps = n_lamps
        self.lamp_ids = tuple(lamp_name(number, i) for i in range(n_lamps))
        self.epoch = 1000 + number
        self.sequence = 0
        self.acknowledged = 0
        self.seq = 0
        self.bd_seq = 0
        self.outbox: dict[int, tuple[int, dict[str, object]]] = {}
        self.garbled: dict[int, Callable[[bytes], bytes]] = {}  # what a fault of the agent makes of a record's payload
        self.aliases = aliases
        self.n_rebirths = 0
        self.schedule: str | None = None
        self.commands: list[dict[str, object]] = []

    def values(self, power_w: float = 90.0, **changed: object) -> dict[str, object]:
        n = self.n_lamps

        def floats(value: float) -> bytes:
            return np.full(n, value, "<f4").tobytes()

        values: dict[str, object] = {
            "Clock/Synchronised": True,
            "Sweep/Interval": 60,
            "Lamps/Voltage": floats(225 + 0.1 * (self.sequence % 7)),  # one that stands still is a meter's failure
            "Lamps/Current": floats(0.4),
            "Lamps/Power": floats(power_w),
            "Lamps/Power Factor": floats(0.95),
            "Lamps/Energy": np.full(n, self.sequence, "<u4").tobytes(),
            "Lamps/Dim Level": b"\x64" * n,
            "Lamps/Status": b"\x01" * n,
            "Lamps/Quality": b"\x00" * n,
            "Cabinet/Door Open": False,
            "Cabinet/Supply Present": True,
        }
        return {**values, **changed}

    def birth(self) -> None:
        self.seq = 0
        at_ms, values = self.outbox.get(self.sequence, (self._fleet.at_ms, self.values()))
        numbers = {"Outbox/Epoch": self.epoch, "Outbox/Sequence": self.sequence, "Outbox/Pending": len(self.outbox)}
        metrics = [
            Metric(value, name=name, alias=self.aliases[name], datatype=BY_NAME[name].datatype, timestamp_ms=at_ms)
            for name, value in {
                **values,
                **numbers,
                "Lamps/Id": pack_strings(self.lamp_ids),
                "Schedule/Document": self.schedule,
            }.items()
        ]
        metrics.append(Metric(self.bd_seq, name="bdSeq", datatype=DataType.INT64, timestamp_ms=at_ms))
        metrics.append(Metric(None, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, timestamp_ms=at_ms))
        self._fleet.publish("NBIRTH", self.node, encode_payload(Payload(at_ms, 0, tuple(metrics))))

    def death(self, at_ms: int | None = None) -> None:
        bd_seq = Metric(self.bd_seq, name="bdSeq", datatype=DataType.INT64)
        payload = Payload(at_ms or self._fleet.at_ms, None, (bd_seq,))
        self._fleet.publish("NDEATH", self.node, encode_payload(payload))

    def sweep(self, values: dict[str, object] | None = None, *, is_sent: bool = True) -> int:
        """Record a sweep, and send it unless the network is said to swallow it."""
        self.sequence += 1
        self.outbox[self.sequence] = (self._fleet.at_ms, values or self.values())
        if is_sent:
            self.send(self.sequence)
        return self.sequence

    def send(self, sequence: int, *, is_historical: bool = False) -> bytes:
        payload = self.encode(sequence, is_historical=is_historical)
        if sequence in self.garbled:
            payload = self.garbled[sequence](payload)
        self._fleet.publish("NDATA", self.node, payload)
        return payload

    def encode(self, sequence: int, *, is_historical: bool = False) -> bytes:
        at_ms, values = self.outbox[sequence]
        numbers = {"Outbox/Epoch": self.epoch, "Outbox/Sequence": sequence, "Outbox/Pending": len(self.outbox)}
        metrics = tuple(
            Metric(
                value,
                alias=self.aliases[name],
                datatype=BY_NAME[name].datatype,
                timestamp_ms=at_ms,
                is_historical=is_historical,
            )
            for name, value in {**numbers, **values}.items()
        )
        self.seq = (self.seq + 1) % 256
        return encode_payload(Payload(at_ms, self.seq, metrics))

    def hear(self, values: dict[str, object]) -> None:
        if "Outbox/Acknowledged" in values and values["Outbox/Epoch"] == self.epoch:
            self.acknowledged = max(self.acknowledged, int(values["Outbox/Acknowledged"]))
            for sequence in [s for s in self.outbox if s <= self.acknowledged]:
                del self.outbox[sequence]
        elif values.get("Node Control/Rebirth"):
            self.n_rebirths += 1
            self.birth()
        else:
            self.commands.append(values)


class PlayedFleet:
    """Agents on one MQTT connection; ``at_ms`` is the time that their sweeps carry."""

    def __init__(self, port: int, n_controllers: int, n_lamps: int, seed: int = 1, group: str = GROUP) -> None:
        self.lock = threading.RLock()
        self._group = group
        self.at_ms = int(time.time() * 1000)
        names = list(BY_NAME)
        random.Random(seed).shuffle(names)  # a foreign agent's numbering: honour the birth's, whatever it is
        aliases = {name: alias for alias, name in enumerate(names)}
        self.agents = [PlayedAgent(self, number, n_lamps, aliases) for number in range(n_controllers)]
        self._by_node = {agent.node: agent for agent in self.agents}
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda *_: self._client.subscribe(f"spBv1.0/{group}/NCMD/+")
        self._client.reconnect_delay_set(0.1, 0.5)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(self._client.is_connected)

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        if "/NCMD/" not in message.topic:
            return  # amqtt hands every new subscriber the retained STATE, asked for or not
        agent = self._by_node.get(message.topic.rsplit("/", 1)[1])
        values = {metric.name: metric.value for metric in decode_payload(message.payload).metrics}
        if agent is not None:
            with self.lock:
                agent.hear(values)

    def publish(self, kind: str, node: str, payload: bytes) -> None:
        self._client.publish(f"spBv1.0/{self._group}/{kind}/{node}", payload, qos=int(kind == "NDEATH"))

    def birth(self) -> None:
        with self.lock:
            for agent in self.agents:
                agent.birth()

    def sweep(self, *, dt_ms: int = 60_000) -> None:
        with self.lock:
            self.at_ms += dt_ms
            for agent in self.agents:
                agent.sweep()

    def resend(self) -> None:
        """Everything unacknowledged once more, as history."""
        with self.lock:
            for agent in self.agents:
                for sequence in list(agent.outbox):
                    agent.send(sequence, is_historical=True)

    def settle(self, timeout_s: float = 90.0, *, resend_after_s: float = 5.0) -> int:
        """Wait until everything is acknowledged, and send again what is not, as real agents do; how often it was sent.

        A record or its acknowledgement may be lost with a connection, and ingest leaves a record to its agent's outbox
        that comes with more than ingest can take at once.
        """
        end = time.monotonic() + timeout_s
        n_resent = 0
        while True:
            try:
                wait_until(self.is_settled, min(resend_after_s * 2**n_resent, max(0.0, end - time.monotonic())))
            except AssertionError:
                with self.lock:
                    left = {agent.node: list(agent.outbox)[:10] for agent in self.agents if agent.outbox}
                assert time.monotonic() < end, f"never acknowledged, though sent again {n_resent} times: {left}"
                self.resend()
                n_resent += 1
            else:
                return n_resent

    def is_settled(self) -> bool:
        with self.lock:
            return all(not agent.outbox for agent in self.agents)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
