"""The command ``terang-agent``: run, check, status, schedule, and scan and read for the electrician at the cabinet.

The only place in the agent that reads argv, the environment and the clocks. What a command needs is imported when
it is chosen: start-up is measured in a hot box on a small computer.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_agent.config import AgentConfig, BusConfig, load_config
from edge_agent.errors import AgentError, Fatal, NoReply
from edge_agent.serial.line import Line
from edge_agent.serial.profile import SHIPPED, Profile, load_profile, load_profiles

DEFAULT_CONFIG = Path("/etc/terang/agent.toml")
COMMANDS = ("run", "check", "status", "scan", "read", "schedule")
FORGET_WAIT_S = 5.0
EXIT_BAD_INPUT = 2
EXIT_NOT_WELL = 1
METERS_TO_TRY = ("lamp-node", "pzem-016", "pzem-004t", "sdm120", "sdm630", "cabinet-io")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 well, 1 not well, 2 bad input."""
    options = _parser().parse_args(_with_command(list(sys.argv[1:] if arguments is None else arguments)))
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "run": _run,
        "check": _check,
        "status": _status,
        "scan": _scan,
        "read": _read,
        "schedule": _schedule,
    }
    try:
        return commands[options.command](options)
    except Fatal as error:
        return _complain(error, EXIT_BAD_INPUT)
    except AgentError as error:
        return _complain(error, EXIT_NOT_WELL)
    except KeyboardInterrupt:
        return 130


def _with_command(arguments: list[str]) -> list[str]:
    """``terang-agent --config FILE`` and ``terang-agent FILE`` mean ``run``."""
    if not arguments or arguments[0] in {"-h", "--help", "--version", *COMMANDS}:
        return arguments or ["run"]
    if not arguments[0].startswith("-"):
        return ["run", "--config", *arguments]
    return ["run", *arguments]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="terang-agent",
        description="Reads the meters of a lighting cabinet, keeps every reading until the city has it, switches and "
        "dims. Membaca meter panel PJU, menyimpan setiap pembacaan sampai diterima kota.",
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and end")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    for name, words in (
        ("run", "run the agent (the default command)"),
        ("check", "check agent.toml and its profiles, and say how long a sweep takes on the wire"),
        ("status", "how the running agent is doing"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default {DEFAULT_CONFIG}")
    scan = commands.add_parser("scan", help="find the devices on a bus", description="Find the devices on a bus.")
    _add_line_options(scan)
    scan.add_argument("--first", type=int, default=1, help="first address to ask (default 1)")
    scan.add_argument("--last", type=int, default=247, help="last address to ask (default 247)")
    read = commands.add_parser("read", help="read one meter once", description="Read one meter once.")
    _add_line_options(read)
    read.add_argument("--address", type=int, required=True, help="Modbus address; 248 asks whichever PZEM is there")
    read.add_argument("--profile", help="shipped profile or a .toml file; else from the file, else found out")
    words = "the schedule that the agent holds"
    schedule = commands.add_parser("schedule", help=words, description=words)
    schedule.add_argument(
        "action",
        choices=("show", "forget"),
        help="show it; or forget it: lamps follow the sun, and the next one is taken whatever its version",
    )
    schedule.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=f"default {DEFAULT_CONFIG}")
    return parser


def _add_line_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", help="serial device; without it and without a file, scan lists the ports")
    parser.add_argument("--baud", type=int, default=9600, help="default 9600")
    parser.add_argument("--parity", choices=("N", "E", "O"), default="N")
    parser.add_argument(
        "--config",
        type=Path,
        help=f"take port, baud and profile from this agent.toml (without --port: {DEFAULT_CONFIG})",
    )
    parser.add_argument("--bus", help="which bus of the file")


def _run(options: argparse.Namespace) -> int:
    from edge_agent.agent import run_agent  # noqa: PLC0415 - MQTT and SQLite are for this command alone
    from edge_agent.journal import start_journal  # noqa: PLC0415 - as above

    config = load_config(options.config, os.environ)
    profiles = load_profiles(config.profile_names, options.config.parent)
    start_journal(time.monotonic)
    return run_agent(config, profiles, os.environ)


