"""Jobs between the database and the agents: dim commands, the schedule, another register."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingest.city_stand import IngestProcess, Mosquitto, wait_until, write_city
from tests.ingest.played_agents import PlayedAgent, PlayedFleet

N_LAMPS = 4


class Stand:
    def __init__(self, folder: Path, program: Path) -> None:
        self.broker = Mosquitto(program, folder)
        self.broker.start()
        self.city = write_city(folder / "city", n_controllers=2, n_lamps=N_LAMPS, broker_port=self.broker.port)
        self.ingest = IngestProcess(self.city)
        self.ingest.start()
        wait_until(self.ingest.is_ready, 60)
        self.fleet = PlayedFleet(self.broker.port, 2, N_LAMPS)
        self.fleet.birth()

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.city / "data" / "terang.db", timeout=20)

    def command(self, command_id: str, lamp_ids: list[str], level: int | None) -> None:
        row = (command_id, 1, "local", "dim", json.dumps(lamp_ids), level, "queued", 1, "{}")
        columns = "id, requested_at_us, actor, kind, lamp_ids, level, state, updated_at_us, result"
        with self.database() as database:
            database.execute(f"INSERT INTO commands ({columns}) VALUES (?,?,?,?,?,?,?,?,?)", row)

    def state(self, command_id: str) -> str:
        with self.database() as database:
            return database.execute("SELECT state FROM commands WHERE id = ?", [command_id]).fetchone()[0]

    def close(self) -> None:
        self.fleet.close()
        self.ingest.kill()
        self.broker.stop()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, require_debian: Callable[[str], Path]) -> Iterator[Stand]:
    opened = Stand(tmp_path_factory.mktemp("jobs"), require_debian("mosquitto"))
    yield opened
    opened.close()


def test_every_agent_is_given_the_schedule_until_it_holds_it(stand: Stand) -> None:
    agent = stand.fleet.agents[0]
    wait_until(lambda: any("Schedule/Document" in command for command in agent.commands))
    text = next(str(c["Schedule/Document"]) for c in agent.commands if "Schedule/Document" in c)
    document = json.loads(text)
    assert (document["version"], document["on"], document["off"]) == (1, "sunset+10m", "sunrise-10m")
    with stand.fleet.lock:
        agent.commands.clear()
        agent.schedule = text
        agent.birth()
        agent.sweep()
    stand.fleet.settle()
    assert not [command for command in agent.commands if "Schedule/Document" in command]


def test_a_controller_that_is_given_a_schedule_of_its_own_is_sent_it_and_the_citys_again_afterwards(
    stand: Stand,
) -> None:
    given, other = stand.fleet.agents

    def schedules_of(agent: PlayedAgent) -> list[dict[str, object]]:
        return [json.loads(str(c["Schedule/Document"])) for c in agent.commands if "Schedule/Document" in c]

    wait_until(lambda: bool(schedules_of(other)))
    with stand.fleet.lock:
        given.commands.clear()
        other.commands.clear()
    hours = {"on": "18:30", "off": "05:15", "dim": [{"at": "23:00", "level": 40}]}
    with stand.database() as database:
        database.execute("INSERT INTO schedules (id, hours, updated_at_us) VALUES ('own', ?, 1)", [json.dumps(hours)])
        row = (given.node, "own", 1)
        database.execute(
            "INSERT INTO controller_schedules (controller_id, schedule_id, assigned_at_us) VALUES (?,?,?)", row
        )
    wait_until(lambda: bool(schedules_of(given)))
    (sent,) = schedules_of(given)
    assert {key: sent[key] for key in hours} == hours
    with stand.fleet.lock:
        given.commands.clear()
        given.schedule = json.dumps(sent)
        given.birth()
        given.sweep()
    stand.fleet.settle()
    assert schedules_of(given) == schedules_of(other) == []
    with stand.database() as database:
        database.execute("DELETE FROM controller_schedules")
    wait_until(lambda: bool(schedules_of(given)))
    (back,) = schedules_of(given)
    assert back["on"] == "sunset+10m"
    assert int(str(back["version"])) >= int(str(sent["version"]))
    with stand.fleet.lock:
        given.commands.clear()


def test_a_dim_command_is_sent_and_confirmed_by_the_lamps(stand: Stand) -> None:
    agent = stand.fleet.agents[1]
    stand.command("C1", ["L-001-002", "L-001-003"], 40)
    wait_until(lambda: any("Lamps/Dim Command" in command for command in agent.commands))
    command = next(c for c in agent.commands if "Lamps/Dim Command" in c)
    assert command["Lamps/Dim Command"] == bytes([254, 254, 40, 40])
    assert int(str(command["Lamps/Dim Until"])) > stand.fleet.at_ms
    wait_until(lambda: stand.state("C1") == "sent")
    with stand.fleet.lock:
        agent.sweep(agent.values(**{"Lamps/Dim Level": bytes([100, 100, 40, 100])}))
    stand.fleet.settle()
    assert stand.state("C1") == "sent"
    with stand.fleet.lock:
        agent.sweep(agent.values(**{"Lamps/Dim Level": bytes([100, 100, 40, 40])}))
    wait_until(lambda: stand.state("C1") == "confirmed")


def test_a_command_to_lamps_of_no_controller_fails(stand: Stand) -> None:
    stand.command("C2", ["L-of-nobody"], 40)
    wait_until(lambda: stand.state("C2") == "failed")


def test_a_register_replaced_while_running_takes_force_and_a_broken_one_does_not(stand: Stand) -> None:
    path = stand.city / "lamps.csv"
    lines = path.read_text().splitlines()
    path.write_text("nonsense\n")
    wait_until(lambda: "the register was not replaced" in stand.ingest.log())
    path.write_text("\n".join(lines[:-1]) + "\n")
    wait_until(lambda: "the register was replaced" in stand.ingest.log())
    stand.fleet.sweep(dt_ms=1000)
    stand.fleet.settle()
    with stand.database() as database:
        assert database.execute("SELECT count(*) FROM lamps").fetchone()[0] == 2 * N_LAMPS - 1
