"""A small city to break: every metering class and way of switching, readable ids."""

from __future__ import annotations

import csv


def write_city(folder):
    """Three cabinets: C-1 behind a contactor, C-2 live all day, C-3 without lamp meters; two circuits of eight each."""
    (folder / "city.toml").write_text(
        '[city]\nname = "Kota"\n[schedule]\ndim = [{ at = "22:00", level = 50 }]\n', encoding="utf-8"
    )
    with (folder / "cabinets.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(["cabinet_id", "controller_id", "switching"])
        writer.writerows([["C-1", "PJU-1", "contactor"], ["C-2", "PJU-2", "lamp"], ["C-3", "PJU-3", "contactor"]])
    names = ["lamp_id", "cabinet_id", "circuit", "position", "latitude", "longitude", "rated_power_w", "technology"]
    with (folder / "lamps.csv").open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow([*names, "bus", "address", "profile", "dimmable", "phase"])
        for cabinet in (1, 2, 3):
            for row in range(16):
                circuit, place = row // 8 + 1, row % 8 + 1
                meter = ["", "", "", "false"] if cabinet == 3 else ["AB"[circuit - 1], place, "lamp-node", "true"]
                where = [0.79, round(102.0 + 0.01 * cabinet + 0.0003 * row, 6)]
                lamp_id = f"L-{cabinet}{circuit}{place}"
                head = [lamp_id, f"C-{cabinet}", circuit, place, *where, 90, "LED"]
                writer.writerow([*head, *meter, "R" if circuit == 1 else "S"])
    return folder
