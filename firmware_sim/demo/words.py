"""What the demo says: where to look, what to try. English and Indonesian."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from firmware_sim.fleet.town import Town

# Minutes of patience become seconds: a reader watches for minutes, a city for years.
LIMITS: Final = """
[limits]                         # shortened for the demo: a city keeps the defaults
switching_guard = "30s"
"""


def welcome(town: Town, port: int, folder: Path, offset_s: float, names: Sequence[str]) -> str:
    """The text that greets the reader once everything runs."""
    now = (datetime.now(UTC) + timedelta(seconds=offset_s)).astimezone(ZoneInfo(town.timezone))
    agents = [name for name in names if name.startswith("agent-")]
    lamp = town.lamp_ids[len(town.lamp_ids) // 3]
    command = f"terang-sim inject lampFailure {lamp} --city {folder}"
    activate = ". .venv/bin/activate      # once in another terminal / sekali di terminal lain"
    return f"""
  Terang is running: {len(town.lamp_ids)} lamps, {len(town.controllers)} controllers; {len(agents)} have real agents.
  Terang berjalan. In town it is {now:%H:%M} / di kota sekarang {now:%H:%M}.

  Open / buka:     http://127.0.0.1:{port}
  API:             http://127.0.0.1:{port}/docs

  Try / coba:
    {activate}
    {command}
    terang-sim list --city {folder}
    terang-sim repair lampFailure {lamp} --city {folder}

  Logs: {folder / "data" / "log"}   ·   Ctrl-C ends everything / mengakhiri semuanya
"""
