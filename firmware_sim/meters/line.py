"""The RS-485 line between master and meters: how long bytes take, and how they get damaged on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTiming:
    """How long things take on the line.

    Attributes:
        baud: bits per second.
        bits_per_byte: start, data, parity and stop bits: 10 for 8N1, 11 for 8E1.
        turnaround_s: a meter's thinking time between the silence after the request and its reply [s].
        speed: factor by which everything runs faster than true.
        fifo_bytes: bytes that the master's UART gathers before it hands them over, as a PL011 or 16550 does;
            the last byte of a reply never waits.
        is_baud_checked: devices hear only noise from a master whose port is set to another baud rate.
        is_instant: no times at all: a request is known by its length and answered at once.
    """

    baud: int = 9600
    bits_per_byte: int = 10
    turnaround_s: float = 0.005
    speed: float = 1.0
    fifo_bytes: int = 16
    is_baud_checked: bool = False
    is_instant: bool = False

    @property
    def byte_s(self) -> float:
        """Time of one byte on the wire [s]."""
        return 0.0 if self.is_instant else self.bits_per_byte / self.baud / self.speed

    @property
    def silence_s(self) -> float:
        """Silence that ends a frame [s]: 3.5 bytes, above 19200 baud 1.75 ms (Modbus serial line guide 2.5.1.1)."""
        if self.is_instant:
            return 0.0
        return 3.5 * self.byte_s if self.baud <= 19200 else 0.00175 / self.speed

    @property
    def thinking_s(self) -> float:
        """A meter's turnaround at the line's speed [s]."""
        return 0.0 if self.is_instant else self.turnaround_s / self.speed


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFaults:
    """What goes wrong on the line; probabilities 0..1, all zero on a good line.

    Attributes:
        bit_error: per byte of a reply: one bit flips.
        dropped_byte: per byte of a reply: it is lost.
        stray_byte: per reply: noise bytes 00 or FF before and after it, as a badly biased line makes.
        truncation: per reply: the rest is cut off somewhere.
        no_reply: per request: the meter did not hear it.
        other_device: per request: another device answers with its own values and a valid checksum.
        late_reply: per request: the reply comes ``late_s`` late, into the next request's time.
        late_s: [s].
        request_error: per request: it arrives damaged, so nobody answers.
        has_echo: the adapter hears its own sending: every request comes back.
        is_stuck: the line is held: nothing arrives anywhere.
        unreachable: addresses behind a break in the data cable.
        no_reply_from, garbled_from: per request to an address, for lamps with a poor contact of their own: nothing
            comes, or a reply in which one bit is wrong.
        quiet_needed_s: by address: the device ignores a request that begins less than this after the last frame on the
            line [s], as some meters do.
    """

    bit_error: float = 0.0
    dropped_byte: float = 0.0
    stray_byte: float = 0.0
    truncation: float = 0.0
    no_reply: float = 0.0
    other_device: float = 0.0
    late_reply: float = 0.0
    late_s: float = 1.5
    request_error: float = 0.0
    has_echo: bool = False
    is_stuck: bool = False
    unreachable: frozenset[int] = frozenset()
    no_reply_from: Mapping[int, float] = field(default_factory=dict)
    garbled_from: Mapping[int, float] = field(default_factory=dict)
    quiet_needed_s: Mapping[int, float] = field(default_factory=dict)


def damage(reply: bytes, faults: LineFaults, rng: np.random.Generator) -> bytes:
    """Return a reply as it arrives at the master."""
    data = bytearray(reply)
    if faults.bit_error:
        for index in range(len(data)):
            if rng.random() < faults.bit_error:
                data[index] ^= 1 << int(rng.integers(8))
    if faults.dropped_byte:
        data = bytearray(byte for byte in data if rng.random() >= faults.dropped_byte)
    if faults.truncation and rng.random() < faults.truncation and data:
        del data[int(rng.integers(len(data))) :]
    if faults.stray_byte and rng.random() < faults.stray_byte:
        noise = bytes((0x00,)) if rng.random() < 0.7 else bytes((0xFF,))
        data = bytearray(noise * int(rng.integers(1, 3))) + data + noise
    return bytes(data)
