"""A socket as paho uses it, read and written in large bites.

paho asks for one byte, then for the length, then for the body, each a system call; here they come out of one read of a
quarter megabyte. What paho sends goes out together on ``flush``. paho knows such sockets: ``pending`` is what it asks
a TLS one.
"""

from __future__ import annotations

import ssl
from socket import socket
from typing import Final

READ_BYTES: Final = 1 << 18
MAX_UNSENT_BYTES: Final = 16 << 20  # beyond that the broker does not read, and paho has to wait


class SocketBuffer:
    """Wraps a connected socket; owned by one thread."""

    def __init__(self, inner: socket) -> None:
        """Take over the socket."""
        self._inner = inner
        self._chunk = b""
        self._at = 0
        self._unsent = bytearray()
        self._is_deferring = False

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes, from what was read before where there is any."""
        at = self._at
        chunk = self._chunk
        if at < len(chunk):
            self._at = at + size
            return chunk[at : at + size]
        chunk = self._chunk = self._inner.recv(READ_BYTES)
        self._at = size
        return chunk[:size]

    def pending(self) -> int:
        """Bytes that were read from the network and not yet asked for."""
        waiting = max(0, len(self._chunk) - self._at)
        return waiting + (self._inner.pending() if isinstance(self._inner, ssl.SSLSocket) else 0)

    def send(self, data: bytes | bytearray) -> int:
        """Take data for the next ``flush``; while connecting it goes out at once."""
        if not self._is_deferring:
            return self._inner.send(data)
        if len(self._unsent) > MAX_UNSENT_BYTES:
            raise BlockingIOError
        self._unsent += data
        return len(data)

    def defer(self) -> None:
        """From now on collect what is sent."""
        self._is_deferring = True

    def flush(self) -> bool:
        """Send what is waiting, as far as the network takes it; says whether everything went.

        Raises:
            OSError: the connection is gone.
        """
        while self._unsent:
            try:
                sent = self._inner.send(self._unsent)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            del self._unsent[:sent]
        return True

    def fileno(self) -> int:
        """For select."""
        return self._inner.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._inner.close()

    def settimeout(self, seconds: float | None) -> None:
        """As the socket's own."""
        self._inner.settimeout(seconds)

    def setblocking(self, flag: bool) -> None:
        """As the socket's own."""
        self._inner.setblocking(flag)
