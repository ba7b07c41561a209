"""Reports of citizens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("number", sa.String(12), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("service", sa.String(24), nullable=False),
        sa.Column("lamp_id", sa.String(128)),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("address", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("found", sa.String(16), nullable=False),
        sa.Column("fault_id", sa.String(26)),
        sa.Column("joined_to", sa.String(12)),
        sa.Column("n_joined", sa.Integer(), nullable=False),
        sa.Column("closed_at_us", sa.BigInteger()),
        sa.Column("contact", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("number", name="pk_reports"),
    )
    for column in ("at_us", "lamp_id", "fault_id", "joined_to", "closed_at_us"):
        op.create_index(f"ix_reports_{column}", "reports", [column])
