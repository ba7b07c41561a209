"""The primary host's STATE, as Sparkplug 3.0 and as 2.2 write it, and which statement counts.

Owns the reading of both forms and the order of statements. Sparkplug 3.0: ``spBv1.0/STATE/{host}``, JSON with a
timestamp. Sparkplug 2.2: ``STATE/{host}``, the text ``ONLINE`` or ``OFFLINE`` without a time, so that it counts only
until a statement of 3.0 has come. A retained STATE is the normal case; a stale one is recognised by its timestamp.
"""

from __future__ import annotations

from typing import Final

from edge_agent.wire import WireError, decode_state, state_topic

MAX_STATE_BYTES: Final = 4096
LATEST_MS: Final = 4_102_444_800_000  # 2100-01-01: a later timestamp is no time
AHEAD_MS: Final = 300_000  # of this agent's clock, that a statement may be; one further ahead is dated back
DATED_BACK_MS: Final = 60_000
_WORDS_2_2: Final = {b"ONLINE": True, b"OFFLINE": False}


class HostState:
    """What is known of the primary host on one connection.

    Attributes:
        is_online: whether data may be published.
        is_version_2_2: the last STATE had the form of Sparkplug 2.2.
    """

    def __init__(self, host: str) -> None:
        """Know nothing of the host of this id."""
        self.host = host
        self._topic = state_topic(host)
        self._topic_2_2 = f"STATE/{host}"
        self.forget()

    @property
    def topics(self) -> tuple[str, str]:
        """Where its statements come: of Sparkplug 3.0, of Sparkplug 2.2."""
        return self._topic, self._topic_2_2

    def forget(self) -> None:
        """Begin a connection: the broker sends the retained STATE again."""
        self.is_online = False
        self.is_version_2_2 = False
        self._since_ms: int | None = None

    def received(self, payload: bytes, now_ms: int) -> bool | None:
        """Take a statement; return whether the host is online by it, None = stale, changes nothing.

        A timestamp that is ahead of this agent's clock by minutes is read as one of the past minute: else one forged
        statement would make all that the host says afterwards stale.

        Raises:
            WireError: it is no statement of either version.
        """
        if len(payload) > MAX_STATE_BYTES:
            raise WireError(f"a STATE of {len(payload)} bytes")
        word = _WORDS_2_2.get(payload.strip().upper())
        if word is not None:
            if self._since_ms is not None:
                return None
            self.is_version_2_2 = True
            self.is_online = word
            return word
        is_online, since_ms = decode_state(payload)
        if not 0 <= since_ms < LATEST_MS:
            raise WireError(f"the timestamp {since_ms} of a STATE is no time")
        if since_ms > now_ms + AHEAD_MS:
            since_ms = now_ms - DATED_BACK_MS
        if self._since_ms is not None and since_ms < self._since_ms:
            return None
        self._since_ms = since_ms
        self.is_version_2_2 = False
        self.is_online = is_online
        return is_online
