"""Ends a revoked controller's session at the broker, and makes sure that the broker denies it everything.

Mosquitto reads its lists again when it gets SIGHUP, but keeps the sessions that it has. A connection under the same
client id ends them: one is made with a certificate of the controller's name that lives for minutes and is nowhere
written down.
The only module of this package that knows paho.
"""

from __future__ import annotations

import os
import signal
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from city_pki.authority import Authority
from city_pki.errors import PkiError
from city_pki.secret_file import write_secret
from languages.message import Message, Plain, why

LIFETIME: Final = timedelta(minutes=5)
DEADLINE_S: Final = 50.0  # within the minute that a revocation may take
_ANSWER_S: Final = 5.0
_PAUSE_S: Final = 1.0
_NOT_AUTHORISED: Final = 0x87


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """Where the broker listens with TLS, and which authority its certificate is from."""

    host: str
    port: int
    ca: Path


def signal_broker(pid_file: Path) -> None:
    """Send SIGHUP to the broker.

    Raises:
        PkiError: there is no such process, or this user may not signal it.
    """
    try:
        pid = int(pid_file.read_text(encoding="ascii").strip())
        if pid <= 1:
            raise PkiError(Message("terminal.error.no_broker", pid_file=Plain(pid_file), pid=Plain(pid)))
        os.kill(pid, signal.SIGHUP)
    except ValueError as error:
        raise PkiError(Message("terminal.error.no_process", pid_file=Plain(pid_file))) from error
    except OSError as error:
        raise PkiError(Message("terminal.error.no_signal", pid_file=Plain(pid_file), reason=why(error))) from error


def end_session(
    authority: Authority,
    place: BrokerPlace,
    group: str,
    name: str,
    deadline_s: float = DEADLINE_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Take over a barred name's client id until the broker denies it, and once more after that.

    The last connection ends a session that was made before the broker read its lists; none can be made afterwards.

    Args:
        authority: signs the short certificate.
        place: the broker.
        group: the city's Sparkplug group.
        name: the controller, barred in the broker's files.
        deadline_s: how long the broker may take to read them [s].
        monotonic: a clock that never jumps [s].

    Raises:
        PkiError: the broker is not to be had, or does not deny the name in time.
    """
    key, certificate = authority.issue_unlisted(name, datetime.now(UTC), LIFETIME)
    end_s = monotonic() + deadline_s
    trouble = "it lets the controller publish: it has not read its lists again"
    with tempfile.TemporaryDirectory(prefix="terang-revoke-") as folder:
        files = (Path(folder) / "certificate", Path(folder) / "key")
        for path, data in zip(files, (certificate, key), strict=True):
            write_secret(path, data)
        while True:
            try:
                if _is_denied(place, files, group, name):
                    _is_denied(place, files, group, name)
                    return
                trouble = "it lets the controller publish: it has not read its lists again"
            except (OSError, ssl.SSLError, TimeoutError) as error:
                trouble = str(error)
            if monotonic() > end_s:
                raise PkiError(
                    Message(
                        "terminal.error.still_connected",
                        host=Plain(place.host),
                        port=Plain(place.port),
                        trouble=Plain(trouble),
                        name=Plain(name),
                    )
                )
            time.sleep(_PAUSE_S)


def _is_denied(place: BrokerPlace, files: tuple[Path, Path], group: str, name: str) -> bool:
    """Connect under a name, which ends its older session, and see whether it may publish."""
    answers: list[Any] = []
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
    context = ssl.create_default_context(cafile=str(place.ca))
    context.load_cert_chain(*files)
    client.tls_set_context(context)
    client.connect_timeout = _ANSWER_S

    def connected(_client: Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            answers.append(_NOT_AUTHORISED)
            return
        # a death that names no session: should it get through, the host passes it over
        client.publish(f"spBv1.0/{group}/NDEATH/{name}", b"", qos=1)

    client.on_connect = connected
    client.on_publish = lambda _client, _userdata, _mid, reason, _properties: answers.append(reason.value)
    client.connect(place.host, place.port, keepalive=10)
    end_s = time.monotonic() + _ANSWER_S
    try:
        while not answers:
            if client.loop(0.2) and not answers:
                raise ConnectionError("the broker ended the connection")
            if time.monotonic() > end_s:
                raise TimeoutError("the broker does not answer")
    finally:
        client.disconnect()
    return bool(answers[0] == _NOT_AUTHORISED)
