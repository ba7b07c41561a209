"""Which column of an unknown register is likely to mean what: by its name in many languages, checked by its values.

Pure. Only a suggestion: a person reads it before it counts.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from ingest.city.angles import read_degrees, split_pair
from ingest.city.vocabulary import is_empty, technology_of
from ingest.register.number_format import plain_text, read_number

NAMES: Final[Mapping[str, str]] = {
    "latitude": "lat latitude latitud latitude_wgs84 lintang ycoord coordy y_coord coordenada_y northing utara norte szerokość "
    "szerokosc szer 위도 緯度 北緯 纬度 ละติจูด широта enlem vĩ_độ y n",
    "longitude": "lon lng long longitude longitud bujur xcoord coordx x_coord coordenada_x easting timur este leste długość "
    "dlugosc dług 경도 経度 東経 经度 ลองจิจูด долгота boylam kinh_độ x e",
    "both": "coord coords coordinate coordinates koordinat koordinaten koordynaty coordenada coordenadas coordonnees location "
    "lokasi lat_lon latlon latlong latlng geom wkt 좌표 座標 坐标 พิกัด координаты localização localizacao ubicación ubicacion",
    "lamp_id": "lamp_id lampid light_id id_lampu no_tiang nomor_tiang kode_tiang id_tiang pole_id pole_no pole poste id_poste "
    "num_poste facilityid asset_id assetid unit_id luminaire luminaria luminária nr_lampy nr_slupa numer_słupa nr_słupa słup nr numer "
    "관리번호 번호 番号 管理番号 编号 灯号 เลขเสา รหัส номер code kode codigo código ref reference objectid gid fid no id",
    "rated_power_w": "watt watts wattage daya power power_w potencia potência moc moc_w leistung puissance 전력 와트 소비전력 出力 ワット "
    "ワット数 消費電力 功率 กำลังไฟ วัตต์ мощность güç công_suất w",
    "technology": "technology lamp_type lamptype light_type jenis_lampu jenis tipe_lampu tipe tecnologia tecnología tipo_lampara "
    "tipo_lampada tipo źródło zrodlo typ_lampy typ rodzaj leuchtmittel 광원 등종류 종류 光源 種別 灯种 ชนิดหลอด ชนิด ประเภท тип type lamp",
    "cabinet_id": "cabinet_id cabinet panel kode_panel panel_id box controller controller_id gardu feeder_pillar szafa szafka "
    "szafa_oświetleniowa tablero quadro medidor 분전함 분전반 分電盤 制御盤 配电箱 ตู้ ตู้ควบคุม шкаф pano kwh app",
    "circuit": "circuit jalur sirkuit grup obwód obwod circuito stromkreis 회로 回路 วงจร линия hat",
    "street": "street street_name jalan nama_jalan jl road road_name calle rua logradouro via ulica strasse straße rue 도로명 도로 "
    "路線名 町名 道路 路名 街道 ถนน ชื่อถนน улица sokak đường address alamat dirección endereço",
    "district": "district kecamatan distrito dzielnica gmina bezirk arrondissement 구 区 地区 行政区 อำเภอ เขต район ilçe quận",
    "village": "village kelurahan desa barrio bairro neighborhood neighbourhood osiedle ward 동 행정동 丁目 村 ตำบล แขวง mahalle phường",
    "installed_on": "installed_on installed install_date installdate date_installed tgl_pasang tanggal_pasang tanggal fecha "
    "fecha_instalacion data_instalacji data_montażu data data_instalação 설치일 설치일자 設置日 設置年月日 安装日期 วันที่ติดตั้ง дата tarih",
}  # fmt: skip
"""Field -> words that name its column."""
_LETTERS: Final = re.compile(r"[\W_]+")
_WORDS: Final = {
    field: [_LETTERS.sub("", plain_text(word).casefold()) for word in words.split()] for field, words in NAMES.items()
}
FORMATS: Final = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y%m%d", "%d/%m/%y", "%d %B %Y", "%Y年%m月%d日", "%Y")


def guess_columns(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Field -> column, for the fields that a column's name and values speak for; ``both`` holds both coordinates."""
    scored = sorted(
        (-_score(field, name, values), at, field, name)
        for at, (name, values) in enumerate(columns.items())
        for field in NAMES
        if _score(field, name, values) > 0
    )
    found: dict[str, str] = {}
    used: set[str] = set()
    for _score_, _at, field, name in scored:
        if field not in found and name not in used:
            found[field] = name
            used.add(name)
    if "installed_on" not in found:  # a column of dates, whatever its name
        dates = [name for name, values in columns.items() if name not in used and _is_dates(values)]
        if len(dates) == 1:
            found["installed_on"] = dates[0]
    if "latitude" in found and "longitude" in found:
        found.pop("both", None)
    return found


def _score(field: str, name: str, values: Sequence[str]) -> float:
    known = [value for value in values if not is_empty(value)]
    if not known:
        return 0.0
    by_name = _named(field, name)
    share = _share(field, known)
    if field == "both":
        return 3.0 * share if share > 0.8 else 0.0
    if share < 0.5:
        return 0.0
    return by_name * share if by_name else 0.0


def _named(field: str, name: str) -> float:
    """How well a column's name fits a field: 2 as a whole, 1 and more as a word of it, earlier words first."""
    words = _WORDS[field]
    whole = _LETTERS.sub("", plain_text(name).casefold())
    for at, word in enumerate(words):
        if whole == word:
            return 2.0 - at / 100
    parts = [part for part in _LETTERS.split(plain_text(name).casefold()) if part]
    for at, word in enumerate(words):
        if word in parts or (len(word) >= 4 and word in whole) or (not word.isascii() and word in whole):
            return 1.0 - at / 100
    return 0.0


def _share(field: str, known: Sequence[str]) -> float:
    """The share of a column's values that can be what the field holds."""
    if field in ("latitude", "longitude"):
        return sum(is_coordinate(value, field) for value in known) / len(known)
    if field == "both":
        return sum(split_pair(value) is not None for value in known) / len(known)
    if field == "rated_power_w":
        return sum(any(c.isdigit() for c in value) for value in known) / len(known)
    if field == "technology":
        return sum(bool(technology_of(re.sub(r"[\d.,]+\s*[wW]?", "", value))) for value in known) / len(known)
    if field == "lamp_id":
        return len(set(known)) / len(known)
    if field == "installed_on":
        return 1.0 if date_format(known) is not None else 0.0
    return 1.0


def _is_dates(values: Sequence[str]) -> bool:
    known = [value for value in values if not is_empty(value)]
    return bool(known) and all(len(value) >= 8 for value in known) and date_format(known) is not None


def is_coordinate(value: str, field: str) -> bool:
    """Whether a text may be a coordinate, in degrees or in a projection."""
    return not math.isnan(read_degrees(value, field)) or bool(read_number(plain_text(value), ""))


def is_in_degrees(values: Sequence[str], field: str) -> bool:
    """Whether a coordinate's column holds degrees."""
    most = 90 if field == "latitude" else 180
    angles = [read_degrees(value, field) for value in values if value]
    return bool(angles) and sum(abs(angle) <= most for angle in angles) > 0.9 * len(angles)


def date_format(values: Sequence[str]) -> str | None:
    """The ``strptime`` format that reads all dates of a column; "" = ISO, None = none does."""
    if all(re.match(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}", value) for value in values):
        return ""
    for form in FORMATS:
        try:
            for value in values:
                dt.datetime.strptime(value, form)  # noqa: DTZ007 - a calendar day has no zone
        except ValueError:
            continue
        else:
            return form
    return None
