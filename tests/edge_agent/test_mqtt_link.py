"""The link against real brokers: killed and restarted, several in turn, TLS with certificates, six hours offline."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.link.link_settings import LinkSettings
from edge_agent.link.mqtt_link import MqttLink
from edge_agent.wire import Metric, encode_state, state_topic
from tests.edge_agent.broker_process import Broker, RecordingHost, free_port, wait_until
from tests.edge_agent.played_session import Played, history, live, values
from tests.edge_agent.stub_meters import lamp_layout


@pytest.fixture
def broker(require_debian: Callable[[str], Path], tmp_path: Path) -> Iterator[Broker]:
    server = Broker(require_debian("mosquitto"), tmp_path)
    server.start()
    yield server
    server.kill()


class Linked(Played):
    """A played session on a real link; its time is the wall's."""

    def __init__(self, folder: Path, *urls: str, **options) -> None:
        primary_host = options.pop("primary_host", None)
        super().__init__(folder, primary_host=primary_host, rate_per_s=1000.0, resend_after_s=2.0)
        settings = LinkSettings(urls, "agent", **options)
        self.link = MqttLink(settings, self.session, time.monotonic, random.Random(1).random, first_wait_s=0.1)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def beat(self) -> None:
        self.sweep()
        self.link.wake()

    def close(self) -> None:
        self.link.stop(5)
        self.outbox.close()


def test_a_broker_killed_and_restarted_costs_nothing(broker, tmp_path):
    host = RecordingHost(broker.port, "g", "n")
    agent = Linked(tmp_path, broker.url)
    agent.beat()
    agent.link.start()
    for i in range(60):
        agent.beat()
        time.sleep(0.02)
        if i in {20, 40}:
            broker.kill()
        if i in {25, 45}:
            broker.start()
    wait_until(lambda: agent.outbox.n_held == 0)
    agent.close()
    host.close()
    assert sorted(number for _, number in host.stored) == list(range(1, 62))
    assert host.n_conflicts == 0
    numbers = [values(birth)["bdSeq"] for birth in host.of("NBIRTH")]
    assert numbers == sorted(set(numbers)), "each connection has its own bdSeq"


def test_a_broken_connection_publishes_the_will_with_the_births_number(broker, tmp_path):
    host = RecordingHost(broker.port, "g", "n", is_acknowledging=False)
    agent = Linked(tmp_path, broker.url)
    agent.beat()
    agent.link.start()
    wait_until(lambda: host.of("NBIRTH"))
    pump = agent.session.pump

    def break_once(_now_s: float) -> float:
        agent.session.pump = pump
        raise RuntimeError("a bug, say: the broker has to learn that the data stops")

    agent.session.pump = break_once
    agent.link.wake()
    wait_until(lambda: host.of("NDEATH"))
    assert host.of("NDEATH")[0].metrics[0].value == values(host.of("NBIRTH")[0])["bdSeq"]
    wait_until(lambda: len(host.of("NBIRTH")) > 1)
    agent.close()
    host.close()


def test_brokers_are_tried_in_turn(broker, tmp_path):
    agent = Linked(tmp_path, f"mqtt://127.0.0.1:{free_port()}", broker.url)
    agent.beat()
    agent.link.start()
    wait_until(lambda: agent.session.is_born)
    assert agent.link.url == broker.url
    assert agent.outbox.next_bd_seq() == 1, "only a CONNECT takes a bdSeq, not a failed TCP connection"
    agent.close()


def test_a_broker_that_never_answers_does_not_hold_up_the_sweeps(tmp_path):
    with_silence = free_port()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", with_silence))
        deaf.listen()
        agent = Linked(tmp_path, f"mqtt://127.0.0.1:{with_silence}")
        agent.beat()
        agent.link.start()
        time.sleep(0.2)
        started = time.monotonic()
        for _ in range(20):
            agent.beat()
        assert time.monotonic() - started < 2
        agent.close()
    assert not agent.link._thread.is_alive()


