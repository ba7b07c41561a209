"""Sends log reports to the management systems that the city names: events as they come, measurements now and then.

Events come from the timeline of faults. A report stands in the database before it is sent and until it was taken, so
that a restart loses none, and sends what was under way again as the same bytes under the same ``talqRequestId``.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import httpx
import structlog
from starlette.concurrency import run_in_threadpool

from dashboard_api.context import Context
from dashboard_api.errors import ApiError
from dashboard_api.neighbours.outgoing.endpoints import wait_s
from dashboard_api.neighbours.outgoing.sender import Sender, is_success
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import DeviceSource, address_of_gateway
from dashboard_api.neighbours.talq.event_log import EventLog, report_bodies, report_body
from dashboard_api.neighbours.talq.logger_source import LoggerSource
from dashboard_api.neighbours.talq.loggers import Logger
from dashboard_api.neighbours.talq.measurements import measurement_entries
from dashboard_api.neighbours.talq.sampling import newest_sample_us
from dashboard_api.store.talq_reports import (
    FaultStep,
    Told,
    forget_others,
    next_report,
    receiver,
    report_is_done,
    write_receiver,
)
from ingest.schema.errors import CityError
from ingest.schema.sections import TalqReceiver

EVERY_S: Final = 5.0
MOST_REPORTS: Final = 50  # of events, to one receiver at a time; as many of measurements
LAMPS: Final = 200  # of a report of measurements
_REFUSED: Final = frozenset((400, 409, 413, 415, 422))  # of what is sent: it will not be taken another time either
_PATIENCE: Final = 3  # times that a refused report is sent
_US: Final = 1_000_000


class Reporter:
    """Tells the receivers of one city, each at its own pace."""

    def __init__(
        self,
        context: Context,
        devices: DeviceSource,
        loggers: LoggerSource,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``transport``: another way out than the network."""
        self._context = context
        self._devices = devices
        self._loggers = loggers
        self._transport = transport
        self._group = context.city.city.group
        self._gateway = address_of_gateway(self._group)
        self._receivers = context.city.talq.receivers
        self._sampled: dict[tuple[str, str], tuple[int, int]] = {}  # (receiver, logger) -> sample, row that is next
        self._log = structlog.get_logger("api")

    async def run(self) -> None:
        """Tell receivers until cancelled."""
        sender = Sender(self._transport)
        try:
            await self._forget_others()
            await asyncio.gather(*(self._keep_telling(sender, one) for one in self._receivers))
        finally:
            await sender.close()

    async def _forget_others(self) -> None:
        try:
            await run_in_threadpool(forget_others, self._context.database, [one.url for one in self._receivers])
        except ApiError as error:  # ingest has made no tables yet
            self._log.debug("receivers of TALQ's reports wait", reason=str(error))

    async def _keep_telling(self, sender: Sender, one: TalqReceiver) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.tell(sender, one)
            except ApiError as error:
                self._log.debug("a receiver of TALQ's reports waits", url=one.url, reason=str(error))
            except Exception as error:  # noqa: BLE001  # the other receivers do not wait for this one
                reason = f"{type(error).__name__}: {error}"[:200]
                self._log.error("a receiver of TALQ's reports cannot be told", url=one.url, reason=reason)

    async def tell(self, sender: Sender, one: TalqReceiver) -> None:
        """Send a receiver what is due, up to a bound.

        Raises:
            UnavailableError: the database does not answer.
        """
        row = await run_in_threadpool(receiver, self._context.database, one.url)
        longest_us = wait_s(row.n_failed) * _US  # more than that, and the clock was set back
        if self._context.wall_us() < row.next_at_us <= self._context.wall_us() + longest_us:
            return
        try:
            token = await run_in_threadpool(self._context.city.talq_token, one)
        except CityError as error:
            await self._failed(one, str(error)[:200], None)
            return
        if one.events and not await self._tell_events(sender, one, token):
            return
        if one.measurements_s and await self._tell_measurements(sender, one, token):
            await self._tell_periodic(sender, one, token)

    async def _tell_events(self, sender: Sender, one: TalqReceiver, token: str | None) -> bool:
        """Whether all went well."""
        loggers = await run_in_threadpool(self._loggers.loggers)
        make = partial(self._make, [logger for logger in loggers if logger.events])
        for _ in range(MOST_REPORTS):
            report = await run_in_threadpool(next_report, self._context.database, one.url, make)
            if report is None:
                break
            found = await self._send(sender, one, token, report.request_id, report.body)
            if is_success(found):
                await self._report_is_done(one, report.number)
            elif not await self._failed(one, found, report.number):
                return False
        return True

    def _make(
        self, loggers: Sequence[Logger], told: Mapping[str, Told], steps: Sequence[FaultStep]
    ) -> tuple[Mapping[str, Told], Sequence[str]]:
        log = EventLog(told)
        entries = list(log.take(steps))
        return log.told, report_bodies(entries, self._group, loggers)

    async def _tell_measurements(self, sender: Sender, one: TalqReceiver, token: str | None) -> bool:
        """Whether all went well."""
        row = await run_in_threadpool(receiver, self._context.database, one.url)
        period_us = one.measurements_s * _US
        now_us = self._context.now_us()
        sample_us, start = row.sample_us, row.sample_row
        if now_us // period_us * period_us != sample_us:  # what an older sample still lacks is in the newer one
            sample_us, start = now_us // period_us * period_us, 0
        devices = await run_in_threadpool(self._devices.devices)
        own = [
            logger
            for logger in await run_in_threadpool(self._loggers.loggers)
            if logger.quantities and not logger.profiles
        ]
        for _ in range(MOST_REPORTS):
            if start >= len(devices.addresses):
                break
            stop = start + LAMPS
            after_us = sample_us - period_us
            sample = f"{one.url}/{sample_us}/{start}"
            whole = list(measurement_entries(devices, start, stop, after_us))
            reports = [(mapping.MEASUREMENT_LOGGER, sample, whole)]
            for logger in own:
                part = list(measurement_entries(devices, start, stop, after_us, logger.takes))
                reports.append((logger.address, f"{sample}/{logger.address}", part))
            for address, name, entries in reports:
                if entries:
                    request_id = str(uuid.uuid5(uuid.UUID(self._gateway), name))
                    found = await self._send(sender, one, token, request_id, report_body(address, entries))
                    if not is_success(found) and not await self._failed(one, found, None):
                        return False
            start = stop
            await self._write(one, {"sample_us": sample_us, "sample_row": start, "n_failed": 0, "error": None})
        return True

    async def _tell_periodic(self, sender: Sender, one: TalqReceiver, token: str | None) -> None:
        """Send what periodic loggers are due; a sample from before they were first looked at is not made up for."""
        loggers = [logger for logger in await run_in_threadpool(self._loggers.loggers) if logger.profiles]
        known = {(one.url, logger.address) for logger in loggers}
        for gone in [key for key in self._sampled if key[0] == one.url and key not in known]:
            del self._sampled[gone]
        if not loggers:
            return
        now_us, n_left = self._context.now_us(), MOST_REPORTS
        devices = await run_in_threadpool(self._devices.devices)
        for logger in loggers:
            key, due_us = (one.url, logger.address), newest_sample_us(logger.profiles, now_us)
            sample_us, start = self._sampled.setdefault(key, (due_us or 0, len(devices.addresses)))
            if due_us is not None and due_us > sample_us:
                sample_us, start = due_us, 0
            before_us = newest_sample_us(logger.profiles, sample_us - 1) or 0
            while start < len(devices.addresses) and n_left:
                entries = list(measurement_entries(devices, start, start + LAMPS, before_us, logger.takes))
                if entries:
                    n_left -= 1
                    name = f"{one.url}/{logger.address}/{sample_us}/{start}"
                    request_id = str(uuid.uuid5(uuid.UUID(self._gateway), name))
                    found = await self._send(sender, one, token, request_id, report_body(logger.address, entries))
                    if not is_success(found) and not await self._failed(one, found, None):
                        self._sampled[key] = sample_us, start
                        return
                start += LAMPS
            self._sampled[key] = sample_us, start

    async def _send(
        self, sender: Sender, one: TalqReceiver, token: str | None, request_id: str, body: str
    ) -> int | str:
        headers = {"Content-Type": "application/json", "talq-api-version": mapping.VERSION}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        address = f"{one.url}/log-reports?clientAddress={self._gateway}&talqRequestId={request_id}"
        return await sender.status("POST", address, body.encode(), headers)

    async def _report_is_done(self, one: TalqReceiver, number: int, **more: Any) -> None:
        row = await run_in_threadpool(receiver, self._context.database, one.url)
        values = {"n_sent": row.n_sent + 1, "n_failed": 0, "next_at_us": 0, "error": None, **more}
        await run_in_threadpool(report_is_done, self._context.database, one.url, number, values)

    async def _failed(self, one: TalqReceiver, found: int | str, number: int | None) -> bool:
        """Note a failure; whether the report is set aside, because the receiver refuses it again and again."""
        row = await run_in_threadpool(receiver, self._context.database, one.url)
        n_failed = row.n_failed + 1
        reason = f"status {found}" if isinstance(found, int) else found
        if found in _REFUSED and n_failed >= _PATIENCE and row.error == reason:
            self._log.error("a log report is set aside: its receiver refuses it", url=one.url, reason=reason)
            values = {"n_sent": row.n_sent, "n_refused": row.n_refused + 1, "error": reason}
            if number is None:
                await self._write(one, {**values, "n_failed": 0})
            else:
                await self._report_is_done(one, number, **values)
            return True
        if n_failed == _PATIENCE:
            self._log.warning("a receiver of TALQ's reports does not take them", url=one.url, reason=reason)
        next_at_us = self._context.wall_us() + wait_s(n_failed) * _US
        await self._write(one, {"n_failed": n_failed, "next_at_us": next_at_us, "error": reason})
        return False

    async def _write(self, one: TalqReceiver, values: Mapping[str, Any]) -> None:
        await run_in_threadpool(write_receiver, self._context.database, one.url, values)
