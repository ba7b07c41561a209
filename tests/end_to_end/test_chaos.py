"""The short chaos run: agents, broker and ingest are killed at random under load; then every record is counted.

``TERANG_CHAOS_SEED`` and ``TERANG_CHAOS_S`` play another schedule, or a longer one.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest

from firmware_sim.demo.night import clock_offset_s
from firmware_sim.fleet.schedule import town_level
from firmware_sim.fleet.town import read_town
from ingest.schema.segments import table_files
from tests.end_to_end.chaos_street import LAST_INTERVAL_S, AgentProcess, Blow, Street, Victim, make_schedule, write_city
from tests.ingest.city_stand import IngestProcess, Mosquitto

N_CONTROLLERS, N_LAMPS = 2, 5
SEED = int(os.environ.get("TERANG_CHAOS_SEED", "20261123"))
CHAOS_S = float(os.environ.get("TERANG_CHAOS_S", "32"))

pytestmark = [pytest.mark.chaos, pytest.mark.end_to_end, pytest.mark.timeout(180 + 2 * CHAOS_S)]


class Broker(Mosquitto):
    def kill(self) -> None:
        self.stop()


class ChaosRun:
    def __init__(self, folder: Path, mosquitto: Path, stack: ExitStack) -> None:
        self.city = folder
        self.broker = Broker(mosquitto, folder)
        write_city(folder, self.broker.port, N_CONTROLLERS, N_LAMPS)
        offset_s = clock_offset_s(time.time_ns() // 1000, town_level(read_town(folder)))
        self.street = Street(folder, offset_s, SEED)
        stack.callback(self.street.close)
        self.agents = [
            AgentProcess(self.street, n, folder, self.broker.port, 0.3 + 0.2 * n) for n in range(N_CONTROLLERS)
        ]
        self.ingest = IngestProcess(folder, "--clock", "data")
        self.victims: dict[str, Victim] = {agent.controller_id: agent for agent in self.agents}
        self.victims |= {"broker": self.broker, "ingest": self.ingest}
        for victim in self.victims.values():
            stack.callback(victim.kill)
            victim.start()

    def play(self, schedule: list[Blow]) -> None:
        for blow in schedule:
            time.sleep(blow.after_s)
            self.victims[blow.victim].kill()
            time.sleep(blow.down_s)
            self.victims[blow.victim].start()

    def stored(self) -> Counter[tuple[str, int, int, int]]:
        """(controller, epoch, sequence, at_ms) of every row of ``cabinets``, which has one for each record."""
        files = [str(path) for path in table_files(self.city / "data" / "telemetry", "cabinets")]
        if not files:
            return Counter()
        query = "SELECT controller_id, epoch, sequence, at_us // 1000 FROM read_parquet($1)"
        return Counter((c, int(e), int(s), int(ms)) for c, e, s, ms in duckdb.execute(query, [files]).fetchall())

    def doubled_lamp_rows(self) -> list[tuple[object, ...]]:
        files = [str(path) for path in table_files(self.city / "data" / "telemetry", "lamps")]
        key = "controller_id, epoch, sequence, lamp_id"
        return duckdb.execute(
            f"SELECT {key}, count(*) FROM read_parquet($1) GROUP BY {key} HAVING count(*) > 1", [files]
        ).fetchall()

    def n_stored(self, agent: AgentProcess) -> int:
        return len({sequence for controller, _, sequence, _ in self.stored() if controller == agent.controller_id})

    def faults(self) -> list[tuple[str, str | None, str, list[str]]]:
        """(code, lamp, state, kinds of its timeline), oldest first."""
        path = self.city / "data" / "terang.db"
        if not path.exists():
            return []
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            rows = database.execute("SELECT id, code, lamp_id, state FROM faults ORDER BY id").fetchall()
            events = database.execute("SELECT fault_id, kind FROM fault_events ORDER BY seq").fetchall()
        except sqlite3.OperationalError:  # ingest has not made its tables yet
            return []
        finally:
            database.close()
        return [(code, lamp, state, [k for f, k in events if f == number]) for number, code, lamp, state in rows]

    def wait(self, is_true: Callable[[], bool], what: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not is_true():
            assert time.monotonic() < end, f"{what} did not come within {seconds} s\n{self.words()}"
            time.sleep(0.3)

    def words(self) -> str:
        logs = [agent.log for agent in self.agents] + [self.city / "ingest.log"]
        faults = "\n".join(map(str, self.faults()))
        return f"{faults}\n" + "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-2500:]}" for log in logs)


def test_kills_of_agents_broker_and_ingest_lose_and_double_neither_record_nor_fault(
    tmp_path: Path, require_debian: Callable[[str], Path]
) -> None:
    mosquitto = require_debian("mosquitto")
    schedule = make_schedule(SEED, [*(f"PJU-{n + 1}" for n in range(N_CONTROLLERS)), "broker", "ingest"], CHAOS_S)
    print(f"TERANG_CHAOS_SEED={SEED} TERANG_CHAOS_S={CHAOS_S}", *schedule, sep="\n")  # pytest shows it on failure
    with ExitStack() as stack:
        chaos_run = ChaosRun(tmp_path, mosquitto, stack)
        lit = [("lampFailure", "L-1-3", "open", ["opened"])]
        chaos_run.street.injector.inject("lampFailure", "L-1-3", {})
        chaos_run.wait(lambda: chaos_run.faults() == lit, "the fault before the blows", 40)
        half = len(schedule) // 2
        chaos_run.play(schedule[:half])
        chaos_run.street.injector.inject("lampFailure", "L-2-2", {})
        chaos_run.play(schedule[half:])
        both = [*lit, ("lampFailure", "L-2-2", "open", ["opened"])]  # by live data: history opens nothing
        chaos_run.wait(lambda: len(chaos_run.faults()) >= len(both), "the fault between the blows", 90)
        for agent in chaos_run.agents:  # each delivers what it holds, and one last sweep
            agent.kill()
            agent.set_interval(LAST_INTERVAL_S)
            agent.start()
        chaos_run.wait(lambda: all(chaos_run.n_stored(a) > a.last for a in chaos_run.agents), "the last record", 60)
        time.sleep(2.5)  # the last acknowledgement, and whatever would still come twice
        numbers = []
        for agent in chaos_run.agents:
            agent.stop()
            numbers.append(agent.read_outbox())
        assert chaos_run.ingest.stop() == 0
        assert chaos_run.faults() == both, chaos_run.words()
    stored = chaos_run.stored()
    for agent, held in zip(chaos_run.agents, numbers, strict=True):
        own = {key[1:]: n for key, n in stored.items() if key[0] == agent.controller_id}
        lost = set(range(1, agent.last + 1)) - {sequence for _, sequence, _ in own}
        assert not lost, f"{agent.controller_id}: lost {sorted(lost)}\n{chaos_run.words()}"
        assert {epoch for epoch, _, _ in own} == {held["epoch"]}, "a kill must not cost the epoch"
        assert sum(own.values()) == agent.last, f"{agent.controller_id}: doubled"
        assert held["acknowledged"] == agent.last
        assert agent.n_reused == 0
        times = {(epoch, sequence): at_ms for epoch, sequence, at_ms in own}
        assert agent.history == {key: times[key] for key in agent.history}, "stored is what was recorded"
        print(f"{agent.controller_id}: {agent.last} records, lost 0, doubled 0")
    assert chaos_run.doubled_lamp_rows() == []
