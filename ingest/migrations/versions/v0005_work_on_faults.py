"""Faults say that work has begun, or until when it cannot; repairs have an index of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("faults", sa.Column("started_at_us", sa.BigInteger()))
    op.add_column("faults", sa.Column("deferred_until_us", sa.BigInteger()))
    is_repair = sa.text("kind = 'repair'")
    op.create_index(
        "ix_fault_events_repairs", "fault_events", ["seq"], sqlite_where=is_repair, postgresql_where=is_repair
    )
