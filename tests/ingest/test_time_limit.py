"""Which times are believed where "now" is that of the data: two nights without ingest, and one wrong clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.metrics import Metrics
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.sparkplug.dead_letters import DeadLetters
from ingest.sparkplug.host_application import HostApplication
from ingest.sparkplug.intake_result import IntakeResult
from tests.ingest.city_stand import GROUP
from tests.ingest.name_stand import AT_MS, numbered
from tests.ingest.played_agents import PlayedAgent
from tests.ingest.seeded_blocks import town

DAY_MS = 86_400_000
YEARS_MS = 20 * 365 * DAY_MS


class City:
    """Three agents with a clock each, and the host that hears them at a "now" that the test gives it."""

    def __init__(self, folder: Path, n: int = 3) -> None:
        self.at_ms = AT_MS
        self.messages: list[tuple[str, bytes]] = []
        self.metrics = Metrics()
        self.host = HostApplication(
            GROUP,
            town(n, 2),
            received=ReceivedRangesTable(),
            dead_letters=DeadLetters(folder),
            metrics=self.metrics,
            monotonic=lambda: 0.0,
            wall_ms=lambda: self.at_ms,
        )
        self.agents = [PlayedAgent(self, c, 2, numbered(1)) for c in range(n)]  # type: ignore[arg-type]  # it only publishes

    def publish(self, kind: str, node: str, payload: bytes) -> None:
        self.messages.append((f"spBv1.0/{GROUP}/{kind}/{node}", payload))

    def receive(self, now_ms: int | None, *, is_data_time: bool = True) -> IntakeResult:
        messages, self.messages = self.messages, []
        now_us = None if now_ms is None else now_ms * 1000
        return self.host.receive(messages, now_us, is_data_time=is_data_time)

    def begin(self, now_ms: int | None = AT_MS) -> None:
        for agent in self.agents:
            agent.birth()
            agent.sweep()
        assert self.receive(now_ms).n_records == len(self.agents)

    def n_refused(self) -> float:
        return self.metrics.registry.get_sample_value("terang_ingest_complaints_total", {"reason": "time"}) or 0.0


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


@pytest.mark.parametrize("is_born", [True, False])
@pytest.mark.parametrize("days", [2, 400])
def test_after_nights_without_data_most_clocks_are_believed(city: City, days: int, is_born: bool) -> None:
    city.begin()
    city.host.forget() if is_born else None
    city.at_ms += days * DAY_MS
    for agent in city.agents:
        if is_born:
            agent.birth()
        agent.sweep()
    result = city.receive(AT_MS)
    assert result.n_records == 3
    assert not city.n_refused()
    assert {event.at_us for _, event in result.events} <= {AT_MS * 1000}  # their births repeat the last values


def test_agents_that_come_back_one_by_one_are_believed(city: City) -> None:
    city.begin()
    city.host.forget()
    city.at_ms += 2 * DAY_MS
    now_ms = AT_MS
    for agent in city.agents:
        agent.birth()
        agent.sweep()
        assert city.receive(now_ms).n_records == 1
    assert not city.n_refused()


def test_one_wrong_clock_moves_nothing(city: City) -> None:
    city.begin()
    for agent in city.agents[:2]:
        agent.sweep()
    city.at_ms += YEARS_MS
    city.agents[2].birth()
    city.agents[2].sweep()
    city.at_ms -= YEARS_MS - 60_000
    city.agents[0].sweep()
    result = city.receive(AT_MS)
    assert city.n_refused() == 1
    assert {record.session.controller_id for record in [r for part in result.rounds for r in part]} == {
        agent.node for agent in city.agents[:2]
    }


def test_the_system_clock_is_not_outvoted(city: City) -> None:
    city.begin()
    city.at_ms += 2 * DAY_MS
    for agent in city.agents:
        agent.sweep()
    assert not city.receive(AT_MS, is_data_time=False).n_records
    assert city.n_refused() == 3


def test_nodes_of_no_register_have_no_vote(tmp_path: Path) -> None:
    city = City(tmp_path, 2)
    city.begin()
    city.at_ms += YEARS_MS
    strangers = [PlayedAgent(city, c, 2, numbered(1)) for c in (7, 8, 9)]  # type: ignore[arg-type]
    for one in strangers:
        one.birth()
        one.sweep()
    city.agents[0].sweep()
    assert not city.receive(AT_MS).rounds
    assert city.n_refused() >= 1
