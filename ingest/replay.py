"""Replay: detection over stored telemetry, with the city's limits or with others.

Reads the store and the fault book, writes nothing. Sessions are not stored, so a controller counts as silent by its
data alone. A condition that comes back within ``reopen_within`` is the same fault, as in the fault book.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import rich
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from durable_files.bounded_read import read_bounded
from edge_agent.wire import WireError, read_toml_text
from ingest.database import open_database
from ingest.detection.engine import Detection
from ingest.errors import UnusableError
from ingest.faultbook.fault import key_text, parse_key
from ingest.faultbook.past_faults import PastFault, past_faults
from ingest.lighting.schedules import Schedules
from ingest.model.finding import Change, Cleared, Raised
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.register.controller_schedules import read_schedules
from ingest.register.database_table import load_register
from ingest.schema.city import MAX_FILE_BYTES, City
from ingest.schema.errors import CityError
from ingest.telemetry.opening import open_store
from ingest.telemetry.store import TelemetryStore
from languages.catalogue import Catalogue
from languages.message import Message, Plain, why

_COLUMNS: Final = ("code", "place", "from", "until", "book")
_WARM_UP_US: Final = 2 * 3_600_000_000  # before the period, so that counters and guards stand as they did


@dataclass(slots=True)
class ReplayedFault:
    """A fault that would have opened.

    Attributes:
        cleared_us: its last end, None = still open at the period's end.
        is_explained: a higher cause explains it: it would not be shown.
    """

    place: str
    code: str
    opened_us: int
    cleared_us: int | None = None
    is_explained: bool = False


class _Ledger:
    """Raised and cleared conditions as faults."""

    def __init__(self, reopen_within_us: int) -> None:
        self._reopen_within_us = reopen_within_us
        self._newest: dict[str, ReplayedFault] = {}
        self.faults: list[ReplayedFault] = []

    def take(self, changes: list[Change]) -> None:
        """Apply detection's words."""
        for change in changes:
            place = key_text(change.key)
            fault = self._newest.get(place)
            if isinstance(change, Raised):
                within_us = self._reopen_within_us
                is_same = fault is not None and (
                    fault.cleared_us is None or change.at_us - fault.cleared_us < within_us
                )
                if fault is None or not is_same:
                    fault = self._newest[place] = ReplayedFault(place, change.key.code, change.at_us)
                    self.faults.append(fault)
                fault.cleared_us = None
                fault.is_explained = change.cause is not None
            elif isinstance(change, Cleared) and fault is not None:
                fault.cleared_us = change.at_us


def parse_time(text: str, timezone: str) -> int:
    """UTC microseconds of an ISO time; without an offset it is the city's own.

    Raises:
        UnusableError: it is no time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnusableError(Message("terminal.error.no_time", text=text)) from error
    return int((at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))).timestamp() * 1_000_000)


def with_limits(city: City, path: Path | None) -> City:
    """The city with limits from a TOML file, bare or under ``[limits]``, over its own.

    Raises:
        UnusableError: the file is missing or broken, or a limit unknown or impossible.
    """
    if path is None:
        return city
    try:
        document = read_toml_text(read_bounded(path, MAX_FILE_BYTES))
        other = city.model_copy(update={"limits": {**city.limits, **document.get("limits", document)}})
        other.parsed_limits()
    except (OSError, WireError, CityError, TypeError) as error:
        raise UnusableError(Message("terminal.error.at", where=Plain(path), reason=why(error))) from error
    return other


def replay(
    city: City,
    store: TelemetryStore,
    fleet: Fleet,
    start_us: int,
    end_us: int,
    *,
    advance: Callable[[int], None] = lambda _at_us: None,
    schedules: Schedules | None = None,
) -> list[ReplayedFault]:
    """Judge a period anew; ``advance`` is called with the progress. Those of the warm-up before are left out."""
    detection = Detection(fleet, city, start_us=start_us - _WARM_UP_US, schedules=schedules)
    ledger = _Ledger(int(city.parsed_limits().value("reopen_within") * 1_000_000))
    now_us = start_us - _WARM_UP_US
    for batch in store.period(Directory(fleet), start_us - _WARM_UP_US, end_us):
        times = batch.at_us[~batch.is_historical]
        now_us = max(now_us, int(times.max())) if len(times) else now_us
        ledger.take(list(detection.judge(batch, now_us)))
        ledger.take(list(detection.tick(now_us)))
        advance(now_us)
    return [fault for fault in ledger.faults if fault.opened_us >= start_us]


def run_replay(city: City, start: str, end: str, limits: Path | None, words: Catalogue) -> None:
    """Replay and print in the terminal's words.

    Raises:
        UnusableError: a time, file or store is not to be used.
    """
    start_us, end_us = (parse_time(text, city.city.timezone) for text in (start, end))
    if start_us >= end_us:
        raise UnusableError(Message("terminal.error.from_after_to", start=Plain(start), end=Plain(end)))
    tried = with_limits(city, limits)
    engine = open_database(city)
    store = open_store(city, is_reader=True)
    try:
        fleet = Fleet.from_register(load_register(engine))
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task(words.say("terminal.ingest.replay.running"), total=end_us - start_us + _WARM_UP_US)
            found = replay(
                tried,
                store,
                fleet,
                start_us,
                end_us,
                advance=lambda at_us: progress.update(task, completed=at_us - start_us + _WARM_UP_US),
                schedules=read_schedules(engine, city.schedule),
            )
            progress.update(task, completed=end_us - start_us + _WARM_UP_US)
        known = past_faults(engine, start_us, end_us)
    finally:
        store.close()
        engine.dispose()
    rich.print(table_of(found, known, city.city.timezone, words))
    shown = [fault for fault in found if not fault.is_explained]
    places = {fault.place for fault in known}
    n_new = sum(fault.place not in places for fault in shown)
    n_gone = len(places - {fault.place for fault in found})
    rich.print(words.say("terminal.ingest.replay.opened", n=len(shown), n_new=n_new))
    rich.print(words.say("terminal.ingest.replay.gone", n=n_gone))


def table_of(found: list[ReplayedFault], known: list[PastFault], timezone: str, words: Catalogue) -> Table:
    """What would have opened beside what did."""

    def local(at_us: int | None) -> str:
        return (
            ""
            if at_us is None
            else datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(ZoneInfo(timezone)).strftime("%m-%d %H:%M")
        )

    table = Table(*(words.say(f"terminal.ingest.replay.{name}") for name in _COLUMNS))
    opened = {fault.place: fault for fault in known}
    for fault in sorted(found, key=lambda f: f.opened_us):
        if not fault.is_explained:
            same = opened.get(fault.place)
            there = words.say("terminal.ingest.replay.is_new")
            if same is not None:
                there = words.say("terminal.ingest.replay.is_known", at=local(same.opened_us))
            table.add_row(fault.code, _where(fault.place), local(fault.opened_us), local(fault.cleared_us), there)
    for place, past in sorted(opened.items()):
        if place not in {fault.place for fault in found}:
            there = words.say("terminal.ingest.replay.is_gone", at=local(past.opened_us))
            table.add_row(past.code, _where(place), "", "", there)
    return table


def _where(place: str) -> str:
    return " ".join(value for value in asdict(parse_key(place).place).values() if value)
