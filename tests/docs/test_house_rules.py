"""Rules of the tree: a file is one thing of 300 lines at most, and the documents name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 300
FOLDERS = (
    "benchmarks", "city_pki", "dashboard_api", "deploy", "durable_files", "edge_agent", "firmware_sim", "ingest",
    "languages", "tests",
)  # fmt: skip
KINDS = (".py", ".ts", ".css")
NOT_OURS = {"node_modules", "dist", "__pycache__", "catalogues"}
GENERATED = {"dashboard_api/web/src/city/api_types.ts"}
# Files that may be longer for now; none is.
STILL_LONGER: set[str] = set()


def sources() -> list[Path]:
    return [
        path
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in KINDS and not NOT_OURS & set(path.parts)
    ]


def n_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_file_is_longer_than_300_lines() -> None:
    longer = {str(path.relative_to(ROOT)) for path in sources() if n_lines(path) > MOST_LINES}
    assert sorted(longer - GENERATED - STILL_LONGER) == []


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_test_that_a_document_names_exists(page: str) -> None:
    named = set(re.findall(r"`(?:tests/[\w/]+/)?(test_\w+\.py)`", (ROOT / "docs" / page).read_text(encoding="utf-8")))
    named -= {"test_lamp_flicker.py"}  # which a reader of "Adding a lamp fault" writes
    assert sorted(name for name in named if not any((ROOT / "tests").rglob(name))) == []
