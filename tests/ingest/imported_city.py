"""A mapping and a city's folder, for the tests of importing registers."""

from __future__ import annotations

from ingest.city.importing import draft_register
from ingest.city.mapping import ImportMap
from ingest.city.template import write_city
from ingest.database import open_database
from ingest.schema.city import read_city

SIMPLE = {
    "lamp": {
        "lamp_id": "No",
        "cabinet_id": "Panel",
        "circuit": "Jalur",
        "latitude": "Lintang",
        "longitude": "Bujur",
        "rated_power_w": "Daya",
        "technology": {"column": "Jenis", "values": {"SON-T": "HPS", "led": "LED"}},
    }
}
HEADER = "No,Panel,Jalur,Lintang,Bujur,Daya,Jenis,Tiang"


def quiet(_step, _n_rows):
    pass


def drafted(folder, text, mapping=SIMPLE, name="asli.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return draft_register(path, ImportMap(**mapping), quiet)


def city_at(folder):
    write_city(folder, "Kota")
    return open_database(read_city(folder, {}))
