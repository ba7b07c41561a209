"""A fair queue of received messages: a flooding controller delays only itself.

Live records of one controller are judged one after the other, so some thousand of them cost seconds. A tick therefore
takes a limited number of each controller's messages; the others wait for the next tick, in their order. What would make
them more than so many bytes is dropped, and of several births the older ones: nothing of it is acknowledged, so its
agent keeps it and sends it again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Final

from edge_agent.wire import NBIRTH, NDATA
from ingest.mqtt.connection import MqttMessage

N_EACH: Final = 256
HELD_BYTES: Final = 8 << 20
_N_KINDS: Final = 3  # topics of one controller


class FairQueue:
    """The messages of one group.

    Attributes:
        n_bytes: of all payloads that wait.
        is_behind: the last tick left something behind; the next one need not wait for more.
    """

    def __init__(
        self, tell_dropped: Callable[[str, int], None], *, n_each: int = N_EACH, held_bytes: int = HELD_BYTES
    ) -> None:
        """Nothing waits.

        Args:
            tell_dropped: called with the controller and how many of its messages were dropped.
            n_each: messages of one controller in one tick.
            held_bytes: of one controller's messages in one tick, and of those that the tick leaves behind.
        """
        self._tell_dropped = tell_dropped
        self._n_each = n_each
        self._held_bytes = held_bytes
        self._messages: list[MqttMessage] = []
        self.n_bytes = 0
        self.is_behind = False

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._messages)

    def nodes(self) -> set[str]:
        """The controllers of which anything waits."""
        return set(map(_node, self._messages))

    def add(self, messages: Sequence[MqttMessage]) -> None:
        """Append what was received."""
        self._messages += messages
        self.n_bytes += _size(messages)

    def take(self, most_bytes: int) -> list[MqttMessage]:
        """The messages for one tick in the order of arrival: up to a total size, but at least one message."""
        is_much = self.n_bytes > most_bytes
        messages, self._messages, self.n_bytes, self.is_behind = self._messages, [], 0, False
        if not self._is_fair(messages):
            messages = self._divide(messages)
        if is_much:
            n = max(1, bisect_right(list(accumulate(len(payload) for _, payload in messages)), most_bytes))
            messages, rest = messages[:n], messages[n:]
            self._messages[:0] = rest  # before what is beyond its controller's share
            self.n_bytes += _size(rest)
            self.is_behind = bool(self._messages)
        return messages

    def _is_fair(self, messages: list[MqttMessage]) -> bool:
        """Whether no controller can have more than its share of the messages."""
        if self._n_each * max(map(len, map(itemgetter(1), messages)), default=0) > self._held_bytes:
            return False  # a few large ones may be as much work as many small ones
        if len(messages) <= self._n_each:
            return True
        return _N_KINDS * max(Counter(map(itemgetter(0), messages)).values()) <= self._n_each

    def _divide(self, messages: list[MqttMessage]) -> list[MqttMessage]:
        """Keep each controller's messages beyond its share in the queue, in order."""
        now: list[MqttMessage] = []
        later: list[MqttMessage] = []
        n_taken: Counter[str] = Counter()
        taken_bytes: Counter[str] = Counter()
        held: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        waits: set[str] = set()
        begins_at: dict[str, int] = {}
        for message in messages:
            topic, payload = message
            node = _node(message)
            fits = taken_bytes[node] + len(payload) <= self._held_bytes or not n_taken[node]
            if n_taken[node] < self._n_each and fits and node not in waits:
                n_taken[node] += 1
                taken_bytes[node] += len(payload)
                now.append(message)
                continue
            waits.add(node)  # and what comes after it, in its order
            if held[node] + len(payload) > self._held_bytes:
                if f"/{NDATA}/" in topic:
                    dropped[node] += 1
                    continue
                if f"/{NBIRTH}/" in topic:  # says anew all that the next data needs
                    begins_at[node] = len(later)
                    held[node] = 0
            held[node] += len(payload)
            later.append(message)
        if begins_at:
            kept = [message for i, message in enumerate(later) if i >= begins_at.get(_node(message), 0)]
            dropped += Counter(map(_node, later)) - Counter(map(_node, kept))
            later = kept
        for node, count in dropped.items():
            self._tell_dropped(node, count)
        self._messages, self.n_bytes, self.is_behind = later, held.total(), bool(later)
        return now


def _node(message: MqttMessage) -> str:
    return message[0].rpartition("/")[2]


def _size(messages: Sequence[MqttMessage]) -> int:
    return sum([len(payload) for _, payload in messages])
