"""The generator of ``bench_ingest``: a process that plays many controllers at full speed over one raw MQTT connection.

It keeps a window of unacknowledged records per controller, as an agent does, answers a rebirth, and sends again as
history what stays unacknowledged.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import time

import numpy as np

from benchmarks.flood_controller import Controller, make_controller, sizes_of, varint
from edge_agent.wire import PayloadMessage

_UNSENT = 1 << 20


def frame(topic: bytes, payload: bytes) -> bytes:
    """An MQTT PUBLISH at QoS 0."""
    return b"\x30" + varint(2 + len(topic) + len(payload)) + struct.pack("!H", len(topic)) + topic + payload


class Fleet:
    """The connection and its controllers."""

    def __init__(
        self, port: int, group: str, controllers: list[Controller], *, window: int, resend_after_s: float
    ) -> None:
        """Connect and subscribe to the commands."""
        self.controllers = controllers
        self.window = window
        self._resend_after_ms = int(resend_after_s * 1000)
        self._resend_at = 0.0
        self.n_sent = 0
        self.n_resent = 0
        self.n_acknowledged = 0
        self.n_readings = 0
        self._by_number = {c.number: c for c in controllers}
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
        self._unsent += frame(controller.birth_topic, controller.born())

    def turn(self, *, may_send: bool) -> None:
        """Send what the windows allow, and what waits for too long; hear what was acknowledged."""
        now_ms = int(time.time() * 1000)
        if may_send and len(self._unsent) < _UNSENT:
            for c in self.controllers:
                if c.n_pending < self.window:
                    self._unsent += frame(c.topic, c.next_record(now_ms))
                    self.n_sent += 1
        if time.monotonic() >= self._resend_at and len(self._unsent) < _UNSENT:
            self._resend(now_ms)
        wants_write = [self._socket] if self._unsent else []
        readable, writable, _ = select.select([self._socket], wants_write, [], 0.01)
        if writable:
            sent = self._socket.send(memoryview(self._unsent)[:_UNSENT])
            del self._unsent[:sent]
        if readable:
            self._incoming += self._socket.recv(1 << 18)
            self._hear()

    def _resend(self, now_ms: int) -> None:
        """Whatever is held for so long, again and again."""
        self._resend_at = time.monotonic() + self._resend_after_ms / 1000
        for c in self.controllers:
            for sequence, sent_ms in c.sent_ms.items():
                if now_ms - sent_ms < self._resend_after_ms:
                    break
                self._unsent += frame(c.topic, c.old_record(sequence))
                self.n_resent += 1

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
                n_new = controller.hear(metric.long_value)
                self.n_acknowledged += n_new
                self.n_readings += n_new * controller.n_lamps
            elif metric.name == "Node Control/Rebirth":
                self.birth(controller)


def main() -> None:
    """Play; reports on stdout, a line of JSON as each phase begins."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("group")
    parser.add_argument("--controllers", type=int, required=True)
    parser.add_argument("--lamps", required=True)
    parser.add_argument("--window", type=int, required=True)
    parser.add_argument("--warm", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--resend-after", type=float, default=120.0, help="seconds, as an agent's resend_after_s")
    parser.add_argument("--dark-every", type=int, default=0, help="one lamp of every so many controllers is dark")
    parser.add_argument("--without-agent-metrics", action="store_true", help="only what ingest has a use for")
    options = parser.parse_args()
    rng, every = np.random.default_rng(7), options.dark_every
    controllers = [
        make_controller(
            options.group,
            i,
            n_lamps,
            rng,
            has_dark=bool(every) and i % every == 0,
            has_agent_metrics=not options.without_agent_metrics,
        )
        for i, n_lamps in enumerate(sizes_of(options.lamps, options.controllers))
    ]
    fleet = Fleet(options.port, options.group, controllers, window=options.window, resend_after_s=options.resend_after)
    for controller in controllers:
        fleet.birth(controller)
        fleet.turn(may_send=False)
    for phase, seconds in (("warm", options.warm), ("run", options.seconds)):
        report(phase, fleet)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            fleet.turn(may_send=True)
    report("drain", fleet)
    end = time.monotonic() + 60 + 3 * options.resend_after
    while fleet.n_acknowledged < fleet.n_sent and time.monotonic() < end:
        fleet.turn(may_send=False)
    report("done", fleet)


def report(phase: str, fleet: Fleet) -> None:
    """A line of JSON for the benchmark."""
    facts = {"phase": phase, "at": time.monotonic(), "sent": fleet.n_sent, "acknowledged": fleet.n_acknowledged}
    facts |= {"resent": fleet.n_resent, "readings": fleet.n_readings, "cpu_s": time.process_time()}
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
