"""Upkeep beside a writer that writes a segment each second: what is merged goes as fast as it comes."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ingest.schema.segments import visible
from ingest.telemetry.compaction import Compaction, Policy, _Segment, _worth_merging
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


@pytest.mark.parametrize("seed", range(6))
def test_segments_of_any_sizes_do_not_pile_up_and_a_row_is_seldom_written_again(seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = [[48, 80, 122, 197], [48, 0], [0], [0, 1, 200, 40_000], [5000, 0, 0, 0], [1, 10, 100, 1000, 10_000]]
    sizes = rng.choice(kinds[seed], 20_000)
    segments: list[_Segment] = []
    n_written, most = 0, 0
    for number, n_rows in enumerate(sizes.tolist(), 1):
        segments.append(_Segment(Path(), number, number, n_rows))
        if run := _worth_merging(segments):
            first = segments.index(run[0])
            merged = _Segment(Path(), run[0].first, run[-1].last, sum(segment.n_rows for segment in run))
            segments[first : first + len(run)] = [merged]
            n_written += merged.n_rows
        most = max(most, len(segments))
    assert most <= 300
    assert n_written <= 8 * sizes.sum()
