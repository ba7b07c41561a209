"""Broken payloads in a controller's name: which number they stand for, and when that is given up."""

import random

import pytest

from edge_agent.wire import Metric, Payload, encode_payload
from tests.ingest.name_stand import AT_MS, NAME, NameStand
from tests.ingest.test_poison_messages import ALIAS, BIRTH, DATA, birth

EPOCH, NONSENSE = 7, b"\xff\x00garbage"


class Stand:
    """A host application and the agent of one controller, whose ``seq`` counts what it sends itself."""

    def __init__(self, tmp_path):
        self.seq, self.stored = 0, []
        self.named = NameStand(tmp_path)
        self.host = self.named.host
        self.receive(birth(), BIRTH)

    def wait(self, seconds):
        self.named.now_s += seconds

    def receive(self, payload, topic=DATA):
        result = self.host.receive([(topic, payload)], AT_MS * 1000)
        live = [record for records in result.rounds for record in records]
        self.stored += [record.sequence for record in (*live, *result.history, *result.unjudged)]

    def send(self, *sequences, **changed):
        for sequence in sequences:
            self.lose()
            self.receive(data(sequence, self.seq, **changed))

    def send_broken(self, payload=NONSENSE):
        self.lose()
        self.receive(payload)

    def lose(self):
        self.seq = (self.seq + 1) % 256

    @property
    def complete_to(self):
        return self.host.received.get(NAME, EPOCH).complete_to

    @property
    def n_rebirths(self):
        return sum(b"Rebirth" in payload for _, payload in self.host.commands.outgoing(self.host.sessions))


def data(sequence, seq, at_ms=AT_MS):
    numbers = {"Outbox/Epoch": EPOCH, "Outbox/Sequence": sequence, "Outbox/Pending": sequence}
    metrics = [Metric(value, alias=ALIAS[name], datatype=8, timestamp_ms=at_ms) for name, value in numbers.items()]
    return encode_payload(Payload(at_ms, seq, tuple(metrics)))


@pytest.fixture
def stand(tmp_path):
    return Stand(tmp_path)


def test_a_record_that_is_broken_whenever_it_is_sent_is_given_up(stand):
    stand.send(1, 2)
    for following in (4, 5, 6):
        assert stand.complete_to == 2
        stand.send_broken()
        stand.send(following)
    assert stand.complete_to == 6


@pytest.mark.parametrize("n_between", [1, 2, 7])
def test_the_same_nonsense_of_a_stranger_never_takes_the_place_of_a_lost_record(stand, n_between):
    stand.send(1, 2)
    stand.lose()
    for following in range(4, 300):
        stand.wait(30)
        for _ in range(n_between):
            stand.receive(NONSENSE)
        stand.send(following)
    assert stand.complete_to == 2
    stand.send(3)
    assert stand.complete_to == 299
    assert sorted(stand.stored) == list(range(1, 300))


def test_nonsense_beside_losses_is_a_strangers_as_soon_as_the_agent_has_not_counted_it_once(stand):
    stand.send(1)
    stand.receive(NONSENSE)
    stand.send(2)
    for following in (4, 6, 8, 10, 12):
        stand.lose()
        stand.receive(NONSENSE)
        stand.send(following)
    assert stand.complete_to == 2


def test_random_nonsense_beside_losses_takes_no_ones_place(stand):
    rng = random.Random(1)
    stand.send(1, 2)
    for following in range(4, 500):
        stand.wait(0.5)
        if rng.random() < 0.3:
            stand.lose()
        for _ in range(rng.randrange(3)):
            stand.receive(rng.randbytes(40))
        stand.send(following)
    assert stand.complete_to == 2


def test_a_record_that_is_broken_in_another_way_each_time_is_given_up_within_half_an_hour(stand):
    stand.send(1, 2)
    for attempt in range(16):
        stand.wait(120)
        stand.send_broken(b"\xff broken, sent with another number: %d" % attempt)
        stand.send(4 + attempt)
    assert stand.complete_to == 19


def test_the_agents_own_copy_is_asked_for_when_a_payload_fills_a_gap(stand):
    stand.send(1)
    assert stand.n_rebirths == 0
    stand.send_broken()
    stand.send(3)
    assert stand.n_rebirths == 1


def test_a_strangers_nonsense_asks_for_no_births(stand):
    for sequence in range(1, 50):
        stand.wait(60)
        stand.receive(NONSENSE)
        stand.send(sequence)
    assert stand.n_rebirths == 0


def test_a_record_is_stored_although_a_broken_one_came_under_its_number_before(stand):
    stand.send(1)
    forged = data(2, 2, at_ms=1000)
    stand.receive(forged)
    assert stand.complete_to == 2
    stand.send(2, 3)
    stand.send(2, 3)
    stand.receive(forged)
    assert stand.stored == [1, 2, 3]
    assert stand.complete_to == 3


def test_a_record_that_comes_whole_after_it_was_given_up_is_stored_once(stand):
    stand.send(1)
    for following in (3, 4, 5):
        stand.send_broken()
        stand.send(following)
    stand.send(2)
    stand.send(2)
    assert stand.stored == [1, 3, 4, 5, 2]


def test_what_is_kept_of_broken_records_is_bounded(stand):
    for sequence in range(1, 500):
        stand.receive(NONSENSE + b"%d" % sequence)
        stand.send(2 * sequence)
        stand.send(2 * sequence + 1, at_ms=1000)
    refusals = stand.host._table.refusals
    assert len(refusals._others[NAME]) == len(refusals._set_aside[NAME]) == 64


def test_forged_births_and_a_forged_death_leave_a_controller_unheard_for_seconds(stand):
    stand.send(1, 2)
    for _ in range(12):
        stand.receive(NONSENSE, BIRTH)
    death = Payload(AT_MS, None, (Metric(stand.host.sessions[NAME].bd_seq or 0, name="bdSeq", datatype=4),))
    stand.receive(encode_payload(death), BIRTH.replace("NBIRTH", "NDEATH"))
    assert NAME not in stand.host.sessions
    stand.receive(data(3, 3))
    assert stand.n_rebirths == 1
    for _ in range(12):
        stand.receive(NONSENSE, BIRTH)
    stand.wait(21)
    stand.receive(data(4, 4))
    assert stand.n_rebirths == 1, "the forger's births are no answers, and do not have it left alone for minutes"
    stand.receive(birth(), BIRTH)
    assert NAME in stand.host.sessions


def test_a_controller_whose_every_answer_is_useless_is_asked_less_and_less(stand):
    stand.receive(
        encode_payload(Payload(AT_MS, None, (Metric(0, name="bdSeq", datatype=4),))), BIRTH.replace("NBIRTH", "NDEATH")
    )
    n_asked = 0
    for _ in range(3600):
        stand.wait(1)
        stand.receive(data(3, 3))
        if stand.n_rebirths:
            n_asked += 1
            stand.receive(NONSENSE, BIRTH)
    assert 8 <= n_asked <= 14
