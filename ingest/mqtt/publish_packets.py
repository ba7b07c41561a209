"""Splits a stream of MQTT 3.1.1 into PUBLISH packets of quality 0; pure functions over bytes.

Only what needs no answer and no state is taken; whatever else comes, or is not whole or not well formed, is left to
paho. Source: MQTT Version 3.1.1, sections 2.2.3 (remaining length) and 3.3 (PUBLISH).
"""

from __future__ import annotations

from typing import Final

Publish = tuple[bytes, bytes]  # topic as it came, and payload

_PUBLISH: Final = 0x30  # of quality 0, neither retained nor sent again
_MAX_LENGTH_BYTES: Final = 4


def split_publishes(data: bytes) -> tuple[list[Publish], int]:
    """Return the whole PUBLISH packets at the front of ``data`` that are taken, and how many bytes they are."""
    publishes: list[Publish] = []
    at, end = 0, len(data)
    while at + 4 <= end and data[at] == _PUBLISH:
        size, body = _remaining_length(data, at + 1)
        stop = body + size
        if size < 3 or stop > end:
            break
        topic_stop = body + 2 + (data[body] << 8 | data[body + 1])
        if topic_stop > stop or topic_stop == body + 2:
            break
        publishes.append((data[body + 2 : topic_stop], data[topic_stop:stop]))
        at = stop
    return publishes, at


def _remaining_length(data: bytes, at: int) -> tuple[int, int]:
    """Return the remaining length that begins at ``at`` and where its packet's body begins; 0 if it is not whole."""
    size = 0
    for i in range(_MAX_LENGTH_BYTES):
        if at + i >= len(data):
            break
        byte = data[at + i]
        size |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return size, at + i + 1
    return 0, at
