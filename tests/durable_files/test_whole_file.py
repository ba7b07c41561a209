"""Files are written whole or not at all."""

from __future__ import annotations

import ast
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from durable_files.whole_file import create_file, replace_file, replacing

_PACKAGES = ("durable_files", "city_pki", "dashboard_api", "edge_agent", "firmware_sim", "ingest", "languages")


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    for data in (b"first", b"", b"second"):
        replace_file(path, data)
        assert path.read_bytes() == data
        assert [one.name for one in tmp_path.iterdir()] == ["orders.json"]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["orders.json"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_file(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "orders.json"
    path.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["orders.json"]


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ({}, ["file synced", "renamed", "folder synced"]),
        ({"is_durable": False}, ["file synced", "renamed"]),
        ({"is_synced": False, "is_durable": False}, ["renamed"]),
    ],
)
def test_bytes_are_on_the_disk_before_they_take_the_place(
    options: dict, calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    replace_file(tmp_path / "orders.json", b"new", **options)
    assert seen == calls


def test_what_a_killed_process_left_is_written_over_and_the_mode_is_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "key"
    (tmp_path / "key.new").write_bytes(b"longer than what comes now")
    (tmp_path / "key.new").chmod(0o666)
    replace_file(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_first_of_several_writers_wins_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "key"
    contents = [bytes([n]) * 10_000 for n in range(1, 33)]
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(lambda data: create_file(path, data, mode=0o600), contents))
    assert path.read_bytes() == contents[written.index(True)]
    assert written.count(True) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["key"]


def test_two_writers_of_one_file_leave_one_of_the_two(tmp_path: Path) -> None:
    path = tmp_path / "copy"
    contents = [bytes([n]) * 100_000 for n in range(1, 33)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: replace_file(path, data, is_shared=True, is_synced=False), contents))
    assert path.read_bytes() in contents
    assert [one.name for one in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_the_mode_is_exact_whatever_the_umask_says(mode: int, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        replace_file(tmp_path / "cert", b"x", mode=mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "cert").stat().st_mode) == mode


def test_no_other_module_renames_a_file_that_it_wrote_beside() -> None:
    """Whoever writes a file beside its place and renames it does so through this module."""
    root = Path(__file__).parents[2]
    own = {
        "durable_files/whole_file.py",
        "edge_agent/link/certificate_files.py",  # the next certificate, tried before it takes the place
        "edge_agent/outbox/file.py",  # a database that cannot be read is set aside
        "edge_agent/outbox/storage.py",  # what stands in its place and is no file
        "ingest/city/adopting.py",  # a whole folder
        "ingest/damaged_database.py",  # set aside
        "ingest/damaged_file.py",  # set aside
        "ingest/register/csv_pair.py",  # two files that count together
        "ingest/settings_restore.py",  # a copy that waits for the next database
        "ingest/sparkplug/dead_letters.py",  # a full log makes way
        "ingest/telemetry/compaction.py",  # set aside
        "ingest/telemetry/refused_lines.py",  # a full log makes way
        "ingest/telemetry/segment_file.py",  # a whole folder
    }
    found = {
        path.relative_to(root).as_posix()
        for package in _PACKAGES
        for path in (root / package).rglob("*.py")
        if any(map(_renames, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == own


def _renames(node: ast.AST) -> bool:
    """Whether a call renames or links a file: of ``os``, or ``Path``'s with one argument (a text's takes two)."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if isinstance(node.func.value, ast.Name) and node.func.value.id == "os":
        return node.func.attr in {"replace", "rename", "renames", "link"}
    return node.func.attr in {"replace", "rename", "hardlink_to"} and len(node.args) == 1 and not node.keywords
