"""A socket as paho uses it, read and written in large bites, from which plain messages are taken before paho sees them.

paho asks for one byte, then for the length, then for the body, and does for each message what only few need: that is
half of what a reading costs. So ``publishes`` takes the QoS 0 PUBLISH packets out of the stream, in their place among
the others, and paho reads the rest: everything about the connection, and what is sent at QoS 1. The first packet of
each bite is paho's in any case, so that it knows that the connection lives. What paho sends goes out together on
``flush``. See docs/decisions/0008-plain-messages-pass-paho-by.md.
"""

from __future__ import annotations

import ssl
from socket import socket
from typing import Final

READ_BYTES: Final = 1 << 18
MAX_UNSENT_BYTES: Final = 16 << 20  # beyond that the broker does not read, and paho has to wait
LONGEST: Final = 4 << 20  # of a packet; what is longer is cut off there, and refused for its length by who decodes it
_LONGEST_HEAD: Final = 5  # bytes: type, and a remaining length of up to four


class SocketBuffer:
    """Wraps a connected socket; owned by one thread."""

    def __init__(self, inner: socket) -> None:
        """Take over the socket."""
        self._inner = inner
        self._chunk = b""
        self._at = 0
        self._paho_end = 0  # up to there the chunk is paho's
        self._n_skipped = 0  # bytes still to come of a packet that is too long
        self._unsent = bytearray()
        self._is_deferring = False

    def fill(self) -> None:
        """Read one bite from the network; its first packet, as soon as it is whole, is paho's.

        Raises:
            OSError: the connection is gone.
        """
        try:
            data = self._inner.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            return  # TLS had something to say to itself
        if not data:
            raise ConnectionError("the broker closed the connection")
        if self._n_skipped:
            skipped = min(self._n_skipped, len(data))
            self._n_skipped -= skipped
            data = data[skipped:]
        self._chunk = self._chunk[self._at :] + data
        self._at = self._paho_end = 0
        size = self._packet_size()
        if 0 < size <= len(self._chunk):
            self._paho_end = size

    def _packet_size(self) -> int:
        """Bytes of the packet that begins here; 0 = its head is not whole yet."""
        chunk, at = self._chunk, self._at
        size = shift = 0
        for i in range(at + 1, min(at + _LONGEST_HEAD, len(chunk))):
            size |= (chunk[i] & 0x7F) << shift
            if chunk[i] < 0x80:
                return i + 1 - at + size
            shift += 7
        if len(chunk) - at >= _LONGEST_HEAD:
            raise ConnectionError("the broker sends what is no MQTT")
        return 0

    def publishes(self) -> list[tuple[str, bytes]]:
        """The QoS 0 messages up to the next packet that is paho's, (topic, payload); then ``pending`` says so."""
        found: list[tuple[str, bytes]] = []
        if self._paho_end > self._at:
            return found
        chunk = self._chunk
        n = len(chunk)
        while n - self._at >= 2:
            at = self._at
            size = self._packet_size()
            if not size or (at + size > n and size <= LONGEST):
                break  # the rest of it is still to come
            if chunk[at] & 0xF6 != 0x30:  # not PUBLISH at QoS 0, whatever its flags RETAIN and DUP
                self._paho_end = at + size
                if self._paho_end > n:
                    raise ConnectionError(f"the broker sends a packet of {size} bytes")
                break
            if size > LONGEST and n - at < LONGEST:
                break
            end = at + min(size, LONGEST)
            start = at + 2
            while chunk[start - 1] >= 0x80:
                start += 1
            middle = start + 2 + (chunk[start] << 8 | chunk[start + 1]) if end - start >= 2 else end + 1
            if middle > end:
                raise ConnectionError("the broker sends a PUBLISH without topic")
            found.append((chunk[start + 2 : middle].decode(errors="replace"), chunk[middle:end]))
            if size > LONGEST:
                self._n_skipped = max(0, at + size - n)
                end = min(n, at + size)
            self._at = end
        return found

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes of the packet that is paho's.

        Raises:
            BlockingIOError: there is none.
        """
        at = self._at
        if at >= self._paho_end:
            raise BlockingIOError
        self._at = min(at + size, self._paho_end)
        return self._chunk[at : self._at]

    def pending(self) -> int:
        """Bytes that wait for paho."""
        return max(0, self._paho_end - self._at)

    def has_more(self) -> bool:
        """Whether a TLS connection holds bytes that ``select`` does not see."""
        return isinstance(self._inner, ssl.SSLSocket) and self._inner.pending() > 0

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
