"""The table of citizens' reports; the API writes it, the fault book counts in it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table, Text

from ingest.schema.tables import metadata

CITIZEN: Final = "citizen"  # `evidence.source` of a fault that only citizens can see
FOUND_UNMETERED: Final = "unmetered"  # `found` of a lamp without a meter

# Nobody's name or number stands here: a contact is optional, encrypted, and deleted with the outcome.
reports: Final = Table(
    "reports",
    metadata,
    Column("number", String(12), primary_key=True),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("service", String(24), nullable=False),  # what is wrong, by the reporter's word
    Column("lamp_id", String(128), index=True),  # null = a place alone
    Column("latitude", Float),
    Column("longitude", Float),
    Column("address", Text),  # street or place, as written or as in the register
    Column("description", Text),
    Column("found", String(16), nullable=False),  # what was known of the lamp when the report came
    Column("fault_id", String(26), index=True),  # the fault that it is about
    Column("joined_to", String(12), index=True),  # number of the first report of the same lamp or place
    Column("n_joined", Integer, nullable=False, default=0),  # later reports of it
    Column("closed_at_us", BigInteger, index=True),
    Column("outcome", String(16)),  # what a crew found; null = its fault tells, or nobody looked
    Column("contact", LargeBinary),
)
