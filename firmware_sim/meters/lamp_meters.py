"""The meters of single lamps: Peacefair's PZEM-004T v3 and PZEM-016, and Terang's open lamp node."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from firmware_sim.errors import RegisterError
from firmware_sim.meters.registers import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    exception_reply,
    fields,
    low_first,
    read_inputs,
    read_words,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.meters.values import LampValues

#: PZEM meters answer here too, whatever their address (for a single meter on the line).
PZEM_GENERAL_ADDRESS: Final = 0xF8


def pzem_registers(values: LampValues) -> bytes:
    """Return input registers 0..9 of a PZEM-004T v3 or PZEM-016.

    0 V x0.1, 1-2 A x0.001, 3-4 W x0.1, 5-6 Wh, 7 Hz x0.1, 8 power factor x0.01, 9 alarm (0xFFFF = on);
    32-bit values low word first (Peacefair's manual).
    """
    return struct.pack(
        ">10H",
        word(values.voltage_v, 10.0),
        *low_first(word(values.current_a, 1000.0, 0xFFFFFFFF)),
        *low_first(word(values.power_w, 10.0, 0xFFFFFFFF)),
        *low_first(values.energy_wh & 0xFFFFFFFF),
        word(values.frequency_hz, 10.0),
        word(values.power_factor, 100.0),
        0xFFFF if values.alarm else 0,
    )


def node_registers(values: LampValues) -> bytes:
    """Return input registers 0..16 of a lamp node: those of a PZEM, then its own.

    10 C x0.1 (int16), 11 lux, 12 driven level %, 13 status bits, 14-15 burning hours (low word first), 16 switch-ons.
    """
    tenths = min(max(round(values.temperature_c * 10.0), -32768), 32767)
    return pzem_registers(values) + struct.pack(
        ">h6H",
        tenths,
        min(values.illuminance_lux, 0xFFFF),
        values.level_percent,
        values.status,
        *low_first(values.burning_hours & 0xFFFFFFFF),
        values.switch_count & 0xFFFF,
    )


class Pzem:
    """A PZEM-004T v3 or PZEM-016: function 0x04 on ten input registers; everything else is refused."""

    def __init__(self, snapshot: Callable[[], LampValues]) -> None:
        """Measure what ``snapshot`` gives."""
        self._snapshot = snapshot

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the reply's PDU; None without supply."""
        values = self._snapshot()
        if values.is_silent:
            return None
        try:
            return read_inputs(pdu, pzem_registers(values))
        except RegisterError as error:
            return exception_reply(pdu[0], error.code)


class LampNode:
    """The open lamp controller: input registers 0..16, holding register 0 = dim command 0..100 %."""

    def __init__(
        self,
        snapshot: Callable[[], LampValues],
        on_dim: Callable[[int], None] = lambda _level: None,
        on_status_read: Callable[[], None] = lambda: None,
        level_percent: int = 100,
    ) -> None:
        """Measure what ``snapshot`` gives.

        Args:
            snapshot: values at the instant of the request.
            on_dim: called with each dim command [%].
            on_status_read: called after the status register was read, so that the restart bit is shown once.
            level_percent: dim command that the node holds at first.
        """
        self._snapshot = snapshot
        self._on_dim = on_dim
        self._on_status_read = on_status_read
        self.level_percent = level_percent

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the reply's PDU; None without supply."""
        values = self._snapshot()
        if values.is_silent:
            return None
        try:
            return self._serve(pdu, values)
        except RegisterError as error:
            return exception_reply(pdu[0], error.code)

    def _serve(self, pdu: bytes, values: LampValues) -> bytes:
        function = pdu[0]
        if function == READ_INPUT:
            reply = read_words(pdu, node_registers(values))
            first, count = fields(pdu)
            if first <= 13 < first + count:
                self._on_status_read()
            return reply
        if function == READ_HOLDING:
            return read_words(pdu, struct.pack(">H", self.level_percent))
        if function == WRITE_REGISTER:
            register, level = fields(pdu)
            self._dim(register, level)
            return pdu[:5]
        if function == WRITE_REGISTERS:
            first, count = fields(pdu)
            if len(pdu) != 6 + 2 * count or pdu[5] != 2 * count or not count:
                raise RegisterError(ILLEGAL_VALUE, "byte count and registers do not agree")
            if count != 1:
                raise RegisterError(ILLEGAL_ADDRESS, f"registers {first}..{first + count - 1}")
            self._dim(first, int.from_bytes(pdu[6:8], "big"))
            return pdu[:5]
        raise RegisterError(ILLEGAL_FUNCTION, f"function {function:#04x}")

    def _dim(self, register: int, level: int) -> None:
        if register != 0:
            raise RegisterError(ILLEGAL_ADDRESS, f"holding register {register}")
        if level > 100:
            raise RegisterError(ILLEGAL_VALUE, f"dim command {level} %")
        self.level_percent = level
        self._on_dim(level)
