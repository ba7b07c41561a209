"""Draw up a Czech street-lighting register: one windows-1250 text file in S-JTSK (EPSG:5514).

Run from this folder: ``python draw_kromeriz.py``. It writes ``kromeriz.csv`` and ``kromeriz.json``, the result wanted.
"""

import json
import random
from pathlib import Path

from pyproj import Transformer

HERE = Path(__file__).parent
TO_GRID = Transformer.from_crs(4326, 5514, always_xy=True)

SOURCES = [
    ("sodíková výbojka", "150 W", 150, "HPS"),
    ("sodík", "70W", 70, "HPS"),
    ("LED", "42 W", 42, "LED"),
    ("LED", "27 W", 27, "LED"),
    ("rtuťová výbojka", "125 W", 125, "MV"),
    ("halogenidová výbojka", "100 W", 100, "MH"),
    ("zářivka", "2x36W", 72, "fluorescent"),
]
# cabinet, number of lamps, streets
GROUPS = [
    ("RVO 1 - Velké náměstí", 30, ["Velké náměstí", "Vodní", "Jánská"]),
    ("RVO 2 - Havlíčkova", 28, ["Havlíčkova", "Čapkova", "Žižkova"]),
    ("RVO 3 - Kotojedská", 25, ["Kotojedská", "Úprkova"]),
    ("RVO 4 - Třebízského", 27, ["Třebízského", "Štěpánov", "Na Řádku"]),
]
HEADER = [
    "Rozvaděč", "Č. sv. bodu", "Ulice", "Světelný zdroj", "Příkon", "Výška stožáru [m]", "Datum instalace",
    "Souřadnice Y", "Souřadnice X", "Poznámka",
]  # fmt: skip


def comma(number: float, places: int = 2) -> str:
    return f"{number:.{places}f}".replace(".", ",")


def main() -> None:
    rng = random.Random(20231231)
    empty = [""] * (len(HEADER) - 1)
    rows = [["Pasport veřejného osvětlení města Kroměříž – stav k 31.12.2023", *empty], ["", *empty], HEADER]
    wanted, refused = [], []
    watts_total = 0
    for number, (cabinet, count, streets) in enumerate(GROUPS):
        lon0, lat0 = 17.3930 + 0.006 * (number % 2), 49.2986 - 0.004 * (number // 2)
        for n in range(1, count + 1):
            street = streets[(n - 1) * len(streets) // count]
            lon = round(lon0 + 0.00035 * (n % 11) + rng.uniform(-2e-5, 2e-5), 7)
            lat = round(lat0 + 0.0007 * (n // 11) + rng.uniform(-2e-5, 2e-5), 7)
            y, x = TO_GRID.transform(lon, lat)  # S-JTSK: "Y" runs west and "X" south; EPSG:5514 has both negative
            word, power, watts, technology = rng.choice(SOURCES[:6])
            day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1996, 2023)
            date = [f"{day}.{month}.{year}", f"{day:02}.{month:02}.{year}", f"{day}. {month}. {year}"][n % 3]
            iso: str | None = f"{year:04}-{month:02}-{day:02}"
            note = rng.choice(["", "", "", "výložník 1,5 m", "oprava 2020; nový kryt", "natřeno"])
            here, why = [comma(y), comma(x)], None
            if (number, n) in {(0, 7), (0, 8), (2, 20)}:
                word, power, watts, technology = SOURCES[6]
            if (number, n) == (1, 3):
                word, power, watts, technology = "sodík", "0,07 kW", 70, "HPS"
            if (number, n) == (1, 4):
                word, power, watts, technology = "sodík", "150", 150, "HPS"
            if (number, n) == (1, 6):
                power, watts = "neuvedeno", None
            if (number, n) == (0, 12):
                here, why = ["", ""], "no coordinates"
            if (number, n) == (1, 5):
                here, why = [here[1], here[0]], "Y and X exchanged: the point is far away"
            if (number, n) == (1, 9):
                date, iso = "31.2.2016", None
            if (number, n) == (3, 20):
                note, why = "zrušeno 2021", "taken down (note: zrušeno): left out by a filter"
            rows.append([cabinet if n == 1 else "", str(n), street, word, power, comma(rng.choice([5, 6, 8, 10]), 1),
                         date, *here, f'"{note}"' if ";" in note else note])  # fmt: skip
            watts_total += watts or 0
            if why:
                refused.append({"line": len(rows), "cabinet": cabinet, "number": str(n), "why": why})
            else:
                wanted.append({"cabinet": cabinet, "number": str(n), "lon": lon, "lat": lat, "watts": watts,
                               "technology": technology, "installed": iso, "street": street})  # fmt: skip
            if (number, n) == (2, 3):  # the same number a second time, four lamps further on
                y, x = TO_GRID.transform(lon + 0.0014, lat)
                rows.append(["", "3", street, "LED", "42 W", "6,0", "3.7.2019", comma(y), comma(x), ""])
                watts_total += 42
                refused.append({"line": len(rows), "cabinet": cabinet, "number": "3",
                                "why": "number 3 stands twice in this cabinet, 100 m apart"})  # fmt: skip
    total = f"{watts_total:,}".replace(",", " ") + " W"
    rows.append(["CELKEM", str(len(rows) - 3), "", "", total, "", "", "", "", ""])
    refused.append({"line": len(rows), "cabinet": "CELKEM", "number": "", "why": "total row: no lamp, and no cabinet"})
    text = "\r\n".join(";".join(row) for row in rows) + "\r\n"
    (HERE / "kromeriz.csv").write_bytes(text.encode("cp1250"))
    want = {
        "lamps": len(wanted),
        "cabinets": [cabinet for cabinet, _, _ in GROUPS],
        "refused": refused,
        "told": ["date 31.2.2016 (RVO 2, 9)", "power 'neuvedeno' (RVO 2, 6) left empty"],
        "samples": [w for w in wanted if (w["cabinet"][:5], w["number"]) in
                    {("RVO 1", "1"), ("RVO 1", "7"), ("RVO 2", "3"), ("RVO 2", "9"), ("RVO 3", "17"), ("RVO 4", "27")}],
    }  # fmt: skip
    (HERE / "kromeriz.json").write_text(json.dumps(want, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
