"""The agent's own files with anything in them: one clear line, and no other error."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, fields

import pytest

from edge_agent.__main__ import main
from edge_agent.errors import ConfigError
from edge_agent.serial.profile_file import load_profiles
from edge_agent.status import AgentStatus
from edge_agent.tables import Table
from tests.edge_agent.test_agent_cli import GOOD


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "PJU-017"', 'id = "' + "x" * 10_000 + '"'),
        ('id = "PJU-017"', 'id = "a\\u0000b"'),
        ("latitude = 0.7893", "latitude = nan"),
        ("latitude = 0.7893", "latitude = " + "9" * 400),
        ("latitude = 0.7893", "latitude = " + "9" * 5000),
        ("latitude = 0.7893", "latitude = 1" + "0" * 400 + ".0"),
        ("address = 1,", "address = 1e999,"),
        ('path = "outbox.db"', 'path = "outbox\\u0000.db"'),
        ('path = "outbox.db"', 'path = "outbox.db"\nmax_mb = ' + "9" * 400),
        ('url = "mqtt://10.0.0.2:1883"', "url = " + json.dumps(["mqtt://10.0.0.2"] * 1000)),
        ('url = "mqtt://10.0.0.2:1883"', "url = " + "[" * 100_000),
        ("[controller]", "x = " + "[" * 5000 + "]" * 5000 + "\n[controller]"),
        ("[controller]", "#" + "x" * 1_100_000 + "\n[controller]"),
        ("[controller]", "a" + ".a" * 3000 + " = 1\n[controller]"),
    ],
)  # fmt: skip
def test_hostile_agent_file_is_one_clear_line(tmp_path, capsys, old: str, new: str) -> None:
    path = tmp_path / "agent.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    assert main(["check", "--config", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"terang-agent: {path}")
    assert len(said) < 500


def test_hostile_profile_is_one_clear_error(tmp_path) -> None:
    for text in ("[" * 100_000, "title = " + "9" * 5000, "\xff", "x = " + "[" * 50_000):
        (tmp_path / "own.toml").write_text(text, encoding="latin-1")
        with pytest.raises(ConfigError, match=r"own\.toml"):
            load_profiles(["own.toml"], tmp_path)


def test_number_of_any_size_is_refused_without_another_error() -> None:
    for value in (10**400, -(10**400), float("nan"), float("inf"), 10**5000):
        with pytest.raises(ConfigError):
            Table("f", {"x": value}).number("x")
        with pytest.raises(ConfigError):
            Table("f", {"x": value}).integer("x")


@pytest.mark.parametrize("name", [item.name for item in fields(AgentStatus)])
def test_a_status_file_with_a_value_of_another_kind_is_one_clear_error(tmp_path, capsys, name: str) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(GOOD)
    full = {"ports": {"A": "open"}, "errors": {"A": {"1": 2}}, "pauses_ms": {"A": {"1": 20}}, "last_error": "none"}
    good = asdict(AgentStatus(1, 1, 1, "1", "PJU-017", 2, **full))
    path = tmp_path / "outbox.db.status.json"
    odd = ("x", -1, 1e300, {"A": {"x": None}})
    for value in odd:
        path.write_text(json.dumps({**good, name: value}))
        said = main(["status", "--config", str(config)])
        shown = capsys.readouterr()
        assert said in {0, 1}
        assert shown.err.startswith("terang-agent:") or not said or shown.out
    path.write_text(json.dumps(good))
    assert "PJU-017" in (main(["status", "--config", str(config)]), capsys.readouterr().out)[1]


def test_random_status_file_is_one_clear_error(tmp_path, capsys) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(GOOD)
    source = random.Random(3)
    for data in (b"[" * 100_000, b"{}", b"null", source.randbytes(500), b'{"at_ms": "x"}', b"9" * 5000):
        (tmp_path / "outbox.db.status.json").write_bytes(data)
        assert main(["status", "--config", str(config)]) == 1
        assert capsys.readouterr().err.startswith("terang-agent:")
