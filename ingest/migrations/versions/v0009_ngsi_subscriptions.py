"""Subscriptions of other systems to changes of lamps and circuits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ngsi_subscriptions",
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger()),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("n_sent", sa.Integer(), nullable=False),
        sa.Column("n_failed", sa.Integer(), nullable=False),
        sa.Column("n_failed_ever", sa.Integer(), nullable=False),
        sa.Column("sent_at_us", sa.BigInteger()),
        sa.Column("succeeded_at_us", sa.BigInteger()),
        sa.Column("failed_at_us", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ngsi_subscriptions")),
    )
    op.create_index(op.f("ix_ngsi_subscriptions_owner"), "ngsi_subscriptions", ["owner"])


def downgrade() -> None:
    op.drop_table("ngsi_subscriptions")
