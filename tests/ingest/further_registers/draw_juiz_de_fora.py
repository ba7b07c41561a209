"""Draw up a Brazilian street-lighting register: two shapefiles in SIRGAS 2000 / UTM 23S, latin-1, without .cpg files.

Run from this folder: ``python draw_juiz_de_fora.py``. It writes ``juiz_de_fora.zip``, and the result wanted as
``juiz_de_fora.json``.
"""

import json
import random
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from pyogrio.raw import write
from pyproj import Transformer

HERE = Path(__file__).parent
TO_GRID = Transformer.from_crs(4326, 31983, always_xy=True)
SOURCES = [
    ("VS 150W", 150, "HPS"), ("VS 70 W", 70, "HPS"), ("VS 250W", 250, "HPS"), ("VMET 250W", 250, "MH"),
    ("VM 125W", 125, "MV"), ("LED 60W", 60, "LED"), ("LED 100 W", 100, "LED"), ("FL 2X40W", 80, "fluorescent"),
]  # fmt: skip
AREAS = [
    ("QC-01", "Rua Halfeld", "Centro", -43.3496, -21.7610),
    ("QC-02", "Avenida Barão do Rio Branco", "São Mateus", -43.3530, -21.7702),
    ("QC-03", "Rua São João", "Centro", -43.3461, -21.7588),
    ("QC-04", "Praça da Estação", "Vitorino Braga", -43.3425, -21.7563),
    ("QC-05", "Rua Olegário Maciel", "Paineiras", -43.3562, -21.7655),
]


def point(x: float, y: float) -> bytes:
    return struct.pack("<BIdd", 1, 1, x, y)


def multi_point(*points: tuple[float, float]) -> bytes:
    return struct.pack("<BII", 1, 4, len(points)) + b"".join(point(x, y) for x, y in points)


def layer(folder: Path, name: str, kind: str, geometries: list[bytes | None], rows: list[dict[str, str]]) -> None:
    fields = list(rows[0])
    write(
        folder / f"{name}.shp", geometry=np.array(geometries, dtype=object),
        field_data=[np.array([row[field] for row in rows], dtype=object) for field in fields],
        fields=np.array(fields, dtype=object), geometry_type=kind, crs="EPSG:31983", driver="ESRI Shapefile",
        encoding="ISO-8859-1",
    )  # fmt: skip
    (folder / f"{name}.cpg").unlink()


def main() -> None:
    rng = random.Random(31983)
    geometries: list[bytes | None] = []
    rows, boxes, box_points, wanted, refused, cabinets = [], [], [], [], [], []
    serial = 400
    for box, street, district, lon0, lat0 in AREAS:
        box_points.append(point(*TO_GRID.transform(lon0, lat0)))
        boxes.append({"COD_QUADRO": box, "ENDERECO": f"{street}, 10", "TENSAO": "220 V", "SITUACAO": "EM OPERAÇÃO"})
        cabinets.append({"name": box, "lon": lon0, "lat": lat0})
        for n in range(1, 31):
            serial += 1
            code = f"IP-{serial:05}"
            lon = round(lon0 + 0.0003 * (n % 10) + rng.uniform(-2e-5, 2e-5), 7)
            lat = round(lat0 - 0.0004 * (n // 10) + rng.uniform(-2e-5, 2e-5), 7)
            x, y = TO_GRID.transform(lon, lat)
            power, watts, technology = rng.choice(SOURCES)
            day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1998, 2023)
            date, iso = f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}"
            row = {
                "NUM_PONTO": code, "NOME_LOGRA": street, "NUM_PREDIO": "S/N" if n % 4 == 0 else str(12 * n),
                "BAIRRO": district, "TIPO_POTEN": power, "DATA_INSTA": date, "QUADRO_COM": box,
                "SITUACAO_P": "EM OPERAÇÃO", "FURTO_CABO": "N", "OBSERVACAO": "",
            }  # fmt: skip
            geometry: bytes | None = multi_point((x, y))
            cabinet: str | None = box
            why = None
            if n % 7 == 0:
                row["OBSERVACAO"] = 'luminária tipo "pétala", braço torto'
            if n % 13 == 0:
                row["QUADRO_COM"] = box.lower() + " "
            if n == 17:
                row["QUADRO_COM"], cabinet = ("NULL" if serial % 2 else "S/N"), None
            if n == 19:
                row["FURTO_CABO"], row["OBSERVACAO"] = "S", "cabo furtado em 2022; reposição pendente"
            if n == 23:
                row["SITUACAO_P"], why = "RETIRADO", "taken down (SITUACAO_P RETIRADO): left out by a filter"
            if (box, n) == ("QC-02", 4):
                row["TIPO_POTEN"], watts, technology = "NULL", None, None
            if (box, n) == ("QC-02", 6):
                row["DATA_INSTA"], iso = "00/00/0000", None
            if (box, n) == ("QC-03", 2):
                geometry, why = None, "no geometry"
            if (box, n) == ("QC-03", 8):
                geometry, why = multi_point((0.0, 0.0)), "position 0, 0"
            if (box, n) == ("QC-04", 5):
                geometry, why = multi_point((x, y), (x + 9, y + 3)), "two points in one lamp"
            if (box, n) == ("QC-05", 15):
                row["NUM_PONTO"], why = "IP-00533", "the number of the lamp before the last a second time"
                assert any(r["NUM_PONTO"] == "IP-00533" for r in rows)
            rows.append(row)
            geometries.append(geometry)
            if why:
                refused.append({"feature": len(rows), "code": row["NUM_PONTO"], "why": why})
            else:
                wanted.append({"code": code, "cabinet": cabinet, "lon": lon, "lat": lat, "watts": watts,
                               "technology": technology, "installed": iso, "street": street})  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        layer(folder, "pontos_iluminacao", "MultiPoint", geometries, rows)
        layer(folder, "quadros_comando", "Point", box_points, boxes)
        with zipfile.ZipFile(HERE / "juiz_de_fora.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(folder.iterdir()):
                content = bytearray(file.read_bytes())
                if file.suffix == ".dbf":
                    content[1:4] = bytes((124, 1, 15))  # date of the last change
                    content[29] = 0  # no code page told
                archive.writestr(zipfile.ZipInfo(file.name, (2024, 1, 15, 8, 0, 0)), bytes(content),
                                 zipfile.ZIP_DEFLATED)  # fmt: skip
    want = {
        "lamps": len(wanted), "cabinets": cabinets, "refused": refused,
        "told": ["five lamps without a cabinet (NULL, S/N): not put into cabinets of these names",
                 "'qc-01 ' is the cabinet QC-01", "TIPO_POTEN NULL, DATA_INSTA 00/00/0000: left empty"],
        "samples": [w for w in wanted if w["code"] in
                    {"IP-00401", "IP-00413", "IP-00417", "IP-00434", "IP-00436", "IP-00519", "IP-00550"}],
    }  # fmt: skip
    (HERE / "juiz_de_fora.json").write_text(json.dumps(want, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
