"""Every topic by every identity at the embedded broker with passwords: the same table as at Mosquitto."""

from __future__ import annotations

import socket

import paho.mqtt.client as mqtt
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from ingest.mqtt.embedded_broker import EmbeddedBroker
from ingest.mqtt.topic_rules import TopicRules
from tests.ingest.city_stand import free_port, wait_until

GROUP, HOST = "kota", "terang"
NODES = ("PJU-1", "PJU-2", "ingest")
KINDS = ("NBIRTH", "NDATA", "NDEATH", "NCMD", "DDATA", "DCMD")
STATE = f"spBv1.0/STATE/{HOST}"
TOPICS = (
    *(f"spBv1.0/{GROUP}/{kind}/{node}" for kind in KINDS for node in NODES),
    *(f"spBv1.0/other/{kind}/PJU-1" for kind in ("NDATA", "NCMD")),
    f"spBv1.0/{GROUP}/NDATA/PJU-1/device",
    STATE,
    "spBv1.0/STATE/other",
    f"STATE/{HOST}",
    "PJU-1",
)
FILTERS = (
    "#",
    "+/+/+/+",
    f"spBv1.0/{GROUP}/#",
    f"spBv1.0/{GROUP}/+/PJU-2",
    f"spBv1.0/{GROUP}/NCMD/+",
    "spBv1.0/STATE/+",
)


def own(node):
    return {f"spBv1.0/{GROUP}/{kind}/{node}" for kind in ("NBIRTH", "NDATA", "NDEATH")}


WRITES = {
    "PJU-1": own("PJU-1"),
    "PJU-2": own("PJU-2"),
    "ingest": {f"spBv1.0/{GROUP}/NCMD/{node}" for node in NODES} | {STATE},
}
READS = {
    "PJU-1": {f"spBv1.0/{GROUP}/NCMD/PJU-1", STATE},
    "PJU-2": {f"spBv1.0/{GROUP}/NCMD/PJU-2", STATE},
    "ingest": set().union(*map(own, NODES)) | {STATE},
}


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    path = tmp_path_factory.mktemp("broker") / "passwords"
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),))
    path.write_text("".join(f"{name}:{hasher.hash(name)}\n" for name in NODES))
    path.chmod(0o600)
    broker = EmbeddedBroker("127.0.0.1", port := free_port(), path, TopicRules(GROUP, HOST, "ingest"))
    broker.start()
    yield port
    broker.stop()


class Client:
    def __init__(self, port, name, will=None):
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        self.client.username_pw_set(name, name)
        if will is not None:
            self.client.will_set(will, b"will", 1, retain=True)
        self.got, self.granted, self.n_written, is_up = [], {}, 0, []
        self.client.on_connect = lambda *_: is_up.append(True)
        self.client.on_message = lambda _client, _data, message: self.got.append((message.topic, message.payload))
        self.client.on_subscribe = self._on_subscribe
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        wait_until(lambda: bool(is_up))

    def _on_subscribe(self, _client, _data, mid, reasons, _properties):
        self.granted[mid] = not reasons[0].is_failure

    def _on_publish(self, *_):
        self.n_written += 1

    def ask(self, topics):
        asked = {self.client.subscribe(topic, 1)[1]: topic for topic in topics}
        wait_until(lambda: asked.keys() <= self.granted.keys())
        return {topic for mid, topic in asked.items() if self.granted[mid]}

    def write(self, topics):
        for topic in topics:
            self.client.publish(topic, self.client.username, 1)
        wait_until(lambda: self.n_written == len(topics))

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def break_off(self):
        self.client.socket().shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()


@pytest.mark.parametrize("name", NODES)
def test_an_identity_subscribes_to_what_the_table_says(port, name):
    client = Client(port, name)
    granted = client.ask((*TOPICS, *FILTERS))
    client.close()
    assert granted == READS[name]


def test_an_identity_writes_what_the_table_says(port):
    readers = [Client(port, name) for name in NODES]
    for reader, name in zip(readers, NODES, strict=True):
        reader.ask(sorted(READS[name]))
    for name in NODES:
        writer = Client(port, name)
        writer.write(TOPICS)
        writer.close()
    last = Client(port, "ingest")
    last.client.publish(STATE, b"last", 1)
    wait_until(lambda: all((STATE, b"last") in reader.got for reader in readers))
    heard = {(payload.decode(), topic) for reader in readers for topic, payload in reader.got if payload != b"last"}
    for client in (*readers, last):
        client.close()
    readable = set().union(*READS.values())
    assert heard == {(name, topic) for name in NODES for topic in WRITES[name] & readable}


@pytest.mark.parametrize("will", [STATE, f"spBv1.0/{GROUP}/NDEATH/PJU-2", f"spBv1.0/{GROUP}/NCMD/PJU-2"])
def test_a_will_on_anothers_topic_is_not_spoken_nor_retained(port, will):
    readers = [Client(port, name) for name in ("ingest", "PJU-2")]
    for reader, name in zip(readers, ("ingest", "PJU-2"), strict=True):
        reader.ask(sorted(READS[name]))
    for topic in (will, f"spBv1.0/{GROUP}/NDEATH/PJU-1"):
        Client(port, "PJU-1", topic).break_off()
    wait_until(lambda: (f"spBv1.0/{GROUP}/NDEATH/PJU-1", b"will") in readers[0].got)
    assert all((will, b"will") not in reader.got for reader in readers)
    late = Client(port, "PJU-2" if "NCMD" in will else "ingest")
    late.ask([will])
    assert (will, b"will") not in late.got
    for client in (*readers, late):
        client.close()


@pytest.mark.parametrize("name", ["+", "#", "PJU-1/x", "", None])
def test_a_name_with_a_wildcard_reads_and_writes_nothing(name):
    rules = TopicRules(GROUP, HOST, "ingest")
    topics = [topic for topic in (*TOPICS, *FILTERS) if topic != STATE]
    assert not any(rules.may_read(name, topic) for topic in topics)
    assert not any(rules.may_write(name, topic) for topic in TOPICS)
