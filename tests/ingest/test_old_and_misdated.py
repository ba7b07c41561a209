"""Retained messages are not believed; an agent's clock that is hours off dates no fault and is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest.decode.columns import build_tick
from ingest.pipeline.clock import WallClock
from ingest.pipeline.ports import judge_tick
from tests.ingest.city_stand import IngestProcess, Mosquitto, stored_records, wait_until, write_city
from tests.ingest.name_stand import LAMPS, NAME, NameStand
from tests.ingest.played_agents import PlayedFleet
from tests.ingest.test_poison_messages import birth, data

HOUR_US = 3_600_000_000


def test_retained_births_data_and_deaths_are_not_believed(
    tmp_path: Path, require_debian: Callable[[str], Path]
) -> None:
    broker = Mosquitto(require_debian("mosquitto"), tmp_path)
    broker.start()
    city = write_city(tmp_path / "city", n_controllers=2, n_lamps=4, broker_port=broker.port)
    fleet = PlayedFleet(broker.port, 2, 4)
    victim = fleet.agents[0]
    for kind, payload in (("NBIRTH", birth()), ("NDATA", data(999)), ("NDEATH", b"")):
        message = payload or b"\x08\x01"
        fleet._client.publish(f"spBv1.0/terang/{kind}/{victim.node}", message, qos=1, retain=True).wait_for_publish(5)
    ingest = IngestProcess(city)
    ingest.start()
    try:
        wait_until(ingest.is_ready, 60)
        wait_until(lambda: ingest.counter('terang_ingest_complaints_total{reason="retained"}') == 3)
        with fleet.lock:
            victim.birth()
            victim.sweep()
        wait_until(lambda: not victim.outbox)
        assert {(node, epoch) for node, epoch, _ in stored_records(city)} == {(victim.node, victim.epoch)}
        assert f"{victim.node}: a retained" in ingest.log()
    finally:
        fleet.close()
        ingest.kill()
        broker.stop()


class Listening:
    """Detection that notes at what time each record is judged."""

    def __init__(self) -> None:
        self.judged_us: list[int] = []

    def judge(self, batch, _now_us):  # type: ignore[no-untyped-def]
        self.judged_us += batch.at_us.tolist()
        return []

    def session(self, event, _now_us):  # type: ignore[no-untyped-def]
        self.judged_us.append(event.at_us)
        return []

    def tick(self, _now_us: int) -> list[object]:
        return []


@pytest.mark.parametrize("off_h", [7, -7, 0.25, 23])
def test_a_clock_that_is_off_dates_no_fault_and_is_reported(tmp_path: Path, off_h: float) -> None:
    stand, judge = NameStand(tmp_path), Listening()
    agent = stand.agent(7777, LAMPS)
    now_us, off_us = int(time.time()) * 1_000_000, int(off_h * HOUR_US)
    clock = WallClock(lambda: now_us)
    stored: list[int] = []
    for step in range(6):
        now_us += 60_000_000
        stand.air.at_ms = (now_us + off_us) // 1000
        if step == 0:
            agent.birth()
        stand.air.at_ms -= 1000
        stand.sweep(agent)
        messages, stand.air.messages = stand.air.messages, []
        intake = stand.host.receive(messages, now_us)
        tick = build_tick(intake.rounds, [*intake.history, *intake.unjudged], stand.host.directory)
        stored += tick.block.batch.at_us.tolist()
        judge.judged_us.clear()
        judge_tick(judge, clock, intake, tick)  # type: ignore[arg-type]  # only what is called
        assert not off_h > 0 or max(judge.judged_us) <= now_us, "nothing is judged in the future"
        if step >= 3:
            assert np.abs(np.array(judge.judged_us) - now_us).max() <= 61_000_000
    assert stored[-1] == now_us + off_us, "the store has what the agent said"
    assert stand.complaints("clock") > 0
    assert stand.host.sessions[NAME].last_at_us == now_us + off_us
