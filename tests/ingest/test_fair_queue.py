"""The queue before decoding: each controller's share of a tick, its order kept, its memory bounded."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ingest.sparkplug.fair_queue import FairQueue

N_EACH, HELD_BYTES = 4, 40
UNBOUND = 1 << 40

messages_of = st.lists(
    st.tuples(st.sampled_from(["NBIRTH", "NDATA", "NDEATH"]), st.sampled_from("ABC"), st.integers(1, 12)), max_size=60
)


def numbered(plan: list[tuple[str, str, int]], first: int) -> list[tuple[str, bytes]]:
    """Messages of the planned sizes that tell their place."""
    return [
        (f"spBv1.0/terang/{kind}/{node}", f"{first + i:04d}".encode() + bytes(size))
        for i, (kind, node, size) in enumerate(plan)
    ]


@given(st.lists(messages_of, max_size=6), st.sampled_from([1, 30, 100, UNBOUND]))
def test_every_message_is_taken_once_in_its_controllers_order_or_reported_as_dropped(
    plans: list[list[tuple[str, str, int]]], most_bytes: int
) -> None:
    dropped: Counter[str] = Counter()
    queue = FairQueue(lambda node, n: dropped.update({node: n}), n_each=N_EACH, held_bytes=HELD_BYTES)
    sent: Counter[str] = Counter()
    taken: dict[str, list[bytes]] = {"A": [], "B": [], "C": []}
    newest_birth: dict[str, bytes] = {}
    plans = [*plans, *[[]] * 400]
    for number, plan in enumerate(plans):
        messages = numbered(plan, number * 100)
        queue.add(messages)
        for topic, payload in messages:
            sent[topic[-1]] += 1
            if "NBIRTH" in topic:
                newest_birth[topic[-1]] = payload
        share = queue.take(most_bytes)
        assert len(share) <= 1 or sum(len(payload) for _, payload in share) <= most_bytes
        assert max(Counter(topic[-1] for topic, _ in share).values(), default=0) <= N_EACH
        assert queue.is_behind == bool(queue)
        for topic, payload in share:
            taken[topic[-1]].append(payload)
    assert not queue
    assert queue.n_bytes == 0
    for node, payloads in taken.items():
        assert payloads == sorted(payloads)
        assert len(payloads) + dropped[node] == sent[node]
        if node in newest_birth:
            assert newest_birth[node] in payloads  # what comes after it is read by it


def test_what_one_controller_leaves_waiting_is_bounded() -> None:
    dropped: list[tuple[str, int]] = []
    queue = FairQueue(lambda *reported: dropped.append(reported), n_each=N_EACH, held_bytes=HELD_BYTES)
    queue.add(numbered([("NDATA", "A", 6)] * 50 + [("NDATA", "B", 6)], 0))
    assert [topic[-1] for topic, _ in queue.take(UNBOUND)] == ["A"] * 4 + ["B"]
    assert queue.n_bytes == 40
    assert dropped == [("A", 42)]
    queue.add(numbered([("NBIRTH", "A", 6)], 100))
    assert [payload[:4] for _, payload in queue.take(UNBOUND)] == [b"0004", b"0005", b"0006", b"0007"]
    assert [payload[:4] for _, payload in queue.take(UNBOUND)] == [b"0100"]


def test_a_flood_does_not_fill_the_small_shares_of_a_slow_store() -> None:
    queue = FairQueue(lambda *_: None, n_each=N_EACH, held_bytes=10_000)
    queue.add(numbered([("NDATA", "A", 6)] * 400 + [("NDATA", "B", 6), ("NDATA", "C", 6)], 0))
    taken = [topic[-1] for _ in range(3) for topic, _ in queue.take(30)]
    assert taken == ["A"] * 4 + ["B", "C", "A", "A", "A"]
    assert queue.is_behind
