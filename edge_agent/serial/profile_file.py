"""Reads meter profiles from their TOML files and checks them.

A profile named in agent.toml is one that ships with the agent, or a path ending in ``.toml``.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from edge_agent.errors import ConfigError
from edge_agent.serial.metric_range import FLOAT32_MAX, METRIC_RANGES
from edge_agent.serial.profile import CONTACTS, QUANTITIES, WIDTHS, Profile, Quantity
from edge_agent.settings import MAX_PAUSE_MS
from edge_agent.tables import Table, read_toml
from edge_agent.wire import LAMP_QUANTITIES
from languages.message import Message, Plain

SHIPPED = Path(__file__).parent / "profiles"
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
