"""Controllers that were renamed or taken down: they are no longer counted, and can be retired."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import create_engine, insert, select

from edge_agent.wire import Metric, Payload, encode_payload
from ingest.city.__main__ import main
from ingest.city.retiring import retire_controller
from ingest.errors import UnusableError
from ingest.jobs.controllers import ControllerJob
from ingest.schema import tables
from tests.dashboard_api.conftest import Town
from tests.ingest.name_stand import AT_MS, NAME, NameStand
from tests.ingest.test_poison_messages import BIRTH, birth

HOUR_US = 3_600_000_000
NOW_US = AT_MS * 1000


def row(controller_id, *, is_online=False, last_seen_us=NOW_US - HOUR_US):
    return {
        "controller_id": controller_id,
        "epoch": "1",
        "stored_sequence": 5,
        "is_online": is_online,
        "last_seen_us": last_seen_us,
        "agent_version": "1",
        "sweep_interval_s": 60,
    }


@pytest.fixture
def town(tmp_path, database_url):
    return Town(tmp_path, database_url=database_url)


def met(town, *rows):
    with town.engine.begin() as connection:
        connection.execute(insert(tables.controllers), list(rows))


def names(town):
    with town.engine.connect() as connection:
        return set(connection.execute(select(tables.controllers.c.controller_id)).scalars())


def open_fault(town, controller_id):
    with town.engine.begin() as connection:
        connection.execute(
            insert(tables.faults),
            {
                "id": "01JDB2M7Z8Q5W3N4T6V9X0Y1KC",
                "code": "controllerOffline",
                "level": "controller",
                "severity": "major",
                "priority": 50,
                "state": "open",
                "place": f"controllerOffline {controller_id}",
                "opened_at_us": NOW_US - HOUR_US,
                "updated_at_us": NOW_US - HOUR_US,
                "is_verified": False,
                "lamp_ids": [],
                "controller_id": controller_id,
                "version": 1,
                "evidence": {},
            },
        )


def test_a_renamed_controller_is_forgotten_with_its_open_faults(town):
    met(town, row("PJU-OLD"), row("PJU-1"))
    open_fault(town, "PJU-OLD")
    assert retire_controller(town.engine, "PJU-OLD", NOW_US) == 1
    assert names(town) == {"PJU-1"}
    with town.engine.connect() as connection:
        fault = connection.execute(select(tables.faults)).one()
        (event,) = connection.execute(select(tables.fault_events).where(tables.fault_events.c.kind == "closed"))
    assert (fault.state, fault.closed_at_us, fault.version) == ("closed", NOW_US, 2)
    assert event.data["reason"] == "no_longer_judged"


@pytest.mark.parametrize(
    ("controller_id", "reason"),
    [("PJU-1", "register gives it to C-1"), ("PJU-NEW", "is online"), ("PJU-NOBODY", "no such controller")],
)
def test_what_is_in_use_is_not_retired(town, controller_id, reason):
    met(town, row("PJU-1"), row("PJU-NEW", is_online=True, last_seen_us=NOW_US - 1))
    before = names(town)
    with pytest.raises(UnusableError, match=reason):
        retire_controller(town.engine, controller_id, NOW_US)
    assert names(town) == before


def test_the_command_says_what_it_did(town, capsys, monkeypatch):
    met(town, row("PJU-OLD"))
    for code, said in ((0, "PJU-OLD: retired; 0 open faults"), (2, "no such controller")):
        monkeypatch.setattr(sys, "argv", ["terang-city", "retire", "PJU-OLD", "--city", str(town.city.folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code
        assert said in "".join(capsys.readouterr())


def test_a_controller_of_no_register_is_counted_only_while_it_is_online(tmp_path):
    stand = NameStand(tmp_path)
    engine = create_engine(f"sqlite:///{tmp_path / 'terang.db'}")
    tables.metadata.create_all(engine)
    job = ControllerJob(engine, stand.host, lambda: stand.now_s)
    renamed = "spBv1.0/terang/{}/PJU-RENAMED"
    death = encode_payload(Payload(AT_MS, None, (Metric(0, name="bdSeq", datatype=4),)))

    def listed():
        stand.now_s += 20.0
        job.run(NOW_US)
        with engine.connect() as connection:
            return set(connection.execute(select(tables.controllers.c.controller_id)).scalars())

    stand.host.receive([(BIRTH, birth()), (renamed.format("NBIRTH"), birth())], NOW_US)
    assert "PJU-RENAMED" in listed() & set(stand.host.presence())
    stand.host.receive([(renamed.format("NDEATH"), death)], NOW_US)
    assert "PJU-RENAMED" not in listed() | set(stand.host.presence())
    assert set(stand.host.presence()) == {NAME}
    engine.dispose()
