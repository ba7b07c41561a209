"""The register in a real PostgreSQL: the same law as in SQLite."""

from __future__ import annotations

from sqlalchemy import text

from ingest.database import open_database
from ingest.register.folder_register import read_city_files
from ingest.register.sync import sync_register
from ingest.schema.city import read_city

LAMPS = "lamp_id,cabinet_id,circuit,latitude,longitude,rated_power_w,street,pole\n"
ROWS = "L-1,C-1,1,0.5,102,90,Jl. Sudirman,steel\nL-2,,,0.6,102,,Jl. Café,\n"


def test_the_register_in_postgresql_is_what_the_files_say(postgresql, tmp_path):
    (tmp_path / "city.toml").write_text(f'[city]\nname = "Kota"\n[database]\nurl = "{postgresql.make_database()}"\n')
    (tmp_path / "cabinets.csv").write_text("cabinet_id,controller_id,colour\nC-1,PJU-1,green\n")
    (tmp_path / "lamps.csv").write_text(LAMPS + ROWS, encoding="utf-8")
    engine = open_database(read_city(tmp_path, {}))
    try:
        first, issues = sync_register(engine, tmp_path)
        wanted, _ = read_city_files(tmp_path)
        assert issues == ()
        assert (first.version, first.digest) == (1, wanted.digest)
        assert first.lamps.lamp_id == ["L-1", "L-2"]
        assert first.lamps.street == ["Jl. Sudirman", "Jl. Café"]
        assert first.lamps.extra == [{"pole": "steel"}, {}]
        assert first.cabinets.extra == [{"colour": "green"}]
        assert first.lamps.cabinet.tolist() == [0, -1]
        assert sync_register(engine, tmp_path)[0].version == 1
        (tmp_path / "lamps.csv").write_text(LAMPS + ROWS.replace("L-2", "L-3"), encoding="utf-8")
        assert sync_register(engine, tmp_path)[0].version == 2
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM lamps")).scalar_one() == 2
    finally:
        engine.dispose()
