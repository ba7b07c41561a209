"""A loop that stands still shows on /readyz, and does not keep the process from ending."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from threading import Event

from ingest.metrics import Metrics
from ingest.readiness import LONGEST_ROUND_S, Readiness
from ingest.sparkplug.fair_queue import FairQueue
from ingest.status_page import StatusPage
from ingest.stop_signal import StopSignal


def test_readyz_says_503_while_the_loop_does_not_turn() -> None:
    now = [100.0]
    readiness = Readiness(lambda: now[0])
    readiness.set("start", None)
    page = StatusPage("127.0.0.1", 0, Metrics(), readiness)
    page.start()

    def ask() -> tuple[int, dict[str, str]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/readyz", timeout=5) as answer:
                return answer.status, json.load(answer)["reasons"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["reasons"]

    try:
        assert ask() == (200, {})
        readiness.turned()
        now[0] += LONGEST_ROUND_S - 1
        assert ask() == (200, {})
        now[0] += 2
        status, reasons = ask()
        assert status == 503
        assert "16 s" in reasons["loop"]
        readiness.turned()
        assert ask() == (200, {})
        now[0] += 1000
        readiness.ended()
        assert ask() == (200, {})
    finally:
        page.stop()


def test_a_loop_that_does_not_end_in_time_is_ended() -> None:
    ended = Event()
    stop = StopSignal(0.2, lambda _code: ended.set())
    assert not stop.is_set()
    stop.set()
    stop.set()
    assert stop.is_set()
    assert not ended.is_set()
    assert ended.wait(5)


def test_a_controllers_large_messages_share_out_over_ticks_in_their_order() -> None:
    dropped: list[tuple[str, int]] = []
    queue = FairQueue(lambda node, n: dropped.append((node, n)), n_each=4, held_bytes=1000)
    births = [("g/NBIRTH/a", bytes([n]) * 600) for n in range(3)]
    queue.add([*births, ("g/NDATA/a", b"x"), ("g/NDATA/b", b"y")])
    first = queue.take(1 << 30)
    assert first == [births[0], ("g/NDATA/b", b"y")], "one large message of a in a tick, and b does not wait"
    rest = queue.take(1 << 30)
    assert rest == [births[2], ("g/NDATA/a", b"x")], "a later birth takes the place of an earlier one that waits"
    assert dropped == [("a", 1)]
    assert not queue
