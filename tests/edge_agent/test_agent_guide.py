"""docs/agent.md against the code: every key, every quantity, the example profile."""

import re
from pathlib import Path

import pytest

from edge_agent.config import OVERRIDES
from edge_agent.serial.profile import QUANTITIES, WIDTHS
from edge_agent.serial.profile_file import SHIPPED, load_profile

GUIDE = (Path(__file__).parents[2] / "docs/agent.md").read_text(encoding="utf-8")


def test_every_key_of_the_file_is_explained() -> None:
    for _, key in OVERRIDES.values():
        assert f"`{key}`" in GUIDE, key


def test_every_quantity_type_and_shipped_profile_is_named() -> None:
    for name in (*QUANTITIES, *WIDTHS, *(path.stem for path in SHIPPED.glob("*.toml"))):
        stem = re.sub(r"_[rst]$", "", name)
        assert f"`{stem}`" in GUIDE, name


def test_example_profile_loads(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert example is not None
    (tmp_path / "mymeter.toml").write_text(example[1])
    profile = load_profile("mymeter.toml", tmp_path)
    assert profile.quantities["energy_wh"].scale == pytest.approx(10.0)
