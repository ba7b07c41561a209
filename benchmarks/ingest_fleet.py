"""The generator of ``bench_ingest``: a process that plays many controllers at full speed over one raw MQTT connection.

Frames are encoded once and patched (time, sequence, seq), so that the generator costs little beside what it measures.
It keeps a window of unacknowledged records per controller, as an agent does, and answers a rebirth.
"""

from __future__ import annotations

import json
import random
import select
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

import numpy as np

from edge_agent.wire import BY_NAME, DataType, Metric, Payload, PayloadMessage, encode_payload, pack_strings

FIRST_SEQUENCE = 3_000_000  # any number from 2^21 on: its varint has always four bytes
VARIANTS = 4
TIME_MARK = 1 << 40  # stands in the frame for the time; six bytes as varint, like today's milliseconds
SEQUENCE_MARK = (1 << 28) - 1


def varint(value: int) -> bytes:
    """A protobuf and MQTT number."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


SEQ_FIELD = [b"\x18" + varint(seq) for seq in range(256)]


def frame(topic: bytes, payload: bytes) -> bytes:
    """An MQTT PUBLISH at QoS 0."""
    return b"\x30" + varint(2 + len(topic) + len(payload)) + struct.pack("!H", len(topic)) + topic + payload


@dataclass
class Controller:
    """One controller: its encoded sweeps and where its outbox stands."""

    number: int
    topic: bytes
    birth_topic: bytes
    bodies: list[bytes]
    birth: bytes
    epoch: int
    n_lamps: int
    sequence: int = FIRST_SEQUENCE
    acknowledged: int = FIRST_SEQUENCE
    seq: int = 0
    wanted: bool = field(default=False)


def lamp_values(rng: np.random.Generator, n: int) -> dict[str, bytes]:
    """A lit street with the resolution of a real meter (0.1 V, 1 mA, 0.1 W)."""

    def floats(mean: float, spread: float, decimals: int) -> bytes:
        return rng.normal(mean, spread, n).round(decimals).astype("<f4").tobytes()

    return {
        "Lamps/Voltage": floats(226, 2.5, 1),
        "Lamps/Current": floats(0.42, 0.006, 3),
        "Lamps/Power": floats(90, 1.2, 1),
        "Lamps/Power Factor": floats(0.95, 0.006, 2),
        "Lamps/Temperature": floats(46, 4, 1),
        "Lamps/Dim Level": b"\x64" * n,
        "Lamps/Status": b"\x01" * n,
        "Lamps/Quality": b"\x00" * n,
    }


def lamp_counters(rng: np.random.Generator, n: int) -> dict[str, bytes]:
    """Counters that stand still: a minute's energy is below their resolution, and nobody switches."""
    return {
        name: rng.integers(0, most, n).astype("<u4").tobytes()
        for name, most in (("Lamps/Energy", 2_000_000), ("Lamps/Burning Hours", 40_000), ("Lamps/Switch Count", 20_000))
    }


def sizes_of(text: str, n_controllers: int) -> list[int]:
    """Lamps of each controller: ``200`` for all, or ``29-213`` for every size between, spread evenly."""
    low, _, high = text.partition("-")
    least, most = int(low), int(high or low)
    return [least + number * 97 % (most - least + 1) for number in range(n_controllers)]


def make_controller(group: str, number: int, n_lamps: int, rng: np.random.Generator) -> Controller:
    """Encode a controller once."""
    node = f"PJU-{number:05d}"
    epoch = 1 << 62 | number
    scalars = {
        "Clock/Synchronised": True,
        "Sweep/Interval": 60,
        "Outbox/Epoch": epoch,
        "Outbox/Sequence": SEQUENCE_MARK,
        "Outbox/Pending": 1,
        "Cabinet/Door Open": False,
        "Cabinet/Contactor Closed": True,
        "Cabinet/Supply Present": True,
        "Cabinet/Energy": 123_456_789,
        "Cabinet/Voltage": np.array([226, 226, 226], "<f4").tobytes(),
        "Cabinet/Current": np.full(3, n_lamps * 0.14, "<f4").tobytes(),
        "Cabinet/Power": np.full(3, n_lamps * 30.3, "<f4").tobytes(),
    }
    counters = lamp_counters(rng, n_lamps)
    bodies = []
    for _ in range(VARIANTS):
        values = {**scalars, **lamp_values(rng, n_lamps), **counters}
        metrics = tuple(
            Metric(v, alias=BY_NAME[k].alias, datatype=BY_NAME[k].datatype, timestamp_ms=TIME_MARK)
            for k, v in values.items()
        )
        bodies.append(encode_payload(Payload(TIME_MARK, None, metrics)))
    lamp_ids = tuple(f"L-{number:05d}-{i:03d}" for i in range(n_lamps))
    named = {**values, "Outbox/Sequence": FIRST_SEQUENCE, "Outbox/Pending": 0, "Lamps/Id": pack_strings(lamp_ids)}
    metrics = tuple(
        Metric(v, name=k, alias=BY_NAME[k].alias, datatype=BY_NAME[k].datatype, timestamp_ms=TIME_MARK)
        for k, v in named.items()
    )
    rebirth = Metric(None, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, timestamp_ms=TIME_MARK)
    birth = encode_payload(Payload(TIME_MARK, 0, (*metrics, rebirth, Metric(0, name="bdSeq", datatype=DataType.INT64))))
    prefix = f"spBv1.0/{group}"
    return Controller(
        number, f"{prefix}/NDATA/{node}".encode(), f"{prefix}/NBIRTH/{node}".encode(), bodies, birth, epoch, n_lamps
    )


