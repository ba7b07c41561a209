"""How the agent reaches its brokers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Addresses of the brokers and what proves to them who connects.

    Attributes:
        urls: ``mqtt://HOST[:PORT]`` or ``mqtts://…``, tried in turn.
        client_id: the same for every connection, so that a broker drops a dead predecessor.
        keepalive_s: MQTT keep-alive.
        ca: certificate authority; None = the system's.
        cert: client certificate.
        key: its key.
        username: None = anonymous.
        password: for the user name.
    """

    urls: tuple[str, ...]
    client_id: str
    keepalive_s: int = 60
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    username: str | None = None
    password: str | None = None
