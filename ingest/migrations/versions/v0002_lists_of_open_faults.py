"""Faults carry a number that every UPDATE raises, and lists of those that are not closed have indexes of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_LISTED = ("id", "caused_by", "state", "revision")
_INDEXES = {
    "priority": ("priority DESC",),
    "age": ("opened_at_us DESC",),
    "district": ("district", "priority DESC"),
    "code": ("code", "priority DESC"),
    "place": ("latitude", "longitude", "priority"),
    "level": ("level", "priority"),
}


def upgrade() -> None:
    op.add_column("faults", sa.Column("revision", sa.Integer(), nullable=False, server_default=sa.text("0")))
    is_open = sa.text("state != 'closed'")
    for name, columns in _INDEXES.items():
        listed = [sa.text(column) for column in (*columns, *_LISTED)]
        op.create_index(f"ix_faults_open_{name}", "faults", listed, sqlite_where=is_open, postgresql_where=is_open)
