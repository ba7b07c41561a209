"""The table ``[[bus]]`` of agent.toml: a serial line and the meters on it."""

from edge_agent.settings import (
    MAX_PAUSE_MS,
    BusConfig,
    CircuitMeter,
    Device,
    LampMeter,
)
from edge_agent.tables import Table
from languages.message import Message, Plain

PARITIES = ("N", "E", "O")


def parse_bus(table: Table) -> BusConfig:
    """Check one ``[[bus]]``.

    Raises:
        ConfigError: naming file, key and reason.
    """
    bus = BusConfig(
        name=table.text("name"),
        port=table.text("port"),
        baud=table.integer("baud", 9600, minimum=300, maximum=1_000_000),
        parity=table.choice("parity", "N", PARITIES),
        stop_bits=table.integer("stop_bits", 1, minimum=1, maximum=2),
        lamps=tuple(_lamp(entry) for entry in table.tables("lamps")),
        cabinet=_device(table, "cabinet"),
        circuits=tuple(_circuit(entry) for entry in table.tables("circuits")),
        io=_device(table, "io"),
        pause_s=table.number("pause_ms", 0, minimum=0, maximum=MAX_PAUSE_MS) / 1000,
    )
    table.finish()
    _check_addresses(table, bus)
    return bus


def _lamp(entry: Table) -> LampMeter:
    meter = LampMeter(_address(entry), entry.text("lamp_id"), entry.text("profile"))
    entry.finish()
    return meter


def _circuit(entry: Table) -> CircuitMeter:
    meter = CircuitMeter(_address(entry), entry.text("circuit"), entry.text("profile"))
    entry.finish()
    return meter


def _device(table: Table, key: str) -> Device | None:
    if not table.has(key):
        return None
    entry = table.table(key)
    device = Device(_address(entry), entry.text("profile"))
    entry.finish()
    return device


def _address(entry: Table) -> int:
    return entry.integer("address", minimum=1, maximum=247)


def _check_addresses(table: Table, bus: BusConfig) -> None:
    owners: dict[int, str] = {}
    named = [(lamp.address, f"lamp {lamp.lamp_id}") for lamp in bus.lamps]
    named += [(meter.address, f"circuit {meter.circuit}") for meter in bus.circuits]
    named += [(device.address, what) for what, device in (("cabinet", bus.cabinet), ("io", bus.io)) if device]
    for address, owner in named:
        if address in owners:
            table.fail(
                "address",
                Message(
                    "agent.error.shared_address",
                    address=Plain(address),
                    name=Plain(bus.name),
                    owners=Plain(owners[address]),
                    owner=Plain(owner),
                ),
            )
        owners[address] = owner
    if not owners:
        table.fail("lamps", Message("agent.error.no_meter", name=Plain(bus.name)))
