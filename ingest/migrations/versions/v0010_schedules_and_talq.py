"""Schedules of single controllers, and what the TALQ gateway holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_table(
        "controller_schedules",
        sa.Column("controller_id", sa.String(128), nullable=False),
        sa.Column("schedule_id", sa.String(256), nullable=False),
        sa.Column("assigned_at_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_controller_schedules_schedule_id_schedules")
        ),
        sa.PrimaryKeyConstraint("controller_id", name=op.f("pk_controller_schedules")),
    )
    op.create_index(op.f("ix_controller_schedules_schedule_id"), "controller_schedules", ["schedule_id"])
    op.create_table(
        "talq_documents",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("id", sa.String(256), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_talq_documents")),
    )
    op.create_table(
        "talq_receivers",
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("sample_us", sa.BigInteger(), nullable=False),
        sa.Column("sample_row", sa.Integer(), nullable=False),
        sa.Column("n_sent", sa.BigInteger(), nullable=False),
        sa.Column("n_refused", sa.BigInteger(), nullable=False),
        sa.Column("n_failed", sa.Integer(), nullable=False),
        sa.Column("next_at_us", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_talq_receivers")),
    )
    op.create_table(
        "talq_reports",
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("url", "number", name=op.f("pk_talq_reports")),
    )
    op.create_table(
        "talq_told",
        sa.Column("url", sa.String(512), nullable=False),
        sa.Column("fault_id", sa.String(26), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("lamp_ids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("url", "fault_id", name=op.f("pk_talq_told")),
    )


def downgrade() -> None:
    for name in ("talq_told", "talq_reports", "talq_receivers", "talq_documents", "controller_schedules", "schedules"):
        op.drop_table(name)
