"""Log reports to management systems: nothing lost or doubled over restarts and failures, nobody waits for another."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dashboard_api.context import Context
from dashboard_api.neighbours.outgoing.sender import Sender
from dashboard_api.neighbours.talq import mapping, reporter
from dashboard_api.neighbours.talq.devices import DeviceSource, address_of_lamp
from dashboard_api.neighbours.talq.event_log import EventLog
from dashboard_api.neighbours.talq.groups import GroupSource
from dashboard_api.neighbours.talq.logger_source import LoggerSource
from dashboard_api.neighbours.talq.reporter import Reporter
from dashboard_api.store.talq_reports import FaultStep, Told
from ingest.model.finding import Cleared, Key, Place
from ingest.schema.city import CityError, read_city
from ingest.schema.talq_tables import talq_receivers, talq_reports, talq_told
from tests.dashboard_api.conftest import Town
from tests.dashboard_api.test_talq import ask

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
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
CIRCUIT = Place(cabinet_id="C-2", circuit="1")


def test_events_are_told_as_they_begin_and_end(stand):
    town = stand.town
    town.darken(3)
    stand.tell()
    assert stand.receiver.standing() == {told_by(3, LAMP)}
    town.raise_circuit(T0 + MINUTE)
    town.darken(4, at_us=T0 + MINUTE)
    stand.tell()
    supply = {told_by(row, mapping.EVENT_OF["circuitFailure"]) for row in range(20, 40)}
    assert stand.receiver.standing() == {told_by(3, LAMP), told_by(4, LAMP)} | supply
    clear(town, "lampFailure", Place(lamp_id="L-003"), T0 + 2 * MINUTE)
    clear(town, "circuitFailure", CIRCUIT, T0 + 2 * MINUTE)
    stand.tell()
    stand.tell()
    assert stand.receiver.standing() == {told_by(4, LAMP)}
    ends = [one["timestamp"] for one in stand.receiver.entries() if not one["startEndFlag"]]
    assert len(ends) == 21
    assert len(set(ends)) == 1
    assert len(stand.receiver.requests) == 3
    assert rows(stand, talq_reports) == []


@SQLITE
def test_a_report_says_who_sends_it_and_under_which_id(stand):
    stand.town.darken(3)
    stand.tell()
    (request,) = stand.receiver.requests
    assert str(request.url).startswith(f"{CMS}/log-reports?clientAddress=")
    assert request.headers["talq-api-version"] == "2.7.1"
    assert "authorization" not in request.headers
    (report,) = stand.receiver.reports.values()
    assert report["address"] == "terang-events"
    assert report["entries"] == [
        {
            "data": {
                "type": "EventLogData",
                "srcAddress": told_by(3, LAMP)[0],
                "timestamp": "2026-09-21T14:13:20Z",
                "eventType": "lampFailure",
                "startEndFlag": True,
            }
        }
    ]


@SQLITE
def test_a_fault_that_opens_and_closes_between_two_reports_is_told_whole(stand):
    stand.tell()
    stand.town.darken(3)
    clear(stand.town, "lampFailure", Place(lamp_id="L-003"), T0 + MINUTE)
    stand.tell()
    assert [one["startEndFlag"] for one in stand.receiver.entries()] == [True, False]


@SQLITE
def test_a_restart_after_the_answer_and_before_it_is_noted_repeats_the_same_report(stand, monkeypatch):
    stand.town.darken(3)

    def killed(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reporter, "report_is_done", killed)
        with pytest.raises(KeyboardInterrupt):
            stand.tell()
    stand.town.darken(4)
    stand.restart()
    stand.tell()
    first, again, other = stand.receiver.requests
    assert (first.url, first.content) == (again.url, again.content)
    assert other.url != first.url
    assert stand.receiver.standing() == {told_by(3, LAMP), told_by(4, LAMP)}


@SQLITE
def test_a_receiver_that_fails_is_asked_less_and_less_and_misses_nothing(stand):
    stand.receiver.status = 503
    stand.town.darken(3)
    n_before, waits = 0, []
    for second in range(700):
        stand.tell(1_000_000)
        if len(stand.receiver.requests) > n_before:
            waits.append(second)
            n_before += 1
    assert waits == [0, 10, 30, 70, 150, 310, 630]
    (row,) = rows(stand, talq_receivers)
    assert (row.n_failed, row.error) == (7, "status 503")
    stand.town.darken(4)
    stand.receiver.status = 201
    stand.restart()
    stand.tell(3600_000_000)
    assert stand.receiver.standing() == {told_by(3, LAMP), told_by(4, LAMP)}
    (row,) = rows(stand, talq_receivers)
    assert (row.n_failed, row.error) == (0, None)


@SQLITE
def test_a_report_that_is_refused_again_and_again_does_not_hold_up_the_next(stand):
    stand.receiver.status = 422
    stand.town.darken(3)
    for _ in range(3):
        stand.tell(3600_000_000)
    stand.receiver.status = 201
    stand.town.darken(4)
    stand.tell(3600_000_000)
    assert [one["srcAddress"] for one in stand.receiver.entries()] == [told_by(4, LAMP)[0]]
    (row,) = rows(stand, talq_receivers)
    assert (row.n_refused, row.n_sent) == (1, 1)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["darken", "clear"]), st.integers(18, 23)),
        st.tuples(st.sampled_from(["circuit", "whole", "tell", "restart", "fail", "lose"]), st.just(0)),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_over_restarts_and_failures_a_receiver_knows_what_stands(tmp_path_factory, operations):
    stand = stand_of(Town(tmp_path_factory.mktemp("town")))
    town, at_us = stand.town, T0
    for name, row in operations:
        at_us += MINUTE
        if name == "darken":
            town.darken(row, at_us=at_us)
        elif name == "clear":
            clear(town, "lampFailure", Place(lamp_id=f"L-{row:03d}"), at_us)
        elif name == "circuit":
            town.raise_circuit(at_us)
        elif name == "whole":
            clear(town, "circuitFailure", CIRCUIT, at_us)
        elif name == "restart":
            stand.restart()
        else:
            stand.receiver.status = 503 if name == "fail" else 201
            with pytest.MonkeyPatch.context() as patched:
                if name == "lose":
                    patched.setattr(reporter, "report_is_done", lambda *_arguments: 1 / 0)
                try:
                    stand.tell(3600_000_000)
                except ZeroDivisionError:
                    stand.restart()
    stand.receiver.status = 201
    stand.tell(3600_000_000)
    events = stand.devices.devices().events
    names = stand.devices.devices().lamps.properties["lamp_id"]
    wanted = {
        (f"{address_of_lamp('terang', names[row])}/{event[0]}", event[1])
        for row, standing in events.items()
        for event in standing
    }
    assert stand.receiver.standing() == wanted
    assert rows(stand, talq_reports) == []
    town.engine.dispose()


def step(seq, fault_id, kind="opened", state="open", code="supplyLoss", lamps=("L-1",), *, is_caused=False):
    return FaultStep(seq, fault_id, code, kind, state, T0 + seq, is_caused, tuple(lamps))


def test_an_event_that_two_faults_tell_begins_and_ends_once():
    log = EventLog({})
    took = [
        (one.lamp_id, one.is_start)
        for one in log.take(
            [
                step(1, "A"),
                step(2, "B", code="circuitFailure", lamps=("L-1", "L-2")),
                step(3, "A", kind="closed", state="closed"),
            ]
        )
    ]
    assert took == [("L-1", True), ("L-2", True)]
    assert [one.lamp_id for one in log.take([step(4, "B", "closed", "closed", "circuitFailure")])] == ["L-1", "L-2"]
    assert log.told == {}


def test_what_another_fault_explains_is_not_told_and_comes_when_nothing_explains_it_any_more():
    log = EventLog({})
    assert list(log.take([step(1, "A", is_caused=True)])) == []
    assert [one.is_start for one in log.take([step(2, "A", "unsuppressed")])] == [True]
    assert [one.is_start for one in log.take([step(3, "A", "suppressed", is_caused=True)])] == [False]
    assert list(log.take([step(4, "A", "closed", "closed", is_caused=True)])) == []


def test_a_change_of_the_lamps_tells_those_that_came_and_went():
    log = EventLog({"A": Told("circuitFailure", ("L-1", "L-2"))})
    changed = step(9, "A", "changed", code="circuitFailure", lamps=("L-2", "L-3"))
    assert [(one.lamp_id, one.is_start) for one in log.take([changed])] == [("L-1", False), ("L-3", True)]


def test_codes_that_talq_has_no_event_for_are_told_nowhere():
    assert list(EventLog({}).take(step(n, f"F{n}", code=code) for n, code in enumerate(mapping.REFUSED_CODES))) == []


MEASURING = f'[[talq.receivers]]\nurl = "{CMS}"\nevents = false\nmeasurements_s = 900\n'


@SQLITE
def test_measurements_are_told_once_a_period_page_by_page_also_over_a_restart(town, monkeypatch):
    monkeypatch.setattr(reporter, "LAMPS", 15)
    stand = stand_of(town, MEASURING)
    stand.now_us = T0 // (900 * 10**6) * 900 * 10**6
    town.write_live([2] * 40, at_us=stand.now_us - MINUTE)
    monkeypatch.setattr(reporter, "MOST_REPORTS", 2)
    stand.tell(1_000_000)
    stand.restart()
    for _ in range(3):
        stand.tell(1_000_000)
    entries = stand.receiver.entries("AttributeLogData")
    power = [one["srcAddress"] for one in entries if one["attributeName"] == "activePower"]
    assert len(power) == len(set(power)) == 40
    assert entries[0]["attributeValue"]["value"] == 90.0
    assert [len(json.loads(one.content)["entries"]) for one in stand.receiver.requests] == [15, 15, 10]
    stand.tell(900_000_000)
    assert len(stand.receiver.requests) == 3, "nothing was measured since"
    town.write_live([2] * 40, at_us=stand.now_us)
    stand.tell(900_000_000)
    assert len(stand.receiver.requests) == 5


@SQLITE
def test_one_slow_receiver_stalls_nobody_and_a_redirection_is_not_followed(town, monkeypatch):
    slow, moved = "http://127.0.0.2:9/talq", "http://127.0.0.3:9/talq"
    stand = stand_of(town, "".join(f'[[talq.receivers]]\nurl = "{url}"\n' for url in (slow, moved, CMS)))
    town.darken(3)
    monkeypatch.setattr(reporter, "EVERY_S", 0.01)
    asked, is_told = [], asyncio.Event()

    async def answer(request):
        host = request.url.host
        answered = await stand.receiver(request) if host == "127.0.0.1" else None
        asked.append(host)
        if len(set(asked)) == 3:
            is_told.set()
        if host == "127.0.0.2":
            await asyncio.sleep(60)
        return answered or httpx.Response(302, headers={"Location": "http://10.0.0.1/inside"})

    async def run():
        made = Reporter(stand.context, stand.devices, stand.loggers, httpx.MockTransport(answer))
        task = asyncio.create_task(made.run())
        await is_told.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 30))
    assert stand.receiver.standing() == {told_by(3, LAMP)}
    assert set(asked) == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}


@SQLITE
def test_an_error_at_one_receiver_does_not_end_the_reports_to_the_others(town, monkeypatch):
    broken = "http://127.0.0.2:9/talq"
    stand = stand_of(town, "".join(f'[[talq.receivers]]\nurl = "{url}"\n' for url in (broken, CMS)))
    town.darken(3)
    monkeypatch.setattr(reporter, "EVERY_S", 0.01)
    asked, is_told = [], asyncio.Event()

    async def answer(request):
        asked.append(request.url.host)
        if request.url.host == "127.0.0.2":
            raise KeyError("injected")
        return await stand.receiver(request)

    async def run():
        made = Reporter(stand.context, stand.devices, stand.loggers, httpx.MockTransport(answer))
        real = made.tell

        async def tell(sender, one):
            if asked.count("127.0.0.2") > 2 and "127.0.0.1" in asked:
                is_told.set()
            await real(sender, one)

        monkeypatch.setattr(made, "tell", tell)
        task = asyncio.create_task(made.run())
        await is_told.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(asyncio.wait_for(run(), 30))
    assert stand.receiver.standing() == {told_by(3, LAMP)}


@SQLITE
def test_a_receiver_that_the_city_no_longer_names_is_forgotten(stand):
    stand.town.darken(3)
    stand.receiver.status = 503
    stand.tell()
    assert rows(stand, talq_reports)
    stand.city = read_city(stand.town.city.folder, {}).model_copy(update={"talq": stand.town.city.talq})
    stand.restart()
    asyncio.run(stand.reporter.run())
    assert [rows(stand, table) for table in (talq_receivers, talq_reports, talq_told)] == [[], [], []]


@SQLITE
def test_a_token_is_sent_where_the_city_names_one_and_a_readable_one_is_refused(town):
    token = town.city.folder / "cms.token"
    token.write_text("secret-of-cms\n", encoding="utf-8")
    token.chmod(0o600)
    stand = stand_of(town, f'[[talq.receivers]]\nurl = "{CMS}"\ntoken_file = "cms.token"\n')
    town.darken(3)
    stand.tell()
    assert stand.receiver.requests[0].headers["authorization"] == "Bearer secret-of-cms"
    token.chmod(0o644)
    town.darken(4)
    stand.tell()
    assert len(stand.receiver.requests) == 1
    (row,) = rows(stand, talq_receivers)
    assert row.n_failed == 1
    assert "chmod 600" in row.error


@pytest.mark.parametrize(
    "keys",
    [
        'url = "ftp://cms.example/talq"',
        'url = "https://user@cms.example/talq"',
        'url = "https://cms.example/talq?x=1"',
        'url = "https://cms.example/talq#x"',
        'url = "cms.example"',
        'url = "http://cms.example/talq"\ntoken_file = "t"',
        'url = "https://cms.example/talq"\nmeasurements_s = 5',
        'url = "https://cms.example/talq"\n[[talq.receivers]]\nurl = "https://cms.example/talq/"',
    ],
)
def test_a_receiver_that_cannot_be_is_named_when_the_city_is_read(tmp_path, keys):
    (tmp_path / "city.toml").write_text(f'[city]\nname = "X"\n[[talq.receivers]]\n{keys}\n', encoding="utf-8")
    with pytest.raises(CityError, match=r"talq"):
        read_city(tmp_path, {})


@SQLITE
def test_the_loggers_are_described_and_can_be_asked(town, client):
    town.write_live([2] * 40)
    assert ask(client, "/log-reports/count").json() == 2
    for name in ("terang-events", "terang-measurements"):
        assert ask(client, f"/logger-configs/{name}").json()["address"] == name
        assert ask(client, f"/log-reports/{name}").json()["address"] == name
    assert len(ask(client, "/log-reports/terang-measurements").json()["entries"]) == 40
    assert ask(client, "/logger-configs/other").status_code == 404
