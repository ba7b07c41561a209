"""Nodes of no register and of other systems: bounded in memory, in the table, in requests and in what is set aside."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine, select

from edge_agent.wire import Metric, Payload, encode_payload, pack_strings
from ingest.decode.birth import parse_birth
from ingest.errors import BirthError
from ingest.jobs.controllers import ControllerJob
from ingest.model import id_directory
from ingest.model.id_directory import Directory
from ingest.schema import tables
from ingest.sparkplug.strangers import MAX_UNKNOWN
from tests.ingest.name_stand import AT_MS, LAMPS, NAME, NameStand
from tests.ingest.seeded_blocks import TownPlaces, town
from tests.ingest.test_poison_messages import BIRTH, DATA, birth, data

N_FOREIGN = 2000


def topic(kind: str, node: str) -> str:
    return f"spBv1.0/terang/{kind}/{node}"


def sizes(stand: NameStand) -> dict[str, int]:
    """How much a host holds, part by part."""
    host = stand.host
    strangers = host._strangers
    return {
        "sessions": len(host.sessions),
        "lamps": len(host.directory.lamps),
        "circuits": len(host.directory.circuit_names),
        "controllers": len(host.directory.controllers),
        "marks": len(host.received.states()),
        "seen": len(host.presence()),
        "epochs": len(host._other_births._epochs),
        "asked": len(host.commands._asked_at),
        "heard": len(strangers._heard_at),
    }


def test_refused_births_leave_nothing_behind(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    before = sizes(stand)
    ids = tuple(f"x{i:06d}" for i in range(60_000))
    refused = [
        birth(**{"Lamps/Id": pack_strings(ids)}),
        birth(**{"Circuits/Id": pack_strings(ids)}),
        birth(**{"Circuits/Id": pack_strings(ids[:900]), "Lamps/Id": pack_strings(ids[:20_000])}),
        birth(**{"Lamps/Id": pack_strings(ids), "Circuits/Id": b"not ended"}),
        birth(**{"Lamps/Id": pack_strings(ids), "Outbox/Sequence": 1 << 63}),
        birth()[:-3],
    ]
    tracemalloc.start()
    for number in range(12):
        for payload in refused:
            nodes = (NAME, f"PJU-x{number}")
            stand.host.receive([(topic("NBIRTH", node), payload) for node in nodes], AT_MS * 1000)
        stand.host._dead_letters.take()
        stand.host.commands.outgoing({})
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes(stand) == before
    assert kept < 4_000_000


@pytest.mark.parametrize("says_goodbye", [False, True])
def test_ten_thousand_unknown_controllers_are_few_in_memory_and_in_the_table(
    tmp_path: Path, *, says_goodbye: bool
) -> None:
    stand = NameStand(tmp_path)
    engine = create_engine(f"sqlite:///{tmp_path / 'terang.db'}")
    tables.metadata.create_all(engine)
    job = ControllerJob(engine, stand.host, lambda: stand.now_s)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    death = encode_payload(Payload(AT_MS, None, (Metric(0, name="bdSeq", datatype=4),)))
    for first in range(0, 10_000, 500):
        messages = []
        for number in range(first, first + 500):
            node = f"X{number}"
            messages += [(topic("NDATA", node), data(1)), (topic("NBIRTH", node), birth())]
            messages += [(topic("NDEATH", node), death)] if says_goodbye else []
        stand.host.receive(messages, AT_MS * 1000)
        stand.now_s += 20
        job.run(0)
    found = sizes(stand)
    n_controllers = found.pop("controllers"), found.pop("lamps"), found.pop("circuits")
    assert max(found.values()) <= max(MAX_UNKNOWN, 1024) + 1, found
    assert found["sessions"] <= MAX_UNKNOWN + 1
    assert max(n_controllers) <= 16_384 + 9 * 1500, "the directory's, which is begun anew once a minute"
    with engine.connect() as connection:
        rows = connection.execute(select(tables.controllers.c.controller_id)).scalars().all()
    assert NAME in rows
    assert len(rows) <= MAX_UNKNOWN + 1
    engine.dispose()


def test_a_full_table_of_ids_is_begun_anew_and_hinders_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(id_directory, "MAX_STRANGERS", 1300)
    stand = NameStand(tmp_path)
    own = birth(**{"Lamps/Id": pack_strings(LAMPS)})
    for number in range(50):
        stand.now_s += 120
        ids = tuple(f"x{number}-{i}" for i in range(600))
        for _ in range(2):  # the second time, if it was refused and asked for again
            stand.host.receive([(BIRTH, birth(**{"Lamps/Id": pack_strings((*LAMPS, *ids))}))], AT_MS * 1000)
        assert stand.host.sessions[NAME].lamp_ids[-1] == ids[-1]
        assert len(stand.host.sessions[NAME].lamp_ids) == len(LAMPS) + 600
        assert len(stand.host.directory.lamps) <= 8 + 1300
    stand.host.receive([(BIRTH, own)], AT_MS * 1000)
    assert stand.host.receive([(DATA, data(1))], AT_MS * 1000).n_records == 1
    assert stand.complaints("birth") == 0


def foreign_birth(seq: int, n_metrics: int = 20) -> bytes:
    metrics: tuple[Metric, ...] = (Metric(3, name="bdSeq", datatype=4),)
    metrics += tuple(Metric(1.5, name=f"Tank {i}/Level", alias=i, datatype=10) for i in range(n_metrics))
    return encode_payload(Payload(AT_MS, seq, metrics))


def foreign_data(seq: int) -> bytes:
    return encode_payload(Payload(AT_MS, seq, (Metric(1.5, alias=3, datatype=10, timestamp_ms=AT_MS),)))


@pytest.mark.parametrize("seq", [0, 7])
def test_two_thousand_foreign_nodes_cost_nothing(tmp_path: Path, seq: int) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    before = sizes(stand)
    n_requests = 0
    tracemalloc.start()
    for minute in range(10):
        for n in range(N_FOREIGN):
            messages = [(topic("NDATA", f"tank-{n}"), foreign_data(minute))]
            if minute == 0:
                messages.insert(0, (topic("NBIRTH", f"tank-{n}"), foreign_birth(seq)))
            stand.host.receive(messages, AT_MS * 1000)
        stand.now_s += 60
        n_requests += len(stand.host.commands.outgoing(stand.host.sessions))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n_requests == 0
    assert not stand.host._dead_letters.take()
    assert sizes(stand) == before
    assert kept < 2_000_000
    assert stand.complaints("foreign") == 11 * N_FOREIGN


def test_foreign_nodes_whose_birth_was_missed_are_asked_less_and_less(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    per_hour = []
    for _hour in range(3):
        n_requests = 0
        for _ in range(360):
            stand.now_s += 10
            stand.host.receive([(topic("NDATA", f"tank-{n}"), foreign_data(1)) for n in range(20)], AT_MS * 1000)
            n_requests += len(stand.host.commands.outgoing(stand.host.sessions))
        per_hour.append(n_requests / 20)
    assert per_hour[0] <= 10
    assert per_hour[2] <= 2


def test_a_controller_whose_births_are_refused_is_asked_less_and_less(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    n_requests = 0
    for _ in range(360):
        stand.now_s += 10
        stand.host.receive([(DATA, data(1))], AT_MS * 1000)
        for _command in stand.host.commands.outgoing(stand.host.sessions):
            n_requests += 1
            broken = encode_payload(Payload(AT_MS, 9, (Metric(7, name="Outbox/Epoch", datatype=8),)))
            stand.host.receive([(BIRTH, broken)], AT_MS * 1000)
    assert 5 <= n_requests <= 15
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    assert stand.host.receive([(DATA, data(1))], AT_MS * 1000).n_records == 1


def test_a_foreign_birth_under_a_controllers_name_does_not_end_its_session(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth()), (BIRTH, foreign_birth(0))], AT_MS * 1000)
    assert stand.host.receive([(DATA, data(1))], AT_MS * 1000).n_records == 1


def test_strangers_garbage_does_not_push_a_controllers_evidence_out(tmp_path: Path) -> None:
    stand = NameStand(tmp_path)
    stand.host.receive([(BIRTH, birth())], AT_MS * 1000)
    lines: list[str] = []
    for number in range(2000):
        stand.host.receive([(topic("NBIRTH", f"X{number}"), b"\xff" * 10_000)], AT_MS * 1000)
        lines += stand.host._dead_letters.take()
    stand.host.receive([(DATA, b"\xff\xff")], AT_MS * 1000)
    lines += stand.host._dead_letters.take()
    assert sum(map(len, lines)) < 400_000
    assert f"NDATA/{NAME}" in lines[-1]


def test_an_unknown_controller_may_not_bring_thousands_of_ids() -> None:
    directory: Any = town(1, 8)
    ids = pack_strings(tuple(f"{i}" for i in range(1025)))
    with pytest.raises(BirthError):
        parse_birth("PJU-x", birth(**{"Lamps/Id": ids}), directory)
    assert len(directory.lamps) == 8


def test_ids_are_compared_in_unicodes_composed_form() -> None:
    composed, apart = "Jalan-\u00e9", "Jalan-e\u0301"
    directory = Directory(
        TownPlaces({composed: 0, "L-1": 1}, np.zeros(2, np.int32), {"PJU-0": 0}, {("PJU-0", composed): 0}, np.zeros(1))
    )
    assert directory.lamp_numbers("PJU-0", [apart, "L-1"]) == ([0, 1], 0)
    assert directory.circuit_numbers("PJU-0", [apart]) == ([0], 0)
    assert directory.lamp_numbers("PJU-0", [composed, apart]) == ([0, 2], 1), "the same lamp a second time"
    strangers = [directory.lamp_numbers("X", [name])[0] for name in ("\u00fc", "u\u0308")]
    assert strangers[0] == strangers[1], "one stranger, however it is spelled"
