"""Who sends too much or pretends to be another, over a real broker and the embedded one: the others do not notice."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import numpy as np
import pytest

from ingest.schema.segments import table_files
from tests.ingest.city_stand import (
    REPOSITORY,
    IngestProcess,
    Mosquitto,
    free_port,
    stored_records,
    wait_until,
    write_city,
)
from tests.ingest.played_agents import PlayedFleet

N_CONTROLLERS, N_LAMPS = 3, 4
GIANT = 100 << 20
PATIENCE_S = 10.0  # within which the others are acknowledged, whatever goes on

pytestmark = pytest.mark.timeout(180)


class Stand:
    """A city at work on a broker, and how long its controllers waited for their acknowledgements."""

    def __init__(self, folder: Path, mosquitto: Path | None) -> None:
        self.broker: Mosquitto | None = None
        self.port = free_port()
        if mosquitto is not None:
            self.broker = Mosquitto(mosquitto, folder)
            shipped = (REPOSITORY / "deploy" / "mosquitto.conf").read_text()
            (folder / "mosquitto.conf").write_text(shipped.replace("listener 1883", f"listener {self.broker.port}"))
            self.broker.start()
            self.port = self.broker.port
        self.city = write_city(folder / "city", n_controllers=N_CONTROLLERS, n_lamps=N_LAMPS, broker_port=self.port)
        if mosquitto is None:
            path = self.city / "city.toml"
            path.write_text(path.read_text().replace(f"mqtt://127.0.0.1:{self.port}", f"embedded:{self.port}"))
        self.ingest = IngestProcess(self.city)
        self.ingest.start()
        wait_until(self.ingest.is_ready, 60)
        self.fleet = PlayedFleet(self.port, N_CONTROLLERS, N_LAMPS)
        self.fleet.birth()
        self.sweep()

    def sweep(self) -> float:
        """One sweep of every controller; seconds until all are acknowledged."""
        began = time.monotonic()
        self.fleet.sweep(dt_ms=1000)
        wait_until(self.fleet.is_settled, PATIENCE_S)
        return time.monotonic() - began

    def sweep_while(self, goes_on: Callable[[], bool], at_least: int = 5) -> float:
        """Sweeps as long as something goes on; the longest wait."""
        waits = [self.sweep() for _ in range(at_least)]
        while goes_on():
            waits.append(self.sweep())
        return max(waits)

    def peak_mb(self) -> float:
        """The most memory that ingest ever had."""
        assert self.ingest.process is not None
        status = Path(f"/proc/{self.ingest.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def close(self) -> None:
        self.fleet.close()
        self.ingest.kill()
        if self.broker is not None:
            self.broker.stop()


@pytest.fixture(params=["mosquitto", "embedded"])
def stand(request: pytest.FixtureRequest, tmp_path: Path, require_debian: Callable[[str], Path]) -> Iterator[Stand]:
    opened = Stand(tmp_path, require_debian("mosquitto") if request.param == "mosquitto" else None)
    yield opened
    opened.close()


class Attacker:
    """Somebody else's raw connection, which sends until it is through or thrown out."""

    def __init__(self, port: int, packets: Iterator[bytes]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(b"\x10\x14\x00\x04MQTT\x04\x02\x00\x3c\x00\x08attacker")
        assert self._socket.recv(4) == b"\x20\x02\x00\x00"
        self._packets = packets
        self.n_sent = 0
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        try:
            for packet in self._packets:
                self._socket.sendall(packet)
                self.n_sent += 1
        except OSError:
            return

    def is_busy(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()


def published(topic: str, payload: bytes) -> bytes:
    """An MQTT PUBLISH at QoS 0."""
    body = struct.pack("!H", len(topic)) + topic.encode() + payload
    length, n = bytearray(), len(body)
    while True:
        n, low = divmod(n, 128)
        length.append(low | (0x80 if n else 0))
        if not n:
            return b"\x30" + bytes(length) + body


def test_a_payload_of_100_mb_disturbs_nobody(stand: Stand) -> None:
    before_mb = stand.peak_mb()
    attacker = Attacker(stand.port, iter([published("spBv1.0/terang/NDATA/PJU-001", bytes(GIANT))]))
    try:
        longest_s = stand.sweep_while(attacker.is_busy)
    finally:
        attacker.close()
    stand.sweep()
    grown_mb = stand.peak_mb() - before_mb
    print(f"longest wait {longest_s:.1f} s, {grown_mb:.0f} MB more, sent: {attacker.n_sent}")
    assert grown_mb < 60
    if stand.broker is None:
        assert stand.ingest.log().count("cut off: its packet is too long") == 1
    else:
        assert stand.broker.log_path.read_text().count("Client attacker disconnected due to oversize packet.") == 1
    assert stand.ingest.is_ready()
    assert len(stored_records(stand.city)) == sum(agent.sequence for agent in stand.fleet.agents)


def paced(packet: bytes, per_s: int, seconds: float) -> Iterator[bytes]:
    """A packet again and again, so many a second."""
    began = time.monotonic()
    for n in range(int(per_s * seconds)):
        if (early_s := n / per_s - (time.monotonic() - began)) > 0.005:
            time.sleep(early_s)
        yield packet


def test_a_controller_that_floods_holds_up_nobody(stand: Stand) -> None:
    """One that sends its last sweep again a thousand times a second: each is known and dropped."""
    agent = stand.fleet.agents[1]
    with stand.fleet.lock:
        stand.fleet.at_ms += 1000
        payload = agent.encode(agent.sweep())
    per_s = 4000 if stand.broker is not None else 400
    before = stand.ingest.counter("terang_ingest_duplicates_total")
    before_mb = stand.peak_mb()
    attacker = Attacker(stand.port, paced(published("spBv1.0/terang/NDATA/PJU-001", payload), per_s, 8))
    try:
        longest_s = stand.sweep_while(attacker.is_busy)
    finally:
        attacker.close()
    n_sent = attacker.n_sent
    wait_until(lambda: stand.ingest.counter("terang_ingest_duplicates_total") - before >= n_sent - 1, 30)
    print(f"{n_sent} at {per_s} a second: longest wait {longest_s:.1f} s, {stand.peak_mb() - before_mb:.0f} MB more")
    assert n_sent == 8 * per_s
    assert longest_s < 5
    assert stand.peak_mb() - before_mb < 60
    records = stored_records(stand.city)
    assert sorted(set(records)) == sorted(records)
    assert len(records) == sum(one.sequence for one in stand.fleet.agents)
    assert agent.n_rebirths <= 2  # its seq never fits, but a birth is dear: it is asked every ten seconds at most


def test_a_flood_of_new_records_is_left_with_its_agent(stand: Stand) -> None:
    """Each would be judged by itself, after the one before it: a tick takes its share of them, the others wait."""
    agent = stand.fleet.agents[1]
    with stand.fleet.lock:
        for _ in range(4000):
            stand.fleet.at_ms += 1
            agent.sweep(is_sent=False)
        packets = [published("spBv1.0/terang/NDATA/PJU-001", agent.encode(sequence)) for sequence in agent.outbox]
    peers = [one for one in stand.fleet.agents if one is not agent]

    def peers_sweep() -> float:
        with stand.fleet.lock:
            stand.fleet.at_ms += 1
            for peer in peers:
                peer.sweep()
        began = time.monotonic()
        wait_until(lambda: not any(peer.outbox for peer in peers), PATIENCE_S)
        return time.monotonic() - began

    per_s = 4000 if stand.broker is not None else 400
    before_mb = stand.peak_mb()
    attacker = Attacker(stand.port, (packet for n, packet in enumerate(packets * 2) if n < 6 * per_s))
    try:
        waits = [peers_sweep() for _ in range(4)]
        while attacker.is_busy():
            waits.append(peers_sweep())
    finally:
        attacker.close()
    grown_mb = stand.peak_mb() - before_mb
    print(f"{attacker.n_sent} at once: longest wait {max(waits):.1f} s, {grown_mb:.0f} MB more")
    assert max(waits) < 6
    assert grown_mb < 100
    deadline = time.monotonic() + 60
    while agent.outbox and time.monotonic() < deadline:  # what was left with it is taken when it comes in peace
        with stand.fleet.lock:
            for sequence in list(agent.outbox)[:200]:
                agent.send(sequence, is_historical=True)
        time.sleep(0.2)
    records = stored_records(stand.city)
    assert sorted(set(records)) == sorted(records)
    assert {s for node, _, s in records if node == agent.node} == set(range(1, agent.sequence + 1))


def test_two_controllers_of_one_name_lose_nothing_of_either(stand: Stand) -> None:
    """A spare that was cloned with its name: both have outboxes and lamps, both are taken, and the log says so."""
    twins = PlayedFleet(stand.port, 1, N_LAMPS)
    try:
        twin = twins.agents[0]
        twin.epoch, original = 7777, stand.fleet.agents[0]
        twin.lamp_ids = original.lamp_ids[::-1]
        powers = np.arange(1, N_LAMPS + 1, dtype="<f4")
        twins.birth()
        time.sleep(0.1)
        stand.fleet.birth()
        for _ in range(6):
            stand.fleet.sweep(dt_ms=500)
            twins.at_ms = stand.fleet.at_ms + 200
            with twins.lock:
                twin.sweep(twin.values(**{"Lamps/Power": powers.tobytes()}))
            time.sleep(0.3)

        def is_all_stored() -> bool:
            for fleet in (stand.fleet, twins):
                if not fleet.is_settled():
                    fleet.resend()
            time.sleep(1.5)
            return stand.fleet.is_settled() and twins.is_settled()

        wait_until(is_all_stored, 40)
    finally:
        twins.close()
    records = stored_records(stand.city)
    for agent in (original, twin):
        mine = sorted(s for node, epoch, s in records if node == agent.node and epoch == agent.epoch)
        assert mine == list(range(1, agent.sequence + 1))
    files = [str(path) for path in table_files(stand.city / "data" / "telemetry", "lamps")]
    query = "SELECT DISTINCT lamp_id, power_w FROM read_parquet($1) WHERE controller_id = $2 AND epoch = $3"
    for agent, own in ((original, [90.0] * N_LAMPS), (twin, powers.tolist())):
        readings = duckdb.execute(query, [files, agent.node, agent.epoch]).fetchall()
        assert sorted(readings) == sorted(zip(agent.lamp_ids, own, strict=True))
    assert stand.ingest.counter('terang_ingest_complaints_total{reason="duplicate_controller"}') > 0
    assert "two agents of one name?" in stand.ingest.log()
