"""Large files written past the cache: whole and cut to size, or the failure is reported."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.telemetry import direct_file
from ingest.telemetry.direct_file import Scratch, write_direct
from ingest.telemetry.parquet_file import FRESH, write_file

N_ROWS = 200_000


def writes(data: bytes) -> Callable[[pa.NativeFile], None]:
    return lambda sink: sink.write(data)


@pytest.fixture
def folder(tmp_path: Path, give_up: Callable[[str], None]) -> Path:
    """On a file system that takes files past its cache."""
    try:
        os.close(os.open(tmp_path / "probe", os.O_WRONLY | os.O_CREAT | os.O_DIRECT, 0o666))
    except OSError as error:
        give_up(f"the file system of {tmp_path} takes nothing past its cache ({error.strerror})")
    return tmp_path


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 3_000_000])
def test_a_file_is_as_long_as_what_was_written(folder: Path, size: int) -> None:
    scratch = Scratch()
    for turn in range(2):  # the second one finds the first one's bytes in its memory
        data = os.urandom(size // (turn + 1))
        assert write_direct(folder / "file", scratch, size + 1, writes(data))
        assert (folder / "file").read_bytes() == data


def test_more_than_expected_is_not_written(tmp_path: Path) -> None:
    scratch = Scratch()
    assert not write_direct(tmp_path / "file", scratch, 10, writes(bytes(4097)))
    assert not (tmp_path / "file").exists()


def refuse(*_: Any) -> int:
    raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.parametrize("where", ["open", "write"])
def test_a_file_system_that_cannot_is_written_to_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    opened = os.open
    instead = {"open": lambda path, flags, mode=0: (refuse if flags & os.O_DIRECT else opened)(path, flags, mode)}
    monkeypatch.setattr(direct_file.os, where, instead.get(where, refuse))
    assert not write_direct(tmp_path / "file", Scratch(), 10, writes(b"abc"))
    write_file(tmp_path / "whole", table(), {}, FRESH, Scratch())
    assert pq.read_table(tmp_path / "whole").equals(table())


def table() -> pa.Table:
    rng = np.random.default_rng(1)
    columns = {
        "at_us": np.repeat(np.arange(N_ROWS // 200), 200),
        "lamp_id": [f"L-{i:05d}" for i in range(N_ROWS)],
        "power_w": rng.random(N_ROWS, np.float32),
        "level": rng.integers(0, 101, N_ROWS).astype(np.uint8),
    }
    schema = pa.schema([pa.field(name, pa.array(values[:1]).type, nullable=False) for name, values in columns.items()])
    return pa.table(columns, schema=schema)


def test_short_writes_go_on_where_they_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    data = os.urandom(50_000)
    # half a page more than whole pages: those are written again
    monkeypatch.setattr(direct_file.os, "write", lambda fd, view: write(fd, view[:8192]) - 2048 * (len(view) > 8192))
    assert write_direct(folder / "file", Scratch(), len(data), writes(data))
    assert (folder / "file").read_bytes() == data


@pytest.mark.parametrize("last", [2048, 0])
def test_a_full_disk_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    monkeypatch.setattr(direct_file.os, "write", lambda _fd, view: 4096 if len(view) > 4096 else last)
    with pytest.raises(OSError, match="No space left") as raised:
        write_direct(folder / "file", Scratch(), 10_000, writes(bytes(10_000)))
    assert raised.value.errno == errno.ENOSPC


def test_a_large_table_goes_past_the_cache_and_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = os.write

    def note(descriptor: int, view: memoryview) -> int:
        sizes.append(len(view))
        return write(descriptor, view)

    monkeypatch.setattr(direct_file.os, "write", note)
    write_file(folder / "plain", table(), {b"k": b"v"}, FRESH)
    assert not sizes
    write_file(folder / "direct", table(), {b"k": b"v"}, FRESH, Scratch())
    assert sizes == [-(-(folder / "direct").stat().st_size // 4096) * 4096]
    assert (folder / "direct").read_bytes() == (folder / "plain").read_bytes()
    write_file(folder / "small", table().slice(0, 10), {}, FRESH, Scratch())
    assert len(sizes) == 1
