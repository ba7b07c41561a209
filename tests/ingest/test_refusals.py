"""Broken payloads in a controller's name: which number they stand for, and when that is given up."""

import random
from types import SimpleNamespace

import pytest

from ingest.errors import RecordError
from ingest.metrics import Complaints, Metrics
from ingest.model.received_ranges import ReceivedRangesTable
from ingest.sparkplug.refusals import Refusals

NODE, EPOCH = "PJU-001", 7


class Stand:
    def __init__(self):
        self.now = 0.0
        self.received = ReceivedRangesTable()
        letters = SimpleNamespace(add=lambda *_args, **_more: None)
        self.refusals = Refusals(self.received, Complaints(Metrics()), letters, lambda: self.now)
        self.ranges = self.received.open(NODE, EPOCH, 0)
        self.session = SimpleNamespace(controller_id=NODE, epoch=EPOCH, seq=0, ranges=self.ranges, aliases={})

    def take(self, *sequences):
        for sequence in sequences:
            self.ranges.take(sequence)

    def refuse(self, payload):
        error = RecordError("broken", "no payload")
        self.refusals.set_aside(self.session, payload, error, None, is_own=True, now_us=0)


@pytest.fixture
def stand(monkeypatch):
    monkeypatch.setattr("ingest.sparkplug.refusals.salvage_number", lambda _session, _payload: None)
    made = Stand()
    made.take(1, 2, 4, 5)  # 3 is on its way
    return made


def test_nonsense_in_a_controllers_name_does_not_take_the_place_of_a_record_that_is_on_its_way(stand):
    rng = random.Random(1)
    for _ in range(500):
        stand.now += 0.5
        stand.refuse(rng.randbytes(40))
    assert not stand.ranges.holds(3)
    stand.take(3)
    assert stand.ranges.complete_to == 5


def test_the_same_broken_payload_again_and_again_is_given_up(stand):
    for _ in range(3):
        stand.refuse(b"\xff\x00garbage")
    assert stand.ranges.complete_to == 5


def test_a_record_that_is_broken_each_time_it_is_sent_again_is_given_up_within_half_an_hour(stand):
    for attempt in range(16):
        stand.now += 120
        stand.refuse(b"broken, sent with another number: %d" % attempt)
    assert stand.ranges.complete_to == 5
