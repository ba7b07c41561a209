"""Plain-text tables for the terminal: pure functions from values and a catalogue of words to lines."""

from collections.abc import Mapping, Sequence

from edge_agent.config import AgentConfig
from edge_agent.serial.plan import PHASES, plan_bus
from edge_agent.serial.profile import QUANTITIES, Profile
from edge_agent.serial.scan import Found, MeterSnapshot
from edge_agent.status import AgentStatus
from edge_agent.wire import LAMP_QUANTITIES, SHOWN_UNITS
from languages.catalogue import Catalogue

PAUSES_SHOWN = 16
_DECIMALS = {**{f"{q.name}{phase}": q.decimals for q in LAMP_QUANTITIES for phase in PHASES}, "frequency": 1}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns as wide as their widest cell, a rule under the head; numbers stand on the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    is_number = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = zip(row, widths, is_number, strict=True)
        return "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, rows)])


def show_snapshot(profile: Profile, snapshot: MeterSnapshot, words: Catalogue) -> str:
    """Return a meter's values as a table: the profile's name of each quantity, and what it means."""
    rows = []
    for name in profile.quantities:
        value = snapshot.values.get(name)
        unit = QUANTITIES[name]
        decimals = _DECIMALS.get(name, 0)
        if name in snapshot.unknown:
            shown = words.say(
                "agent.unknown.no_number" if value is None else "agent.unknown.range", value=f"{value or 0:g}"
            )
        else:
            assert value is not None  # whatever is not unknown has a value
            shown = f"{int(value):b}".zfill(5) if unit == "bits" else f"{value:.{decimals}f}"
        register = profile.quantities[name].register
        rows.append((name, _meaning(name, words), shown, SHOWN_UNITS.get(unit, unit), f"0x{register:04X}"))
    for name, is_set in snapshot.contacts.items():
        answer = words.say("answer.yes" if is_set else "answer.no")
        rows.append((name, _meaning(name, words), answer, "", f"input {profile.contacts[name][0]}"))
    if snapshot.dim_command is not None:
        register_name = f"holding {profile.dim_register}"
        rows.append(("dim command", _meaning("dim_command", words), f"{snapshot.dim_command}", "%", register_name))
    if snapshot.contactor_coil is not None:
        state = words.say("agent.on" if snapshot.contactor_coil else "agent.off")
        meaning = _meaning("contactor_coil", words)
        rows.append(("contactor coil", meaning, state, "", f"coil {profile.contactor_coil}"))
    return table(_head(words, "quantity", "meaning", "value", "unit", "register"), rows)


def show_found(found: Sequence[Found], words: Catalogue) -> str:
    """Return the devices that a scan found."""
    between = words.say("agent.scan.or")
    rows = [(f"{item.address}", between.join(item.profiles) or "?", found_words(item, words)) for item in found]
    return table(_head(words, "address", "profile", "says"), rows)


def found_words(found: Found, words: Catalogue) -> str:
    """Return what a device said: its voltages, its powers, and the contacts that are set."""
    if found.snapshot is None:
        return words.say("agent.scan.unlike")
    shown = [
        f"{value:.1f} {unit}"
        for stem, unit in (("voltage", "V"), ("power", "W"))
        for name, value in found.snapshot.values.items()
        if name in {stem, f"{stem}_r", f"{stem}_s", f"{stem}_t"}
    ]
    shown += [words.say("agent.unknown.quantity", quantity=_meaning(name, words)) for name in found.snapshot.unknown]
    shown += [_meaning(name, words) for name, is_set in found.snapshot.contacts.items() if is_set]
    return ", ".join(shown)


def show_ports(ports: Sequence[Sequence[str]], words: Catalogue) -> str:
    """Return the serial ports of this machine."""
    return table(_head(words, "port", "is"), ports)


def show_check(config: AgentConfig, profiles: Mapping[str, Profile], words: Catalogue) -> str:
    """Return what the agent would do with this file: per bus the devices and the time of a sweep on the wire."""
    rows = []
    for bus in config.buses:
        meters = plan_bus(config, bus, profiles)
        fast_s, slow_s = (wire_time_s(config, bus.name, profiles, is_slow=is_slow) for is_slow in (False, True))
        line = f"{bus.baud} 8{bus.parity}{bus.stop_bits}"
        others = [words.say("agent.n_circuits", n=len(bus.circuits))] if bus.circuits else []
        others += [words.say(f"agent.{what}") for what, device in (("cabinet", bus.cabinet), ("io", bus.io)) if device]
        devices = ", ".join([words.say("agent.n_lamps", n=len(bus.lamps)), *others])
        rows.append((bus.name, bus.port, line, devices, f"{len(meters)}", f"{fast_s:.1f}", f"{slow_s:.1f}"))
    return table(_head(words, "bus", "port", "line", "devices", "addresses", "sweep_s", "slow_s"), rows)


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


