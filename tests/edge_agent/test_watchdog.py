"""sd_notify over a real unix socket, and a journal that cannot flood."""

import logging
import socket
from pathlib import Path

import pytest

from edge_agent.journal import LONGEST_LINE, FloodGate, LineFormatter
from edge_agent.watchdog import Watchdog


def test_systemd_hears_ready_alive_when_due_and_stopping(tmp_path: Path) -> None:
    now = [0.0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "notify"))
        server.settimeout(1)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"}
        watchdog = Watchdog(environment, 42, lambda: now[0])
        watchdog.ready("sweeping")
        assert server.recv(200) == b"READY=1\nSTATUS=sweeping"
        watchdog.alive()
        watchdog.alive()
        now[0] = 10.0
        watchdog.alive("2 sweeps")
        watchdog.stopping()
        assert [server.recv(200) for _ in range(3)] == [b"WATCHDOG=1", b"WATCHDOG=1\nSTATUS=2 sweeps", b"STOPPING=1"]


def test_without_systemd_nothing_happens() -> None:
    watchdog = Watchdog({}, 42, lambda: 0.0)
    watchdog.ready("x")
    watchdog.alive()
    assert watchdog.interval_s is None


def test_watchdog_meant_for_another_process_is_left_alone() -> None:
    assert Watchdog({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, 42, lambda: 0.0).interval_s is None


@pytest.mark.parametrize("limit", ["", "0", "-1", "1e6", "abc", "²", "٣", "9" * 19, "9" * 400, "9" * 5000])
def test_a_time_of_the_watchdog_that_is_none_is_passed_over(limit: str) -> None:
    watchdog = Watchdog({"WATCHDOG_USEC": limit, "NOTIFY_SOCKET": "/tmp/\x00"}, 42, lambda: 0.0)
    watchdog.ready("x")
    watchdog.alive()
    assert watchdog.interval_s is None


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("edge_agent.serial.bus", logging.WARNING, "", 0, message, arguments, None)


def test_repeated_message_is_held_back_and_counted() -> None:
    now = [0.0]
    gate = FloodGate(lambda: now[0], burst=2, window_s=60)
    assert [gate.filter(record("lost %s", i)) for i in range(5)] == [True, True, False, False, False]
    assert gate.filter(record("another"))
    now[0] = 61.0
    late = record("lost %s", 6)
    assert gate.filter(late)
    assert LineFormatter().format(late) == "<4>bus: lost 6 held_back=3"


def test_message_with_line_breaks_is_one_bounded_line() -> None:
    line = LineFormatter().format(record("a\nb %s", "x" * 10_000))
    assert "\n" not in line
    assert len(line) == LONGEST_LINE
