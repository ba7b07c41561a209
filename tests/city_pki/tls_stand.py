"""A real Mosquitto with mutual TLS, as `terang-city ca init` sets it up, and clients with any certificate."""

from __future__ import annotations

import getpass
import random
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from city_pki.authority import Authority, create_authority
from city_pki.broker_files import host_name, write_broker_files
from city_pki.certificates import new_key, private_pem
from city_pki.secret_file import write_public, write_secret

GROUP = "terang"
HOST = host_name(GROUP, "terang")
OBSERVER = "observer"  # sees and says everything, for the tests alone


def free_port() -> int:
    while True:
        port = random.SystemRandom().randrange(11_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(is_true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class TlsStand:
    """One authority and one broker."""

    def __init__(self, program: Path, folder: Path, group: str = GROUP) -> None:
        self.group = group
        self.folder, self.port = folder, free_port()
        self.pki, self.broker = folder / "pki", folder / "broker"
        self.authority = create_authority(self.pki, "Kota Uji", folder / "root.key", datetime.now(UTC))
        self.identities = folder / "identities"
        self.identities.mkdir()
        self.write_lists()
        self.issue("broker", folder=self.broker, server_names=("localhost", "127.0.0.1"))
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.clients: list[TlsClient] = []

    def write_lists(self) -> None:
        """The broker's files, and the observer in its list."""
        write_broker_files(self.broker, self.authority, self.group, "terang", self.port)
        acl = self.broker / "acl"
        acl.write_text(f"{acl.read_text()}\nuser {OBSERVER}\ntopic readwrite #\n")

    def issue(
        self,
        name: str,
        *,
        now: datetime | None = None,
        authority: Authority | None = None,
        folder: Path | None = None,
        file: str | None = None,
        server_names: tuple[str, ...] = (),
    ) -> None:
        key = new_key()
        folder, file = folder or self.identities, file or name
        certificate = (authority or self.authority).issue(
            key.public_key(), name, now or datetime.now(UTC), server_names=server_names
        )
        write_secret(folder / f"{file}.key", private_pem(key))
        write_public(folder / f"{file}.crt", certificate)

    def issue_expired(self, name: str, file: str) -> None:
        self.issue(name, now=datetime.now(UTC) - timedelta(days=400), file=file)

    def start(self) -> None:
        config = self.folder / "mosquitto.conf"
        text = (self.broker / "mosquitto-tls.conf").read_text()
        config.write_text(f"{text}user {getpass.getuser()}\npid_file {self.folder}/mosquitto.pid\n")
        with (self.folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([str(self._program), "-c", str(config)], stdout=log, stderr=log)
        for _ in range(1000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("mosquitto does not listen")

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    def client(self, file: str | None, **settings: Any) -> TlsClient:
        client = TlsClient(self, file, **settings)
        self.clients.append(client)
        return client

    def serial_of(self, file: str) -> int:
        return x509.load_pem_x509_certificate((self.identities / f"{file}.crt").read_bytes()).serial_number


class TlsClient:
    """A client that keeps what it gets; `is_in` tells whether the broker took it."""

    def __init__(
        self, stand: TlsStand, file: str | None, *, client_id: str = "", will: str | None = None, subscribe: str = "#"
    ) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.is_in = self.is_subscribed = self.is_out = False
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        context = ssl.create_default_context(cafile=str(stand.pki / "ca.crt"))
        if file is not None:
            context.load_cert_chain(stand.identities / f"{file}.crt", stand.identities / f"{file}.key")
        self._client.tls_set_context(context)
        if will is not None:
            self._client.will_set(will, b"will", qos=1)
        self._subscription = subscribe
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: setattr(self, "is_subscribed", True)
        self._client.on_message = lambda _c, _u, message: self.got.append((message.topic, bytes(message.payload)))
        self._client.on_disconnect = lambda *_: setattr(self, "is_out", True)
        try:
            self._client.connect("localhost", stand.port)
        except (OSError, ssl.SSLError):
            self.is_out = True
            return
        self._client.loop_start()
        wait_until(lambda: self.is_subscribed or self.is_out)

    def _on_connect(self, client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not reason.is_failure:
            self.is_in = True
            client.subscribe(self._subscription, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload)  # Mosquitto 2.0.11 ends the connection of who is denied

    def break_off(self) -> None:
        """End without a word, so that the broker publishes the will."""
        sock = self._client.socket()
        assert sock is not None
        sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
