"""A host of the virtual fleet's tests: hears everything, may acknowledge, and holds what it hears to the contract."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.wire import Metric, Payload, encode_payload
from tests.firmware_sim.sparkplug_reader import STRING_ARRAY, TABLE, read_payload, value_of


class HeardSession:
    """One controller between two births, as the host must be able to understand it."""

    def __init__(self, birth):
        payload = read_payload(birth)
        names = [metric.name for metric in payload.metrics]
        assert None not in names
        assert len(set(names)) == len(names)
        assert payload.seq == 0
        self.kinds, self.aliases, self.values = {}, {}, {}
        for metric in payload.metrics:
            assert metric.datatype == TABLE[metric.name][0], metric
            assert metric.timestamp is not None
            assert not metric.is_historical
            assert (metric.alias is None) == (metric.name in {"bdSeq", "Node Control/Rebirth"}), metric
            if metric.alias is not None:
                assert metric.alias not in self.aliases
                self.aliases[metric.alias] = metric.name
            self.values[metric.name] = value_of(metric, metric.datatype)
        for name in ("Outbox/Acknowledged", "Lamps/Dim Command", "Lamps/Dim Until"):
            assert self.values[name] is None
        self.sizes = {"lamps": len(self.values["Lamps/Id"]), "circuits": len(self.values["Circuits/Id"]), "phases": 3}
        self.seq = 0
        self._check_sizes(self.values)

    def _check_sizes(self, values):
        for name, value in values.items():
            over = TABLE[name][1]
            if over and value is not None and TABLE[name][0] != STRING_ARRAY:
                assert len(value) == self.sizes[over], name

    def data(self, body):
        """One record: ``(at_ms, is_historical, values)``."""
        payload = read_payload(body)
        self.seq = (self.seq + 1) % 256
        assert payload.seq == self.seq
        values, flags = {}, set()
        for metric in payload.metrics:
            assert metric.name is None, "data go by alias alone"
            name = self.aliases[metric.alias]
            assert metric.timestamp == payload.timestamp, name
            flags.add(metric.is_historical)
            assert name not in values
            values[name] = value_of(metric, TABLE[name][0])
        assert len(flags) == 1, "live and history never mix"
        self._check_sizes(values)
        return payload.timestamp, flags.pop(), values


class ListeningHost:
    """Subscribes to all; ``does_acknowledge`` may be switched."""

    def __init__(self, port, *, does_acknowledge=True):
        self.does_acknowledge = does_acknowledge
        self.messages = []
        self.deaths, self.births = defaultdict(list), defaultdict(list)
        self.records = defaultdict(dict)  # controller -> (epoch, sequence) -> (at_ms, was_history, values)
        self.n_repeats = 0
        self.failures = []
        self._sessions = {}
        self._lock = threading.Lock()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="listening-host")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("spBv1.0/#", qos=1)
        self._client.loop_start()

    def _on_message(self, _client, _data, message):
        with self._lock:
            try:
                self._take(message.topic.split("/"), bytes(message.payload))
            except Exception as error:  # noqa: BLE001 - reported to the test, whatever it was
                self.failures.append(f"{message.topic}: {type(error).__name__}: {error}")

    def _take(self, parts, body):
        kind, node = parts[2], parts[3]
        if kind == "NCMD":
            return
        self.messages.append((kind, node, body))
        if kind == "NDEATH":
            (metric,) = read_payload(body).metrics
            assert metric.name == "bdSeq"
            self.deaths[node].append(value_of(metric, metric.datatype))
            self._sessions.pop(node, None)
        elif kind == "NBIRTH":
            self._sessions[node] = HeardSession(body)
            self.births[node].append(self._sessions[node].values)
        elif node in self._sessions:
            at_ms, is_history, values = self._sessions[node].data(body)
            key = values["Outbox/Epoch"], values["Outbox/Sequence"]
            self.n_repeats += key in self.records[node]
            self.records[node].setdefault(key, (at_ms, is_history, values))
            if self.does_acknowledge:
                self.acknowledge(node, key[0])

    def acknowledge(self, node, epoch):
        """Everything up to the first gap."""
        numbers = sorted(number for own, number in self.records[node] if own == epoch)
        whole = next((i for i, number in enumerate(numbers) if number != i + 1), len(numbers))
        ack = (Metric(epoch, name="Outbox/Epoch"), Metric(whole, name="Outbox/Acknowledged"))
        if whole:
            self.command(node, ack)

    def command(self, node, metrics, group="terang"):
        self._client.publish(f"spBv1.0/{group}/NCMD/{node}", encode_payload(Payload(1, None, metrics)), qos=1)

    def close(self):
        with contextlib.suppress(OSError):
            self._client.disconnect()
        self._client.loop_stop()
