"""Reading a file in whose place anything may stand."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from durable_files.bounded_read import is_special, read_bounded


def test_a_regular_file_is_read_whole_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    assert read_bounded(path, 10) == b"x" * 10
    with pytest.raises(OSError, match="longer than 9 bytes") as caught:
        read_bounded(path, 9)
    assert caught.value.errno == errno.EFBIG
    assert not is_special(path)


def test_a_giant_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a sparse file
    with pytest.raises(OSError, match="longer"):
        read_bounded(path, 1000)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "missing"])
def test_what_is_no_file_is_an_error_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    with pytest.raises(OSError, match=r"."):
        read_bounded(path, 1000)
    assert is_special(path) == (kind in {"pipe", "folder", "device"})
