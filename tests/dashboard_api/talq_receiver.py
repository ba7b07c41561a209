"""A management system that takes TALQ's log reports, and the reporter that sends them."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import httpx
import pytest
from sqlalchemy import select

from dashboard_api.context import Context
from dashboard_api.neighbours.outgoing.sender import Sender
from dashboard_api.neighbours.talq import mapping
from dashboard_api.neighbours.talq.devices import DeviceSource, address_of_lamp
from dashboard_api.neighbours.talq.groups import GroupSource
from dashboard_api.neighbours.talq.logger_source import LoggerSource
from dashboard_api.neighbours.talq.reporter import Reporter
from ingest.model.finding import Cleared, Key
from ingest.schema.city import read_city

T0 = 1_790_000_000_000_000
CMS = "http://127.0.0.1:9/talq"
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Receiver:
    """A management system: keeps each report once, by its request id."""

    def __init__(self):
        self.reports: dict[str, dict] = {}
        self.requests: list[httpx.Request] = []
        self.status = 201

    async def __call__(self, request):
        self.requests.append(request)
        if self.status == 201:
            document = json.loads(request.content)
            kept = self.reports.setdefault(request.url.params["talqRequestId"], document)
            assert kept == document, "the same request id with another body"
        return httpx.Response(self.status)

    def entries(self, kind="EventLogData"):
        return [
            entry["data"]
            for report in self.reports.values()
            for entry in report["entries"]
            if entry["data"]["type"] == kind
        ]

    def standing(self):
        """What began and did not end; an event that begins twice, or ends without having begun, fails."""
        found: set[tuple[str, str]] = set()
        for one in self.entries():
            event = (one["srcAddress"], one["eventType"])
            assert (event in found) != one["startEndFlag"], one
            found ^= {event}
        return found


@pytest.fixture
def stand(town):
    return stand_of(town)


def stand_of(town, text=f'[[talq.receivers]]\nurl = "{CMS}"\n'):
    """A town that names a receiver, and a reporter that can be replaced as by a restart."""
    path = town.city.folder / "city.toml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
    made = SimpleNamespace(town=town, city=read_city(town.city.folder, {}), receiver=Receiver(), now_us=T0)

    def restart():
        made.context = Context(made.city, lambda: made.now_us)
        made.devices = DeviceSource(made.context)
        groups = GroupSource("gateway", made.context.database)
        made.loggers = LoggerSource(made.context.database, made.devices, groups)
        made.reporter = Reporter(made.context, made.devices, made.loggers)

    def tell(wait_us=0):
        made.now_us += wait_us

        async def once():
            sender = Sender(httpx.MockTransport(made.receiver))
            for one in made.city.talq.receivers:
                await made.reporter.tell(sender, one)
            await sender.close()

        asyncio.run(once())

    made.restart, made.tell = restart, tell
    restart()
    return made


def rows(stand, table):
    with stand.town.engine.connect() as connection:
        return connection.execute(select(table)).all()


def told_by(row, event):
    return (f"{address_of_lamp('terang', f'L-{row:03d}')}/{event[0]}", event[1])


def clear(town, code, place, at_us):
    town.book.apply([Cleared(Key(code, place), at_us)], at_us)


LAMP = mapping.EVENT_OF["lampFailure"]
