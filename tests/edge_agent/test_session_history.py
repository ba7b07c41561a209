"""What a session sends again, when, and in which order: history, its window and rate, and records of other days."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.wire import DataType, Metric, unpack_strings
from tests.edge_agent.played_session import START_MS, Played, history, live, values


@pytest.fixture
def played(tmp_path) -> Played:
    session = Played(tmp_path)
    session.sweep()
    return session


def test_a_card_that_breaks_begins_a_new_epoch_with_a_birth_and_all_its_records_arrive(played):
    played.connect()
    for _ in range(30):
        played.now_s += 60
        played.sweep()
        played.pump()
        played.acknowledge(played.outbox.last_sequence)
    stale = played.sweep()  # on its way to the link when storage fails
    epoch = played.outbox.epoch
    played.break_card()
    played.now_s += 60
    fresh = played.sweep()
    assert (fresh.sequence, stale.sequence) == (1, 32)
    sent = played.run(5)
    assert [kind for kind, _, _ in sent].count("NBIRTH") == 1
    reported = [values(payload) for kind, payload, _ in sent if kind == "NDATA"]
    assert (
        {(one["Outbox/Epoch"], one["Outbox/Sequence"]) for one in reported}
        == {(played.outbox.epoch, 1)}
        != {(epoch, 1)}
    )
    lost = played.sweep()  # live, but the host missed it
    assert live(played.run(2)) == [lost.sequence]
    assert lost.sequence in history(played.run(130))


def test_what_was_recorded_offline_goes_as_history_oldest_first_after_the_live_data(played):
    played.connect()
    played.acknowledge(1)
    played.drop()
    for _ in range(30):
        played.now_s += 60
        played.sweep()
        played.pump()
    assert len(played.sent) == 1, "nothing is published without a connection"
    played.connect()
    newest = played.sweep()
    sent = played.run(5)
    assert live(sent) == [newest.sequence]
    assert values(sent[0][1])["Outbox/Sequence"] == newest.sequence, "newest live data first"
    assert history(sent) == list(range(2, 32))
    for _, payload, _ in sent[1:]:
        assert {metric.timestamp_ms for metric in payload.metrics} == {payload.timestamp_ms}
        assert payload.timestamp_ms == START_MS + 60_000 * (values(payload)["Outbox/Sequence"] - 1)


def test_a_live_record_that_nobody_acknowledged_goes_again_after_two_minutes(played):
    played.connect()
    played.acknowledge(1)
    record = played.sweep()
    played.pump()
    assert history(played.run(115)) == []
    assert history(played.run(10)) == [record.sequence]
    played.acknowledge(record.sequence)
    assert history(played.run(1000)) == []


def test_history_keeps_to_its_window_and_its_rate(tmp_path):
    played = Played(tmp_path, window=10, rate_per_s=4.0)
    for _ in range(50):
        played.sweep()
    played.connect()
    assert len(history(played.run(2))) <= 9
    sent = history(played.run(60))
    assert len(history(played.sent)) == 10
    assert history(played.sent) == list(range(1, 11)), sent
    played.acknowledge(4)
    played.run(10)
    assert history(played.sent) == list(range(1, 15))


def test_a_host_that_never_acknowledges_costs_ever_less(tmp_path):
    played = Played(tmp_path)
    for _ in range(500):
        played.sweep()
    played.connect()
    played.run(3600)
    in_the_first_hour = len(history(played.sent))
    played.run(3600, 5)
    played.run(3600, 5)
    in_the_third = len(played.sent)
    played.run(3600, 5)
    assert in_the_first_hour < 500
    assert len(played.sent) - in_the_third <= 4


def test_a_host_that_comes_back_gets_everything_at_once(tmp_path):
    played = Played(tmp_path)
    played.sweep()
    played.connect()
    played.acknowledge(1)
    for _ in range(200):
        played.now_s += 60
        played.sweep()
        played.pump()
    played.ncmd(Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN))
    seen = set()
    for _ in range(40):
        seen |= set(history(played.run(1)))
        whole = played.outbox.first_held
        while whole in seen:
            whole += 1
        if whole > played.outbox.first_held:
            played.acknowledge(whole - 1)
    assert set(range(2, 199)) <= seen


def test_a_host_that_lost_track_gets_the_history_again_with_its_birth(played):
    for _ in range(5):
        played.sweep()
    played.connect()
    assert history(played.run(3)) == [1, 2, 3, 4, 5, 6]
    played.ncmd(Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN))
    sent = played.run(3)
    assert sent[0][0] == "NBIRTH"
    assert history(sent) == [1, 2, 3, 4, 5, 6]


def test_records_of_an_older_register_go_out_in_the_order_of_the_new_one(tmp_path):
    played = Played(tmp_path)
    record = played.sweep()
    power = values_of(played, record)
    played.outbox.close()
    old = played.layout
    new = replace(old, lamp_ids=(old.lamp_ids[2], "L-new", old.lamp_ids[0]), is_dimmable=(True,) * 3)
    played = Played(tmp_path, layout=new)
    played.connect()
    birth = values(played.sent[0][1])
    assert unpack_strings(birth["Lamps/Id"]) == new.lamp_ids
    ((_, payload, _),) = [message for message in played.run(2) if history([message])]
    reported = values(payload)["Lamps/Power"]
    assert (reported[0:4], reported[8:12]) == (power[8:12], power[0:4])
    assert reported[4:8] == b"\x00\x00\xc0\x7f", "a lamp that was not there is unknown"
    assert values(payload)["Lamps/Quality"][1] == 1


def test_a_record_that_the_card_has_spoilt_sends_its_number_and_holds_nothing_up(tmp_path):
    played = Played(tmp_path)
    for _ in range(3):
        played.sweep()
    played.outbox._storage.file._db.execute("UPDATE record SET body = x'00ff' WHERE sequence = 2")
    played.outbox._storage.file._db.execute("UPDATE record SET layout = 'gone' WHERE sequence = 1")
    played.connect()
    sent = played.run(3)
    assert history(sent) == [1, 2, 3]
    assert set(values(sent[1][1])) == {"Outbox/Epoch", "Outbox/Sequence", "Outbox/Pending"}
    assert "Lamps/Power" in values(sent[2][1])


def values_of(played: Played, record) -> bytes:
    played.connect()
    power = values(played.sent[0][1])["Lamps/Power"]
    played.drop()
    played.sent.clear()
    return power
