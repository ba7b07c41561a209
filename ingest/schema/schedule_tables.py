"""The tables of lighting schedules that controllers were given in place of the city's ``[schedule]``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, String, Table

from ingest.schema.tables import metadata

# The keys of ``[schedule]``, by the id that their author gave them.
schedules: Final = Table(
    "schedules",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("hours", JSON, nullable=False),  # {"on": …, "off": …, "dim": [{"at": …, "level": …}]}
    Column("updated_at_us", BigInteger, nullable=False),
)

# Which controller has which of them; a controller that is not here has the city's.
controller_schedules: Final = Table(
    "controller_schedules",
    metadata,
    Column("controller_id", String(128), primary_key=True),
    Column("schedule_id", String(256), ForeignKey("schedules.id"), nullable=False, index=True),
    Column("assigned_at_us", BigInteger, nullable=False),
)
