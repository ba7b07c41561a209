"""The command ``terang-agent``: run, check, status, schedule, and scan and read for the electrician at the cabinet.

The only place in the agent that reads argv, the environment and the clocks. What a command needs is imported when
it is chosen: start-up is measured in a hot box on a small computer. It speaks the language of ``TERANG_LANGUAGE``, else
the terminal's.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path

from edge_agent.config import AgentConfig, BusConfig, load_config
from edge_agent.errors import AgentError, Fatal, NoReply
from edge_agent.serial.line import Line
from edge_agent.serial.profile import SHIPPED, Profile, load_profile, load_profiles
from edge_agent.tables import read_toml
from edge_agent.wire.errors import WireError
from languages.catalogue import FALLBACK, Catalogue, language_codes, load_catalogue
from languages.choice import terminal_language
from languages.errors import CatalogueError

DEFAULT_CONFIG = Path("/etc/terang/agent.toml")
COMMANDS = ("run", "check", "status", "scan", "read", "schedule", "enroll", "renew")
DEFAULT_FOLDER = Path("/var/lib/terang")
FORGET_WAIT_S = 5.0
EXIT_BAD_INPUT = 2
EXIT_NOT_WELL = 1
METERS_TO_TRY = ("lamp-node", "pzem-016", "pzem-004t", "sdm120", "sdm630", "cabinet-io")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 well, 1 not well, 2 bad input."""
    words = _words()
    options = _parser(words).parse_args(_with_command(list(sys.argv[1:] if arguments is None else arguments)))
    commands: dict[str, Callable[[argparse.Namespace, Catalogue], int]] = {
        "run": _run,
        "check": _check,
        "status": _status,
        "scan": _scan,
        "read": _read,
        "schedule": _schedule,
        "enroll": _enroll,
        "renew": _renew,
    }
    try:
        return commands[options.command](options, words)
    except Fatal as error:
        return _complain(error, EXIT_BAD_INPUT)
    except AgentError as error:
        return _complain(error, EXIT_NOT_WELL)
    except KeyboardInterrupt:
        return 130


def _words() -> Catalogue:
    """Return the words in the language of whoever sits at this terminal."""
    try:
        return load_catalogue(terminal_language(os.environ, language_codes()))
    except CatalogueError:
        return Catalogue(FALLBACK, {})  # a damaged file of words does not keep lamps dark: messages show as their ids


def _with_command(arguments: list[str]) -> list[str]:
    """``terang-agent --config FILE`` and ``terang-agent FILE`` mean ``run``."""
    if not arguments or arguments[0] in {"-h", "--help", "--version", *COMMANDS}:
        return arguments or ["run"]
    if not arguments[0].startswith("-"):
        return ["run", "--config", *arguments]
    return ["run", *arguments]


def _parser(words: Catalogue | None = None) -> argparse.ArgumentParser:
    say = (words or _words()).say
    parser = argparse.ArgumentParser(prog="terang-agent", description=say("agent.about"))
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help=say("agent.help.version"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    added = {
        name: commands.add_parser(name, help=say(f"agent.help.{name}"), description=say(f"agent.help.{name}"))
        for name in COMMANDS
    }
    for name in ("run", "check", "status", "schedule", "enroll", "renew"):
        text = say("agent.help.config", path=DEFAULT_CONFIG)
        added[name].add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=text)
    scan, read = added["scan"], added["read"]
    _add_line_options(scan, say)
    scan.add_argument("--first", type=int, default=1, help=say("agent.help.first"))
    scan.add_argument("--last", type=int, default=247, help=say("agent.help.last"))
    _add_line_options(read, say)
    read.add_argument("--address", type=int, required=True, help=say("agent.help.address"))
    read.add_argument("--profile", help=say("agent.help.profile"))
    text = say("agent.help.schedule_action")
    added["schedule"].add_argument("action", choices=("show", "forget"), help=text)
    _add_enrolment_options(added["enroll"], added["renew"], say)
    return parser


def _add_enrolment_options(
    enroll: argparse.ArgumentParser, renew: argparse.ArgumentParser, say: Callable[..., str]
) -> None:
    enroll.add_argument("--server", required=True, help=say("agent.help.server"))
    enroll.add_argument("--code", required=True, help=say("agent.help.code"))
    text = say("agent.help.folder", path=DEFAULT_FOLDER)
    enroll.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help=text)
    renew.add_argument("--now", action="store_true", help=say("agent.help.now"))
    for command in (enroll, renew):
        command.add_argument("--server-ca", type=Path, help=say("agent.help.server_ca"))


