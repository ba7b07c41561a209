"""Hours of data time that lie in one tick, as a night played at full speed brings them, are judged as they happened."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks.truth.pipeline import Pipeline
from edge_agent.wire import BY_NAME
from ingest.schema.tables import fault_events, faults
from tests.ingest.city_stand import GROUP, write_city
from tests.ingest.played_agents import PlayedAgent

MINUTE_MS = 60_000
DAYLIGHT_MS = 1_795_489_200_000  # 2026-11-24 10:00 in Jakarta: nothing but presence is to be judged
N_LAMPS = 3


@dataclass
class Tape:
    """Agents whose messages are kept instead of published."""

    at_ms: int = DAYLIGHT_MS
    messages: list[tuple[str, bytes]] = field(default_factory=list)

    def publish(self, kind: str, node: str, payload: bytes) -> None:
        self.messages.append((f"spBv1.0/{GROUP}/{kind}/{node}", payload))

    def agents(self, n: int) -> list[PlayedAgent]:
        aliases = {name: alias for alias, name in enumerate(BY_NAME)}
        agents = [PlayedAgent(self, number, N_LAMPS, aliases) for number in range(n)]  # type: ignore[arg-type]
        for agent in agents:
            agent.birth()
        return agents


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    city = write_city(tmp_path / "city", n_controllers=4, n_lamps=N_LAMPS, broker_port=1883)
    pipeline = Pipeline(city)
    yield pipeline
    pipeline.close()


def sweep(agent: PlayedAgent, interval_s: int) -> None:
    off = {"Sweep/Interval": interval_s, "Lamps/Dim Level": bytes(N_LAMPS), "Lamps/Status": bytes(N_LAMPS)}
    agent.sweep(agent.values(power_w=0.5, **off))


def rows_of(pipeline: Pipeline) -> list[tuple[str, str, int, int]]:
    with pipeline.engine.connect() as connection:
        query = select(faults.c.code, faults.c.controller_id, faults.c.opened_at_us, faults.c.closed_at_us)
        return [(code, node, opened, closed or 0) for code, node, opened, closed in connection.execute(query)]


def test_who_sweeps_seldom_is_not_offline_in_a_flood(pipeline: Pipeline) -> None:
    tape = Tape()
    agents = tape.agents(4)
    for minute in range(180):
        tape.at_ms += MINUTE_MS
        for agent in agents[:3]:
            sweep(agent, 60)
        if minute % 5 == 0:
            sweep(agents[3], 300)
    pipeline.take(tape.messages, tape.at_ms * 1000)
    assert rows_of(pipeline) == []


def test_records_that_come_at_once_need_no_more_rounds_than_one_controller_has(pipeline: Pipeline) -> None:
    tape = Tape()
    agents = tape.agents(4)
    for agent in agents:
        for _ in range(8):
            tape.at_ms += 10
            sweep(agent, 60)
    rounds = pipeline._host.receive(tape.messages, None).rounds
    assert [len(batch) for batch in rounds] == [4] * 8


@pytest.mark.parametrize("is_will_old", [True, False])
def test_outage_within_one_tick_is_dated_when_it_was(pipeline: Pipeline, is_will_old: bool) -> None:
    tape = Tape()
    agents = tape.agents(4)
    for minute in range(120):
        tape.at_ms += MINUTE_MS
        for agent in agents[:3]:
            sweep(agent, 60)
        if minute == 40:
            agents[3].death(DAYLIGHT_MS if is_will_old else None)
        elif minute == 70:
            agents[3].bd_seq += 1
            agents[3].birth()
        if not 40 <= minute < 70:
            sweep(agents[3], 60)
    pipeline.take(tape.messages, tape.at_ms * 1000)
    ((code, node, opened_us, closed_us),) = rows_of(pipeline)
    since_us = (DAYLIGHT_MS + 41 * MINUTE_MS) * 1000
    assert (code, node) == ("controllerOffline", "PJU-003")
    assert 4 * 60 <= (opened_us - since_us) / 1e6 <= 6 * 60
    assert 29 * 60 <= (closed_us - since_us) / 1e6 <= 32 * 60


def test_restart_within_one_tick_is_no_fault(pipeline: Pipeline) -> None:
    tape = Tape()
    agents = tape.agents(4)
    for minute in range(60):
        tape.at_ms += MINUTE_MS
        for agent in agents:
            if minute % 20 == 19:
                agent.death(DAYLIGHT_MS)
                agent.bd_seq += 1
                agent.birth()
            sweep(agent, 60)
    pipeline.take(tape.messages, tape.at_ms * 1000)
    with pipeline.engine.connect() as connection:
        assert connection.execute(select(fault_events)).all() == []


def test_restart_of_an_agent_whose_clock_is_behind_is_no_fault(pipeline: Pipeline) -> None:
    tape = Tape()
    agents = tape.agents(4)
    late_ms = 8 * MINUTE_MS
    for minute in range(60):
        tape.at_ms += MINUTE_MS
        for agent in agents[:3]:
            sweep(agent, 60)
        tape.at_ms -= late_ms
        if minute == 31:
            agents[3].death()
        elif minute == 33:
            agents[3].bd_seq += 1
            agents[3].birth()
        if not 30 <= minute < 33:
            sweep(agents[3], 60)
        tape.at_ms += late_ms
        pipeline.take(tape.messages, tape.at_ms * 1000)
        tape.messages.clear()
    assert rows_of(pipeline) == []


@pytest.mark.parametrize("ahead_min", [-8, 8])
def test_wrong_clock_in_a_flood_takes_nobody_offline(pipeline: Pipeline, ahead_min: int) -> None:
    tape = Tape()
    agents = tape.agents(4)
    for half_minute in range(360):
        tape.at_ms += MINUTE_MS // 2
        sweep(agents[0], 30)
        if half_minute % 2 == 0:
            sweep(agents[1], 60)
            sweep(agents[2], 60)
            tape.at_ms += ahead_min * MINUTE_MS
            sweep(agents[3], 60)
            tape.at_ms -= ahead_min * MINUTE_MS
        if half_minute in {200, 204}:
            for agent in agents[1:3]:
                if half_minute == 200:
                    agent.death(DAYLIGHT_MS)
                else:
                    agent.bd_seq += 1
                    agent.birth()
        if half_minute < 10 or half_minute in {120, 300}:  # then hours of it at once
            pipeline.take(tape.messages, tape.at_ms * 1000)
            tape.messages.clear()
    pipeline.take(tape.messages, tape.at_ms * 1000)
    assert rows_of(pipeline) == []
