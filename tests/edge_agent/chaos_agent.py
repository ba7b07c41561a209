"""An agent with stub meters that sweeps at a given rate, as a process of its own to be killed at any instant.

Each record's energy counter repeats the sweep's own number, kept beside the outbox after the record is in it: what was
once stored must come out once, and what was never stored may be missing only at the moment of a kill.
"""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from pathlib import Path

from edge_agent.link.link_settings import LinkSettings
from edge_agent.link.mqtt_link import MqttLink
from edge_agent.link.resend import Resend
from edge_agent.link.session import Node, NodeSession
from edge_agent.outbox.queue import Outbox
from edge_agent.outbox.record import Circumstances, encode_body
from edge_agent.outbox.waiting import Draft
from tests.edge_agent.stub_meters import StubMeters, bytes_array, lamp_layout

LAYOUT = lamp_layout(8)


class NoOrders:
    def dim(self, command):
        raise AssertionError(command)

    def schedule(self, text):
        raise AssertionError(text)

    def held_schedule(self):
        return None


def main(folder: Path, url: str, interval_s: float, seed: int, n_sweeps: int) -> None:
    """Sweep so often, or for ever if 0, then only deliver."""
    source = random.SystemRandom()
    outbox = Outbox(
        folder / "outbox.db", retention_s=86400, max_bytes=50_000_000, random_epoch=lambda: source.getrandbits(63)
    )
    resend = Resend(resend_after_s=0.5, window=200, rate_per_s=5000)
    session = NodeSession(
        Node("terang", "chaos", LAYOUT, "1.0"), outbox, resend, NoOrders(), lambda: time.time_ns() // 1_000_000
    )
    jitter = random.Random(seed)
    link = MqttLink(
        LinkSettings((url,), "chaos"), session, time.monotonic, lambda: jitter.random() * 0.1, first_wait_s=0.05
    )
    meters = StubMeters(8, lambda: time.time_ns() // 1_000_000, seed)
    link.start()
    with (folder / "stored.txt").open("a") as stored:
        for _ in range(n_sweeps) if n_sweeps else itertools.count():
            sweep = meters.sweep(slow=True)
            body = encode_body(sweep, LAYOUT, Circumstances(bytes_array(b"\x64" * 8), True, 1))
            records = outbox.append(Draft(sweep.at_ms, 0.0, LAYOUT, body))
            session.offer(records)
            link.wake()
            for record in records:
                stored.write(f"{outbox.epoch} {record.sequence}\n")
            stored.flush()
            time.sleep(interval_s)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
