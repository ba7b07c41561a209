"""The Sparkplug session message by message, against the standard's statements (tck-id in comments) and the contract."""

from __future__ import annotations

import pytest

from edge_agent.wire import (
    BY_NAME,
    CATALOGUE,
    LAMP_QUANTITIES,
    DataType,
    Metric,
    Payload,
    encode_payload,
    encode_state,
    unpack_strings,
)
from tests.edge_agent.played_session import START_MS, Played, history, live, values


@pytest.fixture
def played(tmp_path) -> Played:
    session = Played(tmp_path)
    session.sweep()
    return session


def test_birth_will_and_subscription_are_the_standards(played):
    assert played.session.subscriptions() == (("spBv1.0/g/NCMD/n", 1),)  # edge-node-ncmd-subscribe
    will = played.connect()
    assert will.seq is None  # payloads-ndeath-seq
    assert [(metric.name, metric.datatype) for metric in will.metrics] == [("bdSeq", DataType.INT64)]
    (kind, birth, qos), *rest = played.sent
    assert (kind, qos, rest) == ("NBIRTH", 0, [])  # payloads-nbirth-qos
    assert birth.seq == 0  # payloads-nbirth-seq
    assert birth.timestamp_ms == played.now_ms()  # payloads-nbirth-timestamp
    assert values(birth)["bdSeq"] == will.metrics[0].value  # payloads-nbirth-bdseq


def test_a_birth_names_every_metric_with_alias_datatype_and_value(played):
    played.connect()
    birth = played.sent[0][1]
    names = [metric.name for metric in birth.metrics]
    assert len(set(names)) == len(names)
    for metric in birth.metrics:
        spec = BY_NAME[metric.name]
        assert (metric.alias, metric.datatype) == (spec.alias, spec.datatype)
        assert metric.timestamp_ms is not None
        assert not metric.is_historical
    reported = values(birth)
    assert unpack_strings(reported["Lamps/Id"]) == played.layout.lamp_ids
    assert reported["Agent/Version"] == "1.2.3"
    assert reported["Node Control/Rebirth"] is False  # topics-nbirth-rebirth-metric
    for name in ("Outbox/Acknowledged", "Lamps/Dim Command", "Lamps/Dim Until", "Schedule/Document"):
        assert reported[name] is None
    absent = {spec.name for spec in CATALOGUE} - set(names)
    assert absent == {spec.name for spec in CATALOGUE if spec.name.startswith(("Cabinet/", "Circuits/"))} - {
        "Circuits/Id"
    }, "what no profile has is left out, and nothing else"


def test_the_birth_repeats_the_newest_record_and_is_none_itself(played):
    played.sweep()
    newest = played.sweep()
    played.acknowledge(3)  # not connected: commands cannot come, so nothing happens to the session itself
    played.connect()
    reported = values(played.sent[0][1])
    assert reported["Outbox/Sequence"] == newest.sequence == 3
    assert reported["Outbox/Sequence"] - reported["Outbox/Pending"] == played.outbox.first_held - 1
    metric = next(metric for metric in played.sent[0][1].metrics if metric.name == "Lamps/Power")
    assert metric.timestamp_ms == newest.at_ms
    assert played.outbox.last_sequence == 3


def test_data_is_aliases_alone_with_the_sweeps_end_on_everything(played):
    played.connect()
    played.now_s += 60
    record = played.sweep(slow=False)
    ((kind, data, qos),) = [message for message in played.pump() if live([message])]
    assert (kind, qos, data.seq) == ("NDATA", 0, 1)
    assert data.timestamp_ms == record.at_ms == START_MS + 60_000
    for metric in data.metrics:
        assert metric.name is None
        assert metric.datatype is None
        assert metric.alias is not None
        assert metric.timestamp_ms == record.at_ms
    reported = values(data)
    slow = {quantity.metric for quantity in LAMP_QUANTITIES if quantity.is_slow} | {"Lamps/Poll Errors"}
    assert slow >= {"Lamps/Temperature", "Lamps/Energy", "Lamps/Burning Hours", "Lamps/Switch Count"}
    birth_only = {spec.name for spec in CATALOGUE if spec.is_birth_only or spec.is_command} | {"Schedule/Document"}
    assert set(reported) == set(values(played.sent[0][1])) - birth_only - slow
    assert (reported["Outbox/Epoch"], reported["Outbox/Sequence"], reported["Outbox/Pending"]) == (
        played.outbox.epoch,
        2,
        2,
    )


def test_seq_runs_on_from_the_birth_and_wraps_after_255(played):
    played.connect()
    for _ in range(300):
        played.now_s += 1
        played.sweep()
        played.pump()
        played.acknowledge(played.outbox.last_sequence)
    seqs = [payload.seq for _, payload, _ in played.sent]
    assert seqs == [i % 256 for i in range(len(seqs))]
    assert len(seqs) >= 301


def test_bd_seq_rises_with_every_connect_survives_a_restart_and_wraps(tmp_path):
    played = Played(tmp_path)
    played.sweep()
    numbers = []
    for _ in range(3):
        numbers.append(played.connect().metrics[0].value)
        played.drop()
    played.outbox.close()
    played = Played(tmp_path)
    for _ in range(256):
        numbers.append(played.connect().metrics[0].value)
        played.drop()
    assert numbers == [i % 256 for i in range(259)]
    births = [values(payload)["bdSeq"] for kind, payload, _ in played.sent if kind == "NBIRTH"]
    assert births == numbers[3:]


