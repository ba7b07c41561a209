"""``terang-ingest``: receives, evaluates and stores the data of a city's controllers."""

from __future__ import annotations

import gc
import os
import sys
import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import structlog
import typer

from durable_files.patient_stderr import PatientStderr
from ingest.assembly import CityIngest
from ingest.energy.report import report_energy
from ingest.errors import DamagedDatabaseError, IngestError
from ingest.options import Options
from ingest.process_memory import collect_rarely, keep_memory
from ingest.replay import run_replay
from ingest.schema.city import read_city
from ingest.schema.errors import SchemaError
from ingest.schema.influx import parse_address
from ingest.schema.influx_thinning import full_days, setup_statements
from ingest.stop_signal import StopSignal
from ingest.workers.worker import run_worker
from languages.message import said
from languages.terminal import terminal_words, translate_help

_PRIVATE: Final = 0o077  # what ingest writes is for its own user: readings, faults, accounts

app = typer.Typer(add_completion=False, invoke_without_command=True, pretty_exceptions_enable=False)


class ClockName(StrEnum):
    """Where "now" comes from."""

    WALL = "wall"
    DATA = "data"


CityFolder = Annotated[Path, typer.Option("--city", help="terminal.city.help.folder")]


@app.callback(help="terminal.ingest.do.run")
def run(
    context: typer.Context,
    city: Annotated[Path | None, typer.Option("--city", help="terminal.city.help.folder")] = None,
    clock: Annotated[ClockName, typer.Option(help="terminal.ingest.help.clock")] = ClockName.WALL,
    status: Annotated[
        str | None,
        typer.Option(help="terminal.ingest.help.status"),
    ] = None,
) -> None:
    """Receive, evaluate and store the data of a city's controllers, until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    if city is None:
        raise typer.BadParameter(terminal_words(os.environ).say("terminal.ingest.error.no_city"), param_hint="--city")
    address = "127.0.0.1:9108" if status is None else status
    host, _, port = address.rpartition(":")
    if address and not port.isdigit():
        raise typer.BadParameter(terminal_words(os.environ).say("terminal.ingest.error.address"), param_hint="--status")
    options = Options(clock is ClockName.DATA, host or "127.0.0.1", int(port) if address else -1, status is not None)
    os.umask(_PRIVATE)
    gc.disable()  # while a register becomes millions of objects that all stay
    settings = read_city(city, os.environ)
    ingest = CityIngest(settings, options)
    stop = StopSignal().install()
    collect_rarely()
    keep_memory()  # from now on: what the start needed is given back
    while True:
        try:
            ingest.intake.run(stop.is_set)
        except DamagedDatabaseError as error:
            structlog.get_logger("ingest").error("the city is opened again", reason=str(error))
        else:
            return
        finally:
            ingest.close()
        ingest = CityIngest(settings, replace(options, is_database_damaged=True))


@app.command("worker", help="terminal.ingest.do.worker")
def worker(
    city: Annotated[list[Path], typer.Option("--city", help="terminal.ingest.help.cities")],
    clock: Annotated[ClockName, typer.Option(help="terminal.ingest.help.clock_too")] = ClockName.WALL,
    status: Annotated[str, typer.Option(help="terminal.ingest.help.first_status")] = "",
) -> None:
    """Serve a share of several cities beside other workers; PostgreSQL's locks say who serves which."""
    host, _, port = status.rpartition(":")
    if status and not port.isdigit():
        raise typer.BadParameter(terminal_words(os.environ).say("terminal.ingest.error.address"), param_hint="--status")
    os.umask(_PRIVATE)
    options = Options(clock is ClockName.DATA, host or "127.0.0.1", int(port) if status else -1)
    keep_memory()
    stop = StopSignal().install()
    run_worker([read_city(folder, os.environ) for folder in city], options, stop.event)


@app.command("energy", help="terminal.ingest.do.energy")
def energy(
    city: CityFolder,
    month: Annotated[str, typer.Option(help="terminal.ingest.help.month")],
    out: Annotated[Path | None, typer.Option(help="terminal.ingest.help.table")] = None,
) -> None:
    """Reckon a month's energy anew and show it per cabinet and supply account."""
    report_energy(read_city(city, os.environ), month, out, time.time_ns() // 1000, terminal_words(os.environ))


@app.command("replay", help="terminal.ingest.do.replay")
def replay_period(
    city: CityFolder,
    start: Annotated[str, typer.Option("--from", help="terminal.ingest.help.from")],
    end: Annotated[str, typer.Option("--to", help="terminal.ingest.help.to")],
    limits: Annotated[Path | None, typer.Option(help="terminal.ingest.help.limits")] = None,
) -> None:
    """Run detection again over stored telemetry and show which faults would have opened; changes nothing."""
    run_replay(read_city(city, os.environ), start, end, limits, terminal_words(os.environ))


@app.command("retention", help="terminal.ingest.do.retention")
def retention(city: CityFolder) -> None:
    """Show how long the city keeps its readings, and which setting an InfluxDB server needs; changes nothing."""
    settings = read_city(city, os.environ).telemetry
    is_influx = settings.url.startswith("influxdb:")
    whole_days = full_days(settings.full_resolution_days) if is_influx else settings.full_resolution_days
    print(terminal_words(os.environ).say("terminal.ingest.retention.days", n=whole_days, n_all=settings.retention_days))
    if not is_influx:
        print(terminal_words(os.environ).say("terminal.ingest.retention.parquet"))
        return
    print(terminal_words(os.environ).say("terminal.ingest.retention.influx"))
    bucket = parse_address(settings.url).bucket
    for statement in setup_statements(bucket, settings.full_resolution_days, settings.retention_days):
        print(f"{statement};")


def main() -> None:
    """Entry point: errors that a person can mend are one line and exit code 2."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(PatientStderr()),  # type: ignore[arg-type]  # writes, flushes
    )
    command = typer.main.get_command(app)
    translate_help(command, terminal_words(os.environ))
    try:
        command()
    except (IngestError, SchemaError) as error:
        print(f"terang-ingest: {said(error, terminal_words(os.environ))}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
