"""The received ranges of several footers are united, in any order of reading."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.model.received_ranges import ReceivedRanges, ReceivedRangesTable, StoredRanges

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair))), max_size=12)


@given(st.integers(0, 10), RANGES)
def test_included_ranges_hold_exactly_their_union(complete_to, included):
    ranges = ReceivedRanges(complete_to=complete_to)
    for start, end in included:
        ranges.include(start, end)
    taken = set(range(1, complete_to + 1)).union(*(range(start, end + 1) for start, end in included))
    assert [n for n in range(1, 80) if ranges.holds(n)] == sorted(taken)
    assert ranges.starts == sorted(ranges.starts)
    assert all(end + 1 < start for end, start in zip(ranges.ends, ranges.starts[1:], strict=False))
    assert all(start > ranges.complete_to + 1 for start in ranges.starts)


@given(st.permutations(range(1, 30)), st.integers(1, 28))
def test_the_footers_of_growing_blocks_restore_what_the_last_one_says(order, n_known):
    running, restored = ReceivedRangesTable(), ReceivedRangesTable()
    running.open("PJU-1", 7, 0)
    for sequence in order[:n_known]:
        running.get("PJU-1", 7).take(sequence)
        restored.restore(running.state("PJU-1", 7))
    assert restored.state("PJU-1", 7) == running.state("PJU-1", 7)


def test_a_range_that_grew_between_two_footers_is_known_whole():
    received = ReceivedRangesTable()
    for ends in ((95, 101), (96, 101), (96, 103)):
        received.restore(StoredRanges("PJU-1", 7, 90, (95, 101), ends))
    ranges = received.get("PJU-1", 7)
    assert [n for n in range(91, 105) if ranges.holds(n)] == [95, 96, 101, 102, 103]
