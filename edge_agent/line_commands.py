"""The commands ``terang-agent scan`` and ``read``: which meters answer on a line, and what one of them measures.

For the electrician at the cabinet. Only one program can use a port: stop the agent first.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.config import AgentConfig, BusConfig, load_config
from edge_agent.errors import EXIT_NOT_WELL, Fatal, NoReply
from edge_agent.printout import found_words, show_found, show_ports, show_snapshot
from edge_agent.serial.line import Line
from edge_agent.serial.port import list_ports, open_port
from edge_agent.serial.profile import Profile
from edge_agent.serial.profile_file import SHIPPED, load_profile
from edge_agent.serial.scan import read_meter, scan_line
from edge_agent.settings import DEFAULT_CONFIG
from languages.catalogue import Catalogue

METERS_TO_TRY = ("lamp-node", "pzem-016", "pzem-004t", "sdm120", "sdm630", "cabinet-io")


def scan(options: argparse.Namespace, words: Catalogue) -> int:
    """Show which addresses answer, or which serial ports there are if none is named; return the exit code.

    Raises:
        Fatal: the options make no sense.
    """
    if not 1 <= options.first <= options.last <= 247:
        raise Fatal(words.say("agent.error.range"))
    config = _config_of(options)
    if options.port is None and config is None:
        ports = list_ports()
        print(show_ports(ports, words) if ports else words.say("agent.scan.no_ports"))
        return 0 if ports else EXIT_NOT_WELL
    n_found = sum(_scan_bus(bus, options.first, options.last, words) for bus in _buses_of(options, config, words))
    return 0 if n_found else EXIT_NOT_WELL


def _scan_bus(bus: BusConfig, first: int, last: int, words: Catalogue) -> int:
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


def read(options: argparse.Namespace, words: Catalogue) -> int:
    """Show what one meter measures; return the exit code.

    Raises:
        Fatal: the options make no sense.
        NoReply: the meter does not answer.
    """
    if not 1 <= options.address <= 248:
        raise Fatal(words.say("agent.error.address", address=options.address))
    config = _config_of(options)
    buses = _buses_of(options, config, words)
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
    """Find the profile that fits the device at an address.

    Raises:
        NoReply: nothing answers there.
        Fatal: what answers fits no profile.
    """
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
    """Load the file that was named; else, without a port, the one at the default path if it exists."""
    if options.config is not None:
        return load_config(options.config, os.environ)
    is_at_home = options.port is None and DEFAULT_CONFIG.exists()
    return load_config(DEFAULT_CONFIG, os.environ) if is_at_home else None


def _buses_of(options: argparse.Namespace, config: AgentConfig | None, words: Catalogue) -> list[BusConfig]:
    """Return the lines to use: the one of ``--port``, or those of the file."""
    if config is None:
        if options.port is None:
            raise Fatal(words.say("agent.error.port"))
        if not 300 <= options.baud <= 1_000_000:
            raise Fatal(words.say("agent.error.baud", baud=options.baud))
        return [BusConfig("", options.port, options.baud, options.parity)]
    buses = [bus for bus in config.buses if options.bus in {None, bus.name}]
    if not buses:
        raise Fatal(words.say("agent.error.bus", names=", ".join(bus.name for bus in config.buses)))
    return buses


def _addresses(bus: BusConfig) -> dict[int, str]:
    known = {lamp.address: lamp.profile for lamp in bus.lamps}
    known |= {meter.address: meter.profile for meter in bus.circuits}
    return known | {device.address: device.profile for device in (bus.cabinet, bus.io) if device}


def _open_line(bus: BusConfig) -> Line:
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
