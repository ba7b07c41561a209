"""The command ``terang-agent``: run, check, status, schedule, and scan and read for the electrician at the cabinet.

The only place in the agent that reads argv, the environment and the clocks. What a command needs is imported when
it is chosen, so that the agent starts quickly on a small computer. It speaks the language of ``TERANG_LANGUAGE``, else
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

from edge_agent.config import load_config
from edge_agent.errors import EXIT_BAD_INPUT, EXIT_NOT_WELL, AgentError, Fatal
from edge_agent.serial.profile_file import load_profiles
from edge_agent.settings import DEFAULT_CONFIG
from edge_agent.tables import read_toml
from edge_agent.wire.errors import WireError
from languages.catalogue import FALLBACK, Catalogue, language_codes, load_catalogue
from languages.choice import terminal_language
from languages.errors import CatalogueError
from languages.message import Message, said, why

COMMANDS = ("run", "check", "status", "scan", "read", "schedule", "enroll", "renew")
DEFAULT_FOLDER = Path("/var/lib/terang")
FORGET_WAIT_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 well, 1 not well, 2 bad input."""
    words = _words()
    options = _parser(words).parse_args(_with_command(list(sys.argv[1:] if arguments is None else arguments)))
    commands: dict[str, Callable[[argparse.Namespace, Catalogue], int]] = {
        "check": _check,
        "status": _status,
        "scan": _scan,
        "read": _read,
        "schedule": _schedule,
        "enroll": _enroll,
        "renew": _renew,
    }
    try:
        if options.command == "run":
            del words  # it runs for months, and needs the memory more than the words of a terminal
            return _run(options)
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


def _scan(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.line_commands import scan  # noqa: PLC0415 - not for `run`

    return scan(options, words)


def _read(options: argparse.Namespace, words: Catalogue) -> int:
    from edge_agent.line_commands import read  # noqa: PLC0415 - not for `run`

    return read(options, words)


def _run(options: argparse.Namespace) -> int:
    from edge_agent.agent import run_agent  # noqa: PLC0415 - MQTT and SQLite are for this command alone
    from edge_agent.journal import start_journal  # noqa: PLC0415 - as above

    config = load_config(options.config, os.environ)
    profiles = load_profiles(config.profile_names, options.config.parent)
    start_journal(time.monotonic)
    for path in config.broker.open_secrets():  # a warning only: refusing to start would leave the street dark
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
    from edge_agent.enrolment import Place, enroll  # noqa: PLC0415 - 9 MB of library for these commands alone
    from edge_agent.enrolment_server import Server  # noqa: PLC0415 - as above
    from edge_agent.wire.enrolment import parse_code  # noqa: PLC0415 - as above

    typed = getpass("code: ") if options.code == "-" else options.code
    try:
        code = parse_code(typed)
    except WireError as error:
        raise Fatal(Message("agent.error.code", reason=why(error))) from error
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
    from edge_agent.enrolment import Place, renew, utc_now  # noqa: PLC0415 - as for `enroll`
    from edge_agent.enrolment_server import Server  # noqa: PLC0415 - as above

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


def _complain(error: AgentError, code: int) -> int:
    print(f"terang-agent: {said(error, _words())}", file=sys.stderr)
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