def _check(options: argparse.Namespace) -> int:
    from edge_agent.printout import show_check, wire_time_s  # noqa: PLC0415 - not for `run`

    config = load_config(options.config, os.environ)
    profiles = load_profiles(config.profile_names, options.config.parent)
    print(f"{options.config}: controller {config.controller.id} of {config.controller.group}, good")
    print(show_check(config, profiles))
    key = config.broker.key
    if key is not None and key.stat().st_mode & 0o077:
        print(f"note: {key} can be read by others than its owner: chmod 600")
    for bus in config.buses:
        needed_s = wire_time_s(config, bus.name, profiles, is_slow=True)
        if needed_s > config.sweep.interval_s:
            print(f"note: bus {bus.name} needs {needed_s:.0f} s a sweep, but interval_s is {config.sweep.interval_s:g}")
        if not Path(bus.port).exists():
            print(f"note: bus {bus.name}: {bus.port} is not there now")
    return 0


def _status(options: argparse.Namespace) -> int:
    from edge_agent.clock import clock_offset_ms  # noqa: PLC0415 - not for `run`
    from edge_agent.printout import show_status  # noqa: PLC0415 - not for `run`
    from edge_agent.status import read_status  # noqa: PLC0415 - as above

    config = load_config(options.config, os.environ)
    status = read_status(config.outbox.status_path)
    now_ms = time.time_ns() // 1_000_000 + clock_offset_ms(os.environ)
    print(show_status(status, now_ms))
    stale_s = max(2 * status.interval_s, 120.0)
    if now_ms - status.at_ms > stale_s * 1000:
        print(f"The agent has not written this for {(now_ms - status.at_ms) / 1000:.0f} s: it is stopped or stuck.")
        return EXIT_NOT_WELL
    return 0


def _schedule(options: argparse.Namespace) -> int:
    from edge_agent.control.orders_file import ask_to_forget, load_orders  # noqa: PLC0415 - not for `run`

    orders = load_config(options.config, os.environ).outbox.orders_path
    if options.action == "show":
        print(load_orders(orders).schedule or "No schedule is held: lamps follow the sun.")
    elif ask_to_forget(orders, FORGET_WAIT_S):
        print("Forgotten. Lamps follow the sun until the host sends a schedule.")
    else:
        print("The agent does not run: it forgets its schedule when it starts.")
    return 0


def _scan(options: argparse.Namespace) -> int:
    from edge_agent.printout import table  # noqa: PLC0415 - not for `run`
    from edge_agent.serial.port import list_ports  # noqa: PLC0415 - as above

    if not 1 <= options.first <= options.last <= 247:
        raise Fatal("--first and --last: addresses are 1 to 247")
    config = _config_of(options)
    if options.port is None and config is None:
        ports = list_ports()
        print(table(("port", "is"), ports) if ports else "No serial port on this machine.")
        return 0 if ports else EXIT_NOT_WELL
    n_found = sum(_scan_bus(bus, options.first, options.last) for bus in _buses_of(options, config))
    return 0 if n_found else EXIT_NOT_WELL


def _scan_bus(bus: BusConfig, first: int, last: int) -> int:
    from edge_agent.printout import show_found  # noqa: PLC0415 - not for `run`
    from edge_agent.serial.scan import scan_line  # noqa: PLC0415 - as above

    line = _open_line(bus)
    try:
        found = list(scan_line(line, range(first, last + 1), _profiles_to_try(), _progress(last)))
    finally:
        line.close()
        _clear_progress()
    print(f"{bus.port}, {bus.baud} 8{bus.parity}{bus.stop_bits}: {len(found)} found / ditemukan")
    if found:
        print(show_found(found))
    return len(found)


