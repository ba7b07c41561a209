"""Runs migrations on the connection that ``ingest.database`` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from ingest.schema import (  # noqa: F401  (their tables belong to the same metadata)
    access_tables,
    ngsi_tables,
    report_tables,
    schedule_tables,
    talq_tables,
)
from ingest.schema.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,  # the caller's transaction holds everything, or nothing
    render_as_batch=True,
)
context.run_migrations()
