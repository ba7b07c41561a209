"""A serial port whose devices answer with any data."""

from __future__ import annotations

import struct

from tests.edge_agent.conftest import framed


class HostilePort:
    """Answers each request at once with a valid frame around the data that it is given."""

    def __init__(self) -> None:
        self.data = bytes(512)
        self._reply = b""
        self._now_s = 0.0

    def monotonic(self) -> float:
        self._now_s += 1e-4
        return self._now_s

    def write(self, frame: bytes) -> None:
        address, function, first, count = frame[0], frame[1], *struct.unpack(">HH", frame[2:6])
        n = 2 * count if function in {3, 4} else (count + 7) // 8
        start = 2 * first % 256 if function in {3, 4} else first
        self._reply = framed(address, function, n, (self.data * 3)[start : start + n])

    def read(self, timeout_s: float) -> bytes:
        self._now_s += 0.0 if self._reply else timeout_s
        reply, self._reply = self._reply, b""
        return reply

    def close(self) -> None:
        pass
