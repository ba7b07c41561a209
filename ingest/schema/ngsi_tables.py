"""The table of subscriptions by NGSI-LD: what other systems want to be told of, and how telling them went."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, String, Table, Text

from ingest.schema.tables import metadata

ngsi_subscriptions: Final = Table(
    "ngsi_subscriptions",
    metadata,
    Column("id", String(256), primary_key=True),
    Column("owner", String(128), nullable=False, index=True),  # account or token that made it
    Column("created_at_us", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),  # as it was sent
    Column("expires_at_us", BigInteger),
    Column("is_active", Boolean, nullable=False),
    Column("n_sent", Integer, nullable=False),
    Column("n_failed", Integer, nullable=False),  # in a row, since the last success
    Column("n_failed_ever", Integer, nullable=False),
    Column("sent_at_us", BigInteger),
    Column("succeeded_at_us", BigInteger),
    Column("failed_at_us", BigInteger),
    Column("error", Text),  # of the last failure
    Column("next_at_us", BigInteger, nullable=False),  # nothing is sent before
)
