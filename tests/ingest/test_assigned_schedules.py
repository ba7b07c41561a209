"""Schedules of single controllers: read from the database, pushed to them alone, judged and reckoned by."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from sqlalchemy import create_engine, insert

from ingest.jobs import schedule_push
from ingest.jobs.schedule_push import ScheduleJob
from ingest.jobs.schedule_watch import ScheduleWatch
from ingest.lighting.schedules import Schedules
from ingest.lighting.switchings import Switchings
from ingest.lighting.timetable import CabinetTimetable
from ingest.register.controller_schedules import read_schedules
from ingest.schema.schedule_tables import controller_schedules, schedules
from ingest.schema.sections import ScheduleSection
from ingest.schema.tables import metadata

CITY = ScheduleSection(on="18:00", off="06:00", dim=({"at": "22:00", "level": 70},))
OWN = ScheduleSection(on="19:00", off="05:00", dim=({"at": "23:00", "level": 30},))
OTHER = ScheduleSection(on="sunset", off="sunrise")
HOUR_US = 3_600_000_000
MIDNIGHT_US = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * 1_000_000


def fleet_of(*controllers):
    """A fleet of one cabinet for each name; None = a cabinet without controller."""
    index = {name: row for row, name in enumerate(dict.fromkeys(name for name in controllers if name))}
    return SimpleNamespace(
        n_controllers=len(index),
        n_cabinets=len(controllers),
        controller_index=index,
        cabinet_controller=np.array([index.get(name, -1) for name in controllers], np.int32),
    )


@pytest.fixture
def engine():
    made = create_engine("sqlite://")
    metadata.create_all(made)
    yield made
    made.dispose()


def store(engine, hours, *controllers, schedule_id="night"):
    with engine.begin() as connection:
        connection.execute(insert(schedules), {"id": schedule_id, "hours": hours, "updated_at_us": 1})
        for name in controllers:
            row = {"controller_id": name, "schedule_id": schedule_id, "assigned_at_us": 1}
            connection.execute(insert(controller_schedules), row)


def test_each_cabinet_has_its_controllers_schedule():
    found = Schedules(CITY, {"P-2": OWN, "P-9": OWN}).by_cabinet(fleet_of("P-1", "P-2", None, "P-2"))
    assert [found.of(cabinet) for cabinet in range(4)] == [CITY, OWN, CITY, OWN]


def test_a_schedule_that_cannot_be_read_leaves_its_controllers_the_citys(engine):
    store(engine, OWN.model_dump(mode="json"), "P-1")
    store(engine, {"on": "noon"}, "P-2", schedule_id="broken")
    assert read_schedules(engine, CITY) == Schedules(CITY, {"P-1": OWN})


def test_levels_and_switchings_are_those_of_the_cabinets_own_schedule():
    of_cabinet = Schedules(CITY, {"P-2": OWN}).by_cabinet(fleet_of("P-1", "P-2"))
    place = np.zeros(2)
    timetable = CabinetTimetable(of_cabinet, "UTC", place, place)
    assert timetable.dim_levels.tolist() == [30, 70]
    cabinets = np.arange(2)
    for hour, levels in ((18.5, [100, 0]), (19.5, [100, 100]), (22.5, [70, 100]), (23.5, [70, 30]), (29.5, [70, 0])):
        at_us = np.full(2, MIDNIGHT_US + int(hour * HOUR_US))
        assert timetable.look(cabinets, at_us)[0].tolist() == levels, hour
    switched = Switchings(of_cabinet, "UTC", place, place)
    begin = MIDNIGHT_US // 1_000_000
    assert switched.on(cabinets, np.full(2, begin), np.full(2, begin + int(18.5 * 3600))).tolist() == [1, 0]


class Host:
    """What the job needs of the sessions."""

    def __init__(self, *names):
        self.sent: list[tuple[str, dict]] = []
        known = {name: row for row, name in enumerate(names)}
        self.sessions = {
            name: SimpleNamespace(controller_id=name, controller=row, schedule=None, takes_schedule=True)
            for name, row in known.items()
        }
        self.newborn = []
        self.directory = SimpleNamespace(controllers=SimpleNamespace(n_register=len(known)))
        self.commands = SimpleNamespace(add=self._add)
        self.complaints = SimpleNamespace(add=lambda *_words: None)

    def _add(self, name, metrics):
        self.sent.append((name, json.loads(metrics[0].value)))

    def birth(self, name, document):
        session = self.sessions[name]
        session.schedule = None if document is None else json.dumps(document)
        self.newborn = [session]

    def take(self):
        found, self.sent = self.sent, []
        return found


@pytest.fixture
def push(tmp_path):
    host = Host("P-1", "P-2")
    city = SimpleNamespace(schedule=CITY, city=SimpleNamespace(timezone="UTC"), data_folder=tmp_path)
    return SimpleNamespace(host=host, job=ScheduleJob(city, host), city=city)


def obey(push):
    """Every agent takes what it was sent, and is born anew with it; returns who was sent something."""
    sent = push.host.take()
    for name, document in sent:
        push.host.birth(name, document)
        push.job.run(0)
    return [name for name, _document in sent]


def test_a_schedule_goes_to_its_controllers_alone_with_a_higher_version_and_back_again(push):
    for name in ("P-1", "P-2"):
        push.host.birth(name, None)
        push.job.run(0)
    first = dict(push.host.sent)
    assert obey(push) == ["P-1", "P-2"]
    assert push.host.take() == []
    push.job.replace_schedules(Schedules(CITY, {"P-2": OWN}))
    (sent,) = push.host.sent
    assert sent[0] == "P-2"
    assert sent[1]["version"] > first["P-2"]["version"]
    assert {**sent[1], "version": 0} == {
        "version": 0,
        "timezone": "UTC",
        "on": "19:00",
        "off": "05:00",
        "dim": [{"at": "23:00", "level": 30}],
    }
    assert obey(push) == ["P-2"]
    assert push.host.take() == []  # it holds it: nothing more is sent
    push.job.replace_schedules(Schedules(CITY, {"P-2": OWN}))
    assert push.host.take() == []
    push.job.replace_schedules(Schedules(CITY))
    ((name, back),) = push.host.sent
    assert (name, back["on"]) == ("P-2", "18:00")
    assert back["version"] > sent[1]["version"]


def test_an_agent_that_was_away_is_given_its_own_schedule_when_it_is_born(push):
    job = ScheduleJob(push.city, push.host, None, Schedules(CITY, {"P-1": OWN}))
    push.host.birth("P-1", {"version": 9, "timezone": "UTC", "on": "18:00", "off": "06:00", "dim": []})
    job.run(0)
    ((name, sent),) = push.host.take()
    assert (name, sent["on"], sent["version"]) == ("P-1", "19:00", 10)
    push.host.birth("P-1", sent)
    job.run(0)
    assert push.host.take() == []


def test_many_changes_never_run_ahead_of_what_is_followed(push, monkeypatch):
    monkeypatch.setattr(schedule_push, "_MAX_AHEAD", 5)
    held = {"version": 0}
    push.host.birth("P-1", None)
    for turn in range(12):  # more than an agent's version may be ahead
        push.job.replace_schedules(Schedules(CITY, {"P-1": (OWN, OTHER)[turn % 2]}))
        ((_name, sent),) = push.host.take()
        assert sent["version"] >= held["version"], turn  # an agent refuses an older one
        held = sent
        push.host.birth("P-1", held)
        push.job.run(0)
        assert push.host.take() == []
    push.job.replace_schedules(Schedules(CITY))
    ((_name, back),) = push.host.take()
    assert back["version"] >= held["version"] > 10


def test_the_watch_puts_another_schedule_in_force_once_and_again_after_a_failure(engine):
    seen, is_broken = [], [True]

    class User:
        def replace_schedules(self, found):
            if is_broken[0]:
                is_broken[0] = False
                raise MemoryError("injected")
            seen.append(found)

    now = [0.0]
    watch = ScheduleWatch(engine, Schedules(CITY), (User(),), lambda: now[0])

    def look():
        now[0] += 10.0
        watch.run(0)

    look()
    assert seen == []
    store(engine, OWN.model_dump(mode="json"), "P-1")
    with pytest.raises(MemoryError):
        look()
    look()
    look()
    assert seen == [Schedules(CITY, {"P-1": OWN})]
