"""Messages that the embedded broker has read and not yet handed on, and how many of them may wait."""

from __future__ import annotations

import asyncio
from typing import Any, Final

_MESSAGE: Final = 1 << 10  # bytes that a message takes in memory beside its data


class Backlog(asyncio.Queue[Any]):
    """A queue that counts the memory of what waits in it.

    Attributes:
        has_room: set while less than the limit waits. Who fills the queue by ``put_nowait`` waits for it beforehand: a
            message beyond the limit is not refused, since amqtt would drop it.
    """

    def __init__(self, most_bytes: int, *, holds_writers: bool = False) -> None:
        """An empty queue.

        Args:
            most_bytes: until it is full.
            holds_writers: whether ``put`` waits while it is full.
        """
        self._most_bytes, self._holds_writers = most_bytes, holds_writers
        self._n_bytes = 0
        self.has_room = asyncio.Event()
        self.has_room.set()
        super().__init__()

    def full(self) -> bool:
        """Whether ``put`` waits."""
        return self._holds_writers and self._n_bytes >= self._most_bytes

    def _put(self, item: Any) -> None:
        super()._put(item)
        self._n_bytes += _size(item)
        if self._n_bytes >= self._most_bytes:
            self.has_room.clear()

    def _get(self) -> Any:
        item = super()._get()
        self._n_bytes -= _size(item)
        if self._n_bytes < self._most_bytes:
            self.has_room.set()
        return item


def _size(message: Any) -> int:
    """Memory of one of amqtt's broadcasts, a dict, or of its messages."""
    data = message["data"] if isinstance(message, dict) else message.data
    return len(data or b"") + _MESSAGE
