"""What all devices share: function codes, reading registers and bits out of a map, refusing a request.

A device gets the PDU of a request and gives the PDU of its reply (MODBUS Application Protocol V1.1b3).
"""

from __future__ import annotations

import struct
from typing import Final, Protocol

from firmware_sim.errors import RegisterError

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3

READ_COILS: Final = 0x01
READ_DISCRETE_INPUTS: Final = 0x02
READ_HOLDING: Final = 0x03
READ_INPUT: Final = 0x04
WRITE_COIL: Final = 0x05
WRITE_REGISTER: Final = 0x06
WRITE_REGISTERS: Final = 0x10


class Meter(Protocol):
    """A device on the line."""

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the reply's PDU to a request's PDU; None = silence."""
        ...


def exception_reply(function: int, code: int) -> bytes:
    """Return the PDU that refuses a request."""
    return bytes((function | 0x80, code))


def fields(pdu: bytes) -> tuple[int, int]:
    """Return the two 16-bit fields behind the function code."""
    if len(pdu) < 5:
        raise RegisterError(ILLEGAL_VALUE, "request too short")
    first, second = struct.unpack_from(">HH", pdu, 1)
    return first, second


def read_words(pdu: bytes, registers: bytes, limit: int = 125) -> bytes:
    """Return the reply to a read of 16-bit registers that begin at 0."""
    first, count = fields(pdu)
    if not 1 <= count <= limit:
        raise RegisterError(ILLEGAL_VALUE, f"{count} registers in one read")
    if 2 * (first + count) > len(registers):
        raise RegisterError(ILLEGAL_ADDRESS, f"registers {first}..{first + count - 1}")
    return bytes((pdu[0], 2 * count)) + registers[2 * first : 2 * (first + count)]


def read_inputs(pdu: bytes, registers: bytes, limit: int = 125) -> bytes:
    """Return the reply of a device that knows function 0x04 only."""
    if pdu[0] != READ_INPUT:
        raise RegisterError(ILLEGAL_FUNCTION, f"function {pdu[0]:#04x}")
    return read_words(pdu, registers, limit)


def word(value: float, scale: float, limit: int = 0xFFFF) -> int:
    """Return a measured value as a register's integer, held within the register."""
    return min(max(round(value * scale), 0), limit)


def low_first(value: int) -> tuple[int, int]:
    """Return a 32-bit value as two registers, low word first, as PZEM meters send it."""
    return value & 0xFFFF, value >> 16 & 0xFFFF


def float_registers(size: int, values: dict[int, float]) -> bytes:
    """Return ``size`` registers with IEEE 754 floats, high word first, at some addresses; 0.0 elsewhere."""
    registers = bytearray(2 * size)
    for address, value in values.items():
        struct.pack_into(">f", registers, 2 * address, value)
    return bytes(registers)


def read_bits(pdu: bytes, bits: tuple[bool, ...]) -> bytes:
    """Return the reply to a read of coils or discrete inputs that begin at 0, lowest bit first."""
    first, count = fields(pdu)
    if not 1 <= count <= 2000:
        raise RegisterError(ILLEGAL_VALUE, f"{count} bits in one read")
    if first + count > len(bits):
        raise RegisterError(ILLEGAL_ADDRESS, f"bits {first}..{first + count - 1}")
    packed = sum(int(bit) << index for index, bit in enumerate(bits[first : first + count]))
    return bytes((pdu[0], (count + 7) // 8)) + packed.to_bytes((count + 7) // 8, "little")
