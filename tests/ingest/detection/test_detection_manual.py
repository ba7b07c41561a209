"""The manual names every code with its plot, and every limit with its default."""

from pathlib import Path

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
