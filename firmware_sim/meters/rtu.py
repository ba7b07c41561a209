"""Modbus RTU frames: checksum, wrapping and unwrapping, and finding a reply in a noisy stream.

Source: MODBUS over Serial Line, Specification and Implementation Guide V1.02, 2.5.1 (frame) and 6.2.2 (CRC-16,
polynomial 0xA001 reflected, start 0xFFFF, low byte first). Shares no code with the agent on purpose.
"""

from __future__ import annotations

from typing import Final

from firmware_sim.errors import FrameError

#: Shortest frame: address, function, two checksum bytes.
MIN_FRAME: Final = 4
MAX_FRAME: Final = 256

#: Functions whose request is always eight bytes: address, function, two 16-bit fields, checksum.
_FIXED_REQUESTS: Final = frozenset({0x01, 0x02, 0x03, 0x04, 0x05, 0x06})
#: Functions whose request carries a byte count.
_COUNTED_REQUESTS: Final = frozenset({0x0F, 0x10})


def crc16(data: bytes) -> int:
    """Return the Modbus checksum of some bytes."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def wrap(address: int, pdu: bytes) -> bytes:
    """Return the frame of a PDU: address, function and data, checksum."""
    body = bytes((address,)) + pdu
    return body + crc16(body).to_bytes(2, "little")


def unwrap(frame: bytes) -> tuple[int, bytes]:
    """Return address and PDU of a frame.

    Raises:
        FrameError: too short, too long, or the checksum is wrong.
    """
    if not MIN_FRAME <= len(frame) <= MAX_FRAME:
        raise FrameError(f"a frame of {len(frame)} bytes; {MIN_FRAME} to {MAX_FRAME} are possible")
    found, expected = int.from_bytes(frame[-2:], "little"), crc16(frame[:-2])
    if found != expected:
        raise FrameError(f"checksum {found:04X}, expected {expected:04X}")
    return frame[0], frame[1:-2]


def request_length(start: bytes) -> int | None:
    """Return how long the request that begins so will be; None = not known yet or an unknown function."""
    if len(start) < 2:
        return None
    if start[1] in _FIXED_REQUESTS:
        return 8
    if start[1] in _COUNTED_REQUESTS and len(start) >= 7:
        return 9 + start[6]
    if start[1] == 0x42:  # PZEM: reset energy
        return 4
    return None


def find_read_reply(stream: bytes, address: int, function: int) -> bytes:
    """Return the data of the first valid reply to a read in a stream with stray bytes around it.

    Raises:
        FrameError: none is in it.
    """
    for start in range(len(stream) - MIN_FRAME):
        if stream[start] != address or stream[start + 1] != function:
            continue
        end = start + 5 + stream[start + 2]
        try:
            _, pdu = unwrap(stream[start:end])
        except FrameError:
            continue
        if len(pdu) == 2 + pdu[1]:
            return pdu[2:]
    raise FrameError(f"no valid reply of device {address} in {len(stream)} bytes")