@pytest.mark.parametrize("metric", [Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN)])
def test_a_rebirth_keeps_bd_seq_and_starts_seq_anew(played, metric):
    played.connect()
    played.now_s += 60
    played.sweep()
    played.pump()
    played.acknowledge(2)
    played.ncmd(metric)
    ((kind, birth, _),) = played.pump()
    assert (kind, birth.seq) == ("NBIRTH", 0)
    assert values(birth)["bdSeq"] == values(played.sent[0][1])["bdSeq"]
    played.sweep()
    assert played.pump()[0][1].seq == 1


def test_a_host_that_asks_for_births_in_a_loop_gets_few(played):
    played.connect()
    for _ in range(100):
        played.now_s += 0.1
        played.ncmd(Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN))
        played.pump()
    assert sum(kind == "NBIRTH" for kind, _, _ in played.sent) <= 6


def test_an_intended_end_publishes_the_death_first(played):
    will = played.connect()
    played.session.close()
    kind, death, qos = played.sent[-1]
    assert (kind, qos, death.seq) == ("NDEATH", 1, None)
    assert values(death) == values(will)
    assert not played.is_up


def test_acknowledgements_free_records_and_those_of_another_epoch_do_not(played):
    played.connect()
    for _ in range(4):
        played.sweep()
    played.acknowledge(4, epoch=played.outbox.epoch ^ 1)
    assert played.outbox.n_held == 5
    played.acknowledge(4)
    assert played.outbox.n_held == 1
    played.acknowledge(2)
    assert played.outbox.n_held == 1, "an acknowledgement never goes back"
    played.acknowledge(6)
    assert (played.outbox.n_held, played.session.n_refused) == (1, 1), "a number that was never given is refused"


def test_commands_go_by_alias_or_by_name(played):
    played.connect()
    levels, until = bytes([0, 50, 254, 255]), played.now_ms() + 1000
    for by_name in (True, False):
        played.ncmd(
            *(
                Metric(
                    value,
                    name=name if by_name else None,
                    alias=None if by_name else BY_NAME[name].alias,
                    datatype=BY_NAME[name].datatype,
                )
                for name, value in (("Lamps/Dim Command", levels), ("Lamps/Dim Until", until))
            )
        )
    assert [(command.levels, command.until_ms) for command in played.ears.dims] == [(levels, until)] * 2


def test_a_new_schedule_is_reported_in_a_new_birth_and_a_bad_one_is_counted(played):
    played.connect()
    played.now_s += 10
    played.ncmd(Metric('{"version": 1}', alias=BY_NAME["Schedule/Document"].alias))
    births = [payload for kind, payload, _ in played.pump() if kind == "NBIRTH"]
    assert values(births[0])["Schedule/Document"] == '{"version": 1}'
    played.ears.is_accepting = False
    played.now_s += 10
    played.ncmd(Metric("no", name="Schedule/Document"))
    assert not [kind for kind, _, _ in played.pump() if kind == "NBIRTH"]
    assert played.session.n_refused == 1


def test_a_command_with_one_refused_part_changes_nothing_at_all(played):
    played.connect()
    played.now_s += 10
    dim = Metric(bytes([50] * 4), name="Lamps/Dim Command", datatype=DataType.UINT8_ARRAY)
    until = Metric(START_MS + 3_600_000, name="Lamps/Dim Until", datatype=DataType.DATE_TIME)
    schedule = Metric("no", name="Schedule/Document")
    rebirth = Metric(True, name="Node Control/Rebirth", datatype=DataType.BOOLEAN)
    epoch = Metric(played.outbox.epoch, name="Outbox/Epoch", datatype=DataType.UINT64)
    stored, never_given = (Metric(n, name="Outbox/Acknowledged", datatype=DataType.UINT64) for n in (1, 99))
    played.ncmd(dim, until, rebirth, epoch, never_given)
    played.ears.is_accepting = False
    played.ncmd(schedule, dim, until, rebirth, epoch, stored)
    assert played.session.n_refused == 2
    assert played.ears.dims == []
    assert played.outbox.n_held == 1
    assert [kind for kind, _, _ in played.pump()] == ["NDATA"], "no birth"


def test_primary_host_is_waited_for_and_followed(tmp_path):
    played = Played(tmp_path, primary_host="terang")
    played.sweep()
    assert ("spBv1.0/STATE/terang", 1) in played.session.subscriptions()
    played.connect()
    played.sweep()
    played.pump()
    assert played.sent == []  # birth-publish-phid-wait

    def state(is_online: bool, timestamp_ms: int) -> None:
        payload = encode_state(is_online=is_online, timestamp_ms=timestamp_ms)
        played.session.received("spBv1.0/STATE/terang", payload, played.now_s)

    state(False, 1000)
    assert played.sent == []
    state(True, 2000)
    assert [kind for kind, _, _ in played.sent] == ["NBIRTH"]
    assert history(played.run(3)) == [1, 2], "what was recorded while the host was away"
    state(False, 1999)
    assert played.is_up, "a statement older than the latest birth is stale"  # birth-publish-phid-offline
    state(False, 2000)
    assert played.sent[-1][0] == "NDEATH"
    assert not played.is_up


def test_a_truncated_birth_of_somebody_else_changes_nothing(played):
    played.connect()
    before = (len(played.sent), played.outbox.n_held)
    whole = encode_payload(Payload(1, None, (Metric(b"\x00" * 4, name="Lamps/Dim Command"),)))
    for cut in range(len(whole)):
        played.raw(whole[:cut])
    played.pump()
    assert (len(played.sent) - len(history(played.sent)), played.outbox.n_held) == (before[0], before[1])
    assert played.ears.dims == []
