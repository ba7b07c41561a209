"""What may stand in a city's archive: names of its files, and how large they may be."""

from __future__ import annotations

import re
from typing import Final

from ingest.schema.city import MAPPINGS_FOLDER, WORDS_FOLDER

VERSION: Final = 1  # of the format; a reader of an older one refuses what it cannot know
FORMAT: Final = "terang-city"
MANIFEST: Final = "manifest.json"
SETTINGS: Final = "settings.toml"
LOGO: Final = "branding/logo.png"
NAMES: Final = re.compile(
    rf"{MANIFEST}|{re.escape(SETTINGS)}|{re.escape(LOGO)}"
    rf"|{MAPPINGS_FOLDER}/[A-Za-z0-9][A-Za-z0-9_-]{{0,63}}\.toml"
    rf"|{WORDS_FOLDER}/[a-z]{{2,3}}(?:-[A-Za-z0-9]{{2,8}}){{0,3}}\.po"
)
MAX_ARCHIVE: Final = 4 << 20  # bytes of the file
MAX_FILES: Final = 100
MAX_FILE: Final = 1 << 20  # bytes of one file, unpacked
MAX_ALL: Final = 8 << 20  # bytes of all files, unpacked
MAX_RATIO: Final = 100  # bytes unpacked for each packed one
