"""Records with forged or copied outbox numbers: genuine ones are stored once, and the case is reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.wire import Metric, Payload, encode_payload
from ingest.model.received_ranges import MAX_JUMP, MAX_RANGES, ReceivedRangesTable
from tests.ingest.name_stand import LAMPS, NameStand
from tests.ingest.played_agents import PlayedAgent

EPOCH = 7777


class Street:
    """A host, one genuine agent, and somebody who knows its epoch."""

    def __init__(self, folder: Path) -> None:
        self.stand = NameStand(folder)
        self.agent: PlayedAgent = self.stand.agent(EPOCH, LAMPS)
        self.genuine: dict[int, float] = {}
        self.agent.birth()

    def sweep(self, n: int = 1) -> None:
        for _ in range(n):
            self.stand.sweep(self.agent)
            self.stand.turn()

    def forge(self, sequence: int, pending: int | None = 1, *, is_historical: bool = False) -> None:
        values = {"Outbox/Epoch": EPOCH, "Outbox/Sequence": sequence}
        if pending is not None:
            values["Outbox/Pending"] = pending
        at_ms = self.stand.air.at_ms = self.stand.air.at_ms + 1
        aliases = self.agent.aliases
        metrics = tuple(
            Metric(value, alias=aliases[name], datatype=8, timestamp_ms=at_ms, is_historical=is_historical)
            for name, value in values.items()
        )
        self.stand.air.publish("NDATA", self.agent.node, encode_payload(Payload(at_ms, 0, metrics)))

    def genuine_stored(self) -> set[int]:
        """Genuine records in the store; a stand asserts that nothing is stored twice."""
        sent, stand = self.stand.sent[EPOCH], self.stand
        return {s for s, r in sent.items() if r == stand.stored.get((EPOCH, s)) or r in stand.beside[EPOCH, s]}

    def restart(self, folder: Path) -> None:
        """Another host, which knows the stored ranges."""
        states = self.stand.host.received.states()
        other = NameStand(folder)
        other.air, other.sent, other.stored = self.stand.air, self.stand.sent, self.stand.stored
        other.agents, other._power_w = self.stand.agents, self.stand._power_w
        for state in json.loads(
            json.dumps([(s.controller_id, s.epoch, s.complete_to, s.starts, s.ends) for s in states])
        ):
            other.host.received.restore(type(states[0])(*state))
        self.stand = other
        self.agent.birth()
        self.stand.turn()


FORGED = {
    "absurd": (1_000_000_000, 1),
    "absurd, nothing said of the rest": (1_000_000_000, None),
    "absurd, all of it pending": (1_000_000_000, 1_000_000_000),
    "absurd, the largest": ((1 << 63) - 1, 1),
    "absurd, pending beyond reason": (1_000_000_000, (1 << 64) - 1),
    "a thousand ahead": (1010, 1),
    "a million ahead": (1_000_010, 1),
}


@pytest.mark.parametrize("is_historical", [False, True])
@pytest.mark.parametrize("name", FORGED)
def test_after_a_forged_number_every_genuine_record_is_stored(
    name: str, tmp_path: Path, *, is_historical: bool
) -> None:
    street = Street(tmp_path)
    street.sweep(10)
    street.forge(*FORGED[name], is_historical=is_historical)
    street.stand.turn()
    street.sweep(20)
    assert street.genuine_stored() == set(range(1, 31))
    n_complaints = street.stand.complaints("jump") + street.stand.complaints("contradiction")
    assert n_complaints > 0 or (is_historical and not name.startswith("absurd")), (
        "history above complete_to moves nothing"
    )


@pytest.mark.parametrize("name", FORGED)
def test_what_a_forged_number_did_does_not_outlive_a_restart(name: str, tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(10)
    street.forge(*FORGED[name])
    street.stand.turn()
    street.restart(tmp_path)
    street.sweep(20)
    assert street.genuine_stored() == set(range(1, 31))


def test_an_absurd_number_is_neither_stored_nor_acknowledged_and_asks_for_one_birth(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(3)
    for i in range(50):
        street.forge(1_000_000_000 + i)
        street.stand.turn()
    ranges = street.stand.host.received.get(street.agent.node, EPOCH)
    assert ranges is not None
    assert ranges.newest == 3
    assert street.agent.acknowledged == 3
    assert street.stand.complaints("jump") == 50
    assert street.stand.n_rebirths <= 2


def test_a_forged_number_before_the_first_genuine_record_hides_none(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.stand.air.messages.clear()  # the birth was lost
    street.forge(5000)
    street.stand.turn()
    street.agent.birth()
    street.sweep(10)
    assert street.genuine_stored() == set(range(1, 11))


@pytest.mark.parametrize("is_historical", [False, True])
@pytest.mark.parametrize("numbers", [(8,), (6,), (6, 7, 8, 9), (60,), (20, 15, 10)])
def test_the_genuine_record_of_a_number_that_is_taken_is_stored_beside_it_and_reported(
    tmp_path: Path, numbers: tuple[int, ...], *, is_historical: bool
) -> None:
    street = Street(tmp_path)
    street.sweep(5)
    for number in numbers:
        street.forge(number, is_historical=is_historical)
    street.stand.turn()
    street.sweep(60)
    assert street.genuine_stored() == set(range(1, 66))
    assert sum(map(len, street.stand.beside.values())) == len(numbers)
    assert street.stand.complaints("contradiction") >= len(numbers)


def test_a_forged_record_that_claims_a_later_time_hides_no_genuine_one(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(5)
    street.stand.air.at_ms += 600_000
    street.forge(6)
    street.stand.air.at_ms -= 600_000
    street.stand.turn()
    street.sweep(3)
    assert street.genuine_stored() == set(range(1, 9))
    assert street.stand.complaints("contradiction") >= 1


def test_a_record_that_comes_again_is_stored_once_and_no_contradiction(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(3)
    payloads = [street.agent.outbox.get(s) for s in (1, 2, 3)]
    assert payloads == [None] * 3, "acknowledged"
    street.stand.sweep(street.agent)
    topic, payload = street.stand.air.messages[-1]
    street.stand.turn()
    for _ in range(3):
        street.stand.air.messages.append((topic, payload))
        street.stand.turn()
    assert not any(street.stand.beside.values())
    assert street.stand.complaints("contradiction") == 0


def test_after_a_restart_the_genuine_record_of_a_taken_number_is_set_aside_and_reported(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(5)
    street.forge(8)
    street.stand.turn()
    street.restart(tmp_path)  # the times are not kept
    street.sweep(10)
    assert street.genuine_stored() == set(range(1, 16)) - {8}
    lines = [json.loads(line) for line in street.stand.host._dead_letters.take()]
    assert [line["topic"] for line in lines if line["reason"] == "contradiction"] == [f"NDATA/{street.agent.node}"]
    assert street.stand.complaints("contradiction") >= 1


def test_a_forged_birth_hides_nothing(tmp_path: Path) -> None:
    for sequence in (1_000_000_000, 500):
        street = Street(tmp_path)
        street.sweep(5)
        own = street.agent.sequence
        street.agent.sequence = sequence
        street.agent.birth()
        street.agent.sequence = own
        street.stand.turn()
        street.sweep(10)
        assert street.genuine_stored() == set(range(1, 16))


def test_a_jump_that_a_birth_confirms_is_believed(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(3)
    street.agent.sequence = 3 + 2 * MAX_JUMP  # its outbox was brought back from elsewhere
    street.sweep(1)
    assert street.stand.complaints("jump") == 1
    street.stand.turn()  # it has heard the request
    street.sweep(3)
    street.stand.resend()
    street.stand.turn()
    assert not street.agent.outbox
    assert len(street.genuine_stored()) == 7


def test_an_agent_that_gives_up_its_oldest_records_contradicts_nothing(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(5)
    for _ in range(20):
        street.stand.sweep(street.agent, is_sent=False)
    for sequence in range(6, 16):
        del street.agent.outbox[sequence]
    street.sweep(1)
    street.stand.resend()
    street.stand.turn()
    assert street.genuine_stored() == set(range(1, 27)) - set(range(6, 16))
    assert not street.agent.outbox
    assert street.stand.complaints("contradiction") == street.stand.complaints("jump") == 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 60), st.booleans()), min_size=1, max_size=12), st.data())
def test_whatever_is_forged_no_genuine_record_vanishes(
    tmp_path: Path, forged: list[tuple[int, int, bool]], draw: st.DataObject
) -> None:
    street = Street(tmp_path)
    for sequence, pending, is_historical in forged:
        street.sweep(draw.draw(st.integers(0, 4)))
        street.forge(sequence, pending, is_historical=is_historical)
        street.stand.turn()
    street.sweep(5)
    aside = street.stand.complaints("contradiction")
    missing = set(street.stand.sent[EPOCH]) - street.genuine_stored()
    assert missing <= {sequence for sequence, _, _ in forged}, "only those whose very number was forged before them"
    assert len(missing) <= aside


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("take"), st.integers(1, 40)),
            st.tuples(st.just("raise"), st.integers(0, 45)),
            st.tuples(st.just("rewind"), st.integers(0, 45)),
            st.tuples(st.just("restore"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_a_mark_holds_exactly_what_was_taken_whatever_the_floor_did(steps: list[tuple[str, int]]) -> None:
    received = ReceivedRangesTable()
    ranges, taken = received.open("PJU-1", 7, 0), set()
    for step, number in steps:
        if step == "take" and not ranges.holds(number):
            ranges.take(number)
            taken.add(number)
        elif step == "raise":
            ranges.advance(number)
            assert ranges.complete_to >= number
        elif step == "rewind":
            ranges.rewind(number)
        elif step == "restore":
            state = ranges.state("PJU-1", 7)
            received = ReceivedRangesTable()
            received.restore(state)
            restored = received.get("PJU-1", 7)
            assert restored is not None
            ranges = restored
        assert {n for n in range(1, 50) if ranges.holds(n)} == taken
        assert all(n in taken for n in range(ranges.base + 1, ranges.complete_to + 1))
        assert ranges.complete_to + 1 not in taken
        assert ranges.durable_to <= ranges.complete_to


def test_a_mark_keeps_few_ranges_whatever_is_sent(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.sweep(1)
    for first in range(0, 3 * MAX_RANGES, 500):
        for i in range(first, first + 500):
            street.forge(10 + 2 * i, 10 + 2 * i)
        street.stand.turn()
    ranges = street.stand.host.received.get(street.agent.node, EPOCH)
    assert ranges is not None
    assert len(ranges.starts) <= MAX_RANGES
    assert street.stand.complaints("scattered") > 0
    street.sweep(3)
    assert street.genuine_stored() == {1, 2, 3, 4}
