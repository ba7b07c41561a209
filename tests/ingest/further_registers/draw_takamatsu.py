"""Draw up a Japanese road-lighting register: a workbook with a cover sheet, a sheet of lamps and one of cabinets.

Run from this folder: ``python draw_takamatsu.py``. It writes ``takamatsu.xlsx``, and the result wanted as
``takamatsu.json``.
"""

import datetime as dt
import json
import random
from pathlib import Path

from openpyxl import Workbook

HERE = Path(__file__).parent
FULL_WIDTH = str.maketrans("0123456789W.HL", "０１２３４５６７８９Ｗ．ＨＬ")
SOURCES = [
    ("高圧ナトリウム灯", 110, "HPS"),
    ("高圧ナトリウム灯", 180, "HPS"),
    ("ＬＥＤ灯", 54, "LED"),
    ("LED", 75, "LED"),
    ("水銀灯", 250, "MV"),
    ("蛍光灯", 40, "fluorescent"),
    ("メタルハライド灯", 100, "MH"),
]
AREAS = [
    ("番", "番町一丁目", "市道番町線", 134.0452, 34.3415),
    ("栗", "栗林町二丁目", "市道栗林公園線", 134.0478, 34.3305),
    ("屋", "屋島西町", "県道１４号", 134.0951, 34.3481),
]


def degrees(value: float, style: int) -> tuple[str, float]:
    """Degrees, minutes and seconds as such files write them, and the value that the text has."""
    hundredths = round(value * 360000)
    d, rest = divmod(hundredths, 360000)
    m, s = divmod(rest, 6000)
    text = [
        f"{d}°{m:02}′{s / 100:05.2f}″",
        f"{d}度{m:02}分{s / 100:05.2f}秒",
        f"{d}°{m:02}'{s / 100:05.2f}\"",
    ][style]
    return text, hundredths / 360000


def date_text(day: dt.date, style: int) -> object:
    era, first, short = ("令和", 2019, "R") if day >= dt.date(2019, 5, 1) else ("平成", 1989, "H")
    if day < dt.date(1989, 1, 8):
        era, first, short = "昭和", 1926, "S"
    year = day.year - first + 1
    name = "元" if year == 1 else str(year)
    if style == 0:
        return f"{era}{name}年{day.month}月{day.day}日"
    if style == 1:
        return f"{era}{name}年{day.month}月{day.day}日".translate(FULL_WIDTH)
    if style == 2:
        return f"{short}{year}.{day.month}.{day.day}"
    if style == 3:
        return f"{day.year}年{day.month}月{day.day}日"
    return dt.datetime(day.year, day.month, day.day)


def main() -> None:
    rng = random.Random(5)
    book = Workbook()
    cover = book.active
    cover.title = "表紙"
    cover["B2"] = "令和５年度　道路照明灯管理台帳"
    cover["B4"] = "高松市　土木部　道路管理課"
    lamps = book.create_sheet("照明灯一覧")
    boxes = book.create_sheet("分電盤一覧")
    lamps.append(["道路照明灯一覧（令和６年３月３１日現在）"])
    lamps.merge_cells("A1:L1")
    groups = ["管理番号", "路線名", "所在地", "位置（世界測地系）", None, "灯具", None, None, "設置年月日", "分電盤"]
    lamps.append([*groups, "状態", "備考"])
    lamps.append([None, None, None, "緯度", "経度", "光源", "容量", "高さ(m)", None, None, None, None])
    for merged in ("A2:A3", "B2:B3", "C2:C3", "D2:E2", "F2:H2", "I2:I3", "J2:J3", "K2:K3", "L2:L3"):
        lamps.merge_cells(merged)
    boxes.append(["分電盤番号", "設置場所", "緯度", "経度", "契約容量"])
    wanted, refused, cabinets = [], [], []
    removed = 0
    for number, (letter, town, road, lon0, lat0) in enumerate(AREAS, start=1):
        lat_text, lat = degrees(lat0 - 0.0003, 0)
        lon_text, lon = degrees(lon0 - 0.0002, 0)
        boxes.append([f"{number}号", f"高松市{town}地内", lat_text, lon_text, "５kVA"])
        cabinets.append({"name": f"{number}号", "lon": lon, "lat": lat})
        for n in range(1, 29):
            code = f"{letter}－{n:03}".translate(FULL_WIDTH) if number == 2 else f"{letter}-{n:03}"
            style = [0, 0, 0, 1, 2][n % 5]
            lat_text, lat = degrees(lat0 + 0.00031 * (n // 7) + rng.uniform(-2e-5, 2e-5), style)
            lon_text, lon = degrees(lon0 + 0.00033 * (n % 7) + rng.uniform(-2e-5, 2e-5), style)
            word, watts, technology = rng.choice(SOURCES)
            power: object = [f"{watts}W", f"{watts}W".translate(FULL_WIDTH), watts][n % 3]
            day = dt.date(rng.choice([1986, 1989, 1998, 2007, 2016, 2019, 2022]), rng.randint(1, 12),
                                rng.randint(1, 28))  # fmt: skip
            date = date_text(day, n % 5)
            iso: str | None = day.isoformat()
            box = f"{number}号".translate(FULL_WIDTH) if n % 4 == 0 else f"{number}号"
            state, why = "供用中", None
            if n % 10 == 9:
                state, why = "撤去", "taken down (state 撤去): left out by a filter"
                removed += 1
            if (number, n) == (1, 5):
                lon_text, why = lon_text.replace("°02", "°75"), "75 minutes of longitude"
                assert "75" in lon_text
            if (number, n) == (2, 13):
                lon_text, why = "", "no longitude"
            if (number, n) == (3, 6):
                date, iso = "不明", None
            if (number, n) == (3, 7):
                power, watts = "－", 0
            address = f"高松市{town}{n}番地先"
            for _second in range(2 if n in (11, 22) else 1):  # a pole with two lamps stands twice, with one number
                lamps.append([code, road, address, lat_text, lon_text, word, power, 8 if n % 2 else "１０", date, box,
                              state, "２灯用" if n in (11, 22) else None])  # fmt: skip
                if why:
                    refused.append({"row": lamps.max_row, "code": code, "why": why})
                else:
                    wanted.append({"code": code, "cabinet": f"{number}号", "lon": lon, "lat": lat,
                                   "watts": watts or None, "technology": technology, "installed": iso,
                                   "street": road})  # fmt: skip
    lamps.append(["※撤去済みの灯具は翌年度の台帳から削除する。"])
    refused.append({"row": lamps.max_row, "code": "※…", "why": "a remark under the table, no lamp"})
    for moment in ("created", "modified"):
        setattr(book.properties, moment, dt.datetime(2024, 3, 31))
    book.save(HERE / "takamatsu.xlsx")
    pick = {"番-001", "番-011", "番-003", "栗－００８", "屋-006", "屋-028", "屋-007"}
    want = {
        "lamps": len(wanted), "cabinets": cabinets, "removed": removed, "refused": refused,
        "told": ["two lamps each on the poles numbered 11 and 22: both taken, with different ids"],
        "samples": [w for w in wanted if w["code"] in pick],
    }  # fmt: skip
    (HERE / "takamatsu.json").write_text(json.dumps(want, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