def _read(options: argparse.Namespace) -> int:
    from edge_agent.printout import show_snapshot  # noqa: PLC0415 - not for `run`
    from edge_agent.serial.scan import read_meter  # noqa: PLC0415 - as above

    if not 1 <= options.address <= 248:
        raise Fatal(f"--address {options.address}: addresses are 1 to 247, and 248 for whichever PZEM is there")
    config = _config_of(options)
    buses = _buses_of(options, config)
    if len(buses) > 1:
        buses = [bus for bus in buses if options.address in _addresses(bus)]
    if len(buses) != 1:
        raise Fatal("--bus: several buses may have this address; name one of them")
    bus = buses[0]
    name = options.profile or _addresses(bus).get(options.address)
    profile = load_profile(name, config.source.parent if config else Path()) if name else None
    line = _open_line(bus)
    try:
        profile = profile or _guess_profile(line, options.address)
        snapshot = read_meter(line, profile, options.address)
    finally:
        line.close()
    turnaround_ms = 1000 * snapshot.turnaround_s
    print(f"{profile.title}\naddress / alamat {options.address} on {bus.port}, answered in {turnaround_ms:.0f} ms")
    print(show_snapshot(profile, snapshot))
    if not snapshot.is_plausible:
        print("IMPLAUSIBLE: these values cannot be true together; is it this meter, with this profile?")
        return EXIT_NOT_WELL
    return 0


def _guess_profile(line: Line, address: int) -> Profile:
    """Find the profile that fits what stands at an address."""
    from edge_agent.serial.scan import scan_line  # noqa: PLC0415 - only `read` without a profile

    profiles = {profile.name: profile for profile in _profiles_to_try()}
    found = next(scan_line(line, [address], list(profiles.values())), None)
    if found is None:
        raise NoReply(f"address {address}: no reply")
    if not found.profiles:
        raise Fatal(f"--profile: address {address} {found.note}; name its profile")
    return profiles[found.profiles[0]]


def _profiles_to_try() -> list[Profile]:
    return [load_profile(name, SHIPPED) for name in METERS_TO_TRY]


def _config_of(options: argparse.Namespace) -> AgentConfig | None:
    """Load the file that was named; else, without a port, the cabinet's own if it stands in its place."""
    if options.config is not None:
        return load_config(options.config, os.environ)
    is_at_home = options.port is None and DEFAULT_CONFIG.exists()
    return load_config(DEFAULT_CONFIG, os.environ) if is_at_home else None


def _buses_of(options: argparse.Namespace, config: AgentConfig | None) -> list[BusConfig]:
    """Return the lines that are meant: that of a port, or those of the file."""
    if config is None:
        if options.port is None:
            raise Fatal("--port: name the serial device, or a --config file")
        if not 300 <= options.baud <= 1_000_000:
            raise Fatal(f"--baud {options.baud}: 300 to 1000000")
        return [BusConfig("", options.port, options.baud, options.parity)]
    buses = [bus for bus in config.buses if options.bus in {None, bus.name}]
    if not buses:
        raise Fatal(f"--bus: name one of {', '.join(bus.name for bus in config.buses)}")
    return buses


def _addresses(bus: BusConfig) -> dict[int, str]:
    known = {lamp.address: lamp.profile for lamp in bus.lamps}
    known |= {meter.address: meter.profile for meter in bus.circuits}
    return known | {device.address: device.profile for device in (bus.cabinet, bus.io) if device}


def _open_line(bus: BusConfig) -> Line:
    from edge_agent.serial.port import open_port  # noqa: PLC0415 - pyserial is for these commands alone

    return Line(open_port(bus), bus.baud, bus.bits_per_character, time.monotonic, time.sleep)


def _progress(last: int) -> Callable[[int], None]:
    is_terminal = sys.stderr.isatty()

    def show(address: int) -> None:
        if is_terminal:
            done = 30 * address // last
            print(f"\r[{'#' * done}{'.' * (30 - done)}] {address}/{last}", end="", file=sys.stderr, flush=True)

    return show


def _clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r" + " " * 50 + "\r", end="", file=sys.stderr, flush=True)


def _complain(error: AgentError, code: int) -> int:
    print(f"terang-agent: {error}", file=sys.stderr)
    return code


class _ShowVersion(argparse.Action):
    """Looks the version up only when asked: importlib.metadata costs 20 ms."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

        try:
            print(f"terang-agent {version('terang')}")
        except PackageNotFoundError:
            print("terang-agent, not installed")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
