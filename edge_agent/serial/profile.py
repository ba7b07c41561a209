"""Meter profiles: files that name a meter's registers, parsed into frozen values.

Owns the profile format and the decoding of registers into quantities. It is independent of ports, frames
or buses. A profile named in agent.toml is one that ships with the agent, or a path ending in ``.toml``.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.errors import ConfigError
from edge_agent.serial.metric_range import FLOAT32_MAX, METRIC_RANGES
from edge_agent.settings import MAX_PAUSE_MS
from edge_agent.tables import Table, read_toml
from edge_agent.wire import LAMP_QUANTITIES
from languages.message import Message, Plain

SHIPPED = Path(__file__).parent / "profiles"

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
# unit in the file -> (unit here, factor)
UNITS = {
    **{unit: (unit, 1.0) for unit in set(QUANTITIES.values())},
    "mV": ("V", 1e-3), "mA": ("A", 1e-3), "kW": ("W", 1e3), "kWh": ("Wh", 1e3), "min": ("h", 1 / 60),
}  # fmt: skip
# Of a quantity whose profile names no range of its own. A profile for a meter behind transformers names a wider one.
PLAUSIBLE = {q.name: q.plausible for q in LAMP_QUANTITIES if q.plausible} | {
    "frequency": (40.0, 70.0),
    "illuminance": (0.0, 200_000.0),
}
CONTACTS = ("door_open", "supply_present", "contactor_closed")
WIDTHS = {"uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "float32": 2}
SMALLEST = 1e-30  # of any quantity in its unit; a float32 of 1e-38 and less has lost digits already
_FORMATS = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "float32": ">f"}


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
        """
        steps = [
            (
                q.name,
                2 * (q.register - block.first),
                2 * WIDTHS[q.kind],
                struct.Struct(_FORMATS[q.kind]),
                q.scale,
            )
            for q in self.quantities.values()
            if block.first <= q.register and q.end <= block.end
        ]
        is_swapped = self.is_low_word_first

        def decode(data: bytes) -> dict[str, float]:
            values = {}
            for name, start, width, number, scale in steps:
                raw = data[start : start + width]
                if is_swapped and width == 4:
                    raw = raw[2:] + raw[:2]
                value = number.unpack(raw)[0] * scale
                if math.isfinite(value) and not 0.0 < abs(value) < SMALLEST:
                    values[name] = value
            return values

        return decode


def load_profile(name: str, folder: Path) -> Profile:
    """Load a profile.

    Args:
        name: of a shipped profile, or a path ending in ``.toml``.
        folder: where a relative path starts; usually that of agent.toml.

    Raises:
        ConfigError: naming file, key and reason.
    """
    path = folder / name if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    try:
        document = read_toml(path)
    except ConfigError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
        raise ConfigError(Message("agent.error.no_profile", file=Plain(path), shipped=Plain(shipped))) from error
    return parse_profile(name, Table(str(path), document))


def load_profiles(names: Iterable[str], folder: Path) -> dict[str, Profile]:
    """Load several profiles by name; see `load_profile`."""
    return {name: load_profile(name, folder) for name in sorted(set(names))}


def parse_profile(name: str, root: Table) -> Profile:
    """Check a profile's document; see `load_profile`."""
    max_registers = root.integer("max_registers", 125, minimum=1, maximum=125)
    quantities = _quantities(root.table("quantities"), max_registers)
    control, contacts = root.table("control"), root.table("contacts")
    profile = Profile(
        name=name,
        title=root.text("title"),
        function=root.integer("function", 4, minimum=3, maximum=4),
        is_low_word_first=root.choice("word_order", "high", ("high", "low")) == "low",
        max_registers=max_registers,
        turnaround_s=root.number("turnaround_ms", 50, minimum=0, maximum=5000) / 1000,
        pause_s=root.number("pause_ms", 0, minimum=0, maximum=MAX_PAUSE_MS) / 1000,
        quantities=quantities,
        dim_register=_optional_number(control, "dim_register"),
        contacts=_contacts(contacts),
        contactor_coil=_optional_number(control, "contactor_coil"),
    )
    control.finish()
    contacts.finish()
    root.text("source")
    root.finish()
    _check_phases(root, quantities)
    if not quantities and not profile.contacts:
        root.fail("quantities", Message("agent.error.no_quantities"))
    return profile


def _quantities(table: Table, max_registers: int) -> dict[str, Quantity]:
    quantities = {name: _quantity(name, table) for name in table.keys()}  # noqa: SIM118 - Table is no mapping
    table.finish()
    owners: dict[int, str] = {}
    for quantity in quantities.values():
        if quantity.end - quantity.register > max_registers:
            table.fail(quantity.name, Message("agent.error.wide", max_registers=Plain(max_registers)))
        for register in range(quantity.register, quantity.end):
            if register in owners:
                table.fail(
                    quantity.name,
                    Message("agent.error.overlap", owners=Plain(owners[register]), register=Plain(register)),
                )
            owners[register] = quantity.name
    return quantities


def _quantity(name: str, table: Table) -> Quantity:
    entry = table.table(name)
    if name not in QUANTITIES:
        table.fail(name, Message("agent.error.no_quantity", quantities=Plain(", ".join(QUANTITIES))))
    kind = entry.choice("type", None, tuple(WIDTHS))
    register = entry.integer("register", minimum=0, maximum=0x10000 - WIDTHS[kind])
    unit = entry.choice("unit", None, tuple(UNITS))
    base_unit, factor = UNITS[unit]
    if base_unit != QUANTITIES[name]:
        entry.fail(
            "unit", Message("agent.error.no_unit", unit=unit, name=Plain(name), quantities=Plain(QUANTITIES[name]))
        )
    scale = entry.number("scale", 1.0)
    if scale == 0:
        entry.fail("scale", Message("agent.error.zero"))
    lowest, highest = METRIC_RANGES.get(name, (-FLOAT32_MAX, FLOAT32_MAX))
    least, most = PLAUSIBLE.get(name[:-2] if name[-2:] in {"_r", "_s", "_t"} else name, (lowest, highest))
    quantity = Quantity(
        name=name,
        register=register,
        kind=kind,
        # 2245 times 0.1 is 224.50000000000003; packing as float32 rounds that away
        scale=scale * factor,
        minimum=max(lowest, entry.number("minimum", least)),
        maximum=min(highest, entry.number("maximum", most)),
    )
    entry.finish()
    return quantity


def _contacts(table: Table) -> dict[str, tuple[int, bool]]:
    contacts = {}
    for name in CONTACTS:
        if table.has(name):
            entry = table.table(name)
            contacts[name] = (
                entry.integer("input", minimum=0, maximum=0xFFFF),
                entry.flag("inverted", default=False),
            )
            entry.finish()
    if len({number for number, _ in contacts.values()}) != len(contacts):
        table.fail(next(iter(contacts)), Message("agent.error.shared_input"))
    return contacts


def _optional_number(table: Table, key: str) -> int | None:
    number = table.integer(key, -1, minimum=-1, maximum=0xFFFF)
    return None if number < 0 else number


def _check_phases(root: Table, quantities: Mapping[str, Quantity]) -> None:
    for name in ("voltage", "current", "power"):
        phases = [f"{name}{phase}" for phase in ("_r", "_s", "_t")]
        n_phases = sum(phase in quantities for phase in phases)
        if n_phases not in (0, 3) or (n_phases and name in quantities):
            root.fail("quantities", Message("agent.error.phases", name=Plain(name), phases=Plain(", ".join(phases))))
