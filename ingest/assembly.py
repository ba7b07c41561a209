"""Assembles one city's ingest from its settings, and closes its parts in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from city_pki.errors import PkiError
from city_pki.order_keys import COUNTER_FILE, OrderSigner
from city_pki.secret_file import is_open_to_others
from ingest.audit_trail import SERVICE, AuditTrail
from ingest.damaged_database import kept_databases, kept_warning, replace_damaged
from ingest.database import is_damage, open_database, sqlite_path
from ingest.detection.engine import Detection
from ingest.errors import DamagedDatabaseError, UnusableError
from ingest.folder_lock import FolderLock
from ingest.jobs.citizen_faults import CitizenFaultsJob
from ingest.jobs.commands import CommandJob
from ingest.jobs.controllers import ControllerJob
from ingest.jobs.energy import EnergyJob
from ingest.jobs.faults import FaultChangesJob, find_lost, open_fault_job
from ingest.jobs.live_snapshot import LiveSnapshot
from ingest.jobs.maintenance import MaintenanceJob
from ingest.jobs.register_swap import RegisterSwap
from ingest.jobs.register_watch import RegisterWatch
from ingest.jobs.schedule_push import ScheduleJob
from ingest.jobs.schedule_watch import ScheduleWatch
from ingest.metrics import Metrics
from ingest.model.finding import Change
from ingest.model.fleet import Fleet
from ingest.model.id_directory import Directory
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.mqtt.opening import in_folder, open_broker
from ingest.options import Options
from ingest.pipeline.clock import Clock, DataClock, WallClock
from ingest.pipeline.commit_queue import CommitQueue
from ingest.pipeline.loop import Intake, Pace
from ingest.pipeline.snapshots import SnapshotFile, SnapshotJob, recover
from ingest.pipeline.store_upkeep import Upkeep
from ingest.private_files import make_private
from ingest.readiness import Readiness
from ingest.register.controller_schedules import read_schedules
from ingest.register.sync import sync_register
from ingest.schema.city import City
from ingest.settings_restore import restore_settings
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.host_application import HostApplication
from ingest.status_page import open_status_page
from ingest.store_start import close_opened, open_counted
from ingest.telemetry.damaged_files import DamagedFiles
from languages.message import Message, Plain, why

LOCK_FILE: Final = "ingest.lock"
_PATIENCE_S: Final = 2.0  # for the records since the snapshot before intake serves; the rest is judged beside it


class CityIngest:
    """One city's ingest, open and ready to run."""

    def __init__(self, city: City, options: Options) -> None:
        """Lock the folder, open the stores, take up where the last run ended.

        Raises:
            UnusableError: another ingest works on this city, or a file, address or port is not to be had.
        """
        self._closers: list[Callable[[], object]] = []
        try:
            self._open(city, options)
        except Exception as error:
            self.close()
            if options.is_database_damaged or not (is_damage(error) or isinstance(error, DamagedDatabaseError)):
                raise
            self._open_again(city, options)
        except BaseException:
            self.close()
            raise

    def _open_again(self, city: City, options: Options) -> None:
        """Without the database, whose damage its check has not found."""
        try:
            self._open(city, replace(options, is_database_damaged=True))
        except BaseException:
            self.close()
            raise

    def _open(self, city: City, options: Options) -> None:
        metrics, readiness = Metrics(), Readiness()
        if options.show is not None:
            options.show(metrics, readiness)
        try:
            make_private(city.data_folder)
        except OSError as error:
            raise UnusableError(
                Message("terminal.error.at", where=Plain(city.data_folder), reason=why(error))
            ) from error
        lock = FolderLock(city.data_folder / LOCK_FILE, is_elected=options.is_elected)
        self._closers.append(lock.release)
        damaged = DamagedFiles(lambda n_files, warning: _tell_damaged(metrics, readiness, n_files, warning))
        # a store that is busy takes seconds to answer, as long as the database does for a large register
        opener = ThreadPoolExecutor(1, "opening")
        opening = opener.submit(open_counted, city, metrics, damaged)
        self._closers.append(lambda: close_opened(opener, opening))
        kept = replace_damaged(city, is_known=options.is_database_damaged)
        metrics.damaged_databases.set(len(kept_databases(city)))
        engine = open_database(city)
        self._closers.append(engine.dispose)
        if options.guard is not None:
            options.guard(engine)
        if sqlite_path(city) is not None:
            restore_settings(engine, city.data_folder)
        readiness.warn("database", kept_warning(city))
        note = AuditTrail(city, SERVICE).note("register.apply", "register", is_required=False)
        register, self.issues = sync_register(
            engine,
            city.folder,
            is_takeover=options.is_elected,
            tell=lambda reason: readiness.warn("register", reason),
            note=note,
        )
        start_us = 0 if options.is_data_clock else _wall_us()
        fleet = Fleet.from_register(register)
        schedules = read_schedules(engine, city.schedule)
        detection = Detection(fleet, city, start_us=start_us, schedules=schedules)
        book = open_fault_job(engine, register, city, start_us, metrics)
        directory = Directory(fleet)
        store, stored_ranges = opening.result()
        received = ReceivedRangesTable()
        for state in stored_ranges:
            received.restore(state)
        dead_letters = DeadLetters(city.data_folder)
        host = HostApplication(
            city.city.group,
            directory,
            received=received,
            dead_letters=dead_letters,
            metrics=metrics,
            monotonic=time.monotonic,
            wall_ms=_wall_ms,
        )
        for path in filter(is_open_to_others, (in_folder(city, city.broker.key), _token_file(city))):
            structlog.get_logger("ingest").warning(
                "others than its owner may read this secret: chmod 600", file=str(path)
            )
        signer = _signer(city)
        host.commands.signer = signer
        rotation = None if signer is None else signer.keys.rotation
        clock: Clock = DataClock(directory.controllers.n_register) if options.is_data_clock else WallClock(_wall_us)
        commit_queue = CommitQueue(store, dead_letters, book, metrics=metrics, readiness=readiness)
        self._closers.append(commit_queue.close)
        upkeep = Upkeep(store, clock.now_us, metrics, readiness)
        self._closers.append(upkeep.stop)
        snapshots = SnapshotFile(city.data_folder)
        catch_up = recover(
            snapshots,
            detection,
            detection,
            clock,
            store=store,
            directory=directory,
            warn=lambda text: readiness.warn("memory", text),
        )
        reported = detection.tell_again()
        changes: Sequence[Change] = reported if kept is not None else find_lost(engine, reported)
        if catch_up is not None:
            host.highest_us = catch_up.now_us
            self._closers.append(catch_up.stop)
            changes = [*changes, *catch_up.wait(_PATIENCE_S)]

        def adopt_the_rest() -> None:
            is_cleared = (lambda _key: False) if catch_up is None else catch_up.is_cleared
            detection.adopt(key for key, _state in book.book.open_keys() if not is_cleared(key))

        memory = SnapshotJob(
            snapshots,
            detection,
            commit_queue,
            store=store,
            received=received,
            monotonic=time.monotonic,
            has_unreported_changes=lambda: self.intake.has_unreported_changes,
        )
        live = LiveSnapshot(
            city.data_folder,
            detection,
            register.version,
            host,
            time.monotonic,
            _wall_us,
            readiness.warnings,
            lambda text: readiness.warn("live picture", text),
        )
        commands = CommandJob(engine, host, fleet, time.monotonic, _wall_ms)

        energy = EnergyJob(engine, city, fleet, time.monotonic, damaged=damaged)
        self._closers.append(energy.close)

        schedule_job = ScheduleJob(city, host, None if rotation is None else str(rotation), schedules)
        swap = RegisterSwap(
            register,
            fleet,
            host=host,
            clock=clock,
            book=book.book,
            detection=detection,
            fleet_users=(commands, energy),
            live=live,
            tell=lambda changes: self.intake.tell(changes),  # noqa: PLW0108  # there is none yet
        )
        broker = open_broker(city, self._closers, _wall_ms, is_elected=options.is_elected)
        broker.tell_retained = host.tell_retained
        broker.state_time.tell = host.tell_state
        self.status_port: int | None = None
        if options.show is None and options.status_port >= 0:
            page = open_status_page(options, metrics, readiness)
            page.start()
            self.status_port = page.port
            self._closers.append(page.stop)
        upkeep.start()
        self.intake = Intake(
            broker,
            host,
            judge=detection,
            clock=clock,
            commit_queue=commit_queue,
            dead_letters=dead_letters,
            metrics=metrics,
            readiness=readiness,
            monotonic=time.monotonic,
            wall_ms=_wall_ms,
            pace=Pace(flush_s=0.1) if options.is_data_clock else Pace(),
            catch_up=None if catch_up is None or catch_up.is_done else catch_up,
            caught_up=adopt_the_rest,
            jobs_when_caught_up=(
                memory,
                RegisterWatch(
                    engine,
                    city.folder,
                    register.version,
                    swap.replace,
                    time.monotonic,
                    lambda text: readiness.warn("register", text),
                    note,
                ),
                ScheduleWatch(engine, schedules, (swap, schedule_job), time.monotonic),
            ),
            jobs=(
                live,
                commands,
                FaultChangesJob(book, detection, clock, time.monotonic),
                CitizenFaultsJob(engine, book, city.parsed_limits().value("reopen_within"), time.monotonic),
                MaintenanceJob(engine, detection, time.monotonic),
                schedule_job,
                ControllerJob(engine, host, time.monotonic),
                energy,
            ),
            listeners=(commands.hear, energy.hear),
        )
        self.intake.tell(changes)

    def close(self) -> None:
        """Let go of everything, last opened first."""
        while self._closers:
            self._closers.pop()()


def _token_file(city: City) -> Path | None:
    return in_folder(city, city.telemetry.token_file)


def _signer(city: City) -> OrderSigner | None:
    """What signs orders, if the city says so."""
    key = city.keys.working_key
    if key is None:
        return None
    try:
        return OrderSigner(city.folder / key, city.data_folder / COUNTER_FILE, _wall_ms)
    except PkiError as error:
        raise UnusableError(Message("terminal.error.working_key", reason=why(error))) from error


def _tell_damaged(metrics: Metrics, readiness: Readiness, n_files: int, warning: Message | None) -> None:
    metrics.damaged_files.set(n_files)
    readiness.warn("telemetry", warning)


def _wall_us() -> int:
    return time.time_ns() // 1000


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
