"""Registers as departments hand them out: lists for people to read, in any language."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest
from openpyxl import Workbook
from pyproj import Transformer

from ingest.city.column_guess import guess_columns
from ingest.city.extent import zone_place
from ingest.city.importing import draft_register
from ingest.city.likely_systems import likely_systems
from ingest.city.mapping import ImportMap, read_mapping
from ingest.city.power import read_power
from ingest.city.rows_above import filled_down
from ingest.city.suggest import suggest
from ingest.city.vocabulary import is_ditto, is_empty, says_removed, technology_of
from ingest.errors import UnusableError
from ingest.register.issue import Issue
from ingest.register.text_table import TextTable
from languages.catalogue import load_catalogue
from tests.ingest.department_drafts import LAMP, drafted, reported


@pytest.mark.parametrize(
    ("words", "technology"),
    [
        ("sodíková výbojka|sodík|Lampa sodowa|натриевый светильник|nátriumlámpa|Högtrycksnatrium", "HPS"),
        (
            "高圧ナトリウムランプ|高压钠灯|고압나트륨램프|νάτριο υψηλής πίεσης|VS 150W|vapor de sódio|sodyum buharlı",
            "HPS",
        ),
        ("rtuťová výbojka|水銀ランプ|汞灯|수은램프|VM 125W|vapor de mercúrio|higanylámpa|đèn thủy ngân|ртутний", "MV"),
        (
            "halogenidová výbojka|セラミックメタルハライドランプ|金卤灯|VMET 250W|металлогалогенный|Metalldampflampe",
            "MH",
        ),
        ("zářivka|świetlówka kompaktowa|蛍光ランプ|荧光灯|Leuchtstoffröhre|люмінесцентна|FL 2X40W", "CFL"),
        ("ＬＥＤ灯|LED svítidlo|светодиодный|LED 100 W", "LED"),
        ("nízkotlaká sodíková|低圧ナトリウム|Niederdruck-Natrium|νατρίου χαμηλής πίεσης|dub", ""),
    ],
)
def test_technologies_in_the_words_of_many_languages(words, technology):
    found = {word: technology_of(word) for word in words.split("|")}
    assert {word: name or "" for word, name in found.items() if name not in (technology, "other")} == {}
    if technology:
        assert set(found.values()) == {technology}


@pytest.mark.parametrize(
    ("text", "power_w"),
    [
        ("FL 2X40W", 80),
        ("LED 2x75W", 150),
        ("zářivka 2 × 36 W", 72),
        ("2x36W + 18W", 90),
        ("36W x 2", 72),
        ("T8 2x36W", 72),
        ("VS 70 W", 70),
    ],
)
def test_a_count_of_lamps_before_the_power_counts_wherever_it_stands(text, power_w):
    assert read_power(text, "", "W", "sum").value == power_w


def test_unknown_ditto_and_removed_words():
    assert all(map(is_empty, ["S/N", "NULL", "－", "不明", "neuvedeno", "미상", "なし"]))
    assert all(map(is_ditto, ["〃", "同上", '-"-', "dtto", "Idem"]))
    assert all(map(says_removed, ["撤去済", "RETIRADO", "zrušeno 2021", "Dibongkar", "철거"]))
    assert not any(map(says_removed, ["", "EM OPERAÇÃO", "供用中", "natřeno"]))
    assert not any(map(is_empty, ["0", "RVO", "SN"]))


ROWS = "box,id,lat,lon,watt\nA,1,50.0,15.0,70\n,2,50.001,15.0,70\nB,1,50.01,15.0,70\n,2,50.011,15.0,70\n"
PER_CABINET = {**LAMP, "lamp_id": ["box", "id"]}


def test_empty_cells_mean_the_row_above_where_the_mapping_says_so(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS)
    found = drafted(tmp_path / "a.csv", PER_CABINET, source={"fill_down": "box"})
    assert found.lamps.lamp_id == ["A-1", "A-2", "B-1", "B-2"]
    assert found.lamps.cabinet_id == ["A", "A", "B", "B"]
    assert "a.csv: box: 2 cells have the value of the row above" in reported(found)
    with pytest.raises(UnusableError, match=r"\[source\] fill_down: no column 'kotak'"):
        drafted(tmp_path / "a.csv", source={"fill_down": ["kotak"]})


def test_a_row_that_could_not_be_read_ends_what_the_rows_below_repeat(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS.replace("B,1,50.01,15.0,70", "B,1,50.01,15.0,70,too,many"))
    found = drafted(tmp_path / "a.csv", PER_CABINET, source={"fill_down": ["box"]})
    assert found.lamps.cabinet_id == ["A", "A", ""]  # not A: the row that was refused named another
    assert "1 cells stay empty: a row above them could not be read" in reported(found)


def test_ditto_marks_mean_the_row_above_in_any_column(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS.replace("\n,2", "\n〃,2"), encoding="utf-8")
    assert drafted(tmp_path / "a.csv", PER_CABINET).lamps.cabinet_id == ["A", "A", "B", "B"]


def test_filling_down_grows_with_the_rows():
    n = 50_000
    refused = tuple(Issue("a", line, "", "bad", is_refused=True) for line in range(2, 2 * n, 200))
    table = TextTable("a", {"box": ["A" if i % 50 == 0 else "" for i in range(n)]}, range(1, 2 * n, 2), refused, n)
    filled = filled_down(table, ["box"]).columns["box"]
    assert sum(map(bool, filled)) > n / 2


def test_merged_cells_of_a_workbook_are_one_value_in_every_row(tmp_path):
    book = Workbook()
    sheet = book.active
    for row in (["panel", None, "tempat", None], ["box", "id", "lat", "lon"], ["A", 1, 50.0, 15.0],
                [None, 2, 50.001, 15.0], ["B", 3, 50.01, 15.0]):  # fmt: skip
        sheet.append(row)
    for cells in ("A1:B1", "C1:D1", "A3:A4"):
        sheet.merge_cells(cells)
    book.save(tmp_path / "a.xlsx")
    lamp = {field: column for field, column in LAMP.items() if column != "watt"}
    found = drafted(tmp_path / "a.xlsx", lamp)
    assert found.lamps.cabinet_id == ["A", "A", "B"]
    assert "1 cells are merged with one above them" in reported(found)


def test_rows_that_say_that_the_lamp_is_gone_are_told(tmp_path):
    (tmp_path / "a.csv").write_text(
        "id,lat,lon,stav\n1,50.0,15.0,v provozu\n2,50.001,15.0,zrušeno 2021\n", encoding="utf-8"
    )
    lamp = {"lamp_id": "id", "latitude": "lat", "longitude": "lon"}
    said = "stav: 1 rows say 'zrušeno 2021' and are imported all the same; 'where' in [source] can leave them out"
    assert said in reported(drafted(tmp_path / "a.csv", lamp))
    found = drafted(tmp_path / "a.csv", lamp, source={"where": {"stav": {"not": ["zrušeno 2021"]}}})
    assert found.lamps.lamp_id == ["1"]
    assert "are imported all the same" not in reported(found)


def test_copies_are_refused_unless_the_mapping_takes_them_as_lamps(tmp_path):
    (tmp_path / "a.csv").write_text("id,lat,lon,box,watt\nT,50,15,A,70\nT,50,15,A,70\n")
    assert drafted(tmp_path / "a.csv").lamps.lamp_id == ["T"]
    assert drafted(tmp_path / "a.csv", source={"copies": "lamps"}).lamps.lamp_id == ["T", "T-2"]


SYSTEMS = [
    (5514, 17.4, 49.3, "Europe/Prague"),
    (2180, 21.0, 52.2, "Europe/Warsaw"),
    (2100, 22.9, 40.6, "Europe/Athens"),
    (27700, -2.0, 53.0, "Europe/London"),
    (23700, 19.0, 47.5, "Europe/Budapest"),
    (28992, 4.9, 52.4, "Europe/Amsterdam"),
    (21781, 8.5, 47.4, "Europe/Zurich"),
    (25832, 11.5, 48.1, "Europe/Berlin"),
    (5179, 127.0, 37.5, "Asia/Seoul"),
    (2039, 34.8, 32.0, "Asia/Jerusalem"),
]


@pytest.mark.parametrize(("code", "longitude", "latitude", "timezone"), SYSTEMS)
def test_a_countrys_own_grid_is_found_before_a_continents(code, longitude, latitude, timezone):
    x, y = Transformer.from_crs(4326, code, always_xy=True).transform(longitude, latitude)
    first = likely_systems(x, y, zone_place(timezone))[0]
    back = Transformer.from_crs(first[1], 4326, always_xy=True).transform(*((y, x) if first[3] else (x, y)))
    assert np.hypot(back[0] - longitude, back[1] - latitude) < 0.01  # its equals for another datum count too


def test_cabinets_of_a_file_of_their_own_in_its_own_encoding(tmp_path):
    (tmp_path / "lampy.csv").write_text(ROWS)
    boxes = "번호;이름\nA;종로구 분전함\nB;중구 분전함\n"
    (tmp_path / "boxes.csv").write_bytes(boxes.encode("cp949"))
    document = {"cabinet_file": tmp_path / "boxes.csv", "cabinet": {"cabinet_id": "번호", "name": "이름"}}
    with pytest.raises(UnusableError, match=r"in \[cabinet_source\]"):
        drafted(tmp_path / "lampy.csv", **document)
    found = drafted(tmp_path / "lampy.csv", cabinet_source={"encoding": "cp949"}, **document)
    assert found.cabinets.name == ["종로구 분전함", "중구 분전함"]


def test_a_draft_is_in_the_language_that_is_asked_for(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS + ",3,50.02,15.0,70\n,4,50.03,15.0,70\n")
    drafts = {
        language: suggest(tmp_path / "a.csv", "Europe/Prague", words=load_catalogue(language)).mapping
        for language in ("en", "id")
    }
    assert "empty cells mean the row above" in drafts["en"]
    assert "sel kosong berarti sama dengan baris di atasnya" in drafts["id"]
    assert "# Rancangan untuk a.csv" in drafts["id"]
    assert "terminal.city" not in drafts["en"] + drafts["id"]
    mappings = {language: tomllib.loads(text) for language, text in drafts.items()}
    assert mappings["en"] == mappings["id"]
    assert mappings["en"]["source"]["fill_down"] == ["box"]


def test_several_columns_may_be_named_as_a_list(tmp_path):
    (tmp_path / "m.toml").write_text('[lamp]\nlamp_id = ["box", "id"]\nlatitude = 5\n')
    with pytest.raises(UnusableError, match="latitude"):
        read_mapping(tmp_path / "m.toml")
    (tmp_path / "m.toml").write_text('[lamp]\nlamp_id = ["box", "id"]\n')
    assert read_mapping(tmp_path / "m.toml").lamp["lamp_id"].columns == ("box", "id")


def test_numbers_that_are_unique_within_a_cabinet_alone_are_drafted_with_it(tmp_path):
    rows = [f"{f'B{i // 6}' if i % 6 == 0 else ''},{i % 6},{50 + i / 1000},15.0,70" for i in range(30)]
    (tmp_path / "a.csv").write_text("\n".join(["box,no,lat,lon,watt", *rows, ""]))
    mapping = ImportMap(**tomllib.loads(suggest(tmp_path / "a.csv").mapping))
    assert mapping.lamp["lamp_id"].columns == ("box", "no")
    lamps = draft_register(tmp_path / "a.csv", mapping, lambda *_: None).lamps
    assert (len(lamps), lamps.lamp_id[7]) == (30, "B1-1")


FIELDS = (
    "lamp_id", "cabinet_id", "circuit", "latitude", "longitude", "rated_power_w", "technology", "street", "installed_on",
)  # fmt: skip
HEADERS = [
    ("Číslo svietidla|Rozvádzač|Okruh|Zemepisná šírka|Zemepisná dĺžka|Príkon [W]|Svetelný zdroj|Ulica|Dátum inštalácie", "sodíková výbojka|LED", "05.03.2019"),
    ("Oszlopszám|Kapcsolószekrény|Áramkör|Szélesség|Hosszúság|Teljesítmény (W)|Fényforrás|Utca|Telepítés dátuma", "nátrium|higany", "2019.03.05"),
    ("Nr. stâlp|Punct de aprindere|Circuit|Latitudine|Longitudine|Putere (W)|Tip lampă|Strada|Data montării", "sodiu|LED", "05.03.2019"),
    ("Direk No|Pano No|Hat|Enlem|Boylam|Güç (W)|Lamba Tipi|Cadde/Sokak|Montaj Tarihi", "Sodyum|LED", "05.03.2019"),
    ("Номер опори|Шафа керування|Лінія|Широта|Довгота|Потужність, Вт|Тип лампи|Вулиця|Дата встановлення", "натрієва|світлодіодний", "05.03.2019"),
    ("Mã trụ|Tủ chiếu sáng|Lộ|Vĩ độ|Kinh độ|Công suất (W)|Loại đèn|Tên đường|Ngày lắp đặt", "Sodium cao áp|LED", "05/03/2019"),
    ("N° support|N° armoire|Départ|Latitude|Longitude|Puissance lampe (W)|Type de lampe|Nom de la rue|Date de pose", "SHP|IM", "05/03/2019"),
    ("Mastnr|Schaltschrank|Abgang|Breitengrad|Längengrad|Leistung [W]|Leuchtmittel|Straße|Inbetriebnahme", "NAV|LED", "05.03.2019"),
    ("Lichtmast|Schakelkast|Groep|Breedtegraad|Lengtegraad|Vermogen (W)|Lamptype|Straatnaam|Plaatsingsdatum", "SON-T|LED", "05-03-2019"),
    ("Mastnummer|Tændskab|Gruppe|Breddegrad|Længdegrad|Effekt (W)|Lyskilde|Vejnavn|Installationsdato", "Natrium|LED", "05-03-2019"),
    ("Pylväsnumero|Keskus|Ryhmä|Leveysaste|Pituusaste|Teho (W)|Lampputyyppi|Katu|Asennuspäivä", "Suurpainenatrium|LED", "05.03.2019"),
    ("Codice palo|Quadro elettrico|Linea|Latitudine|Longitudine|Potenza (W)|Tipo lampada|Via|Data posa", "SAP|LED", "05/03/2019"),
    ("Nº Punto de luz|Centro de mando|Circuito|Latitud|Longitud|Potencia (W)|Tipo de lámpara|Calle|Fecha de instalación", "VSAP|HM", "05/03/2019"),
    ("가로등번호|분전함번호|회로|위도|경도|용량(W)|광원종류|도로명|설치년월일", "나트륨|LED", "2019-03-05"),
    ("灯杆编号|控制箱|回路|纬度|经度|功率(W)|光源类型|道路名称|安装日期", "高压钠灯|LED", "2019/03/05"),
    ("灯具番号|分電盤名|回路番号|緯度|経度|消費電力(W)|ランプ種別|路線名|設置年月日", "水銀灯|LED", "H15.3.5"),
    ("رقم العمود|لوحة التحكم|الدائرة|خط العرض|خط الطول|القدرة (واط)|نوع المصباح|الشارع|تاريخ التركيب", "صوديوم|LED", "05/03/2019"),
    ("Č. stožáru|Zapínací bod|Větev|GPS šířka|GPS délka|Příkon|Typ svítidla|Název ulice|Datum výměny", "sodík|LED", "05.03.2019"),
    ("Broj stuba|Razvodni ormar|Strujni krug|Širina|Dužina|Snaga (W)|Vrsta sijalice|Ulica|Datum postavljanja", "natrijum|živina", "05.03.2019"),
    ("Номер на стълб|Касета|Верига|Ширина|Дължина|Мощност (W)|Тип лампа|Улица|Дата монтаж", "натриева|LED", "05.03.2019"),
    ("No Tiang|Panel|Jalur|Lintang|Bujur|Daya (W)|Jenis Lampu|Nama Jalan|Tgl Pasang", "SON-T|LED", "05/03/2019"),
]  # fmt: skip


@pytest.mark.parametrize(("names", "technologies", "day"), HEADERS)
def test_columns_are_known_in_many_languages(names, technologies, day):
    names, kinds = names.split("|"), technologies.split("|")
    rows = [
        [f"{i + 1:04d}", f"C-{i // 5}", str(i % 2 + 1), f"{50 + i / 1000:.4f}", f"{15 + i / 1000:.4f}", "70",
         kinds[i % 2], f"Street {i // 4}", day.replace("5", str(1 + i % 9))]
        for i in range(12)
    ]  # fmt: skip
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    assert guess_columns(columns) == dict(zip(FIELDS, names, strict=True))
    assert all(map(technology_of, kinds))
