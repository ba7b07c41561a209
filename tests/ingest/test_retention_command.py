"""``terang-ingest retention``: what it prints follows city.toml, and a broken address is reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.__main__ import app
from ingest.schema.errors import CityError


def printed(folder: Path, telemetry: str) -> list[str]:
    (folder / "city.toml").write_text(f'[city]\nname = "Kota Uji"\n[telemetry]\n{telemetry}', encoding="utf-8")
    result = CliRunner().invoke(app, ["retention", "--city", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout.splitlines()


def test_an_influxdb_city_gets_its_two_statements(tmp_path: Path) -> None:
    url = 'url = "influxdb://127.0.0.1:8086?org=o&bucket=kota"\n'
    lines = printed(tmp_path, f"{url}full_resolution_days = 90\nretention_days = 1000\n")
    assert lines[0] == "-- readings whole for 90 days, then as quarter-hour means until 1000 days old"
    assert lines[2:] == [
        'ALTER RETENTION POLICY "autogen" ON "kota" DURATION 97d SHARD DURATION 1d DEFAULT;',
        'CREATE RETENTION POLICY "terang_thinned" ON "kota" DURATION 1000d REPLICATION 1 SHARD DURATION 7d;',
    ]


def test_readings_stay_whole_as_long_as_an_agent_may_send_some(tmp_path: Path) -> None:
    url = 'url = "influxdb://127.0.0.1:8086?org=o&bucket=kota"\n'
    lines = printed(tmp_path, f"{url}full_resolution_days = 2\nretention_days = 3\n")
    assert "whole for 30 days" in lines[0]
    assert " DURATION 37d " in lines[2]
    assert " DURATION 37d " in lines[3]


def test_parquet_needs_nobody(tmp_path: Path) -> None:
    assert printed(tmp_path, "")[1:] == ["-- Parquet: terang-ingest does that by itself"]


def test_a_broken_address_is_reported(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="bucket is missing"):
        printed(tmp_path, 'url = "influxdb://127.0.0.1:8086?org=o"\n')
