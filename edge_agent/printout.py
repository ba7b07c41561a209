"""Plain-text tables for the terminal: pure functions from values to lines, in English and Indonesian."""

from collections.abc import Mapping, Sequence

from edge_agent.config import AgentConfig
from edge_agent.serial.plan import PHASES, plan_bus
from edge_agent.serial.profile import METER_ONLY, QUANTITIES, Profile
from edge_agent.serial.scan import Found, MeterSnapshot
from edge_agent.status import AgentStatus
from edge_agent.wire import CONTACT_QUANTITIES, LAMP_QUANTITIES, SHOWN_UNITS

INDONESIAN = {
    **{name: word for name, (_, word) in METER_ONLY.items()},
    **{q.name: q.indonesian.lower() for q in (*LAMP_QUANTITIES, *CONTACT_QUANTITIES)},
}
_DECIMALS = {**{f"{q.name}{phase}": q.decimals for q in LAMP_QUANTITIES for phase in PHASES}, "frequency": 1}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns as wide as their widest cell, a rule under the head; numbers stand on the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    is_number = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = zip(row, widths, is_number, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, rows)])


def show_snapshot(profile: Profile, snapshot: MeterSnapshot) -> str:
    """Return a meter's values as a table."""
    rows = []
    for name in profile.quantities:
        value = snapshot.values.get(name)
        unit = QUANTITIES[name]
        decimals = _DECIMALS.get(name, 0)
        if name in snapshot.unknown:
            shown = "unknown (not a finite number)" if value is None else f"unknown ({value:g} is out of range)"
        else:
            assert value is not None  # whatever is not unknown has a value
            shown = f"{int(value):b}".zfill(5) if unit == "bits" else f"{value:.{decimals}f}"
        register = profile.quantities[name].register
        rows.append((name, _indonesian(name), shown, SHOWN_UNITS.get(unit, unit), f"0x{register:04X}"))
    for name, is_set in snapshot.contacts.items():
        rows.append((name, _indonesian(name), "yes" if is_set else "no", "", f"input {profile.contacts[name][0]}"))
    if snapshot.dim_command is not None:
        rows.append(
            ("dim command", "perintah redup", f"{snapshot.dim_command}", "%", f"holding {profile.dim_register}")
        )
    if snapshot.contactor_coil is not None:
        state = "on" if snapshot.contactor_coil else "off"
        rows.append(("contactor coil", "koil kontaktor", state, "", f"coil {profile.contactor_coil}"))
    return table(("quantity", "besaran", "value", "unit", "register"), rows)


def show_found(found: Sequence[Found]) -> str:
    """Return the devices that a scan found."""
    rows = [(f"{item.address}", " or ".join(item.profiles) or "?", item.note) for item in found]
    return table(("address", "profile", "says"), rows)


def show_check(config: AgentConfig, profiles: Mapping[str, Profile]) -> str:
    """Return what the agent would do with this file: per bus the devices and the time of a sweep on the wire."""
    rows = []
    for bus in config.buses:
        meters = plan_bus(config, bus, profiles)
        fast_s, slow_s = (wire_time_s(config, bus.name, profiles, is_slow=is_slow) for is_slow in (False, True))
        line = f"{bus.baud} 8{bus.parity}{bus.stop_bits}"
        others = [f"{len(bus.circuits)} circuits"] if bus.circuits else []
        others += [what for what, device in (("cabinet", bus.cabinet), ("io", bus.io)) if device]
        devices = ", ".join([f"{len(bus.lamps)} lamps", *others])
        rows.append((bus.name, bus.port, line, devices, f"{len(meters)}", f"{fast_s:.1f}", f"{slow_s:.1f}"))
    head = ("bus", "port", "line", "devices", "addresses", "sweep s", "slow s")
    return table(head, rows)


