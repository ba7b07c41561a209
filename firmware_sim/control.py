"""The control socket of a running simulation, in the city's data folder: one JSON line in, one out.

``terang-sim inject | repair | list`` connect to it; the simulation answers between two sweeps, so that
nothing changes during one.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from firmware_sim.errors import SimError
from languages.message import Message, document_of, message_of, why

SOCKET_NAME: Final = "sim.sock"
_LIMIT: Final = 65_536
_PATIENCE_S: Final = 10.0
Handler = Callable[[dict[str, Any]], dict[str, Any]]


class ControlError(SimError):
    """No simulation runs there, or it refused."""


class ControlSocket:
    """The simulation's side of the socket."""

    def __init__(self, folder: Path, handler: Handler) -> None:
        """Open the socket in ``folder``; a socket left by a dead process is replaced.

        Raises:
            ControlError: another simulation plays this city.
        """
        self._path = folder / SOCKET_NAME
        self._handler = handler
        folder.mkdir(parents=True, exist_ok=True)
        self._address = _address(self._path)
        if self._path.exists():
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.connect(self._address)
                raise ControlError(Message("sim.another", path=self._path))
            self._path.unlink()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self._address)
        self._listener.listen(8)
        self._listener.setblocking(False)

    def answer(self) -> None:
        """Answer all waiting requests without blocking."""
        while True:
            try:
                visitor, _ = self._listener.accept()
            except BlockingIOError:
                return
            with visitor, contextlib.suppress(OSError):
                visitor.settimeout(1.0)
                reply = self._reply(_read_line(visitor))
                visitor.sendall(json.dumps(reply).encode() + b"\n")

    def _reply(self, line: bytes) -> dict[str, Any]:
        try:
            return self._handler(json.loads(line))
        except (SimError, ValueError, KeyError, TypeError, RecursionError) as error:
            reason = why(error)
            return {"error": str(error), **({"message": document_of(reason)} if isinstance(reason, Message) else {})}

    def close(self) -> None:
        """Close and remove the socket."""
        self._listener.close()
        self._path.unlink(missing_ok=True)


def ask(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request to the simulation of the city with this data folder.

    Raises:
        ControlError: none runs, or it refused; the text says why.
    """
    path = folder / SOCKET_NAME
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(_PATIENCE_S)
            control.connect(_address(path))
            control.sendall(json.dumps(request).encode() + b"\n")
            reply: dict[str, Any] = json.loads(_read_line(control))
    except (OSError, ValueError) as error:
        raise ControlError(Message("sim.no_simulation", folder=folder)) from error
    if "error" in reply:
        refusal = message_of(reply.get("message")) or str(reply["error"])
        raise ControlError(refusal)
    return reply


def _read_line(sock: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < _LIMIT:
        part = sock.recv(4096)
        if not part:
            break
        line += part
    return line


def _address(path: Path) -> str:
    """A path short enough for a socket's name (108 bytes): relative to here where that is shorter."""
    return min(str(path.absolute()), os.path.relpath(path), key=len)
