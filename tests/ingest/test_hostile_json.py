"""JSON that ingest finds outside of itself: whatever stands in it is refused in words, and nothing else happens."""

from pathlib import Path

import numpy as np
import pytest

from ingest.city.source import read_source
from ingest.detection.snapshot import documents
from ingest.errors import SnapshotError, UnusableError
from ingest.schema.influx import error_text, read_answer
from ingest.telemetry.segment_file import decode_ranges

HOSTILE = {
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "long number": b"9" * 10_000,
    "long number inside": b'{"features": [' + b"9" * 10_000 + b"]}",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "nothing": b"",
    "a text": b'"text"',
    "a number": b"7",
    "null": b"null",
    "wrong kinds": b'[{"results": 7}, 3]',
    "wrong results": b'{"results": [7]}',
    "wrong series": b'{"results": [{"series": [{"columns": 3, "values": [[1]]}]}]}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_geojson_register_is_refused_in_words(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "lamps.geojson"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(UnusableError, match=r"lamps\.geojson"):
        read_source(path)


@pytest.mark.parametrize("kind", HOSTILE)
def test_an_answer_of_influxdb_is_series_or_refused(kind: str) -> None:
    error_text(HOSTILE[kind])
    if kind == "nothing":
        assert read_answer(HOSTILE[kind]) == []
        return
    with pytest.raises(ValueError):  # noqa: PT011  # in the words of whoever found it
        read_answer(HOSTILE[kind])


@pytest.mark.parametrize("kind", HOSTILE)
def test_marks_are_marks_or_refused(kind: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # in the words of whoever found it
        decode_ranges(HOSTILE[kind])


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_conditions_of_a_snapshot_are_there_or_refused(kind: str) -> None:
    with pytest.raises(SnapshotError):
        documents({"cases": np.array(HOSTILE[kind].decode(errors="replace"))})
