"""Why a connection ended, in words: what MQTT or the socket gave, and what was sent last.

MQTT 3.1.1 has no reason for a broker that hangs up. One that does so right after a large message most likely refuses
its size (Mosquitto: ``message_size_limit`` and ``max_packet_size``), so the largest message of the past seconds is
named with its size.
"""

from __future__ import annotations

from typing import Final

RECENT_S: Final = 10.0
LARGE_BYTES: Final = 20_000
_KEEPALIVE: Final = "Keep alive timeout"
# texts of paho that carry the socket's own words behind a colon
_SOCKET_TEXTS: Final = ("failed to receive on socket", "failed to send on socket", "timeout on socket")


class LostConnection:
    """Collects, during one connection, what will say why it ended."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._socket_words = ""
        self._reason = ""
        self._sent: tuple[str, int, float] | None = None
        self.is_answered = False

    def logged(self, text: str) -> None:
        """Take a line of the MQTT client's log."""
        head, _, words = text.partition(": ")
        if head in _SOCKET_TEXTS and words:
            self._socket_words = words

    def disconnected(self, reason: str) -> None:
        """Take MQTT's reason for the end."""
        self._reason = reason

    def sent(self, message_type: str, n_bytes: int, now_s: float) -> None:
        """Note a message that was handed over for sending; the largest of the past seconds is remembered."""
        if self._sent is None or n_bytes >= self._sent[1] or now_s - self._sent[2] > RECENT_S:
            self._sent = message_type, n_bytes, now_s

    def words(self, now_s: float) -> str:
        """Why the connection ended."""
        if self._socket_words:
            reason = self._socket_words
        elif self._reason == _KEEPALIVE:
            return "the broker did not answer within the keep-alive time"
        elif self._reason not in {"", "Unspecified error", "Success", "Normal disconnection"}:
            reason = self._reason
        else:
            reason = "the broker closed it"
        if not self.is_answered:
            return f"{reason}, before it answered CONNECT and SUBSCRIBE"
        if self._sent is None or now_s - self._sent[2] > RECENT_S:
            return reason
        message_type, n_bytes, at_s = self._sent
        hint = "; does it accept messages of this size?" if n_bytes >= LARGE_BYTES else ""
        return f"{reason}, {now_s - at_s:.1f} s after {message_type} of {n_bytes} bytes{hint}"
