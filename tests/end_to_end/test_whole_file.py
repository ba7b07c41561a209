"""Files are replaced whole or not at all; the agent and the server have the same code for it."""

import os
import stat
from pathlib import Path
from types import ModuleType

import pytest

import edge_agent.whole_file
import ingest.whole_file

both = pytest.mark.parametrize("module", [edge_agent.whole_file, ingest.whole_file], ids=["agent", "server"])


def test_both_copies_are_the_same_code() -> None:
    bodies = []
    for module in (edge_agent.whole_file, ingest.whole_file):
        assert module.__file__ is not None
        bodies.append(Path(module.__file__).read_text(encoding="utf-8").partition("from __future__")[2])
    assert bodies[0] == bodies[1]


@both
def test_a_file_is_replaced(module: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    for data in (b"first", b"", b"second"):
        module.replace_file(path, data)
        assert path.read_bytes() == data
        assert [one.name for one in tmp_path.iterdir()] == ["orders.json"]


@both
def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside_it(module: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(b"old")

    def write_half() -> None:
        with module.replacing(path) as file:
            file.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["orders.json"]


@both
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_file(
    module: ModuleType, call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OSError, match="No space"):
        module.replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["orders.json"]


@both
@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ({}, ["file synced", "renamed", "folder synced"]),
        ({"is_durable": False}, ["file synced", "renamed"]),
        ({"is_synced": False, "is_durable": False}, ["renamed"]),
    ],
)
def test_bytes_are_on_the_disk_before_they_take_the_place(
    module: ModuleType, options: dict, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    fsync, rename = os.fsync, os.replace

    def watched_fsync(descriptor: int) -> None:
        seen.append("folder synced" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file synced")
        fsync(descriptor)

    def watched_replace(source: Path, target: Path) -> None:
        seen.append("renamed")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(os, "replace", watched_replace)
    module.replace_file(tmp_path / "orders.json", b"new", **options)
    assert seen == calls


@both
def test_what_a_killed_process_left_is_written_over_and_the_mode_is_as_asked(
    module: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    (tmp_path / "key.new").write_bytes(b"longer than what comes now")
    (tmp_path / "key.new").chmod(0o666)
    module.replace_file(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
