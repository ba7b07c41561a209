"""A driver that does not return from a call: the other buses are swept and switched, and the agent can end."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from edge_agent.config import parse_config
from edge_agent.errors import BusHangs
from edge_agent.serial import bus_thread
from edge_agent.serial.profile_file import SHIPPED, load_profile
from edge_agent.serial.sweep import Sweeper
from edge_agent.wire import Quality
from tests.edge_agent.hostile_port import HostilePort
from tests.edge_agent.test_hostile_registers import BASE

HANG_S = 1.0


class HangingPort(HostilePort):
    """Does not return from one kind of call until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs_in = ""
        self.is_free = threading.Event()
        self.is_reached = threading.Event()

    def _hang(self, call: str) -> None:
        if call == self.hangs_in:
            self.is_reached.set()
            self.is_free.wait(20)

    def open(self) -> HangingPort:
        self._hang("open")
        return self

    def write(self, frame: bytes) -> None:
        self._hang("write")
        super().write(frame)

    def read(self, timeout_s: float) -> bytes:
        self._hang("read")
        return super().read(timeout_s)


class Clock:
    """Stands in for the module ``time``."""

    def __init__(self, monotonic) -> None:
        self.monotonic = monotonic


@pytest.fixture
def street(monkeypatch):
    monkeypatch.setattr(bus_thread, "HANG_S", HANG_S)
    monkeypatch.setattr(bus_thread, "_LOOK_S", 0.02)
    monkeypatch.setattr(bus_thread, "_CLOSE_S", 0.2)
    ports = {"A": HangingPort(), "B": HangingPort()}
    buses = [
        {"name": name, "port": f"/dev/{name}", "baud": 115200,
         "lamps": [{"address": 1, "lamp_id": name, "profile": "lamp-node"}]}
        for name in ports
    ]  # fmt: skip
    config = parse_config({**BASE, "bus": buses}, Path("agent.toml"), {})
    profiles = {"lamp-node": load_profile("lamp-node", SHIPPED)}
    sweeper = Sweeper(
        config, profiles, lambda bus: ports[bus.name].open(), lambda: 1.8e9, time.monotonic, lambda _s: None
    )
    yield ports, sweeper
    ports["A"].hangs_in = ""
    ports["A"].is_free.set()
    sweeper.close()


@pytest.mark.parametrize("call", ["open", "write", "read"])
def test_the_other_bus_is_swept_and_the_one_that_hangs_comes_back(street, call) -> None:
    ports, sweeper = street
    ports["A"].hangs_in = call
    assert list(sweeper.sweep(slow=False).quality) == [Quality.NO_RESPONSE, Quality.GOOD]
    began = time.monotonic()
    assert list(sweeper.sweep(slow=False).quality) == [Quality.NO_RESPONSE, Quality.GOOD]
    assert time.monotonic() - began < HANG_S, "it is not waited for again"
    assert [bus.port_error for bus in sweeper.stats().buses] == ["the driver hangs", ""]
    ports["A"].hangs_in = ""
    ports["A"].is_free.set()
    end = time.monotonic() + 5
    while list(sweeper.sweep(slow=False).quality) != [Quality.GOOD, Quality.GOOD]:
        assert time.monotonic() < end
    assert [bus.port_error for bus in sweeper.stats().buses] == ["", ""]


def test_a_command_to_a_bus_that_hangs_fails_and_is_not_carried_out_later(street) -> None:
    ports, sweeper = street
    sweeper.sweep(slow=False)
    ports["A"].hangs_in = "write"
    assert sweeper.write_dim(0, 50) is False
    n_before = sweeper._threads[0].bus.n_exchanges
    assert sweeper.write_dim(0, 60) is False
    with pytest.raises(BusHangs):
        sweeper._threads[0].command(lambda: True)
    written = []
    port = ports["A"]
    port.hangs_in = ""
    plain = HostilePort.write
    port.write = lambda frame: (written.append(frame[4:6]), plain(port, frame))[1]
    port.is_free.set()
    sweeper._threads[0].start_sweep(is_slow=False, budget_s=1.0)
    end = time.monotonic() + 5
    while sweeper._threads[0].is_hanging:
        assert time.monotonic() < end
        time.sleep(0.01)
    sweeper.sweep(slow=False)
    assert sweeper._threads[0].bus.n_exchanges > n_before
    assert bytes((0, 60)) not in written


def test_a_bus_that_hangs_does_not_keep_the_agent_from_ending(street) -> None:
    ports, sweeper = street
    ports["A"].hangs_in = "read"
    sweeper.sweep(slow=False)
    began = time.monotonic()
    sweeper.close()
    assert time.monotonic() - began < 2


def test_a_slow_bus_does_not_hang(street) -> None:
    ports, sweeper = street
    port = ports["A"]
    plain = HostilePort.read
    port.read = lambda timeout_s: (time.sleep(0.1), plain(port, timeout_s))[1]
    for _ in range(3):
        assert list(sweeper.sweep(slow=True).quality) == [Quality.GOOD, Quality.GOOD]


def test_what_a_bus_gave_before_is_not_its_quality_when_its_sweep_is_lost(street, monkeypatch) -> None:
    _, sweeper = street
    assert list(sweeper.sweep(slow=False).quality) == [Quality.GOOD, Quality.GOOD]

    def broken(**_: object) -> dict:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(sweeper._threads[0].bus, "sweep", broken)
    assert list(sweeper.sweep(slow=False).quality) == [Quality.NO_RESPONSE, Quality.GOOD]


def test_a_process_that_was_stopped_for_long_takes_no_bus_for_hanging(street, monkeypatch) -> None:
    ports, sweeper = street
    sweeper.sweep(slow=False)
    (thread, _) = sweeper._threads
    ports["A"].hangs_in = "read"
    job = thread.start_sweep(is_slow=False, budget_s=5.0)
    assert ports["A"].is_reached.wait(10)
    jumps = iter((0.0, 100.0, 200.0))
    monkeypatch.setattr(bus_thread, "time", Clock(lambda: next(jumps, 300.0)))
    threading.Timer(0.1, ports["A"].is_free.set).start()
    assert thread.wait(job)
    assert not thread.is_hanging
