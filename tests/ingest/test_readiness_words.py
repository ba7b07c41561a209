"""Reasons and warnings of /readyz: codes with parameters, and words in the language that is asked for."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from types import SimpleNamespace

import pyarrow as pa
import pytest

from ingest.jobs.live_snapshot import LiveSnapshot
from ingest.metrics import Metrics
from ingest.readiness import Readiness
from ingest.schema.live import FILE_NAME
from ingest.status_page import StatusPage
from ingest.telemetry.damaged_files import DamagedFiles
from languages.message import Message, Plain, document_of, message_of

FAILS = Message("readiness.failing", reason=Message("readiness.at", where=Plain("db:5432"), reason=Plain("no room")))


@pytest.fixture
def readiness() -> Readiness:
    readiness = Readiness(lambda: 0.0)
    readiness.warn("upkeep", FAILS)
    return readiness


@pytest.fixture
def page(readiness: Readiness) -> Iterator[StatusPage]:
    page = StatusPage("127.0.0.1", 0, Metrics(), readiness)
    page.start()
    yield page
    page.stop()


def ask(page: StatusPage, language: str) -> dict[str, dict[str, object]]:
    request = urllib.request.Request(f"http://127.0.0.1:{page.port}/readyz", headers={"Accept-Language": language})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def test_words_are_in_the_language_that_is_asked_for_and_codes_are_the_same_in_all(page: StatusPage) -> None:
    english, indonesian, french = (ask(page, language) for language in ("en", "id-ID, en;q=0.5", "fr"))
    assert english["reasons"] == {"start": "starting"}
    assert indonesian["reasons"] == {"start": "mulai"}
    assert french == english
    assert english["warnings"] == {"upkeep": "it fails and is tried again: db:5432: no room"}
    assert indonesian["warnings"] == {"upkeep": "gagal dan akan dicoba lagi: db:5432: no room"}
    assert english["reason_codes"] == {"start": {"code": "readiness.starting", "parameters": {}}}
    assert english["warning_codes"] == indonesian["warning_codes"] == {"upkeep": document_of(FAILS)}


def test_a_message_that_was_written_as_json_reads_the_same() -> None:
    read = message_of(json.loads(json.dumps(document_of(FAILS))))
    assert read is not None
    assert (str(read), document_of(read)) == (str(FAILS), document_of(FAILS))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"code": 1, "parameters": {}},
        {"code": "x" * 1001, "parameters": {}},
        {"code": "x", "parameters": {str(n): n for n in range(17)}},
        {"code": "x", "parameters": {"a": [1]}},
        {"code": "x", "parameters": {"a": {"code": "x"}}},
        json.loads('{"code": "x", "parameters": {"a": ' * 4 + "1" + "}}" * 4),
    ],
)
def test_what_is_no_message_or_too_large_is_none(document: object) -> None:
    assert message_of(document) is None


def test_the_live_picture_carries_texts_for_older_readers_and_codes_for_the_api(tmp_path, readiness) -> None:
    judge = SimpleNamespace(live_picture=dict, least_dark=dict)
    live = LiveSnapshot(tmp_path, judge, 1, SimpleNamespace(presence=dict), lambda: 0.0, lambda: 1, readiness.warnings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.jobs.live_snapshot.COLUMNS", ())
        live.run(1)
    metadata = pa.ipc.open_file(tmp_path / FILE_NAME).schema.metadata
    assert json.loads(metadata[b"warnings"]) == {"upkeep": str(FAILS)}
    assert json.loads(metadata[b"warning_codes"]) == {"upkeep": document_of(FAILS)}


def test_damaged_files_are_one_message(tmp_path) -> None:
    warnings: list[Message | None] = []
    files = DamagedFiles(lambda _n, warning: warnings.append(warning))
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"")
        files.add(tmp_path / name, ValueError("damaged"))
    assert [warning and warning.code for warning in warnings] == ["readiness.damaged_file", "readiness.damaged_files"]
    assert str(warnings[1]).startswith("2 files of the telemetry cannot be read")
