"""A buffered socket for paho, with large reads and writes.

paho asks for one byte, then for the length, then for the body, each a system call; here they come out of one read of a
quarter megabyte. What paho sends goes out together on ``flush``.
"""

from __future__ import annotations

import io
import ssl
from socket import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_BYTES: Final = 1 << 18
MAX_UNSENT_BYTES: Final = 16 << 20  # beyond that the broker does not read, and paho has to wait
_WAITS: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _Tap(io.RawIOBase):
    """A socket's reading side, which knows whether it ran dry."""

    def __init__(self, inner: socket) -> None:
        self._inner = inner
        self.is_dry = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        try:
            n = self._inner.recv_into(buffer)
        except _WAITS:
            self.is_dry = True
            return None
        self.is_dry = False
        return n


class SocketBuffer:
    """Wraps a connected socket; owned by one thread."""

    def __init__(self, inner: socket) -> None:
        """Take over the socket."""
        self._inner = inner
        self._tap = _Tap(inner)
        self._read = io.BufferedReader(self._tap, READ_BYTES).read  # C: paho asks five times for each message
        self._unsent = bytearray()
        self._is_deferring = False

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes, from what was read before where there is any.

        Raises:
            BlockingIOError: nothing is there.
            OSError: the connection is gone.
        """
        data = self._read(size)
        if data is None:
            raise BlockingIOError
        return data

    @property
    def is_dry(self) -> bool:
        """The network had nothing more when it was asked last, and all that it gave has been handed out."""
        return self._tap.is_dry

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
            except _WAITS:
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