class Fleet:
    """The connection and its controllers."""

    def __init__(self, port: int, group: str, controllers: list[Controller], window: int) -> None:
        """Connect and subscribe to the commands."""
        self.controllers = controllers
        self.window = window
        self.n_sent = 0
        self.n_acknowledged = 0
        self.n_readings = 0
        self._by_number = {c.number: c for c in controllers}
        self._time = varint(TIME_MARK)
        self._mark = varint(SEQUENCE_MARK)
        self._incoming = bytearray()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = b"bench-fleet"
        self._socket.sendall(
            b"\x10" + varint(12 + len(name)) + b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(name)) + name
        )
        topic = f"spBv1.0/{group}/NCMD/+".encode()
        body = b"\x00\x01" + struct.pack("!H", len(topic)) + topic + b"\x00"
        self._socket.sendall(b"\x82" + varint(len(body)) + body)
        self._socket.setblocking(False)
        self._unsent = bytearray()

    def birth(self, controller: Controller) -> None:
        """Send its NBIRTH."""
        controller.seq = 0
        now = varint(int(time.time() * 1000))
        payload = PayloadMessage.FromString(controller.birth.replace(self._time, now))
        for metric in payload.metrics:
            if metric.name == "Outbox/Sequence":
                metric.long_value = controller.sequence
            elif metric.name == "Outbox/Pending":
                metric.long_value = controller.sequence - controller.acknowledged
        self._unsent += frame(controller.birth_topic, payload.SerializeToString())

    def turn(self, *, may_send: bool) -> None:
        """Send what the windows allow, hear what was acknowledged."""
        if may_send and len(self._unsent) < 1 << 20:
            now = varint(int(time.time() * 1000))
            for c in self.controllers:
                if c.sequence - c.acknowledged < self.window:
                    c.sequence += 1
                    c.seq = (c.seq + 1) & 0xFF
                    body = c.bodies[c.sequence % VARIANTS].replace(self._time, now)
                    body = body.replace(self._mark, varint(c.sequence), 1)
                    self._unsent += frame(c.topic, body + SEQ_FIELD[c.seq])
                    self.n_sent += 1
        wants_write = [self._socket] if self._unsent else []
        readable, writable, _ = select.select([self._socket], wants_write, [], 0.01)
        if writable:
            sent = self._socket.send(memoryview(self._unsent)[: 1 << 20])
            del self._unsent[:sent]
        if readable:
            self._incoming += self._socket.recv(1 << 18)
            self._hear()

    def _hear(self) -> None:
        data, at = self._incoming, 0
        while at + 2 <= len(data):
            size, shift, start = 0, 0, at + 1
            while start < len(data):
                size |= (data[start] & 0x7F) << shift
                shift += 7
                start += 1
                if data[start - 1] < 0x80:
                    break
            else:
                break
            if start + size > len(data):
                break
            if data[at] >> 4 == 3:
                length = data[start] << 8 | data[start + 1]
                node = bytes(data[start + 2 : start + 2 + length])
                self._command(int(node[-5:]), bytes(data[start + 2 + length : start + size]))
            at = start + size
        del data[:at]

    def _command(self, number: int, payload: bytes) -> None:
        controller = self._by_number[number]
        for metric in PayloadMessage.FromString(payload).metrics:
            if metric.name == "Outbox/Acknowledged":
                n_new = max(0, metric.long_value - controller.acknowledged)
                self.n_acknowledged += n_new
                self.n_readings += n_new * controller.n_lamps
                controller.acknowledged = max(controller.acknowledged, metric.long_value)
            elif metric.name == "Node Control/Rebirth":
                self.birth(controller)


def main() -> None:
    """``python -m benchmarks.ingest_fleet PORT GROUP CONTROLLERS LAMPS WINDOW WARM_S RUN_S``; reports on stdout."""
    port, n_controllers, window = (int(sys.argv[i]) for i in (1, 3, 5))
    sizes = sizes_of(sys.argv[4], n_controllers)
    warm_s, run_s = float(sys.argv[6]), float(sys.argv[7])
    rng = np.random.default_rng(7)
    random.seed(7)
    fleet = Fleet(
        port, sys.argv[2], [make_controller(sys.argv[2], i, n_lamps, rng) for i, n_lamps in enumerate(sizes)], window
    )
    for controller in fleet.controllers:
        fleet.birth(controller)
        fleet.turn(may_send=False)
    for phase, seconds in (("warm", warm_s), ("run", run_s)):
        report(phase, fleet)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            fleet.turn(may_send=True)
    report("drain", fleet)
    end = time.monotonic() + 60
    while fleet.n_acknowledged < fleet.n_sent and time.monotonic() < end:
        fleet.turn(may_send=False)
    report("done", fleet)


def report(phase: str, fleet: Fleet) -> None:
    """A line of JSON for the benchmark."""
    facts = {"phase": phase, "at": time.monotonic(), "sent": fleet.n_sent, "acknowledged": fleet.n_acknowledged}
    print(json.dumps({**facts, "readings": fleet.n_readings, "cpu_s": time.process_time()}), flush=True)


if __name__ == "__main__":
    main()
