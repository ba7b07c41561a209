"""``terang-demo``: a simulated town at night with every process of Terang."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from firmware_sim.city import build_town, settings_text, write_folder
from firmware_sim.demo.city_folder import (
    CityFolderError,
    check_port,
    clear_data,
    copy_city,
    fit_meters,
    free_port,
    held_folder,
)
from firmware_sim.demo.night import clock_offset_s
from firmware_sim.demo.processes import ChildError, Supervisor
from firmware_sim.demo.words import LIMITS, welcome
from firmware_sim.errors import SimError
from firmware_sim.fleet.schedule import town_level
from firmware_sim.fleet.simulation import READY_FILE
from firmware_sim.fleet.town import read_town
from languages.catalogue import Catalogue
from languages.message import Message, Plain, said
from languages.terminal import terminal_words, translate_help

_PATIENCE_S: Final = 300.0  # a busy machine starts slowly; a process that ends is noticed at once
_INTERVAL_S: Final = 3


def play(
    city: Annotated[Path | None, typer.Option(help="demo.help.city")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, envvar="PORT", help="demo.help.port")] = 8000,
    lamps: Annotated[int, typer.Option(min=100, max=50_000, help="demo.help.lamps")] = 2000,
    seed: Annotated[int, typer.Option(help="demo.help.seed")] = 1,
    benches: Annotated[int, typer.Option(min=0, max=8, help="demo.help.benches")] = 3,
    broker_port: Annotated[int, typer.Option(min=0, max=65535, help="demo.help.broker_port")] = 0,
    embedded: Annotated[bool, typer.Option(help="demo.help.embedded")] = True,
    folder: Annotated[Path | None, typer.Option(help="demo.help.folder", show_default=False)] = None,
) -> None:
    """Start a whole city on this machine; Ctrl-C ends all of it."""
    check_port(port)
    with held_folder(folder, port) as place:
        broker_port = broker_port or free_port()
        broker_url = f"embedded:127.0.0.1:{broker_port}" if embedded else f"mqtt://127.0.0.1:{broker_port}"
        _play_in(place, city, port, lamps, seed, benches, broker_url)


def _play_in(folder: Path, city: Path | None, port: int, lamps: int, seed: int, benches: int, broker_url: str) -> None:
    words = terminal_words(os.environ)
    _prepare_city(folder, city, lamps, seed, words)
    town = read_town(folder)
    offset_s = clock_offset_s(time.time_ns() // 1000, town_level(town))
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    is_bench_able = sum("" not in controller.buses for controller in town.controllers)
    with Supervisor(folder / "data" / "log", environment) as supervisor:
        _start_processes(supervisor, folder, offset_s, broker_url, port, min(benches, is_bench_able), seed, stop)
        if not stop.is_set():
            print(welcome(town, port, folder, offset_s, supervisor.names(), words), flush=True)
        while not stop.wait(1.0):
            for event in supervisor.tend():
                print(f"{datetime.now().astimezone():%H:%M:%S} {event.say(words)}", flush=True)
        print(f"\n{words.say('demo.ending')}", flush=True)
    print(words.say("demo.ended"))


def _prepare_city(folder: Path, city: Path | None, lamps: int, seed: int, words: Catalogue) -> None:
    origin = folder / "generated.json"  # the parameters of the town in this folder
    if city is not None:
        origin.unlink(missing_ok=True)
        if city.resolve() == folder.resolve():
            raise CityFolderError(Message("sim.demo_copy", city=city))
        clear_data(folder)
        copy_city(city, folder)
        n_fitted = fit_meters(folder)
        if n_fitted:
            print(words.say("demo.fitted", n=n_fitted), flush=True)
        return
    made = {"lamps": lamps, "seed": seed}
    clear_data(folder)
    if _is_generated_from(origin, made):
        return
    print(words.say("demo.generating", n=lamps), flush=True)
    write_folder(folder, build_town(lamps, seed), settings_text(name="Kota Terang") + LIMITS)
    origin.write_text(json.dumps(made), encoding="utf-8")


def _is_generated_from(origin: Path, made: dict[str, int]) -> bool:
    """Whether the folder's town has these parameters; False if the file cannot be read."""
    try:
        found = json.loads(origin.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return bool(found == made)


def _start_processes(
    supervisor: Supervisor,
    folder: Path,
    offset_s: float,
    broker_url: str,
    port: int,
    n_benches: int,
    seed: int,
    stop: threading.Event,
) -> None:
    """Start the processes in the order in which they need each other."""
    python = [sys.executable, "-m"]
    place = ["--city", str(folder)]
    broker = broker_url.rpartition("/")[2].removeprefix("embedded:")
    environment = {"TERANG_BROKER_URL": broker_url}
    supervisor.start("ingest", [*python, "ingest", *place, "--clock", "data", "--status", ""], environment)
    _wait_for_port(supervisor, int(broker.rpartition(":")[2]), stop)
    fleet = ["--interval", str(_INTERVAL_S), "--benches", str(n_benches), "--clock-offset", str(offset_s)]
    fleet += ["--broker", broker, "--seed", str(seed), "--opening-faults"]
    ready = folder / "data" / READY_FILE
    simulation = supervisor.start(
        "fleet", [*python, "firmware_sim", "fleet", *place, *fleet], before=lambda: ready.unlink(missing_ok=True)
    )
    supervisor.start("api", [*python, "dashboard_api", *place, "--port", str(port)])
    _wait(supervisor, ready.exists, "the fleet", stop)
    if not stop.is_set():
        for controller_id, path in json.loads(ready.read_text(encoding="utf-8")).items():
            more = {"TERANG_CLOCK_OFFSET_S": str(offset_s)}
            command = [*python, "edge_agent", "run", "--config", path]
            # The simulation makes the agents' serial lines and their files: after its restart there are new ones.
            supervisor.start(f"agent-{controller_id}", command, more, may_start=ready.exists, depends_on=simulation)
    _wait(supervisor, lambda: _answers(port), "the page", stop)


def _wait_for_port(supervisor: Supervisor, port: int, stop: threading.Event) -> None:
    def is_open() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _wait(supervisor, is_open, "the broker", stop)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait(supervisor: Supervisor, is_there: Callable[[], bool], what: str, stop: threading.Event) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not stop.is_set() and not is_there():
        supervisor.check()
        if time.monotonic() > deadline:
            raise ChildError(Message("sim.not_up", what=Plain(what), seconds=round(_PATIENCE_S)))
        stop.wait(0.1)


def main() -> None:
    """Entry point of ``terang-demo``: a user's error is printed in one line with exit code 2."""
    words = terminal_words(os.environ)
    app = typer.Typer(add_completion=False)
    app.command(help="demo.about")(play)
    command = typer.main.get_command(app)
    translate_help(command, words)
    try:
        command()
    except SimError as error:
        more = error.last_lines if isinstance(error, ChildError) else ""
        print(f"terang-demo: {said(error, words)}{more}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
