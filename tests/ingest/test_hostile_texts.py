"""What an agent says of itself, whatever it is, keeps no other controller's row out of the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from edge_agent.wire import PayloadMessage, pack_strings
from ingest.jobs.controllers import ControllerJob
from ingest.schema import tables
from tests.ingest.name_stand import AT_MS, LAMPS, NameStand
from tests.ingest.test_poison_messages import birth, data

SURROGATE = b"\xed\xa0\x80"  # U+D800 as UTF-8 does not allow it
HOSTILE: dict[str, bytes] = {
    "NUL": b"1.0\x00",
    "NUL alone": b"\x00",
    "surrogate": b"1.0" + SURROGATE,
    "10 kB": b"x" * 10_000,
    "10 kB of four bytes": "\N{GRINNING FACE}".encode() * 2500,
    "not UTF-8": b"\xff\xfe",
    "control characters": bytes(range(1, 32)),
    "outside of Unicode": b"\xf7\xbf\xbf\xbf",
    "quotes": b"'; DROP TABLE controllers; --",
}
MARK = b"MARKMARK"


def with_version(text: bytes) -> bytes:
    """A birth whose ``Agent/Version`` holds these bytes, whatever protobuf thinks of them."""
    message = PayloadMessage.FromString(birth())
    whole = b""
    for metric in message.metrics:
        if metric.name == "Agent/Version":
            metric.string_value = MARK.decode()
            part = metric.SerializeToString()
            field = b"\x7a" + varint(len(MARK)) + MARK  # field 15, a text
            assert field in part
            part = part.replace(field, b"\x7a" + varint(len(text)) + text)
        else:
            part = metric.SerializeToString()
        whole += b"\x12" + varint(len(part)) + part
    del message.metrics[:]
    return message.SerializeToString() + whole


def varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("where", ["Agent/Version", "Lamps/Id", "Circuits/Id", "name"])
def test_hostile_texts_keep_nobody_elses_row_out(kind: str, where: str, tmp_path: Path, database_url: str) -> None:
    stand = NameStand(tmp_path)
    text = HOSTILE[kind]
    messages = [(f"spBv1.0/terang/NBIRTH/PJU-{name}", birth()) for name in ("000", "before", "after")]
    if where == "Agent/Version":
        odd = ("PJU-odd", with_version(text))
    elif where == "name":
        odd = (text.decode(errors="surrogatepass" if kind == "surrogate" else "replace"), birth())
    else:
        odd = ("PJU-odd", birth(**{where: pack_strings(LAMPS) + text + b"\x00"}))
    messages.insert(2, (f"spBv1.0/terang/NBIRTH/{odd[0]}", odd[1]))
    messages += [(topic.replace("NBIRTH", "NDATA"), data(1)) for topic, _ in messages]
    engine = create_engine(database_url)
    try:
        tables.metadata.create_all(engine)
        job = ControllerJob(engine, stand.host, lambda: stand.now_s)
        stand.host.receive(messages, AT_MS * 1000)
        stand.now_s += 20
        job.run(0)
        table = tables.controllers
        with engine.connect() as connection:
            rows = dict(connection.execute(select(table.c.controller_id, table.c.agent_version)).all())  # type: ignore[arg-type]  # rows of two
        assert {name: rows.get(name) for name in ("PJU-000", "PJU-before", "PJU-after")} == {
            "PJU-000": "1.0",
            "PJU-before": "1.0",
            "PJU-after": "1.0",
        }
        assert all(version is None or len(version) <= 255 for version in rows.values())
    finally:
        engine.dispose()
