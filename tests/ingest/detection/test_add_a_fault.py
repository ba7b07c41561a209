"""``docs/add_a_fault.md`` can be followed as it is: its blocks are applied to a copy of the tree, and its tests run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "add_a_fault.md").read_text(encoding="utf-8")
COPIED = (
    "ingest", "edge_agent", "languages", "benchmarks", "dashboard_api", "firmware_sim", "city_pki", "durable_files",
    "tests", "docs", "pyproject.toml",
)  # fmt: skip
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", "dist", "web", "images")
# What compares the catalogue of codes or the list of rules with something else: none of it needs another file.
OTHER_LISTS = (
    "tests/ingest/detection/test_fast_path.py::test_a_random_night_is_told_and_remembered_the_same[1]",
    "tests/ingest/detection/test_rule_declarations.py::test_every_lamp_rule_has_its_row_in_the_catalogue",
    "tests/ingest/detection/test_rule_declarations.py::test_more_rules_than_32_bits_hold_take_64_and_too_many_are_refused_in_words",
    "tests/ingest/test_schema_city.py::test_every_code_is_reported_in_both_languages_with_advice",
    "tests/languages/test_catalogues.py::test_every_language_says_the_same_messages_with_the_same_parameters",
    "tests/languages/test_catalogues.py::test_every_fault_code_is_called_and_advised_on_and_no_other",
    "tests/firmware_sim/test_injection.py::test_every_code_of_the_contract_can_be_injected_and_nothing_unknown_is_called_a_fault",
    "tests/dashboard_api/test_ngsi_ld.py::test_the_table_has_a_status_for_every_fault_code",
    "tests/dashboard_api/test_talq.py::test_all_lamp_events_and_all_codes_are_mapped_or_refused_by_name",
)
BLOCK = re.compile(r"^```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w/]+\.(?:py|po))`")


def blocks():
    """``(file, kind, text)`` of each block; its file is the last one named before it."""
    found = []
    for match in BLOCK.finditer(TEXT):
        *_, name = FILE.findall(TEXT[: match.start()])
        found.append((name, match[1], match[2]))
    return found


def apply(folder, name, kind, text):
    path = folder / name
    if kind == "python":
        assert not path.exists(), f"{name} is no new file"
        path.write_text(text, encoding="utf-8")
        return
    lines = text.splitlines()
    before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    after = "".join(f"{line[1:]}\n" for line in lines)
    whole = path.read_text(encoding="utf-8")
    assert whole.count(before) == 1, f"{name} has not once:\n{before}"
    path.write_text(whole.replace(before, after), encoding="utf-8")


@pytest.mark.timeout(600)
def test_the_page_can_be_followed(tmp_path):
    for name in COPIED:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=LEFT_OUT)
        else:
            shutil.copy(source, target)
    steps = blocks()
    assert {name for name, _, _ in steps} >= {"ingest/detection/rules/lamp_flicker.py", "ingest/schema/codes.py"}
    for step in steps:
        apply(tmp_path, *step)
    tests = [name for name, _, _ in steps if name.startswith("tests/")]
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *OTHER_LISTS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "TERANG_SOAK": ""},
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr[-1000:]
    where = subprocess.run(
        [sys.executable, "-c", "import ingest.detection.rules.lamp_flicker as m; print(m.__file__)"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(tmp_path))