def _add_line_options(parser: argparse.ArgumentParser, say: Callable[..., str]) -> None:
    parser.add_argument("--port", help=say("agent.help.port"))
    parser.add_argument("--baud", type=int, default=9600, help=say("agent.help.baud"))
    parser.add_argument("--parity", choices=("N", "E", "O"), default="N")
    parser.add_argument("--config", type=Path, help=say("agent.help.line_config", path=DEFAULT_CONFIG))
    parser.add_argument("--bus", help=say("agent.help.bus"))


def _run(options: argparse.Namespace, _: Catalogue) -> int:
    from edge_agent.agent import run_agent  # noqa: PLC0415 - MQTT and SQLite are for this command alone
    from edge_agent.journal import start_journal  # noqa: PLC0415 - as above

    config = load_config(options.config, os.environ)
    profiles = load_profiles(config.profile_names, options.config.parent)
    start_journal(time.monotonic)
    for path in config.broker.open_secrets():  # told and not refused: a dark street is worse than a key that is copied
        logging.getLogger(__name__).warning("%s can be read by others than its owner: chmod 600", path)
    return run_agent(config, profiles, os.environ)


def _check(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.printout import show_check, wire_time_s  # noqa: PLC0415 - not for `run`

    config = load_config(options.config, os.environ)
    profiles = load_profiles(config.profile_names, options.config.parent)
    controller, group = config.controller.id, config.controller.group
    print(words.say("agent.check.good", path=options.config, controller=controller, group=group))
    print(show_check(config, profiles, words))
    for key in config.broker.open_secrets():
        print(words.say("agent.check.open_key", path=key))
    for bus in config.buses:
        needed_s = wire_time_s(config, bus.name, profiles, is_slow=True)
        if needed_s > config.sweep.interval_s:
            needed, interval = f"{needed_s:.0f}", f"{config.sweep.interval_s:g}"
            print(words.say("agent.check.slow_bus", bus=bus.name, needed=needed, interval=interval))
        if not Path(bus.port).exists():
            print(words.say("agent.check.no_port", bus=bus.name, port=bus.port))
    return 0


def _status(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.clock import clock_offset_ms  # noqa: PLC0415 - not for `run`
    from edge_agent.printout import show_status  # noqa: PLC0415 - not for `run`
    from edge_agent.status import read_status  # noqa: PLC0415 - as above

    config = load_config(options.config, os.environ)
    status = read_status(config.outbox.status_path)
    now_ms = time.time_ns() // 1_000_000 + clock_offset_ms(os.environ)
    print(show_status(status, now_ms, words))
    stale_s = max(2 * status.interval_s, 120.0)
    if now_ms - status.at_ms > stale_s * 1000:
        print(words.say("agent.status.stale", seconds=f"{(now_ms - status.at_ms) / 1000:.0f}"))
        return EXIT_NOT_WELL
    return 0


def _schedule(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.control.orders_file import ask_to_forget, load_orders  # noqa: PLC0415 - not for `run`

    orders = load_config(options.config, os.environ).outbox.orders_path
    if options.action == "show":
        print(load_orders(orders).schedule or words.say("agent.schedule.none"))
    elif ask_to_forget(orders, FORGET_WAIT_S):
        print(words.say("agent.schedule.forgotten"))
    else:
        print(words.say("agent.schedule.forgets_later"))
    return 0


def _enroll(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.enrolment import Place, Server, enroll  # noqa: PLC0415 - 9 MB of library for these commands alone
    from edge_agent.wire.enrolment import parse_code  # noqa: PLC0415 - as above

    typed = getpass("code: ") if options.code == "-" else options.code
    try:
        code = parse_code(typed)
    except WireError as error:
        raise Fatal(f"--code: {error}") from error
    folder = options.folder
    place = Place(folder / "controller.crt", folder / "controller.key", folder / "ca.crt")
    server = Server(options.server, options.server_ca)

    def say(what: str, parameters: dict[str, str]) -> None:
        if what == "waiting":
            print(words.say("agent.enrolment.waiting", **parameters), flush=True)

    section = read_toml(options.config).get("controller") if options.config.exists() else None
    expected = str(section.get("id")) if isinstance(section, dict) else None
    controller = enroll(server, code, place, options.config, say, expected=expected)
    print(words.say("agent.enrolment.done", controller=controller))
    return 0


def _renew(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.enrolment import Place, Server, renew, utc_now  # noqa: PLC0415 - as for `enroll`

    config = load_config(options.config, os.environ)
    broker = config.broker
    if config.enrolment_server is None or broker.cert is None or broker.key is None or broker.ca is None:
        raise Fatal(words.say("agent.error.renew", file=options.config))
    place = Place(broker.cert, broker.key, broker.ca)
    state = renew(Server(config.enrolment_server, options.server_ca), place, utc_now(), is_forced=options.now)
    messages = {
        "fresh": "agent.renewal.fresh",
        "next": "agent.renewal.next",
        "waiting": "agent.renewal.waiting",
    }
    print(words.say(messages[state]))
    return EXIT_NOT_WELL if state == "waiting" else 0


def _scan(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.printout import show_ports  # noqa: PLC0415 - not for `run`
    from edge_agent.serial.port import list_ports  # noqa: PLC0415 - as above

    if not 1 <= options.first <= options.last <= 247:
        raise Fatal(words.say("agent.error.range"))
    config = _config_of(options)
    if options.port is None and config is None:
        ports = list_ports()
        print(show_ports(ports, words) if ports else words.say("agent.scan.no_ports"))
        return 0 if ports else EXIT_NOT_WELL
    n_found = sum(_scan_bus(bus, options.first, options.last, words) for bus in _buses_of(options, config))
    return 0 if n_found else EXIT_NOT_WELL


def _scan_bus(bus: BusConfig, first: int, last: int, words: Catalogue) -> int:
    from edge_agent.printout import show_found  # noqa: PLC0415 - not for `run`
    from edge_agent.serial.scan import scan_line  # noqa: PLC0415 - as above

    line = _open_line(bus)
    try:
        found = list(scan_line(line, range(first, last + 1), _profiles_to_try(), _progress(last)))
    finally:
        line.close()
        _clear_progress()
    name = f"{bus.port}, {bus.baud} 8{bus.parity}{bus.stop_bits}"
    print(words.say("agent.scan.n_found", line=name, n=len(found)))
    if found:
        print(show_found(found, words))
    return len(found)


def _read(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.printout import show_snapshot  # noqa: PLC0415 - not for `run`
    from edge_agent.serial.scan import read_meter  # noqa: PLC0415 - as above

    if not 1 <= options.address <= 248:
        raise Fatal(words.say("agent.error.address", address=options.address))
    config = _config_of(options)
    buses = _buses_of(options, config)
    if len(buses) > 1:
        buses = [bus for bus in buses if options.address in _addresses(bus)]
    if len(buses) != 1:
        raise Fatal(words.say("agent.error.several_buses"))
    bus = buses[0]
    name = options.profile or _addresses(bus).get(options.address)
    profile = load_profile(name, config.source.parent if config else Path()) if name else None
    line = _open_line(bus)
    try:
        profile = profile or _guess_profile(line, options.address, words)
        snapshot = read_meter(line, profile, options.address)
    finally:
        line.close()
    milliseconds = f"{1000 * snapshot.turnaround_s:.0f}"
    print(profile.title)
    print(words.say("agent.read.answered", address=options.address, port=bus.port, ms=milliseconds))
    print(show_snapshot(profile, snapshot, words))
    if not snapshot.is_plausible:
        print(words.say("agent.read.implausible"))
        return EXIT_NOT_WELL
    return 0


def _guess_profile(line: Line, address: int, words: Catalogue) -> Profile:
    """Find the profile that fits what stands at an address."""
    from edge_agent.printout import found_words  # noqa: PLC0415 - only `read` without a profile
    from edge_agent.serial.scan import scan_line  # noqa: PLC0415 - only `read` without a profile

    profiles = {profile.name: profile for profile in _profiles_to_try()}
    found = next(scan_line(line, [address], list(profiles.values())), None)
    if found is None:
        raise NoReply(words.say("agent.error.no_reply", address=address))
    if not found.profiles:
        raise Fatal(words.say("agent.error.profile", address=address, found=found_words(found, words)))
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
            raise Fatal(_words().say("agent.error.port"))
        if not 300 <= options.baud <= 1_000_000:
            raise Fatal(_words().say("agent.error.baud", baud=options.baud))
        return [BusConfig("", options.port, options.baud, options.parity)]
    buses = [bus for bus in config.buses if options.bus in {None, bus.name}]
    if not buses:
        raise Fatal(_words().say("agent.error.bus", names=", ".join(bus.name for bus in config.buses)))
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
            print(_words().say("agent.not_installed"))
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
