"""A machine without a file system in memory, or one that this user may not write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks import scratch


@pytest.mark.parametrize("is_there", [True, False])
def test_a_folder_in_memory_is_taken_only_if_it_can_be_written(monkeypatch, is_there):
    monkeypatch.setattr(Path, "is_dir", lambda _: is_there)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert scratch.memory_folder() is None


def test_no_benchmark_names_a_folder_in_memory_by_itself():
    files = (Path(__file__).parents[1] / "benchmarks").rglob("*.py")
    assert [path.name for path in files if "/dev/shm" in path.read_text(encoding="utf-8")] == ["scratch.py"]
