# ruff: noqa: F811  (fixtures of another module are imported by name, and asked for as parameters)
"""Receivers of TALQ's log reports: none waits for another, and each is told what the city names it for."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from dashboard_api.neighbours.talq import reporter
from dashboard_api.neighbours.talq.reporter import Reporter
from ingest.schema.city import CityError, read_city
from ingest.schema.talq_tables import talq_receivers, talq_reports, talq_told
from tests.dashboard_api.talq_receiver import LAMP, SQLITE, rows, stand, stand_of, told_by  # noqa: F401
from tests.dashboard_api.test_talq import ask

T0 = 1_790_000_000_000_000
MINUTE = 60_000_000
CMS = "http://127.0.0.1:9/talq"
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

    asyncio.run(asyncio.wait_for(run(), 60))
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

    asyncio.run(asyncio.wait_for(run(), 60))
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
