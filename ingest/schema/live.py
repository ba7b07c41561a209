"""The live picture: one Arrow IPC file that ingest replaces every few seconds and the API maps into memory.

``live.arrow`` is in the city's data folder. One row per lamp in register order (``lamps.row``); the Arrow schema's
metadata carries ``register_version``, ``written_at_us``, ``now_us`` (ingest's "now") and ``controllers`` (JSON:
controller_id -> {"is_online": bool, "last_seen_us": int}) and ``least_dark`` (JSON: cabinet_id -> {circuit: int},
circuit "" = all of the cabinet: the smallest number of dark lamps that the meter of such a sum can show) and
``warnings`` (JSON: part -> English text, what ingest's ``/readyz`` warns of) and ``warning_codes`` (JSON: part ->
``code`` and ``parameters`` of the message). The file is written beside, synced and renamed,
so a reader always maps a whole one.
"""

from __future__ import annotations

from typing import Final

FILE_NAME: Final = "live.arrow"

# name -> numpy type code. Measured values are those of the newest live reading, NaN where it was not good.
COLUMNS: Final[dict[str, str]] = {
    "state": "|u1",  # one of STATE_…
    "at_us": "<i8",  # of the newest live reading of any quality, 0 = never
    "power_w": "<f4",
    "voltage_v": "<f4",
    "current_a": "<f4",
    "power_factor": "<f4",
    "temperature_c": "<f4",
    "expected_power_w": "<f4",
    "level": "|u1",  # commanded %, 255 unknown
    "quality": "|u1",
    "status": "|u1",
    "due": "|u1",  # one of DUE_…: by the agent's level, else by the city's schedule
}
# columns that pictures of older versions do not have -> what they are read as
ADDED_COLUMNS: Final[dict[str, int]] = {"due": 255}

DUE_OFF: Final = 0
DUE_LIT: Final = 1
DUE_UNKNOWN: Final = 255

STATE_UNKNOWN: Final = 0  # not monitored, never heard, or silent
STATE_OFF: Final = 1  # off as it should be
STATE_LIT: Final = 2
STATE_DARK: Final = 3  # should be lit and is not
# What the API makes of these numbers, the register and the faults that stand: a lamp that is unknown here is silent,
# or has no meter, which is no number of this file.
STATE_NAMES: Final = ("silent", "off", "lit", "dark", "unmetered")
