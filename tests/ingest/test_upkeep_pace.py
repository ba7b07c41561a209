"""Upkeep beside a writer that writes a segment each second: what is merged goes as fast as it comes."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingest.schema.segments import visible
from ingest.telemetry.compaction import Compaction, Policy
from ingest.telemetry.parquet import ParquetStore
from tests.ingest.block_factory import T0_US, Row, make_block, make_directory


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_segment_a_second_does_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, directory, clock = ParquetStore(tmp_path), make_directory(), Time()
    (staging,) = tmp_path.glob("tmp-*")
    compaction = Compaction(tmp_path, Policy(), staging=staging, monotonic=clock)
    read, footers = pq.read_metadata, []
    monkeypatch.setattr(pq, "read_metadata", lambda path: footers.append(path) or read(path))
    for second in range(140):
        clock.now = float(second)
        store.write(make_block(directory, [Row(0, second + 1, T0_US + second * 1_000_000)]))
        if second % 2:  # on a busy machine a step takes as long as the wait after it
            compaction.run(T0_US, store.position())
    (day,) = tmp_path.glob("day=*")
    names = [path.name for path in day.iterdir()]
    assert len(visible(names)) <= 64
    assert len(names) <= 140 - 32
    assert len(footers) <= 140 * 3 + 70 * 20
