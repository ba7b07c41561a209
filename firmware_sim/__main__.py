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
from languages.catalogue import Catalogue, language_codes, load_catalogue
from languages.choice import terminal_language

_TELL_EVERY_S: Final = 60.0
CityFolder = Annotated[Path, typer.Option(help="The city's folder.")]
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def commands() -> None:
    """Play a city's lamps, cables and controllers, and break them on purpose."""


@app.command()
def town(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The city folder to write.")],
    lamps: Annotated[int, typer.Option(min=10, max=2_000_000, help="Street lamps.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same town.")] = 1,
    name: Annotated[str, typer.Option(help="Its name.")] = "Kota Terang",
    metered: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of cabinets with a meter per lamp.")] = 0.85,
    force: Annotated[bool, typer.Option("--force", help="Write over a city that stands there.")] = False,
) -> None:
    """Generate an Indonesian town: streets, cabinets, circuits, lamps."""
    if (folder / "city.toml").exists() and not force:
        raise SimError(f"{folder}: a city stands there already; --force writes over it")
    if '"' in name or "\\" in name or not name.strip():
        raise SimError(f"--name {name!r}: a name without quotes and backslashes")
    register = build_town(lamps, seed, share_without_lamp_meters=1.0 - metered)
    try:
        write_folder(folder, register, settings_text(name=name))
    except OSError as error:
        raise SimError(f"{error.filename or folder}: {error.strerror}") from error
    print(f"{folder}: {len(register.lamps)} lamps on {len(register.cabinets)} cabinets, seed {seed}")


@app.command()
def fleet(
    city: CityFolder,
    controllers: Annotated[int | None, typer.Option(min=0, help="At most so many virtual controllers.")] = None,
    interval: Annotated[float, typer.Option(min=0.1, help="Data seconds between two sweeps of a controller.")] = 60.0,
    speed: Annotated[
        float, typer.Option(min=0.0, help="Data seconds a second; 0 = as fast as the host acknowledges.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed plays the same night.")] = 1,
    broker: Annotated[str, typer.Option(help="HOST:PORT, instead of city.toml's.")] = "",
    benches: Annotated[int, typer.Option(min=0, help="Controllers with meters on terminals, for real agents.")] = 0,
    start: Annotated[datetime | None, typer.Option(help="Data time (UTC) at the beginning; default now.")] = None,
    clock_offset: Annotated[float, typer.Option(help="Seconds to shift the clock by.")] = 0.0,
    scenario: Annotated[Path | None, typer.Option(help="Faults by a scenario file; their truth goes to data/.")] = None,
    opening_faults: Annotated[bool, typer.Option("--opening-faults", help="Begin with a few faults.")] = False,
    churn: Annotated[
        float, typer.Option(min=0.0, help="Times an hour (data time) a controller loses the network.")
    ] = 0,
    storm: Annotated[
        float, typer.Option(min=0.0, help="All connections break at once every so many data seconds.")
    ] = 0,
    days: Annotated[float | None, typer.Option(min=0.0, help="End after so many days of data time.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", min=1.0, help="End after so many seconds.")] = None,
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
    print(
        f"played {figures['sweeps']} sweeps, {figures['sent']} messages in {time.monotonic() - began_s:.0f} s, "
        f"{cpu_us:.0f} us CPU a message, {figures['waiting']} not acknowledged"
    )


@app.command()
def inject(
    code: Annotated[str, typer.Argument(help="A code of the fault catalogue, or a confounder; see list.")],
    place: Annotated[
        str, typer.Argument(help="lamp_id, cabinet_id, cabinet_id/circuit, controller_id, controller_id/bus")
    ],
    params: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE", help="see docs/scenarios.md")] = None,
    city: CityFolder = Path("demo-city"),
) -> None:
    """Put a fault into a running demo or fleet."""
    given = {name: value for name, _, value in (param.partition("=") for param in params or ())}
    request = {"do": "inject", "code": code, "place": place, "params": given}
    answer = ask(city / "data", request)["injected"]
    print(f"injected: {report_line(answer)}")
    for line in when_lines(answer, read_town(city).timezone, _catalogue()):
        print(f"  {line}")


@app.command()
def repair(
    what: Annotated[list[str], typer.Argument(metavar="[CODE] PLACE", help="Without a code: everything at the place.")],
    city: CityFolder = Path("demo-city"),
) -> None:
    """Take an injected fault away again."""
    if len(what) > 2:
        raise SimError(f"repair {' '.join(what)}: a code and a place, or a place alone")
    request = {"do": "repair", "place": what[-1], **({"code": what[0]} if len(what) == 2 else {})}
    for mended in ask(city / "data", request)["repaired"]:
        print(f"repaired: {report_line(mended)}")


@app.command(name="list")
def list_injected(city: CityFolder = Path("demo-city")) -> None:
    """Show what is injected now, and what can be."""
    answer = ask(city / "data", {"do": "list"})
    words, zone = _catalogue(), read_town(city).timezone
    for held in answer["held"]:
        print(f"{report_line(held)}: {'; '.join(when_lines(held, zone, words))}")
    print(f"{len(answer['held'])} injected; what can be: {', '.join(answer['known'])}")


def _catalogue() -> Catalogue:
    return load_catalogue(terminal_language(os.environ, language_codes()))


def report_line(described: dict[str, Any]) -> str:
    """One injection as a line: what, where, and which lamps it takes."""
    lamps = described["lamp_ids"]
    where = f" between {described['span'][0]} and {described['span'][1]}" if described["span"] else ""
    return f"{described['code']} at {described['place']}{where}" + (f", {len(lamps)} lamps" if len(lamps) > 1 else "")


def main() -> None:
    """Entry point: what a person can mend is one line and exit code 2."""
    try:
        app()
    except SimError as error:
        print(f"terang-sim: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
