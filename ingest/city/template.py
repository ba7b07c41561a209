"""A new city's folder: ``city.toml`` explained in both languages, and a register of four lamps to replace."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from ingest.city.extent import zone_place
from ingest.errors import UnusableError
from ingest.schema.city import CABINETS_FILE, FILE_NAME, LAMPS_FILE
from languages.message import Message, Plain, why

_CITY: Final = """\
# Pengaturan kota / the city's settings. Hanya nama yang wajib / only the name is required.
# Variabel TERANG_... mengalahkan berkas ini / TERANG_... variables override this file, e.g. TERANG_BROKER_URL.

[city]
name = {name}
group = "terang"                 # grup Sparkplug / Sparkplug group id
host_id = "terang"               # id host Sparkplug / Sparkplug host application id
timezone = {timezone}        # WIB; Asia/Makassar = WITA, Asia/Jayapura = WIT
language = "id"                  # bahasa / language: id, en, …

[broker]
url = "mqtt://127.0.0.1:1883"    # mqtts:// dengan / with ca, cert, key; "embedded:" = di dalam proses / in-process

[telemetry]
url = "parquet:data/telemetry"   # atau / or influxdb://HOST:8086?org=ORG&bucket=BUCKET (TERANG_TELEMETRY_TOKEN)
# token_file = "/etc/terang/influx.token"
# full_resolution_days = 60      # lalu rata-rata 15 menit / then quarter-hour means; 7 kB a lamp and day until then
# retention_days = 730           # lalu dihapus / then deleted; 1.5 kB a lamp and day as means

[database]
url = "sqlite:///data/terang.db" # atau / or postgresql+psycopg://USER@HOST/DB

[schedule]                       # jadwal nyala / when the lamps burn
on = "sunset+10m"                # setelah matahari terbenam / after sunset
off = "sunrise-10m"              # sebelum matahari terbit / before sunrise
dim = [{{ at = "22:00", level = 70 }}, {{ at = "00:30", level = 50 }}, {{ at = "04:30", level = 100 }}]

[limits]                         # batas deteksi, lihat docs / detection thresholds, see the documentation
# switching_guard = "10m"
"""
_LAMPS: Final = """\
lamp_id,cabinet_id,circuit,position,position_source,latitude,longitude,rated_power_w,technology,bus,address,profile,\
phase,dimmable,street,district,village,road_class,installed_on
L-0001,C-001,1,1,survey,{north[1]},{east},90,LED,A,1,pzem-016,R,true,Jl. Contoh,Contoh,Contoh,,2026-01-15
L-0002,C-001,1,2,survey,{north[2]},{east},90,LED,A,2,pzem-016,R,true,Jl. Contoh,Contoh,Contoh,,2026-01-15
L-0003,C-001,1,3,survey,{north[3]},{east},90,LED,A,3,pzem-016,R,true,Jl. Contoh,Contoh,Contoh,,2026-01-15
L-0004,,,,,{north[4]},{east},,HPS,,,,,false,Jl. Contoh,Contoh,Contoh,,
"""
_CABINETS: Final = """\
cabinet_id,controller_id,name,latitude,longitude,district,village,supply_account,supply_va,transformer,metered,switching
C-001,PJU-001,Panel Contoh,{north[0]},{east},Contoh,Contoh,,1300,,,contactor
"""


_DEFAULT_ZONE: Final = "Asia/Jakarta"
_DEFAULT_PLACE: Final = (0.7892, 102.0489)
_STEPS: Final = (0.0, 0.0001, 0.0004, 0.0007, 0.0010)  # degrees north of the cabinet: itself, then the lamps


def sample_register(timezone: str) -> dict[str, str]:
    """The two files of a new city's register: a cabinet and four lamps at the place that its zone is named after."""
    place = _DEFAULT_PLACE if timezone == _DEFAULT_ZONE else zone_place(timezone) or _place_by_offset(timezone)
    north = [f"{place[0] + step:.6f}" for step in _STEPS]
    east = f"{place[1]:.6f}"
    return {
        name: text.format(north=north, east=east) for name, text in ((LAMPS_FILE, _LAMPS), (CABINETS_FILE, _CABINETS))
    }


def _place_by_offset(timezone: str) -> tuple[float, float]:
    """A place at which the sun fits a zone that is named after none, such as ``Etc/GMT-7``."""
    offset = datetime(2026, 1, 1, tzinfo=ZoneInfo(timezone)).utcoffset()
    hours = 0.0 if offset is None else offset.total_seconds() / 3600
    return _DEFAULT_PLACE[0], max(-179.0, min(179.0, hours * 15.0))


def is_sample(folder: Path) -> bool:
    """Whether a folder's register is still the one that `write_city` wrote."""
    try:
        lamps = (folder / LAMPS_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return len(lamps) < 2000 and [_unplaced(line) for line in lamps.splitlines()] == [
        _unplaced(line) for line in sample_register(_DEFAULT_ZONE)[LAMPS_FILE].splitlines()
    ]


def _unplaced(line: str) -> list[str]:
    parts = line.split(",")
    return parts[:5] + parts[7:]


def write_city(folder: Path, name: str, timezone: str = "Asia/Jakarta") -> None:
    """Write a new city's three files.

    Raises:
        UnusableError: one of them is there already, the folder cannot be written to, or there is no such time zone;
            nothing is overwritten.
    """
    if timezone not in available_timezones():
        raise UnusableError(Message("terminal.error.no_timezone", timezone=timezone))
    if not name.strip():
        raise UnusableError(Message("terminal.error.no_name"))
    files = {
        # JSON's strings are TOML's basic strings
        FILE_NAME: _CITY.format(name=json.dumps(name, ensure_ascii=False), timezone=json.dumps(timezone)),
        **sample_register(timezone),
    }
    for file in files:
        if (folder / file).exists():
            raise UnusableError(Message("terminal.error.exists", folder=Plain(folder / file)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            with (folder / file).open("x", encoding="utf-8") as target:
                target.write(text)
    except OSError as error:
        raise UnusableError(
            Message("terminal.error.at", where=Plain(error.filename or folder), reason=why(error))
        ) from error
