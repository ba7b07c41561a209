"""``python -m firmware_sim.plots DIR`` draws the nights of ``docs/simulator.md`` again."""

from __future__ import annotations

import sys
from pathlib import Path

from firmware_sim.plots.figures import draw_all


def main() -> int:
    """Draw all figures into the folder that the command line names; return the exit code."""
    if len(sys.argv) != 2:
        print("usage: python -m firmware_sim.plots DIR", file=sys.stderr)
        return 2
    folder = Path(sys.argv[1])
    if not folder.is_dir():
        print(f"{folder}: not a folder", file=sys.stderr)
        return 2
    for path in draw_all(folder):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
