"""The first schema: register, faults and their timeline, controllers, commands, maintenance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cabinets",
        sa.Column("cabinet_id", sa.String(length=128), nullable=False),
        sa.Column("controller_id", sa.String(length=128), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("village", sa.Text(), nullable=True),
        sa.Column("supply_account", sa.String(length=64), nullable=True),
        sa.Column("supply_va", sa.Float(), nullable=True),
        sa.Column("transformer", sa.Text(), nullable=True),
        sa.Column("metered", sa.String(length=16), nullable=True),
        sa.Column("switching", sa.String(length=16), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("cabinet_id", name=op.f("pk_cabinets")),
    )
    op.create_index(op.f("ix_cabinets_controller_id"), "cabinets", ["controller_id"], unique=False)
    op.create_table(
        "commands",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("requested_at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("lamp_ids", sa.JSON(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("until_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_state"), "commands", ["state"], unique=False)
    op.create_table(
        "controllers",
        sa.Column("controller_id", sa.String(length=128), nullable=False),
        sa.Column("epoch", sa.String(length=20), nullable=False),
        sa.Column("stored_sequence", sa.BigInteger(), nullable=False),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("agent_version", sa.Text(), nullable=True),
        sa.Column("sweep_interval_s", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("controller_id", name=op.f("pk_controllers")),
    )
    op.create_table(
        "energy_hours",
        sa.Column("cabinet_id", sa.String(length=128), nullable=False),
        sa.Column("hour_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("measured_wh", sa.Float(), nullable=False),
        sa.Column("interpolated_wh", sa.Float(), nullable=False),
        sa.Column("estimated_wh", sa.Float(), nullable=False),
        sa.Column("lit_hours", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("cabinet_id", "hour_us", name=op.f("pk_energy_hours")),
    )
    op.create_table(
        "faults",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("severity", sa.String(length=12), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("opened_at_us", sa.BigInteger(), nullable=False),
        sa.Column("updated_at_us", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_us", sa.BigInteger(), nullable=True),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("lamp_id", sa.String(length=128), nullable=True),
        sa.Column("lamp_ids", sa.JSON(), nullable=False),
        sa.Column("cabinet_id", sa.String(length=128), nullable=True),
        sa.Column("controller_id", sa.String(length=128), nullable=True),
        sa.Column("bus", sa.String(length=64), nullable=True),
        sa.Column("circuit", sa.String(length=64), nullable=True),
        sa.Column("span_after", sa.String(length=128), nullable=True),
        sa.Column("span_before", sa.String(length=128), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("caused_by", sa.String(length=26), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_faults")),
    )
    op.create_index("ix_faults_age", "faults", ["opened_at_us", "id"], unique=False)
    op.create_index(op.f("ix_faults_cabinet_id"), "faults", ["cabinet_id"], unique=False)
    op.create_index(op.f("ix_faults_lamp_id"), "faults", ["lamp_id"], unique=False)
    op.create_index("ix_faults_order", "faults", ["state", "priority", "id"], unique=False)
    op.create_index(op.f("ix_faults_place"), "faults", ["place"], unique=False)
    op.create_table(
        "lamps",
        sa.Column("lamp_id", sa.String(length=128), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("cabinet_id", sa.String(length=128), nullable=True),
        sa.Column("circuit", sa.String(length=64), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("position_source", sa.String(length=16), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=False),
        sa.Column("longitude", sa.Float(), nullable=False),
        sa.Column("rated_power_w", sa.Float(), nullable=True),
        sa.Column("technology", sa.String(length=8), nullable=False),
        sa.Column("bus", sa.String(length=64), nullable=True),
        sa.Column("address", sa.Integer(), nullable=True),
        sa.Column("profile", sa.String(length=64), nullable=True),
        sa.Column("phase", sa.String(length=1), nullable=True),
        sa.Column("is_dimmable", sa.Boolean(), nullable=False),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("village", sa.Text(), nullable=True),
        sa.Column("road_class", sa.Text(), nullable=True),
        sa.Column("installed_on", sa.String(length=10), nullable=True),
        sa.Column("extra", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("lamp_id", name=op.f("pk_lamps")),
    )
    op.create_index(op.f("ix_lamps_cabinet_id"), "lamps", ["cabinet_id"], unique=False)
    op.create_index("ix_lamps_place", "lamps", ["latitude", "longitude"], unique=False)
    op.create_index(op.f("ix_lamps_row"), "lamps", ["row"], unique=False)
    op.create_table(
        "maintenance",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("cabinet_id", sa.String(length=128), nullable=True),
        sa.Column("circuit", sa.String(length=64), nullable=True),
        sa.Column("lamp_id", sa.String(length=128), nullable=True),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index(op.f("ix_maintenance_until_us"), "maintenance", ["until_us"], unique=False)
    op.create_table(
        "register",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("imported_at_us", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_register")),
    )
    op.create_table(
        "fault_events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("fault_id", sa.String(length=26), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("action_id", sa.String(length=26), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["fault_id"], ["faults.id"], name=op.f("fk_fault_events_fault_id_faults")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_fault_events")),
        sa.UniqueConstraint("action_id", name=op.f("uq_fault_events_action_id")),
    )
    op.create_index(op.f("ix_fault_events_fault_id"), "fault_events", ["fault_id"], unique=False)