def show_status(status: AgentStatus, now_ms: int, words: Catalogue) -> str:
    """Return the running agent's state as a table."""
    interval = words.say(
        "agent.status.interval_lit" if status.is_lit else "agent.status.interval_dark", seconds=f"{status.interval_s:g}"
    )
    clock = words.say("agent.status.synchronised" if status.is_clock_synchronised else "agent.status.not_synchronised")
    who = words.say("agent.status.who", controller=status.controller_id, version=status.version, pid=status.pid)
    rows = [
        (words.say("agent.status.controller"), who),
        (words.say("agent.status.running_for"), _span((now_ms - status.started_ms) / 1000, words)),
        (words.say("agent.status.latest_sweep"), _latest_sweep(status, now_ms, words)),
        (words.say("agent.status.interval"), interval),
        (words.say("agent.status.broker"), _connection(status, words)),
        (words.say("agent.status.clock"), clock),
        (words.say("agent.status.outbox"), _outbox(status, now_ms, words)),
    ]
    opened = words.say("agent.status.port_open")
    rows += [
        (words.say("agent.status.bus", bus=name), opened if state == "open" else state)
        for name, state in status.ports.items()
    ]
    for bus, errors in status.errors.items():
        worst = sorted(errors.items(), key=lambda item: -item[1])[:8]
        if worst:
            shown = ", ".join(words.say("agent.status.failed_address", address=address, n=n) for address, n in worst)
            rows.append((words.say("agent.status.failed_sweeps", bus=bus), shown))
    for bus, pauses in status.pauses_ms.items():
        if pauses:
            first = list(pauses.items())[:PAUSES_SHOWN]
            parts = [words.say("agent.status.pause", address=address, ms=ms) for address, ms in first]
            if len(pauses) > PAUSES_SHOWN:
                parts.append(words.say("agent.status.more", n=len(pauses) - PAUSES_SHOWN))
            rows.append((words.say("agent.status.pauses", bus=bus), ", ".join(parts)))
    if status.last_error:
        rows.append((words.say("agent.status.latest_trouble"), status.last_error))
    return table(("", words.say("agent.head.now")), rows)


def _connection(status: AgentStatus, words: Catalogue) -> str:
    url = status.broker_url or "-"
    if status.waiting_for_host:
        return words.say("agent.status.waiting", url=url, host=status.waiting_for_host)
    return words.say("agent.status.connected" if status.is_connected else "agent.status.not_connected", url=url)


def _latest_sweep(status: AgentStatus, now_ms: int, words: Catalogue) -> str:
    if not status.last_sweep_ms:
        return words.say("agent.status.none_yet")
    ago = _span((now_ms - status.last_sweep_ms) / 1000, words)
    message = "agent.status.sweep" if status.n_lamps else "agent.status.sweep_no_lamps"
    return words.say(message, ago=ago, seconds=f"{status.last_sweep_s:.1f}", good=status.n_good, n=status.n_lamps)


def _outbox(status: AgentStatus, now_ms: int, words: Catalogue) -> str:
    megabytes = f"{status.outbox_bytes / 1e6:.1f}"
    held, all_ = status.outbox_pending, status.outbox_sequence
    parts = [words.say("agent.status.held", n=held, all=all_, megabytes=megabytes)]
    if status.outbox_oldest_ms:
        age = _span((now_ms - status.outbox_oldest_ms) / 1000, words)
        parts.append(words.say("agent.status.oldest", age=age))
    if status.n_dropped:
        parts.append(words.say("agent.status.dropped", n=status.n_dropped))
    if status.n_set_aside:
        parts.append(words.say("agent.status.set_aside", n=status.n_set_aside))
    return ", ".join(parts)


def _span(seconds: float, words: Catalogue) -> str:
    """Return a duration in the two largest units."""
    rest = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        n, rest = divmod(rest, size)
        if n or (unit == "s" and not parts):
            parts.append(words.say(f"agent.span.{unit}", n=n))
    return " ".join(parts[:2])


def _head(words: Catalogue, *columns: str) -> tuple[str, ...]:
    return tuple(words.say(f"agent.head.{column}") for column in columns)


def _meaning(name: str, words: Catalogue) -> str:
    """What a quantity or contact of a profile is called; of one phase, with the phase's letter."""
    stem, phase = (name[:-2], name[-1].upper()) if name.endswith(PHASES[1:]) else (name, "")
    return f"{words.say(f'quantity.{stem}').lower()} {phase}".strip()


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).isdigit()
