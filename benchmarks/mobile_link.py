"""The mobile link between agent and broker, played by a relay that counts what the city pays for."""

import select
import socket
import threading
from dataclasses import dataclass

# IPv4 and TCP headers with timestamps, per packet; a mobile operator counts them.
HEADER_BYTES = 52
SEGMENT_BYTES = 1348


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes on the link so far, both ways, headers and acknowledgements of TCP reckoned in."""

    n_payload: int
    n_packets: int

    @property
    def n_bytes(self) -> int:
        """All bytes."""
        return self.n_payload + self.n_packets * HEADER_BYTES

    def __sub__(self, earlier: "Traffic") -> "Traffic":
        """Traffic since an earlier moment."""
        return Traffic(self.n_payload - earlier.n_payload, self.n_packets - earlier.n_packets)


class MobileLink:
    """Relays one agent's connections to a broker on this machine."""

    def __init__(self, broker_port: int) -> None:
        """Listen on a free port."""
        self._broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._n_payload = self._n_packets = 0
        self._is_open = True
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def traffic(self) -> Traffic:
        """What went over the link so far."""
        return Traffic(self._n_payload, self._n_packets)

    def close(self) -> None:
        """Stop relaying."""
        self._is_open = False
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        other: dict[socket.socket, socket.socket] = {}
        while self._is_open:
            ready, _, _ = select.select([self._server, *other], [], [], 0.2)
            for end in ready:
                if end is self._server:
                    near = self._server.accept()[0]
                    far = socket.create_connection(("127.0.0.1", self._broker_port))
                    other |= {near: far, far: near}
                elif end in other:
                    self._relay(end, other)
        for end in other:
            end.close()

    def _relay(self, end: socket.socket, other: dict[socket.socket, socket.socket]) -> None:
        try:
            data = end.recv(1 << 16)
            other[end].sendall(data)
        except OSError:
            data = b""
        n_segments = -(-len(data) // SEGMENT_BYTES)
        self._n_payload += len(data)
        self._n_packets += n_segments + (n_segments + 1) // 2  # every second segment is acknowledged
        if not data:
            far = other.pop(end)
            other.pop(far, None)
            end.close()
            far.close()
