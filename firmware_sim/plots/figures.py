"""Draws a night: voltage, power and power factor over the local clock, lines distinguished by style and label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from firmware_sim.plots.nights import BREAK_MINUTE, Night, cable_night, led_night, sodium_night

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: Distinct for colour-blind readers (Okabe and Ito); each also has a dash pattern of its own.
_LINES: Final = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", ":"))
_PANELS: Final = (("voltage_v", "voltage [V]"), ("power_w", "power [W]"), ("power_factor", "power factor"))


def draw_all(folder: Path) -> list[Path]:
    """Draw the three nights as PNG files into a folder and return their paths."""
    sodium, cable = sodium_night(), cable_night()
    return [
        draw(
            led_night(),
            ((0, "first pole"), (19, "last pole")),
            "One night of an LED lamp: 90 W, dimmed to 70 % at 22:00 and 50 % at 00:30",
            folder / "night-led.png",
        ),
        draw(
            sodium,
            ((9, "at the end of its life"), (10, "its healthy neighbour")),
            "One night of a sodium lamp at the end of its life: it goes out when hot, cools, starts again",
            folder / "night-hps-cycling.png",
        ),
        draw(
            cable,
            ((11, "pole 12, before the break"), (12, "pole 13, behind it")),
            "A cable break behind pole 12 at 21:14: the poles behind it fall silent, the load goes",
            folder / "night-cable-break.png",
            circuit=cable.circuit_power_w,
        ),
    ]


def draw(
    night: Night,
    lamps: Sequence[tuple[int, str]],
    title: str,
    path: Path,
    *,
    circuit: NDArray[np.float32] | None = None,
) -> Path:
    """Draw some lamps of a night as a PNG file.

    Args:
        night: what the meters showed.
        lamps: index and label of each line.
        title: of the figure.
        path: file to write.
        circuit: power of the whole circuit for one more panel [W].
    """
    n_panels = len(_PANELS) + (circuit is not None)
    with mpl.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9.0, 1.9 * n_panels + 0.8), layout="constrained")
        panels: list[Axes] = list(np.atleast_1d(figure.subplots(n_panels, 1, sharex=True)))
        for axes, (name, label) in zip(panels, _PANELS, strict=False):
            values = getattr(night, name)
            for (lamp, lamp_label), (colour, dash) in zip(lamps, _LINES, strict=False):
                axes.plot(night.hour, values[:, lamp], color=colour, ls=dash, lw=1.1, label=lamp_label)
            axes.set_ylabel(label)
            axes.grid(visible=True, alpha=0.3)
        panels[1].set_ylim(bottom=0.0)
        panels[2].set_ylim(0.0, 1.05)
        if circuit is not None:
            panels[3].plot(night.hour, circuit, color="#333333", lw=1.1)
            panels[3].set_ylabel("circuit [W]")
            panels[3].set_ylim(bottom=0.0)
            panels[3].grid(visible=True, alpha=0.3)
            panels[3].annotate(
                "cable cut",
                (16.0 + BREAK_MINUTE / 60.0, float(np.nanmax(circuit)) * 0.6),
                xytext=(18.5, float(np.nanmax(circuit)) * 0.25),
                arrowprops={"arrowstyle": "->"},
            )
        panels[0].legend(loc="best", frameon=False, ncols=2)
        ticks = range(16, 32)
        panels[-1].set_xlim(16.0, 31.0)
        panels[-1].set_xticks(list(ticks), [f"{tick % 24:02d}" for tick in ticks])
        panels[-1].set_xlabel("local time [h]")
        figure.suptitle(title, fontsize=10)
        figure.savefig(path, dpi=110)
    return path
