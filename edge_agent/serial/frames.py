"""Modbus RTU frames: requests out, replies in, byte by byte. Pure: no port, no clock.

The request decides what a reply may look like: its address, function and length are known beforehand. The
scanner therefore looks for exactly that frame (or for the exception to it) at every byte of what arrives,
and garbage before, inside or after it costs nothing but the garbage. A late reply of another meter, or of
the same meter to a request of another length, never matches.

Source: MODBUS over Serial Line V1.02 (frame, CRC, 3.5 characters), MODBUS Application Protocol V1.1b3
(functions, limits, exceptions).
"""

from dataclasses import dataclass
from functools import cached_property

READ_COILS = 0x01
READ_DISCRETE_INPUTS = 0x02
READ_HOLDING_REGISTERS = 0x03
READ_INPUT_REGISTERS = 0x04
WRITE_COIL = 0x05
WRITE_REGISTER = 0x06

MAX_REGISTERS = 125
MAX_BITS = 2000
ADDRESSES = range(1, 256)  # 1 to 247 by the standard; 248 is the PZEM's "whoever you are"

_EXCEPTION_LENGTH = 5
_EXCEPTION_CODES = frozenset(range(1, 12))


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def checksum(data: bytes | bytearray | memoryview) -> bytes:
    """Return the two CRC-16/MODBUS bytes of data, low byte first, as they stand on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


@dataclass(frozen=True)
class Request:
    """One request, and what it allows to come back.

    Attributes:
        address: of the meter.
        function: Modbus function code.
        body: what stands between function code and checksum.
        n_data: bytes of data in the reply; 0 for a write, whose reply repeats the request.
    """

    address: int
    function: int
    body: bytes
    n_data: int

    @cached_property
    def wire(self) -> bytes:
        """The whole request with its checksum."""
        frame = bytes((self.address, self.function)) + self.body
        return frame + checksum(frame)

    @cached_property
    def reply_head(self) -> bytes:
        """The bytes with which a good reply starts: all that is known of it beforehand."""
        if self.n_data:
            return bytes((self.address, self.function, self.n_data))
        return self.wire[:-2]

    @property
    def reply_length(self) -> int:
        """Length in bytes of a good reply, checksum included."""
        return 5 + self.n_data if self.n_data else len(self.wire)


def read_registers(address: int, function: int, first: int, count: int) -> Request:
    """Ask for `count` registers (function 0x03 or 0x04) from register `first` on."""
    _check("count", count, range(1, MAX_REGISTERS + 1))
    _check("register", first, range(0x10000 - count + 1))
    return _request(address, function, first, count, n_data=2 * count)


def read_bits(address: int, function: int, first: int, count: int) -> Request:
    """Ask for `count` coils (function 0x01) or discrete inputs (0x02) from number `first` on."""
    _check("count", count, range(1, MAX_BITS + 1))
    _check("input", first, range(0x10000 - count + 1))
    return _request(address, function, first, count, n_data=(count + 7) // 8)


def write_register(address: int, register: int, value: int) -> Request:
    """Set one holding register."""
    _check("register", register, range(0x10000))
    _check("value", value, range(0x10000))
    return _request(address, WRITE_REGISTER, register, value, n_data=0)


def write_coil(address: int, coil: int, *, is_on: bool) -> Request:
    """Switch one coil."""
    _check("coil", coil, range(0x10000))
    return _request(address, WRITE_COIL, coil, 0xFF00 if is_on else 0, n_data=0)


def bits_of(data: bytes, count: int) -> tuple[bool, ...]:
    """Return the first `count` coils or inputs of a reply's data, lowest number first."""
    return tuple(bool(data[i >> 3] >> (i & 7) & 1) for i in range(count))


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply with a valid checksum.

    Attributes:
        data: the data bytes of a read; empty for a write.
        exception: Modbus exception code, or None for a good reply.
    """

    data: bytes
    exception: int | None = None


class ReplyScanner:
    """Finds the reply to one request in a stream of bytes, however it is split and whatever surrounds it.

    Attributes:
        is_echo_seen: the adapter sent our own request back to us, which was skipped.
        n_noise: bytes received that belong neither to an echo nor to the reply.
    """

    def __init__(self, request: Request, *, is_echoing: bool = False) -> None:
        """Wait for the reply to `request`.

        Args:
            request: what was sent.
            is_echoing: the adapter is known to echo. A read tells an echo from a reply by itself; a
                write's reply *is* a copy of the request, so there it has to be known.
        """
        self._request = request
        self._may_echo = is_echoing or request.n_data > 0
        self._buffer = bytearray()
        self._n_trimmed = 0
        self._is_done = False
        self.is_echo_seen = False
        self.n_noise = 0

    @property
    def n_received(self) -> int:
        """Bytes so far that were not an echo."""
        return 0 if self._is_echo_pending() else self._n_trimmed + len(self._buffer)

    @property
    def n_missing(self) -> int:
        """At least so many bytes must still come for a good reply."""
        return self._request.reply_length - len(self._buffer)

    def feed(self, chunk: bytes) -> Reply | None:
        """Take bytes as they arrive; return the reply, once, when it is complete."""
        if self._is_done:
            self.n_noise += len(chunk)
            return None
        self._buffer += chunk
        self._skip_echo()
        return None if self._is_echo_pending() else self._search(is_final=False)

    def finish(self) -> Reply | None:
        """The line went quiet: return a reply held back because an earlier byte looked like one."""
        return None if self._is_done else self._search(is_final=True)

    def _is_echo_pending(self) -> bool:
        is_possible = self._may_echo and not self.is_echo_seen and not self._n_trimmed
        return is_possible and bool(self._buffer) and self._request.wire.startswith(self._buffer)

    def _skip_echo(self) -> None:
        wire = self._request.wire
        if self._may_echo and not self.is_echo_seen and not self._n_trimmed and self._buffer.startswith(wire):
            del self._buffer[: len(wire)]
            self.is_echo_seen = True

    def _may_be_reply(self, start: int) -> bool:
        head = self._request.reply_head
        return head.startswith(self._buffer[start : start + len(head)])

    def _may_be_exception(self, start: int) -> bool:
        head = bytes((self._request.address, self._request.function | 0x80))
        return head.startswith(self._buffer[start : start + 2])

    def _search(self, *, is_final: bool) -> Reply | None:
        """Return the first complete frame; one behind a half-grown candidate only when nothing more comes."""
        start = 0
        end = len(self._buffer)
        reply = None
        while start < end and reply is None:
            length = self._candidate_length(start)
            if length and start + length > end and not is_final:
                break
            if length and start + length <= end:
                reply = self._frame_at(start, length)
            start += 1
        if reply is not None:
            self._is_done = True
            self.n_noise += self._n_trimmed + end - length
            return reply
        del self._buffer[:start]  # nothing can start there any more: the buffer never outgrows one reply
        self._n_trimmed += start
        return None

    def _candidate_length(self, start: int) -> int:
        """Length of the frame that may start here; 0 = none can."""
        if self._may_be_reply(start):
            return self._request.reply_length
        return _EXCEPTION_LENGTH if self._may_be_exception(start) else 0

    def _frame_at(self, start: int, length: int) -> Reply | None:
        frame = bytes(self._buffer[start : start + length])
        if checksum(frame[:-2]) != frame[-2:]:
            return None
        if frame[1] & 0x80:
            return Reply(b"", exception=frame[2]) if frame[2] in _EXCEPTION_CODES else None
        return Reply(frame[3:-2] if self._request.n_data else b"")


def _request(address: int, function: int, first: int, second: int, *, n_data: int) -> Request:
    _check("address", address, ADDRESSES)
    return Request(address, function, first.to_bytes(2, "big") + second.to_bytes(2, "big"), n_data)


def _check(what: str, value: int, allowed: range) -> None:
    if value not in allowed:
        msg = f"{what} {value} is outside {allowed.start}..{allowed.stop - 1}"
        raise ValueError(msg)
