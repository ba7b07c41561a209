"""A city with secrets in every place where a city can have them, for the tests of `export` and `adopt`."""

from __future__ import annotations

import struct
import zlib

from ingest.city.adopting import adopt_files
from ingest.city.exporting import export_files
from ingest.city.handover_archive import archive_bytes, files_of

SECRET = "q7Rahasia"  # every planted secret and personal datum holds it
BUDI = f"Budi-{SECRET}"
CITY = f"""
[city]
name = "Kota {SECRET}"
group = "group-{SECRET}"
host_id = "host-{SECRET}"
timezone = "Asia/Makassar"
language = "id"
[broker]
url = "mqtts://broker-{SECRET}.go.id:8883"
ca = "pki/{SECRET}.crt"
username = "user-{SECRET}"
passwords = "{SECRET}.txt"
[telemetry]
url = "influxdb://influx-{SECRET}:8086?org={SECRET}&bucket=b"
token_file = "{SECRET}.token"
retention_days = 400
[database]
url = "postgresql+psycopg://{SECRET}:{SECRET}-word@db-{SECRET}/terang"
[schedule]
on = "17:45"
dim = [{{ at = "23:00", level = 40 }}]
[public]
columns = ["pole"]
licence = "https://creativecommons.org/licenses/by/4.0/"
[branding]
title = "Lampu Kita"
accent = "#336699"
logo = "gambar/logo.png"
[web]
hosts = ["{SECRET}.go.id"]
key_file = "{SECRET}.key"
public_per_minute = 300
[oidc]
issuer = "https://id-{SECRET}.go.id"
client_id = "{SECRET}"
client_secret_file = "{SECRET}.oidc"
roles = {{ "{SECRET}" = "crew" }}
[keys]
working_key = "pki/{SECRET}.orders"
[limits]
warm_up = "7m"
[limits.LED]
lamp_failure_power = 0.25
"""
MAPPING = f"""
# asked of {BUDI}, telephone 0812 3456 7890
cabinet_file = "/home/{SECRET}/panel.csv"
[source]
crs = "EPSG:32750"
where = {{ kind = "lamp" }}
[lamp]
lamp_id = "No"
latitude = "Y"
longitude = "X"
street = {{ column = "jalan", values = {{ "a" = "{SECRET}" }} }}
district = {{ constant = "{SECRET}" }}
technology = {{ column = "tipe", pattern = "([A-Z]+)", values = {{ SON = "HPS" }} }}
installed_on = {{ column = "tgl", format = "%d-%m-%Y" }}
[cabinet]
cabinet_id = "panel"
controller_id = {{ column = "panel", values = {{ "1" = "PJU-{SECRET}" }} }}
supply_account = {{ column = "idpel", otherwise = "{SECRET}" }}
"""
WORDS = f"""
# Translators: {BUDI}
msgid ""
msgstr ""
"Last-Translator: {BUDI} <budi@{SECRET}.id>\\n"
"Language: id\\n"

#. {BUDI}
msgid "open.lead"
msgstr "Data \\"terbuka\\" kota kami"
"""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*more: bytes, side: int = 1) -> bytes:
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *more, chunk(b"IDAT", zlib.compress(b"\0\1\2\3")), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


ENVIRONMENT = {"TERANG_BROKER_PASSWORD": f"pass-{SECRET}", "TERANG_OIDC_CLIENT_SECRET": f"oidc-{SECRET}"}


def archive_of(folder, *maps):
    return archive_bytes(export_files(folder, maps, ENVIRONMENT).files, "0.1.0")


def adopt(data, folder, **options):
    return adopt_files(files_of(data, "a.zip"), folder, "a.zip", "Kota Baru", **options)
