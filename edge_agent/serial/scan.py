"""Scans a bus for devices and reads a single meter, for commissioning.

One-shot reads over a `Line`; the running agent uses `sweep` instead.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.errors import DeviceRefused, GarbledReply, NoReply
from edge_agent.serial.frames import (
    READ_COILS,
    READ_DISCRETE_INPUTS,
    READ_HOLDING_REGISTERS,
    READ_INPUT_REGISTERS,
    Request,
    bits_of,
    read_bits,
    read_registers,
)
from edge_agent.serial.line import Answer, Line
from edge_agent.serial.plausibility import believable, is_plausible
from edge_agent.serial.profile import Profile
from edge_agent.serial.quiet import TRIAL_S

SCAN_TIMEOUT_S = 0.15
READ_TIMEOUT_S = 0.6
N_ATTEMPTS = 3
# with nobody in a hurry, gaps are read over where that saves a request
GAP_COST_BYTES = 40
# A voltage that a meter in service shows; it distinguishes the registers of one profile from those of another.
LIVE_VOLTAGE_V = (80.0, 300.0)


@dataclass(frozen=True, slots=True)
class MeterSnapshot:
    """Everything that a meter says now.

    Attributes:
        values: by quantity, in the profile's order; a float register without a finite number gives none.
        unknown: quantities without a value, or with one beyond the meter's range: the agent reports them as unknown.
        contacts: by name.
        dim_command: [%] as held by the node; None = no such register.
        contactor_coil: None = no coil.
        is_plausible: whether the values can be true together.
        turnaround_s: of the first reply.
    """

    values: dict[str, float]
    unknown: tuple[str, ...]
    contacts: dict[str, bool]
    dim_command: int | None
    contactor_coil: bool | None
    is_plausible: bool
    turnaround_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """A device that answered a scan.

    Attributes:
        address: where.
        profiles: names of the profiles that fit what it says; empty = none does.
        snapshot: what it said, by the first of them; None = nothing that a known meter says.
    """

    address: int
    profiles: tuple[str, ...]
    snapshot: MeterSnapshot | None


def read_meter(line: Line, profile: Profile, address: int, timeout_s: float = READ_TIMEOUT_S) -> MeterSnapshot:
    """Read all that the profile names.

    Raises:
        NoReply, GarbledReply: after three attempts.
        DeviceRefused: the meter has no such registers: the profile is another meter's.
        PortGone: the adapter has vanished.
    """
    values: dict[str, float] = {}
    turnarounds: list[float] = []

    def ask(request: Request) -> bytes:
        answer = _insist(line, request, timeout_s, profile.pause_s)
        turnarounds.append(answer.turnaround_s)
        return answer.data

    for block in profile.blocks(profile.quantities, GAP_COST_BYTES):
        values |= profile.decoder(block)(ask(read_registers(address, profile.function, block.first, block.count)))
    contacts = {
        name: bits_of(ask(read_bits(address, READ_DISCRETE_INPUTS, number, 1)), 1)[0] != is_inverted
        for name, (number, is_inverted) in profile.contacts.items()
    }
    dim_command = contactor_coil = None
    if profile.dim_register is not None:
        data = ask(read_registers(address, READ_HOLDING_REGISTERS, profile.dim_register, 1))
        dim_command = int.from_bytes(data, "big")
    if profile.contactor_coil is not None:
        contactor_coil = bits_of(ask(read_bits(address, READ_COILS, profile.contactor_coil, 1)), 1)[0]
    believed = believable(profile, values)
    return MeterSnapshot(
        values={name: values[name] for name in profile.quantities if name in values},
        unknown=tuple(name for name in profile.quantities if name not in believed),
        contacts=contacts,
        dim_command=dim_command,
        contactor_coil=contactor_coil,
        is_plausible=is_plausible(profile, values),
        turnaround_s=turnarounds[0],
    )


def scan_line(
    line: Line,
    addresses: Iterable[int],
    profiles: Sequence[Profile],
    on_progress: Callable[[int], None] = lambda _address: None,
) -> Iterator[Found]:
    """Ask every address once, and find out which profile fits where somebody answers.

    Args:
        line: an open line; nobody else may use it.
        addresses: to ask.
        profiles: to try, all of them on each device found.
        on_progress: called with each address before it is asked.

    Raises:
        PortGone: the adapter has vanished.
    """
    for address in addresses:
        on_progress(address)
        if not _is_somebody_there(line, address):
            continue
        fits = [(profile, snapshot) for profile in profiles if (snapshot := _try_profile(line, profile, address))]
        # the profile that names the most registers which are really there says the most about the device
        most = max((_n_telling(snapshot) for _, snapshot in fits), default=0)
        best = [(profile, snapshot) for profile, snapshot in fits if _n_telling(snapshot) == most]
        names = tuple(profile.name for profile, _ in best)
        yield Found(address, names, best[0][1] if best else None)


def _n_telling(snapshot: MeterSnapshot) -> int:
    """How many quantities say something: a single-phase meter may answer 0 where a three-phase one has S and T."""
    return sum(value != 0 or not name.endswith(("_s", "_t")) for name, value in snapshot.values.items())


def _is_somebody_there(line: Line, address: int) -> bool:
    """Any frame in reply will do, an exception, too: a board without registers refuses, and so shows itself."""
    probe = read_registers(address, READ_INPUT_REGISTERS, 0, 2)
    for _ in range(2):
        try:
            line.exchange(probe, SCAN_TIMEOUT_S, TRIAL_S)
        except NoReply:
            return False
        except GarbledReply:
            continue
        except DeviceRefused:
            return True
        return True
    return True


def _try_profile(line: Line, profile: Profile, address: int) -> MeterSnapshot | None:
    try:
        snapshot = read_meter(line, profile, address)
    except (NoReply, GarbledReply, DeviceRefused):
        return None
    voltages = [value for name, value in snapshot.values.items() if name.startswith("voltage")]
    is_live = any(LIVE_VOLTAGE_V[0] <= voltage <= LIVE_VOLTAGE_V[1] for voltage in voltages)
    return snapshot if snapshot.is_plausible and (is_live or bool(profile.contacts)) else None


def _insist(line: Line, request: Request, timeout_s: float, pause_s: float) -> Answer:
    """Ask up to three times; from the second time on after a pause, for a meter that ignores hasty requests."""
    for attempt in range(N_ATTEMPTS - 1):
        try:
            return line.exchange(request, timeout_s, max(pause_s, TRIAL_S) if attempt else pause_s)
        except (NoReply, GarbledReply):
            continue
    return line.exchange(request, timeout_s, max(pause_s, TRIAL_S))
