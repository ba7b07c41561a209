"""The manual names every code with its plot, and every limit with its default."""

import re
from pathlib import Path

import pytest

from ingest.detection.rules import DETECTORS
from ingest.schema.codes import CATALOGUE
from ingest.schema.limits import LIMITS

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "detection.md").read_text(encoding="utf-8")


def test_every_code_has_its_section_and_its_plot():
    for code in CATALOGUE:
        assert f"### {code.code}\n" in TEXT
        assert (DOCS / "images" / "detection" / f"{code.code}.png").stat().st_size > 1000


def test_every_limit_stands_there_with_its_default():
    for limit in LIMITS:
        assert f"| `{limit.name}` | {limit.default:g}" in TEXT


NUMBERS = {3: "three", 4: "four", 5: "five", 10: "ten"}
DEFAULTS = {limit.name: limit.default for limit in LIMITS}


def number(declared):
    return DEFAULTS[declared] if isinstance(declared, str) else declared


def words(n):
    return f"({n:g}|{NUMBERS.get(int(n), n)})"


@pytest.mark.parametrize("rule", DETECTORS, ids=lambda rule: rule.name)
def test_a_code_s_section_says_how_its_rule_confirms(rule):
    section = TEXT.split(f"### {rule.code}\n")[1].split("\n### ")[0]
    seconds, clear_seconds = number(rule.seconds), number(rule.clear_seconds)
    if seconds:
        assert re.search(rf"\b{words(seconds / 60)} minutes", section, re.IGNORECASE)
    elif number(rule.samples) > 1:
        assert re.search(rf"\b{words(number(rule.samples))}( \w+)? samples", section, re.IGNORECASE)
    if clear_seconds not in (0, seconds):
        assert re.search(rf"\b{words(clear_seconds / 3600)}( \w+)? hours", section, re.IGNORECASE)
