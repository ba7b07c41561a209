"""What CONTRIBUTING.md and the architecture say about files is true of the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
WALK = (ROOT / "docs" / "add_a_fault.md").read_text(encoding="utf-8")
PATH = re.compile(r"`([\w./-]+/[\w.-]*)`")
PLACEHOLDER = re.compile(r"(NAME|XX|METER)")


def section(title: str) -> str:
    return CONTRIBUTING.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def listed(title: str) -> list[str]:
    """The files of a section's numbered list."""
    return re.findall(r"^\d+\. `([^`]+)`", section(title), re.MULTILINE)


@pytest.mark.parametrize(
    "page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/api.md", "docs/languages.md", "docs/ingest.md"]
)
def test_every_file_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    tops = {path.name for path in ROOT.iterdir()}
    named = {path for path in PATH.findall(text) if path.split("/")[0] in tops and not path.startswith("data/")}
    assert named
    missing = []
    for path in sorted(named):
        pattern = PLACEHOLDER.sub("*", path).replace("NNNN", "*")
        if not (ROOT / path).exists() and not any(ROOT.glob(pattern.rstrip("/"))):
            missing.append(path)
    assert missing == []


def test_every_relative_link_of_the_documents_leads_somewhere() -> None:
    link = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [(page, target) for page in pages for target in link.findall(page.read_text(encoding="utf-8"))]
    assert [(page.name, target) for page, target in links if not (page.parent / target).exists()] == []


def test_a_new_fault_touches_the_files_that_the_walk_touches() -> None:
    blocks = re.finditer(r"^```(?:python|diff)$", WALK, re.MULTILINE)
    touched = {re.findall(r"`([\w/]+\.(?:py|po))`", WALK[: block.start()])[-1] for block in blocks}
    product = {path for path in touched if not path.startswith("tests/")}
    generic = {re.sub(r"lamp_flicker", "NAME", re.sub(r"/(en|id)\.po", "/XX.po", path)) for path in product}
    assert generic == set(listed("Add a fault"))


def test_a_new_language_touches_one_file() -> None:
    assert listed("Add a language") == ["languages/XX.po"]


SCHEME = re.compile(r'"[^"\n]*\b(?:parquet|influxdb):')
PRODUCT = ("ingest/", "dashboard_api/")
# These ask whether telemetry is Parquet, or InfluxDB, and treat every other store alike.
SHORTCUTS = {
    "dashboard_api/readings/parquet.py",
    "ingest/__main__.py",
    "ingest/city/template.py",
    "ingest/energy/from_batches.py",
    "ingest/schema/influx.py",
    "ingest/workers/worker.py",
}


def test_a_new_store_touches_every_file_that_decides_by_the_scheme_of_its_address() -> None:
    decides = {
        path.relative_to(ROOT).as_posix()
        for package in ("ingest", "dashboard_api", "firmware_sim", "city_pki")
        for path in (ROOT / package).rglob("*.py")
        if "node_modules" not in path.parts and SCHEME.search(path.read_text(encoding="utf-8"))
    }
    named = {path for path in listed("Add a telemetry store") if path.startswith(PRODUCT) and "NAME" not in path}
    assert decides - SHORTCUTS == named


def test_tests_and_benchmarks_make_batches_in_one_place() -> None:
    makes = {
        path.relative_to(ROOT).as_posix()
        for folder in ("tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"(?<!class )\bBatch\(\w", path.read_text(encoding="utf-8"))
    }
    assert makes == set()


def test_a_new_meter_touches_its_profile_and_the_agents_guide() -> None:
    assert listed("Add a meter") == ["edge_agent/serial/profiles/METER.toml", "docs/agent.md"]
