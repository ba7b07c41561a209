"""Broken and hostile input over a real broker: counted, logged once, set aside, acknowledged; the rest goes on."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edge_agent.wire import Metric, Payload, encode_payload, pack_strings
from tests.ingest.city_stand import IngestProcess, Mosquitto, quarantined, stored_records, wait_until, write_city
from tests.ingest.played_agents import PlayedAgent, PlayedFleet
from tests.ingest.test_poison_messages import birth, data

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

    @property
    def agent(self) -> PlayedAgent:
        return self.fleet.agents[0]

    def send(self, **changed: object) -> None:
        with self.fleet.lock:
            self.fleet.at_ms += 1000
            self.agent.sweep(self.agent.values(**changed))

    def send_garbled(self, garble: Callable[[bytes], bytes]) -> None:
        """Send a record whose payload comes like this whenever it is sent."""
        with self.fleet.lock:
            sequence = self.agent.sweep(is_sent=False)
            self.agent.garbled[sequence] = garble
            self.agent.send(sequence)

    def complaints(self, reason: str) -> float:
        return self.ingest.counter(f'terang_ingest_complaints_total{{reason="{reason}"}}')

    def close(self) -> None:
        self.fleet.close()
        self.ingest.kill()
        self.broker.stop()


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory, require_debian: Callable[[str], Path]) -> Iterator[Stand]:
    opened = Stand(tmp_path_factory.mktemp("intake"), require_debian("mosquitto"))
    yield opened
    opened.close()


def numbers_stored(stand: Stand) -> set[int]:
    return {sequence for node, _, sequence in stored_records(stand.city) if node == stand.agent.node}


def test_a_wrong_length_is_set_aside_and_acknowledged(stand: Stand) -> None:
    before = stand.complaints("length")
    stand.send(**{"Lamps/Power": b"\0" * 4 * (N_LAMPS + 1)})
    broken = stand.agent.sequence
    stand.send()
    n_resent = stand.fleet.settle()
    assert before < stand.complaints("length") <= before + 1 + n_resent
    assert broken not in numbers_stored(stand)
    assert broken + 1 in numbers_stored(stand)
    assert quarantined(stand.city)[-1]["reason"] == "length"


@pytest.mark.parametrize("at_ms", [0, 1000, 4_294_967_295_000, (1 << 64) - 1])
def test_a_time_that_cannot_be_is_set_aside(stand: Stand, at_ms: int) -> None:
    now, before = stand.fleet.at_ms, stand.complaints("time")
    with stand.fleet.lock:
        stand.fleet.at_ms = at_ms
        stand.agent.sweep()
        broken = stand.agent.sequence
        stand.fleet.at_ms = now
    n_resent = stand.fleet.settle()
    assert before < stand.complaints("time") <= before + 1 + n_resent
    assert broken not in numbers_stored(stand)


def test_nan_and_infinity_are_unknown(stand: Stand) -> None:
    stand.send(**{"Lamps/Power": np.array([np.nan, np.inf, -np.inf, 90], "<f4").tobytes()})
    stand.fleet.settle()
    assert stand.ingest.counter("terang_ingest_bad_values_total") >= 2


def test_a_truncated_payload_is_acknowledged_by_the_number_at_its_front(stand: Stand) -> None:
    stand.send_garbled(lambda payload: payload[: len(payload) // 2])
    stand.fleet.settle()
    assert stand.agent.sequence not in numbers_stored(stand)


def test_garbage_that_keeps_coming_does_not_block_the_rest(stand: Stand) -> None:
    stand.send_garbled(lambda _payload: b"\xff\x00garbage")
    garbage = stand.agent.sequence
    stand.send()
    for _ in range(3):
        with stand.fleet.lock:
            stand.agent.send(garbage, is_historical=True)
        stand.send()
    stand.fleet.settle()


def test_foreign_topics_and_births_change_nothing(stand: Stand) -> None:
    stand.fleet.publish("NBIRTH", "PJU-000", b"\xff\xff")
    stand.fleet.publish("NBIRTH", "PJU-001", encode_payload(Payload(1, 7, ())))
    stand.fleet.publish("NDEATH", "PJU-000", encode_payload(Payload(1, None, (Metric(99, name="bdSeq", datatype=4),))))
    stand.fleet.publish("NDEATH", "PJU-001", b"nonsense")
    stand.send()
    stand.fleet.settle()
    assert stand.ingest.log().count("NBIRTH of PJU-000") == 1


def test_a_giant_payload_is_not_kept(stand: Stand) -> None:
    before = stand.complaints("size")
    stand.send_garbled(lambda payload: payload + b"\x2a\x80\x80\x80\x30" + b"\0" * (100 << 20))
    n_resent = stand.fleet.settle()
    assert before < stand.complaints("size") <= before + 1 + n_resent
    assert (stand.city / "data" / "quarantine.jsonl").stat().st_size < 1_000_000


def test_a_clock_running_backwards_is_stored(stand: Stand) -> None:
    with stand.fleet.lock:
        for step_ms in (0, -3_600_000, 1000):
            stand.fleet.at_ms += step_ms
            stand.agent.sweep()
    stand.fleet.settle()
    assert stand.agent.sequence in numbers_stored(stand)


def test_a_controller_of_no_register_is_stored_and_judged_nowhere(stand: Stand) -> None:
    stranger = PlayedAgent(stand.fleet, 99, N_LAMPS, stand.agent.aliases)
    stand.fleet._by_node[stranger.node] = stranger
    with stand.fleet.lock:
        stranger.birth()
        stranger.sweep()
    wait_until(lambda: not stranger.outbox)
    assert ("PJU-099", stranger.epoch, 1) in stored_records(stand.city)
    assert stand.complaints("unknown_controller") >= 1


def test_births_under_ever_new_epochs_change_nothing(stand: Stand) -> None:
    agent, own = stand.agent, stand.agent.epoch
    with stand.fleet.lock:
        for epoch in range(5000, 5020):
            agent.epoch = epoch
            agent.birth()
        agent.epoch = own
        agent.birth()
    stand.send()
    stand.fleet.settle()
    assert agent.sequence in numbers_stored(stand)


def hostile_messages(stand: Stand) -> list[tuple[str, bytes]]:
    """What has ended or stalled a host before, one of each kind, under a stranger's name and a registered one's."""
    other = stand.fleet.agents[1].node
    births = [
        birth(**{"Sweep/Interval": 1 << 63}),
        birth(**{"Agent/Version": "1.0\0"}),
        birth(**{"Schedule/Document": "[" * 60_000}),
        birth(**{"Outbox/Sequence": (1 << 64) - 1, "Outbox/Pending": 1}),
        birth(**{"Circuits/Id": pack_strings((*(f"?{i}" for i in range(30_000)), *map(str, range(30_000))))}),
        birth(**{"Lamps/Id": b"x\0" * 60_000}),
        birth() + b"\x12\x00" * 1_000_000,
        b"\xff" * 3_000_000,
    ]
    messages = [("spBv1.0/STATE/terang", state) for state in (b"[" * 100_000, b'{"online":' * 5000, b"9" * 5000)]
    messages.append(("spBv1.0/STATE/terang", b'{"online":false,"timestamp":1e999}'))
    messages.append(("spBv1.0/STATE/terang", b'{"online":false,"timestamp":%d}' % (1 << 80)))
    for node in ("PJU-stranger", other):
        messages += [(f"spBv1.0/terang/NBIRTH/{node}", payload) for payload in births]
        messages.append((f"spBv1.0/terang/NDATA/{node}", data(1, **{"Sweep/Interval": (1 << 64) - 1})))
        messages.append((f"spBv1.0/terang/NDEATH/{node}", b"\x12\x00" * 1_000_000))
    return messages


def test_hostile_messages_end_and_delay_nothing(stand: Stand) -> None:
    for topic, payload in hostile_messages(stand):
        stand.fleet._client.publish(topic, payload)
    first = stand.agent.sequence + 1

    def is_written() -> bool:
        """Whether the controllers' table, which is written every 15 s, was written since; meanwhile all goes on."""
        stand.send()
        stand.fleet.settle(30)
        time.sleep(0.5)
        with closing(sqlite3.connect(stand.city / "data" / "terang.db", timeout=20)) as database:
            query = "SELECT stored_sequence, is_online FROM controllers WHERE controller_id = ?"
            rows = database.execute(query, [stand.agent.node]).fetchall()
        return [(sequence >= first, is_online) for sequence, is_online in rows] == [(True, 1)]

    wait_until(is_written, 60)
    assert stand.ingest.is_ready()
    assert stand.ingest.counter("terang_ingest_job_errors_total") == 0


def test_it_ends_in_order_after_all_that(stand: Stand) -> None:
    assert stand.ingest.stop() == 0
