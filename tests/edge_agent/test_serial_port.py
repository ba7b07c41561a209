"""The serial port: whatever the system raises while the adapter goes away means "port gone, try again"."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import pty
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from edge_agent.config import BusConfig, parse_config
from edge_agent.errors import PortGone
from edge_agent.serial.adapter import FIRST_REOPEN_S, LONGEST_REOPEN_S, Adapter
from edge_agent.serial.bus_thread import BusThread, Job
from edge_agent.serial.port import SerialPort, open_port
from edge_agent.serial.profile_file import load_profiles
from edge_agent.serial.sweep import Sweeper
from edge_agent.wire import Quality

RAISED = [
    termios.error(errno.EIO, "Input/output error"),
    OSError(errno.ENODEV, "No such device"),
    serial.SerialException("device disconnected"),
    serial.SerialTimeoutException("Write timeout"),
    ValueError("filedescriptor cannot be a negative integer (-1)"),
    TypeError("argument must be an int, or have a fileno() method."),
    AttributeError("'NoneType' object has no attribute 'fileno'"),
    OverflowError("Python int too large to convert to C int"),
    struct.error("argument out of range"),
    PermissionError(errno.EACCES, "Permission denied"),
    OSError(errno.ENXIO, "No such device or address"),
    OSError(errno.EPROTO, "Protocol error"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    InterruptedError(errno.EINTR, "Interrupted system call"),
    BrokenPipeError(errno.EPIPE, "Broken pipe"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    NotImplementedError("CMSPAR"),
]
ids = [type(error).__name__ for error in RAISED]


@pytest.fixture
def tty_path() -> Iterator[str]:
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def raising(error: Exception):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def n_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("error", RAISED, ids=ids)
@pytest.mark.parametrize(
    ("module", "function"), [(termios, "tcsetattr"), (termios, "tcgetattr"), (termios, "tcflush"), (fcntl, "flock")]
)
def test_error_while_the_port_is_set_means_port_gone_and_leaks_nothing(
    tty_path, monkeypatch, error, module, function
) -> None:
    n_before = n_descriptors()
    with monkeypatch.context() as patch:
        patch.setattr(module, function, raising(error))
        with pytest.raises(PortGone, match=tty_path):
            SerialPort(BusConfig("A", tty_path))
    assert n_descriptors() == n_before
    SerialPort(BusConfig("A", tty_path)).close()


@pytest.mark.parametrize("error", RAISED, ids=ids)
def test_error_while_reading_writing_or_closing_means_port_gone(tty_path, monkeypatch, error) -> None:
    port = SerialPort(BusConfig("A", tty_path))
    monkeypatch.setattr(port._serial, "write", raising(error))
    with monkeypatch.context() as patch:
        patch.setattr("edge_agent.serial.port.os.write", raising(error))
        with pytest.raises(PortGone, match=tty_path):
            port.write(b"x")
        patch.setattr("edge_agent.serial.port.os.write", lambda *_: 0)
        with pytest.raises(PortGone, match=tty_path):
            port.write(b"x")
    with monkeypatch.context() as patch:
        patch.setattr("edge_agent.serial.port.select.select", raising(error))
        with pytest.raises(PortGone, match=tty_path):
            port.read(0.0)
    with monkeypatch.context() as patch:
        patch.setattr(port._serial, "close", raising(error))
        port.close()
    port.close()


def test_closed_port_is_gone_for_reading_and_writing(tty_path) -> None:
    port = SerialPort(BusConfig("A", tty_path))
    port.close()
    with pytest.raises(PortGone):
        port.write(b"x")
    with pytest.raises(PortGone):
        port.read(0.0)


def test_a_closed_port_does_not_write_to_the_file_that_got_its_number(tty_path, tmp_path) -> None:
    port = SerialPort(BusConfig("A", tty_path))
    descriptor = port._fd
    port.close()
    other = tmp_path / "other"
    taken = os.open(other, os.O_RDWR | os.O_CREAT)
    os.dup2(taken, descriptor)  # the same number at once, where it is the lowest free one
    try:
        with pytest.raises(PortGone):
            port.write(b"x")
        with pytest.raises(PortGone):
            port.read(0.0)
    finally:
        for number in {taken, descriptor}:
            os.close(number)
    assert other.read_bytes() == b""


def test_what_the_driver_does_not_take_at_once_follows_and_a_stuck_line_is_gone(tty_path, monkeypatch) -> None:
    port = SerialPort(BusConfig("A", tty_path))
    rest: list[bytes] = []
    monkeypatch.setattr(port._serial, "write", rest.append)
    with monkeypatch.context() as patch:
        patch.setattr("edge_agent.serial.port.os.write", lambda *_: 3)
        port.write(b"request")
        patch.setattr("edge_agent.serial.port.os.write", raising(BlockingIOError(errno.EAGAIN, "busy")))
        port.write(b"request")
        assert rest == [b"uest", b"request"]
        patch.setattr("edge_agent.serial.port.select.select", lambda *_: ([], [], []))
        with pytest.raises(PortGone, match="timeout"):
            port.write(b"request")
    port.close()


def test_bus_whose_adapter_vanishes_while_it_is_opened_comes_back_and_the_other_one_is_read(
    make_pty_bus, make_node, monkeypatch
) -> None:
    base = {
        "controller": {"group": "terang", "id": "PJU-1", "latitude": 0.8, "longitude": 102.0},
        "broker": {"url": "mqtt://127.0.0.1"},
    }
    lines = {name: make_pty_bus([make_node(1)], name) for name in ("one", "two")}
    buses = [
        {"name": name, "port": str(bus.path), "lamps": [{"address": 1, "lamp_id": name, "profile": "lamp-node"}]}
        for name, bus in lines.items()
    ]
    config = parse_config({**base, "bus": buses}, Path("agent.toml"), {})
    now = [0.0]

    def opened(bus: BusConfig) -> SerialPort:
        with monkeypatch.context() as patch:
            if bus.name == "one" and now[0] < 100:
                patch.setattr(termios, "tcsetattr", raising(termios.error(errno.EIO, "Input/output error")))
            return open_port(bus)  # type: ignore[return-value]

    def clock() -> float:
        return now[0] + time.monotonic() % 1e6

    sweeper = Sweeper(config, load_profiles(config.profile_names, Path()), opened, clock, clock)
    try:
        # one bus after the other, so that the patch of the first never meets the opening of the second
        monkeypatch.setattr("edge_agent.serial.bus_thread.BusThread.start_sweep", _in_turn)
        assert list(sweeper.sweep(slow=False).quality) == [Quality.NO_RESPONSE, Quality.GOOD]
        assert "Input/output error" in sweeper.stats().buses[0].port_error
        now[0] = 200.0
        assert list(sweeper.sweep(slow=False).quality) == [Quality.GOOD, Quality.GOOD]
        assert sweeper.stats().buses[0].port_error == ""
    finally:
        sweeper.close()


def _in_turn(self: BusThread, *, is_slow: bool, budget_s: float):
    job = Job(lambda: self.bus.sweep(is_slow=is_slow, budget_s=budget_s, between=self._run_commands))
    job.do()
    return job


def test_opening_is_tried_again_at_growing_intervals_up_to_a_bound() -> None:
    now = [0.0]
    tries: list[float] = []

    def gone(_bus: BusConfig):
        tries.append(now[0])
        raise PortGone("x")

    adapter = Adapter(BusConfig("A", "/dev/none"), gone, lambda: now[0], lambda _s: None)
    while now[0] < 60:
        with pytest.raises(PortGone):
            adapter.line()
        now[0] += 0.5
    gaps = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert gaps[0] == FIRST_REOPEN_S
    assert max(gaps) == LONGEST_REOPEN_S
