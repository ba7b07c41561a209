"""``terang-sim``: generates towns, simulates fleets, injects faults."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from firmware_sim.city import build_town, settings_text, write_folder
from firmware_sim.control import ask
from firmware_sim.errors import SimError
from firmware_sim.expectation_words import when_lines
from firmware_sim.fleet.outages import Churn
from firmware_sim.fleet.player import Pace
from firmware_sim.fleet.simulation import FleetOptions, Simulation, broker_of
from firmware_sim.fleet.town import read_town
from languages.catalogue import Catalogue
from languages.message import Message, Plain, said, why
from languages.terminal import terminal_words, translate_help

_TELL_EVERY_S: Final = 60.0
CityFolder = Annotated[Path, typer.Option(help="sim.help.folder")]
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(help="sim.about")
def commands() -> None:
    """Play a city's lamps, cables and controllers, and break them on purpose."""


@app.command(help="sim.do.town")
def town(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="sim.help.target")],
    lamps: Annotated[int, typer.Option(min=10, max=2_000_000, help="sim.help.lamps")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="sim.help.seed")] = 1,
    name: Annotated[str, typer.Option(help="sim.help.name")] = "Kota Terang",
    metered: Annotated[float, typer.Option(min=0.0, max=1.0, help="sim.help.metered")] = 0.85,
    force: Annotated[bool, typer.Option("--force", help="sim.help.force")] = False,
) -> None:
    """Generate an Indonesian town: streets, cabinets, circuits, lamps."""
    if (folder / "city.toml").exists() and not force:
        raise SimError(Message("sim.city_there", folder=folder))
    if '"' in name or "\\" in name or not name.strip():
        raise SimError(Message("sim.name", name=name))
    register = build_town(lamps, seed, share_without_lamp_meters=1.0 - metered)
    try:
        write_folder(folder, register, settings_text(name=name))
    except OSError as error:
        raise SimError(Message("sim.at", where=Plain(error.filename or folder), reason=why(error))) from error
    n_lamps, n_cabinets = len(register.lamps), len(register.cabinets)
    print(_words().say("sim.written", folder=folder, lamps=n_lamps, cabinets=n_cabinets, seed=seed))


@app.command(help="sim.do.fleet")
def fleet(
    city: CityFolder,
    controllers: Annotated[int | None, typer.Option(min=0, help="sim.help.controllers")] = None,
    interval: Annotated[float, typer.Option(min=0.1, help="sim.help.interval")] = 60.0,
    speed: Annotated[float, typer.Option(min=0.0, help="sim.help.speed")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="sim.help.night_seed")] = 1,
    broker: Annotated[str, typer.Option(help="sim.help.broker")] = "",
    benches: Annotated[int, typer.Option(min=0, help="sim.help.benches")] = 0,
    start: Annotated[datetime | None, typer.Option(help="sim.help.start")] = None,
    clock_offset: Annotated[float, typer.Option(help="sim.help.clock_offset")] = 0.0,
    scenario: Annotated[Path | None, typer.Option(help="sim.help.scenario")] = None,
    opening_faults: Annotated[bool, typer.Option("--opening-faults", help="sim.help.opening_faults")] = False,
    churn: Annotated[float, typer.Option(min=0.0, help="sim.help.churn")] = 0,
    storm: Annotated[float, typer.Option(min=0.0, help="sim.help.storm")] = 0,
    days: Annotated[float | None, typer.Option(min=0.0, help="sim.help.days")] = None,
    for_s: Annotated[float | None, typer.Option("--for", min=1.0, help="sim.help.for")] = None,
) -> None:
    """Play a city's controllers over MQTT until Ctrl-C."""
    begin_us = time.time_ns() // 1000 if start is None else round(start.replace(tzinfo=UTC).timestamp() * 1e6)
    begin_us += round(clock_offset * 1e6)
    end_us = None if days is None else begin_us + round(days * 86_400e6)
    pace = Pace(begin_us, interval, slow_s=max(60.0, 15 * interval), speed=speed, end_us=end_us)
    town = read_town(city)
    options = FleetOptions(controllers, benches, churn=Churn(churn, storm))
    simulation = Simulation(town, broker_of(city, broker), options, pace, seed, scenario)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if opening_faults:
        simulation.begin_with_faults(seed)
    deadline = math.inf if for_s is None else time.monotonic() + for_s
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    described = began_s
    try:
        while not stop.is_set() and time.monotonic() < deadline and not simulation.is_over:
            simulation.turn()
            if time.monotonic() - described >= _TELL_EVERY_S:
                described = time.monotonic()
                print(" ".join(f"{name}={count}" for name, count in simulation.figures().items()), flush=True)
    finally:
        simulation.close()
    figures = simulation.figures()
    cpu_us = (time.process_time() - began_cpu_s) * 1e6 / max(1, figures["sent"])
    played = {"sweeps": figures["sweeps"], "sent": figures["sent"], "waiting": figures["waiting"]}
    print(_words().say("sim.played", seconds=round(time.monotonic() - began_s), cpu_us=round(cpu_us), **played))


@app.command(help="sim.do.inject")
def inject(
    code: Annotated[str, typer.Argument(help="sim.help.code")],
    place: Annotated[str, typer.Argument(help="sim.help.place")],
    params: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", help="sim.help.params")] = None,
    city: CityFolder = Path("demo-city"),
) -> None:
    """Put a fault into a running demo or fleet."""
    given = {name: value for name, _, value in (param.partition("=") for param in params or ())}
    request = {"do": "inject", "code": code, "place": place, "params": given}
    answer = ask(city / "data", request)["injected"]
    words = _words()
    print(words.say("sim.injected", what=report_line(answer, words)))
    for line in when_lines(answer, read_town(city).timezone, words):
        print(f"  {line}")


@app.command(help="sim.do.repair")
def repair(
    what: Annotated[list[str], typer.Argument(metavar="[CODE] PLACE", help="sim.help.what")],
    city: CityFolder = Path("demo-city"),
) -> None:
    """Take an injected fault away again."""
    if len(what) > 2:
        raise SimError(Message("sim.repair_what", what=" ".join(what)))
    request = {"do": "repair", "place": what[-1], **({"code": what[0]} if len(what) == 2 else {})}
    for mended in ask(city / "data", request)["repaired"]:
        print(_words().say("sim.repaired", what=report_line(mended, _words())))


@app.command(name="list", help="sim.do.list")
def list_injected(city: CityFolder = Path("demo-city")) -> None:
    """Show what is injected now, and what can be."""
    answer = ask(city / "data", {"do": "list"})
    words, zone = _words(), read_town(city).timezone
    for held in answer["held"]:
        print(f"{report_line(held, words)}: {'; '.join(when_lines(held, zone, words))}")
    print(words.say("sim.held", n=len(answer["held"]), known=", ".join(answer["known"])))


def _words() -> Catalogue:
    return terminal_words(os.environ)


def report_line(described: dict[str, Any], words: Catalogue) -> str:
    """One injection as a line: what, where, and which lamps it takes."""
    span, n_lamps = described["span"], len(described["lamp_ids"])
    line = words.say("sim.at_place", code=described["code"], place=described["place"])
    if span:
        line += words.say("sim.between", after=span[0], before=span[1])
    return line + (words.say("sim.n_lamps", n=n_lamps) if n_lamps > 1 else "")


def main() -> None:
    """Entry point: what a person can mend is one line and exit code 2."""
    command = typer.main.get_command(app)
    translate_help(command, _words())
    try:
        command()
    except SimError as error:
        print(f"terang-sim: {said(error, _words())}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
