"""Draws the plots of ``docs/detection.md``: one night per fault code, judged by the real detection.

    python -m benchmarks.plot_detection

Each plot shows what was measured, what was expected, and from when to when the fault was open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from benchmarks.detection_scenes import LAMP, SCENES, Scene
from benchmarks.small_town import Town
from ingest.model.finding import Cleared, Raised

mpl.use("Agg")
from matplotlib import pyplot as plt  # the backend comes first

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "detection"


def value(town: Town, columns: Any, quantity: str) -> float:
    """What is drawn at one sweep."""
    if quantity == "circuit":
        return float(columns.circuit_power_w[0])
    if quantity == "cabinet":
        return float(np.nansum(columns.cabinet_power_w[0])) if columns.is_supply_present[0] else float("nan")
    if quantity == "cabinet_v":
        return float(columns.cabinet_voltage_v[0, 0])
    if quantity == "door":
        return float(columns.is_door_open[0])
    row = int(np.flatnonzero(columns.lamp == town.fleet.lamp_index[f"L-{LAMP:04d}"])[0])
    return float("nan") if columns.quality[row] else float(getattr(columns, quantity)[row])


def play(scene: Scene) -> tuple[list[float], list[float], list[tuple[float, float]]]:
    """Minutes, values, and the stretches in which the fault was open."""
    town = Town(**scene.town)
    step = town.interval_s // 60
    minutes, values, open_from, stretches = [], [], None, []
    is_silent = False
    for minute in range(0, scene.minutes, step):
        for at in range(minute, minute + step):
            if at in scene.events:
                scene.events[at](town)
                is_silent = scene.code == "controllerOffline" and at == min(scene.events)
        town.now_us += town.interval_s * 1_000_000
        batch = town.sweep()
        changes = [] if is_silent else town.detection.judge(batch, town.now_us)
        changes += town.detection.tick(town.now_us)
        minutes.append(float(minute))
        values.append(float("nan") if is_silent else value(town, batch, scene.quantity))
        for change in changes:
            if change.key.code != scene.code:
                continue
            if isinstance(change, Raised) and open_from is None:
                open_from = float(minute)
            elif isinstance(change, Cleared) and open_from is not None:
                stretches.append((open_from, float(minute)))
                open_from = None
    if open_from is not None:
        stretches.append((open_from, float(scene.minutes)))
    return minutes, values, stretches


def draw(scene: Scene) -> int:
    """Write one PNG; returns how often the fault opened."""
    minutes, values, stretches = play(scene)
    figure, axes = plt.subplots(figsize=(7, 2.4), dpi=72, layout="constrained")
    axes.step(minutes, values, where="post", color="#1f4e79", linewidth=1.4, label="measured")
    for label, level in scene.lines.items():
        axes.axhline(level, color="#777777", linestyle="--", linewidth=1, label=label)
    for i, (start, stop) in enumerate(stretches):
        axes.axvspan(start, stop, color="#d55e00", alpha=0.25, hatch="//", label="fault open" if i == 0 else None)
    for minute in sorted({min(scene.events), max(scene.events)} - {0}):
        axes.axvline(minute, color="#009e73", linewidth=1, linestyle=":")
    low, high = axes.get_ylim()
    axes.set_ylim(min(0.0, low), high + 0.05 * (high - low))
    axes.set_xlabel("minutes")
    axes.set_ylabel(f"{scene.quantity.split('_')[0]} {f'[{scene.unit}]' if scene.unit else ''}")
    axes.set_title(f"{scene.code}: {scene.caption}", fontsize=9, loc="left")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.savefig(FOLDER / f"{scene.code}.png")
    plt.close(figure)
    return len(stretches)


def main() -> None:
    """Draw every scene."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        print(f"{scene.code:24s} opened {draw(scene)} times")


if __name__ == "__main__":
    main()
