"""Meter profiles: where a meter keeps each quantity, and the decoding of its registers.

Independent of ports, frames and buses; `profile_file` reads profiles from their files.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from edge_agent.serial.metric_range import FLOAT32_MAX
from edge_agent.wire import LAMP_QUANTITIES

# What meters measure beside `LAMP_QUANTITIES` and the agent does not publish, with its unit.
METER_ONLY = {
    "frequency": "Hz",
    "illuminance": "lx",
    "level": "%",  # as the node drives it; that of `LAMP_QUANTITIES` is as commanded
    "alarm": "bits",
}
_PER_PHASE = ("voltage", "current", "power", "power_factor")
# quantity -> unit in which it leaves this module
QUANTITIES = {
    **METER_ONLY,
    **{q.name: q.unit for q in LAMP_QUANTITIES if q.is_from_meter},
    **{f"{q.name}_{phase}": q.unit for q in LAMP_QUANTITIES if q.name in _PER_PHASE for phase in "rst"},
}
CONTACTS = ("door_open", "supply_present", "contactor_closed")
WIDTHS = {"uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "float32": 2}
SMALLEST = 1e-30  # of any quantity in its unit; a float32 of 1e-38 and less has lost digits already
_NUMBERS = {
    kind: struct.Struct(form)
    for kind, form in {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "float32": ">f"}.items()
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """Where a measured quantity is in the meter.

    Attributes:
        name: one of `QUANTITIES`.
        register: first register, counted from 0.
        kind: one of `WIDTHS`.
        scale: factor from the register's number to the quantity's unit.
        minimum: a value below is not believed; at least what the quantity's metric can carry.
        maximum: a value above is not believed; at most what the quantity's metric can carry.
    """

    name: str
    register: int
    kind: str
    scale: float
    minimum: float = -FLOAT32_MAX
    maximum: float = FLOAT32_MAX

    @property
    def end(self) -> int:
        """First register after this quantity."""
        return self.register + WIDTHS[self.kind]


@dataclass(frozen=True, slots=True)
class RegisterBlock:
    """Registers that are read with one request."""

    first: int
    count: int

    @property
    def end(self) -> int:
        """First register after the block."""
        return self.first + self.count


@dataclass(frozen=True)
class Profile:
    """A kind of meter, node or I/O board.

    Attributes:
        name: as agent.toml calls it.
        title: for people.
        function: Modbus function that reads the quantities, 3 or 4.
        is_low_word_first: word order of 32-bit values.
        max_registers: the most registers that the device returns at once.
        turnaround_s: typical time from the end of a request to the first byte of the reply; a first guess.
        pause_s: quiet time that it needs before a request [s]; 0 = the 3.5 characters of the standard.
        quantities: by name.
        dim_register: holding register of the dim command in %; None = cannot dim.
        contacts: contact name -> (discrete input, is inverted).
        contactor_coil: coil that closes the contactor; None = no coil.
    """

    name: str
    title: str
    function: int = 4
    is_low_word_first: bool = False
    max_registers: int = 125
    turnaround_s: float = 0.05
    pause_s: float = 0.0
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    dim_register: int | None = None
    contacts: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    contactor_coil: int | None = None

    @cached_property
    def limits(self) -> Mapping[str, tuple[float, float]]:
        """Least and greatest value that is believed, by quantity."""
        return {name: (quantity.minimum, quantity.maximum) for name, quantity in self.quantities.items()}

    @property
    def is_three_phase(self) -> bool:
        """Whether it measures phases R, S and T apart."""
        return "voltage_r" in self.quantities

    @property
    def is_electrical(self) -> bool:
        """Whether it measures a voltage; an I/O board does not."""
        return "voltage" in self.quantities or self.is_three_phase

    def blocks(self, wanted: Iterable[str], gap_cost_bytes: float) -> tuple[RegisterBlock, ...]:
        """Choose the requests that bring the wanted quantities with the fewest bytes on the wire.

        Reading over a gap costs two bytes a register; another request costs `gap_cost_bytes`. Each gap can be
        judged alone, so walking the registers upwards once is optimal.

        Args:
            wanted: names; those that this meter has not are skipped.
            gap_cost_bytes: cost of one more request, counted in characters on the wire.
        """
        spans = sorted((q.register, q.end) for name in set(wanted) if (q := self.quantities.get(name)))
        blocks: list[RegisterBlock] = []
        for first, end in spans:
            last = blocks[-1] if blocks else None
            if last and end - last.first <= self.max_registers and 2 * (first - last.end) <= gap_cost_bytes:
                blocks[-1] = RegisterBlock(last.first, end - last.first)
            else:
                blocks.append(RegisterBlock(first, end - first))
        return tuple(blocks)

    def decoder(self, block: RegisterBlock) -> Callable[[bytes], dict[str, float]]:
        """Return a function from a block's data bytes to every quantity that lies wholly in it.

        A float register that holds no finite number (NaN, infinity) gives no value: that quantity is unknown. Nor does
        one that holds a number too small to be measured: so 230 V reads whose two words are the wrong way round.

        All meters of a profile share the functions: one each would be 7 kB a lamp.
        """
        if block not in self._decoders:
            self._decoders[block] = self._new_decoder(block)
        return self._decoders[block]

    @cached_property
    def _decoders(self) -> dict[RegisterBlock, Callable[[bytes], dict[str, float]]]:
        return {}

    def _new_decoder(self, block: RegisterBlock) -> Callable[[bytes], dict[str, float]]:
        steps = [
            (q.name, 2 * (q.register - block.first), 2 * WIDTHS[q.kind], _NUMBERS[q.kind], q.scale)
            for q in self.quantities.values()
            if block.first <= q.register and q.end <= block.end
        ]
        is_swapped = self.is_low_word_first

        def decode(data: bytes) -> dict[str, float]:
            values = {}
            for name, start, width, number, scale in steps:
                if is_swapped and width == 4:
                    value = number.unpack(data[start + 2 : start + 4] + data[start : start + 2])[0] * scale
                else:
                    value = number.unpack_from(data, start)[0] * scale
                if SMALLEST <= value < math.inf or value == 0.0 or -math.inf < value <= -SMALLEST:
                    values[name] = value
            return values

        return decode