def test_the_primary_host_decides_over_a_real_broker(broker, tmp_path):
    host = RecordingHost(broker.port, "g", "n")
    agent = Linked(tmp_path, broker.url, primary_host="terang")
    agent.beat()
    agent.link.start()
    time.sleep(0.3)
    assert not host.of("NBIRTH")
    say = lambda *, is_online, at_ms: host._client.publish(  # noqa: E731 - one line of MQTT
        state_topic("terang"), encode_state(is_online=is_online, timestamp_ms=at_ms), 1, retain=True
    )
    say(is_online=True, at_ms=5)
    wait_until(lambda: host.of("NBIRTH"))
    say(is_online=False, at_ms=5)
    wait_until(lambda: host.of("NDEATH"))
    say(is_online=True, at_ms=6)
    wait_until(lambda: len(host.of("NBIRTH")) == 2)
    agent.close()
    host.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """An authority, and certificates for a broker on 127.0.0.1 and for an agent."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("req", "-newkey", "rsa:2048", "-nodes")
    openssl(*new_key, "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.crt")
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("broker", "agent"):
        openssl(*new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(
            "x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "san", "-out", f"{name}.crt",
        )  # fmt: skip
    return folder


def test_tls_with_client_certificates(require_debian, certificates, tmp_path):
    port, plain = free_port(), free_port()
    listeners = (
        f"per_listener_settings false\nlistener {port} 127.0.0.1\ncafile {certificates}/ca.crt\n"
        f"certfile {certificates}/broker.crt\nkeyfile {certificates}/broker.key\nrequire_certificate true\n"
        f"listener {plain} 127.0.0.1\n"
    )
    server = Broker(require_debian("mosquitto"), tmp_path, listeners, port=plain)
    server.start()
    ca = certificates / "ca.crt"
    stranger = Linked(tmp_path / "a", f"mqtts://127.0.0.1:{port}", ca=ca)
    agent = Linked(
        tmp_path / "b",
        f"mqtts://127.0.0.1:{port}",
        ca=ca,
        cert=certificates / "agent.crt",
        key=certificates / "agent.key",
    )
    host = RecordingHost(plain, "g", "n")
    for one in (stranger, agent):
        one.beat()
        one.link.start()
    wait_until(lambda: agent.session.is_born)
    for _ in range(20):
        agent.beat()
    wait_until(lambda: agent.outbox.n_held == 0)
    assert not stranger.session.is_born
    assert stranger.link.last_error
    for one in (stranger, agent):
        one.close()
    host.close()
    server.kill()


def test_six_hours_without_network_arrive_whole_and_in_order(tmp_path):
    played = Played(tmp_path, layout=lamp_layout(20))
    played.sweep()
    played.connect()
    played.acknowledge(1)
    played.drop()
    for _ in range(6 * 60):
        played.now_s += 60
        played.sweep(slow=False)
    played.connect()
    arrived: list[int] = []
    n_live = 0
    for second in range(60):
        if second % 20 == 0:
            n_live += 1
            played.sweep(slow=False)
        sent = played.run(1)
        n_live -= len(live(sent))
        arrived += history(sent)
        if arrived:
            played.acknowledge(arrived[-1])
    assert n_live == 0
    assert arrived == list(range(2, 362))
    assert played.outbox.n_held <= 3


def test_hostile_commands_on_the_wire_change_nothing_and_are_counted(broker, tmp_path):
    host = RecordingHost(broker.port, "g", "n", is_acknowledging=False)
    agent = Linked(tmp_path, broker.url)
    agent.beat()
    agent.link.start()
    wait_until(lambda: agent.session.is_born)
    source = random.Random(7)
    for _ in range(200):
        host.send(source.randbytes(source.randrange(1, 200)))
    host.send(b"\xff" * 1_000_000)
    host.command(Metric(b"\x65" * 4, name="Lamps/Dim Command"))
    wait_until(lambda: agent.session.n_refused >= 150)
    agent.beat()
    wait_until(lambda: host.of("NDATA"))
    assert agent.ears.dims == []
    assert agent.outbox.n_held == 2
    assert threading.active_count() < 10
    agent.close()
    host.close()
