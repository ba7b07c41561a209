"""Limits on what people order, held by the API and by ingest."""

from __future__ import annotations

from typing import Final

MAX_DIM_DAYS: Final = 31  # a dim command that should last longer is a schedule
