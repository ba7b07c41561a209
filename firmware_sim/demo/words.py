"""Terminal messages of the demo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from firmware_sim.fleet.town import Town
from languages.catalogue import Catalogue

# Minutes of patience become seconds: a reader watches for minutes, a city for years.
LIMITS: Final = """
[limits]                         # shortened for the demo: a city keeps the defaults
switching_guard = "30s"
"""


def welcome(town: Town, port: int, folder: Path, offset_s: float, names: Sequence[str], words: Catalogue) -> str:
    """The text that greets the reader once everything runs."""
    now = (datetime.now(UTC) + timedelta(seconds=offset_s)).astimezone(ZoneInfo(town.timezone))
    agents = [name for name in names if name.startswith("agent-")]
    lamp = town.lamp_ids[len(town.lamp_ids) // 3]
    n_lamps, n_controllers = len(town.lamp_ids), len(town.controllers)
    return f"""
  {words.say("demo.running", lamps=n_lamps, controllers=n_controllers, agents=len(agents))}
  {words.say("demo.town_time", time=f"{now:%H:%M}")}

  {words.say("demo.look")}
  {words.say("demo.open")}:  http://127.0.0.1:{port}
  {words.say("demo.no_accounts")}
  API:   http://127.0.0.1:{port}/docs

  {words.say("demo.try")}:
    . .venv/bin/activate      # {words.say("demo.activate")}
    terang-sim inject lampFailure {lamp} --city {folder}
    terang-sim list --city {folder}
    terang-sim repair lampFailure {lamp} --city {folder}

  {words.say("demo.logs", folder=folder / "data" / "log")}   ·   {words.say("demo.end")}
"""
