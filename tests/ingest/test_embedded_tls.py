"""The embedded broker's second listener: certificates of the city's authority, and rules of topics by their names."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from city_pki.authority import create_authority
from city_pki.broker_files import write_broker_files
from city_pki.certificates import new_key, private_pem
from city_pki.secret_file import write_public, write_secret
from ingest.errors import UnusableError
from ingest.mqtt.embedded_broker import EmbeddedBroker, TlsListener
from ingest.mqtt.topic_rules import TopicRules
from tests.ingest.city_stand import free_port, wait_until

RULES = TopicRules("terang", "terang", "")


class Stand:
    def __init__(self, folder):
        self.folder = folder
        self.authority = create_authority(folder / "pki", "Kota Uji", folder / "root.key", datetime.now(UTC))
        for name in ("PJU-1", "PJU-2", "gone"):
            self.issue(self.authority, name)
        self.authority.revoke("gone", datetime.now(UTC))
        stranger = create_authority(folder / "other", "Kota Lain", folder / "other.key", datetime.now(UTC))
        self.issue(stranger, "PJU-1", "stranger")
        (folder / "broker").mkdir()
        self.issue(self.authority, "broker", "broker/broker", server_names=("localhost",))
        write_broker_files(folder / "broker", self.authority, "terang", "terang", 8883)
        self.plain, self.port = free_port(), free_port()
        secure = TlsListener(f"127.0.0.1:{self.port}", folder / "broker", RULES)
        self.broker = EmbeddedBroker("127.0.0.1", self.plain, secure=secure)
        self.broker.start()
        self.clients = []

    def issue(self, authority, name, file=None, **more):
        key = new_key()
        certificate = authority.issue(key.public_key(), name, datetime.now(UTC), **more)
        write_secret(self.folder / f"{file or name}.key", private_pem(key))
        write_public(self.folder / f"{file or name}.crt", certificate)

    def client(self, file, *, user=None, subscribe=(), will=None):
        """A client that keeps what it gets; ``file`` None = by the plain listener of this machine."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.got, client.state = [], ""
        if file is not None:
            context = ssl.create_default_context(cafile=str(self.folder / "pki/ca.crt"))
            if file:
                context.load_cert_chain(self.folder / f"{file}.crt", self.folder / f"{file}.key")
            client.tls_set_context(context)
        if user is not None:
            client.username_pw_set(user, "x")
        if will is not None:
            client.will_set(will, b"will")
        client.on_message = lambda _c, _u, message: client.got.append(message.topic)
        client.on_subscribe = lambda *_: setattr(client, "state", "in")
        client.on_disconnect = lambda *_: setattr(client, "state", client.state or "out")
        client.on_connect = lambda *_: client.subscribe([(topic, 0) for topic in subscribe or ("none",)])
        try:
            client.connect("localhost" if file is not None else "127.0.0.1", self.plain if file is None else self.port)
        except (OSError, ssl.SSLError):
            client.state = "out"
            return client
        client.loop_start()
        self.clients.append(client)
        wait_until(lambda: client.state != "")
        return client

    def close(self):
        for client in self.clients:
            client.disconnect()
            client.loop_stop()
        self.broker.stop()


@pytest.fixture(scope="module")
def stand(tmp_path_factory):
    made = Stand(tmp_path_factory.mktemp("tls"))
    yield made
    made.close()


@pytest.mark.parametrize("file", ["", "stranger", "gone"])
def test_who_has_no_valid_certificate_of_the_city_stays_out(stand, file):
    assert stand.client(file).state == "out"


def test_a_controller_writes_and_reads_under_the_name_on_its_certificate(stand):
    host = stand.client(None, subscribe=["spBv1.0/#", "#"])
    one = stand.client("PJU-1", user="PJU-2", subscribe=["spBv1.0/terang/NCMD/PJU-1", "spBv1.0/terang/NCMD/PJU-2", "#"])
    for name in ("PJU-2", "PJU-1"):
        one.publish(f"spBv1.0/terang/NDATA/{name}", b"x", qos=1)
        host.publish(f"spBv1.0/terang/NCMD/{name}", b"x", qos=1)
    one.publish("spBv1.0/terang/NCMD/PJU-1", b"x", qos=1)
    one.publish("spBv1.0/STATE/terang", b"x", qos=1)
    one.publish("spBv1.0/terang/NDATA/PJU-1", b"last", qos=1)
    wait_until(lambda: host.got.count("spBv1.0/terang/NDATA/PJU-1") >= 2 and one.got)
    assert set(one.got) == {"spBv1.0/terang/NCMD/PJU-1"}
    assert set(host.got) == {
        "spBv1.0/terang/NDATA/PJU-1",
        "spBv1.0/terang/NCMD/PJU-1",
        "spBv1.0/terang/NCMD/PJU-2",
    }


def test_a_will_is_held_against_the_rules(stand):
    host = stand.client(None, subscribe=["#"])
    for will in ("spBv1.0/terang/NDEATH/PJU-2", "spBv1.0/terang/NDEATH/PJU-1"):
        one = stand.client("PJU-1", will=will)
        one.socket().shutdown(socket.SHUT_RDWR)
    wait_until(lambda: "spBv1.0/terang/NDEATH/PJU-1" in host.got)
    assert "spBv1.0/terang/NDEATH/PJU-2" not in host.got


def test_what_is_no_tls_is_ended_and_the_next_is_served(stand):
    with socket.create_connection(("127.0.0.1", stand.port), 5) as raw:
        raw.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
        raw.settimeout(5)
        try:
            while raw.recv(1000):
                pass
        except ConnectionResetError:
            pass
    assert stand.client("PJU-2").state == "in"


@pytest.mark.parametrize("name", ["broker.crt", "broker.key", "ca.crt", "crl.pem"])
def test_a_file_that_is_missing_or_damaged_is_told(stand, tmp_path, name):
    for path in (stand.folder / "broker").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text("no certificate")
    with pytest.raises(UnusableError, match=r"tls_listen.*ca init"):
        EmbeddedBroker("127.0.0.1", 1, secure=TlsListener("127.0.0.1:1", tmp_path, RULES))
    (tmp_path / name).unlink()
    with pytest.raises(UnusableError, match=r"tls_listen.*ca init"):
        EmbeddedBroker("127.0.0.1", 1, secure=TlsListener("127.0.0.1:1", tmp_path, RULES))
