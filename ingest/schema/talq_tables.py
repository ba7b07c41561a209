"""The tables of the TALQ gateway: what management systems have put in, and what they are still to be told."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Integer, String, Table, Text

from ingest.schema.tables import metadata

# Calendars, control programs and assign commands as they were put in.
talq_documents: Final = Table(
    "talq_documents",
    metadata,
    Column("kind", String(32), primary_key=True),  # the resource: calendars, control-programs, assign-commands
    Column("id", String(256), primary_key=True),
    Column("created_at_us", BigInteger, nullable=False),
    Column("document", JSON, nullable=False),
)

# How far each management system has been told, one row for each of its addresses.
talq_receivers: Final = Table(
    "talq_receivers",
    metadata,
    Column("url", String(512), primary_key=True),
    Column("event_seq", BigInteger, nullable=False),  # of `fault_events`: all up to it is in a report
    Column("sample_us", BigInteger, nullable=False),  # the sample of measurements that is being told
    Column("sample_row", Integer, nullable=False),  # register row from which on it still has to be told
    Column("n_sent", BigInteger, nullable=False),
    Column("n_refused", BigInteger, nullable=False),
    Column("n_failed", Integer, nullable=False),  # in a row, since the last success
    Column("next_at_us", BigInteger, nullable=False),  # nothing is sent before
    Column("error", Text),  # of the last failure
)

# Log reports that wait: written before they are sent, so that a repeat is the same bytes under the same request id.
talq_reports: Final = Table(
    "talq_reports",
    metadata,
    Column("url", String(512), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # their order
    Column("request_id", String(36), nullable=False),
    Column("body", Text, nullable=False),
)

# Events whose beginning a management system was told and whose end it was not: one row for each fault.
talq_told: Final = Table(
    "talq_told",
    metadata,
    Column("url", String(512), primary_key=True),
    Column("fault_id", String(26), primary_key=True),
    Column("code", String(40), nullable=False),
    Column("lamp_ids", JSON, nullable=False),
)
