"""A simulated wire in simulated time, for tests of the serial side; its encoder shares no code with the agent."""

import heapq
import itertools
import json
import os
import pty
import select
import struct
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.errors import PortGone


def bitwise_crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def framed(*parts: int | bytes) -> bytes:
    body = b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)
    return body + bitwise_crc(body)


class Node:
    """A lamp node with registers; `delay_s` is its turnaround."""

    def __init__(self, address: int, delay_s: float = 0.01) -> None:
        self.address = address
        self.delay_s = delay_s
        self.is_alive = True
        self.input = [2300, 391, 0, 900, 0, 6205, 0, 500, 100, 0, 415, 3, 100, 1, 1234, 0, 77]
        self.holding = [100]
        self.bits = [False, True, True, False]
        self.coils = [False]
        self.n_asked = 0

    def reply(self, frame: bytes) -> bytes | None:
        self.n_asked += 1
        if not self.is_alive or frame[-2:] != bitwise_crc(frame[:-2]):
            return None
        function, first, count = frame[1], *struct.unpack(">HH", frame[2:6])
        if function in {3, 4}:
            table = self.holding if function == 3 else self.input
            if first + count > len(table):
                return framed(self.address, function | 0x80, 2)
            return framed(self.address, function, 2 * count, struct.pack(f">{count}H", *table[first : first + count]))
        if function in {1, 2}:
            table = self.coils if function == 1 else self.bits
            packed = sum(bit << i for i, bit in enumerate(table[first : first + count]))
            return framed(self.address, function, (count + 7) // 8, packed.to_bytes((count + 7) // 8, "little"))
        if function == 6:
            self.holding[first] = count
            return frame
        if function == 5:
            self.coils[first] = count == 0xFF00
            return frame
        return framed(self.address, function | 0x80, 1)


class Wire:
    """A half-duplex line with its own clock: bytes travel one by one at 9600 baud, and only waiting moves time."""

    def __init__(self, nodes: list[Node], character_s: float = 10 / 9600) -> None:
        self.nodes = {node.address: node for node in nodes}
        self.now = 0.0
        self.character_s = character_s
        self.requests: list[tuple[float, bytes]] = []
        self.is_echoing = False
        self.is_gone = False
        self.mangle: Callable[[bytes, bytes], bytes | None] = lambda _request, reply: reply
        self.late_s = 0.0
        self.stall_s: Callable[[], float] = lambda: 0.0  # how much longer than asked for a wait takes: a busy machine
        self._coming: list[tuple[float, int, int]] = []
        self._tie = itertools.count()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if seconds < 0.0:
            raise ValueError("sleep length must be non-negative")  # as time.sleep does
        self.now += seconds
        self.now += self.stall_s()

    def schedule(self, at: float, data: bytes) -> None:
        for i, byte in enumerate(data):
            heapq.heappush(self._coming, (at + (i + 1) * self.character_s, next(self._tie), byte))

    def write(self, data: bytes) -> None:
        if self.is_gone:
            raise PortGone("unplugged")
        self.requests.append((self.now, data))
        end = self.now + len(data) * self.character_s
        if self.is_echoing:
            self.schedule(self.now, data)
        node = self.nodes.get(data[0])
        reply = node.reply(data) if node else None
        if reply is not None and node is not None:
            mangled = self.mangle(data, reply)
            if mangled:
                self.schedule(end + 3.5 * self.character_s + node.delay_s + self.late_s, mangled)

    def read(self, timeout_s: float) -> bytes:
        if self.is_gone:
            raise PortGone("unplugged")
        if self._coming and self._coming[0][0] <= self.now + timeout_s:
            self.now = max(self.now, self._coming[0][0])
        else:
            if timeout_s < 0.0:
                raise ValueError("timeout must be non-negative")  # as select does
            self.now += timeout_s
        self.now += self.stall_s()
        arrived = bytearray()
        while self._coming and self._coming[0][0] <= self.now:
            arrived.append(heapq.heappop(self._coming)[2])
        return bytes(arrived)

    def close(self) -> None:
        pass


class PtyBus:
    """Nodes on a real pseudo-terminal, answered by a thread; `path` is a link, as by-id paths are."""

    def __init__(self, nodes: list[Node], path: Path) -> None:
        self.nodes = {node.address: node for node in nodes}
        self.path = path
        self.noise = b""
        self.plug_in()

    def plug_in(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)
        self._is_open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        self._is_open = False
        self._thread.join()
        os.close(self._master)
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        frame = b""
        while self._is_open:
            ready, _, _ = select.select([self._master], [], [], 0.003 if frame else 0.02)
            try:
                frame += os.read(self._master, 256) if ready else b""
            except OSError:  # no agent has the slave open
                time.sleep(0.005)
                continue
            if ready or not frame:
                continue
            node = self.nodes.get(frame[0])
            reply = node.reply(frame) if node else None
            frame = b""
            if reply is not None:
                os.write(self._master, self.noise + reply)


@pytest.fixture
def make_pty_bus(tmp_path: Path) -> Iterator[Callable[..., PtyBus]]:
    made: list[PtyBus] = []

    def make(nodes: list[Node], name: str = "ttyUSB-RS485") -> PtyBus:
        made.append(PtyBus(nodes, tmp_path / name))
        return made[-1]

    yield make
    for bus in made:
        if bus._is_open:
            bus.unplug()


@pytest.fixture
def make_node() -> type[Node]:
    return Node


@pytest.fixture
def make_wire() -> type[Wire]:
    return Wire


@pytest.fixture
def frame_of() -> Callable[..., bytes]:
    """Join bytes and numbers and add the checksum, reckoned bit by bit."""
    return framed


@pytest.fixture
def vectors(shared_data: Path) -> list[dict[str, Any]]:
    """Reference frames of real meters."""
    frames: list[dict[str, Any]] = json.loads((shared_data / "modbus/vectors.json").read_text(encoding="utf-8"))
    return frames
