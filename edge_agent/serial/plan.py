"""Which requests a sweep sends to each device: as few bytes on the wire as its quantities allow. Pure."""

from collections.abc import Callable, Mapping

from edge_agent.config import AgentConfig, BusConfig
from edge_agent.errors import ConfigError
from edge_agent.serial.frames import READ_DISCRETE_INPUTS, bits_of, read_bits, read_registers
from edge_agent.serial.poll import Meter, Patience, PlannedRequest, Role
from edge_agent.serial.profile import Profile
from edge_agent.serial.reading import (
    CABINET_FAST,
    CABINET_SLOW,
    CIRCUIT_FAST,
    CIRCUIT_SLOW,
    LAMP_FAST,
    LAMP_SLOW,
)
from languages.message import Message, Plain

# One more request costs its 8 bytes, 5 bytes around the reply's data and twice 3.5 characters of silence.
REQUEST_COST_CHARACTERS = 8 + 5 + 7
PHASES = ("", "_r", "_s", "_t")

_ELECTRICAL = tuple(f"{name}{phase}" for name in ("voltage", "current", "power") for phase in PHASES)
WANTED: Mapping[Role, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # role -> (in every sweep, only in slow ones); the level shows which node lost its command
    Role.LAMP: ((*_ELECTRICAL, *sorted(LAMP_FAST - set(_ELECTRICAL)), "level"), tuple(sorted(LAMP_SLOW))),
    Role.CIRCUIT: (_ELECTRICAL, ("energy_wh",)),
    Role.CABINET: (_ELECTRICAL, ("energy_wh",)),
    Role.IO: ((), ()),
}


def plan_bus(config: AgentConfig, bus: BusConfig, profiles: Mapping[str, Profile]) -> tuple[Meter, ...]:
    """Return the devices of a bus in the order in which they are asked: contacts, cabinet, circuits, lamps.

    Raises:
        ConfigError: a profile does not fit the place it was put in.
    """
    lamp_slots = {lamp_id: i for i, lamp_id in enumerate(config.lamp_ids)}
    circuit_slots = {circuit: i for i, circuit in enumerate(config.circuit_ids)}
    devices: list[tuple[Role, int, int, str, str]] = []
    if bus.io:
        devices.append((Role.IO, 0, bus.io.address, bus.io.profile, "io"))
    if bus.cabinet:
        devices.append((Role.CABINET, 0, bus.cabinet.address, bus.cabinet.profile, "cabinet"))
    devices += [(Role.CIRCUIT, circuit_slots[m.circuit], m.address, m.profile, m.circuit) for m in bus.circuits]
    devices += [(Role.LAMP, lamp_slots[m.lamp_id], m.address, m.profile, m.lamp_id) for m in bus.lamps]
    peers = {name: Patience() for name in profiles}
    meters = []
    for role, slot, address, name, what in devices:
        profile = profiles[name]
        _check_fit(config, bus, role, profile, what)
        requests = {
            is_slow: plan_requests(
                role, profile, address, is_slow=is_slow, character_s=bus.bits_per_character / bus.baud
            )
            for is_slow in (False, True)
        }
        meters.append(Meter(role, slot, address, profile, requests, peers[name]))
    return tuple(meters)


def plan_requests(
    role: Role, profile: Profile, address: int, *, is_slow: bool, character_s: float
) -> tuple[PlannedRequest, ...]:
    """Return the requests that bring a device's quantities.

    Args:
        role: what the device measures.
        profile: its registers.
        address: its Modbus address.
        is_slow: whether the slow quantities are wanted, too.
        character_s: time of one character on this line [s]; a slow line makes gaps dearer than turnarounds.
    """
    if role is Role.IO:
        return _contact_requests(profile, address)
    fast, slow = WANTED[role]
    gap_cost = REQUEST_COST_CHARACTERS + profile.turnaround_s / character_s
    blocks = profile.blocks((*fast, *slow) if is_slow else fast, gap_cost)
    return tuple(
        PlannedRequest(read_registers(address, profile.function, block.first, block.count), profile.decoder(block))
        for block in blocks
    )


def sampled_quantities(config: AgentConfig, profiles: Mapping[str, Profile], *, is_slow: bool) -> frozenset[str]:
    """Return the attribute paths of `SweepReadings` that a fast or slow sweep of this controller samples."""
    found: set[str] = set()
    for bus in config.buses:
        for lamp in bus.lamps:
            has = profiles[lamp.profile].quantities
            found |= {name for name in LAMP_FAST | (LAMP_SLOW if is_slow else frozenset()) if name in has}
        for meter in bus.circuits:
            paths = CIRCUIT_FAST | (CIRCUIT_SLOW if is_slow else frozenset())
            found |= _paths_of(profiles[meter.profile], paths)
        if bus.cabinet:
            paths = CABINET_FAST | (CABINET_SLOW if is_slow else frozenset())
            found |= _paths_of(profiles[bus.cabinet.profile], paths)
        if bus.io:
            found |= {f"cabinet.{name}" for name in profiles[bus.io.profile].contacts}
    return frozenset(found)


def _paths_of(profile: Profile, paths: frozenset[str]) -> set[str]:
    return {path for path in paths if any(f"{path.partition('.')[2]}{phase}" in profile.quantities for phase in PHASES)}


def _contact_requests(profile: Profile, address: int) -> tuple[PlannedRequest, ...]:
    numbers = [number for number, _ in profile.contacts.values()]
    first, count = min(numbers), max(numbers) - min(numbers) + 1
    request = read_bits(address, READ_DISCRETE_INPUTS, first, count)
    return (PlannedRequest(request, _contact_decoder(profile, first, count)),)


def _contact_decoder(profile: Profile, first: int, count: int) -> Callable[[bytes], dict[str, float]]:
    def decode(data: bytes) -> dict[str, float]:
        bits = bits_of(data, count)
        return {
            name: float(bits[number - first] != is_inverted) for name, (number, is_inverted) in profile.contacts.items()
        }

    return decode


def _check_fit(config: AgentConfig, bus: BusConfig, role: Role, profile: Profile, what: str) -> None:
    """Refuse, say, an I/O board in the place of a lamp's meter."""
    reason = None
    if role is Role.IO and not profile.contacts:
        reason = Message("agent.error.no_contacts")
    elif role is not Role.IO and not any(f"voltage{phase}" in profile.quantities for phase in PHASES):
        reason = Message("agent.error.no_voltage")
    elif role is Role.LAMP and profile.is_three_phase:
        reason = Message("agent.error.three_phases")
    if reason is not None:
        raise ConfigError(
            Message(
                "agent.error.unfit_profile",
                source=Plain(config.source),
                bus=Plain(bus.name),
                what=Plain(what),
                profile=Plain(profile.name),
                reason=reason,
            )
        )