def wire_time_s(config: AgentConfig, bus_name: str, profiles: Mapping[str, Profile], *, is_slow: bool) -> float:
    """Return how long one sweep of a bus takes on the wire at least [s].

    The sum over all requests of request + 3.5 characters + the profile's typical turnaround + reply + 3.5 characters,
    or the pause of bus or profile where that is longer.
    """
    bus = next(bus for bus in config.buses if bus.name == bus_name)
    character_s = bus.bits_per_character / bus.baud
    total_s = 0.0
    for meter in plan_bus(config, bus, profiles):
        for planned in meter.requests[is_slow]:
            n_characters = len(planned.request.wire) + 3.5 + planned.request.reply_length
            quiet_s = max(3.5 * character_s, bus.pause_s, meter.profile.pause_s)
            total_s += n_characters * character_s + meter.profile.turnaround_s + quiet_s
    return total_s


def show_status(status: AgentStatus, now_ms: int) -> str:
    """Return the running agent's state as a table."""
    rows = [
        ("controller", f"{status.controller_id}, agent {status.version}, process {status.pid}"),
        ("running for", _span((now_ms - status.started_ms) / 1000)),
        ("latest sweep", _latest_sweep(status, now_ms)),
        ("interval", f"{status.interval_s:g} s, lamps commanded {'on' if status.is_lit else 'off'}"),
        ("broker", f"{status.broker_url or '-'}: {_connection(status)}"),
        ("clock", "synchronised" if status.is_clock_synchronised else "NOT synchronised"),
        ("outbox", _outbox(status, now_ms)),
    ]
    rows += [(f"bus {name}", state) for name, state in status.ports.items()]
    for bus, errors in status.errors.items():
        worst = sorted(errors.items(), key=lambda item: -item[1])[:8]
        if worst:
            shown = ", ".join(f"address {address}: {n}" for address, n in worst)
            rows.append((f"bus {bus} failed sweeps", shown))
    for bus, pauses in status.pauses_ms.items():
        if pauses:
            shown = ", ".join(f"address {address}: {ms} ms" for address, ms in list(pauses.items())[:16])
            rest = f" and {len(pauses) - 16} more" if len(pauses) > 16 else ""
            rows.append((f"bus {bus} pauses learned", shown + rest))
    if status.last_error:
        rows.append(("latest trouble", status.last_error))
    return table(("", "now"), rows)


def _connection(status: AgentStatus) -> str:
    if status.waiting_for_host:
        return f"connected, waiting for primary host {status.waiting_for_host}"
    return "connected" if status.is_connected else "NOT connected"


def _latest_sweep(status: AgentStatus, now_ms: int) -> str:
    if not status.last_sweep_ms:
        return "none yet"
    ago = _span((now_ms - status.last_sweep_ms) / 1000)
    good = f"{status.n_good} of {status.n_lamps} lamps good" if status.n_lamps else "no lamp meters"
    return f"{ago} ago, took {status.last_sweep_s:.1f} s, {good}"


def _outbox(status: AgentStatus, now_ms: int) -> str:
    text = f"{status.outbox_pending} of {status.outbox_sequence} records held, {status.outbox_bytes / 1e6:.1f} MB"
    if status.outbox_oldest_ms:
        text += f", oldest {_span((now_ms - status.outbox_oldest_ms) / 1000)}"
    text += f", {status.n_dropped} dropped unacknowledged" if status.n_dropped else ""
    return text + (f", {status.n_set_aside} corrupt set aside" if status.n_set_aside else "")


def _span(seconds: float) -> str:
    """Return a duration in the two largest units."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        n, rest = divmod(rest, size)
        if n or (unit == "s" and not parts):
            parts.append(f"{n} {unit}")
    return " ".join(parts[:2])


def _indonesian(name: str) -> str:
    for phase in PHASES[1:]:
        if name.endswith(phase):
            return f"{INDONESIAN.get(name.removesuffix(phase), name)} {phase[1].upper()}"
    return INDONESIAN.get(name, "")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()
