"""Eastron's SDM120 and SDM630: IEEE 754 floats in input registers, high word first (the maker's Modbus maps)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from firmware_sim.errors import RegisterError
from firmware_sim.meters.registers import exception_reply, float_registers, read_inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.meters.values import LampValues, ThreePhaseValues

#: Registers in one read of an Eastron meter: 40 values of two.
EASTRON_LIMIT: Final = 80


class Sdm120:
    """Eastron SDM120: floats in input registers, 2400 baud by default."""

    #: One past the highest input register (0x0156-0x0157, total active energy).
    SIZE: Final = 0x0158

    def __init__(self, snapshot: Callable[[], LampValues]) -> None:
        """Measure what ``snapshot`` gives."""
        self._snapshot = snapshot

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the reply's PDU; None without supply."""
        values = self._snapshot()
        if values.is_silent:
            return None
        try:
            return read_inputs(pdu, self._registers(values), limit=EASTRON_LIMIT)
        except RegisterError as error:
            return exception_reply(pdu[0], error.code)

    def _registers(self, values: LampValues) -> bytes:
        apparent = values.voltage_v * values.current_a
        kwh = values.energy_wh / 1000.0
        return float_registers(
            self.SIZE,
            {
                0x0000: values.voltage_v,
                0x0006: values.current_a,
                0x000C: values.power_w,
                0x0012: apparent,
                0x0018: max(apparent**2 - values.power_w**2, 0.0) ** 0.5,
                0x001E: values.power_factor,
                0x0046: values.frequency_hz,
                0x0048: kwh,
                0x0156: kwh,
            },
        )


class Sdm630:
    """Eastron SDM630: three phases, floats in input registers, 9600 baud by default."""

    SIZE: Final = 0x0158

    def __init__(self, snapshot: Callable[[], ThreePhaseValues]) -> None:
        """Measure what ``snapshot`` gives."""
        self._snapshot = snapshot

    def answer(self, pdu: bytes) -> bytes | None:
        """Return the reply's PDU; None without supply."""
        values = self._snapshot()
        if values.is_silent:
            return None
        try:
            return read_inputs(pdu, self._registers(values), limit=EASTRON_LIMIT)
        except RegisterError as error:
            return exception_reply(pdu[0], error.code)

    def _registers(self, values: ThreePhaseValues) -> bytes:
        kwh = values.energy_wh / 1000.0
        floats = {0x0034: sum(values.power_w), 0x0046: values.frequency_hz, 0x0048: kwh, 0x0156: kwh}
        apparent_sum = 0.0
        for phase in range(3):
            apparent = values.voltage_v[phase] * values.current_a[phase]
            apparent_sum += apparent
            floats[0x0000 + 2 * phase] = values.voltage_v[phase]
            floats[0x0006 + 2 * phase] = values.current_a[phase]
            floats[0x000C + 2 * phase] = values.power_w[phase]
            floats[0x0012 + 2 * phase] = apparent
            floats[0x001E + 2 * phase] = values.power_w[phase] / apparent if apparent > 0.0 else 1.0
        floats[0x0038] = apparent_sum
        floats[0x003E] = sum(values.power_w) / apparent_sum if apparent_sum > 0.0 else 1.0
        return float_registers(self.SIZE, floats)
