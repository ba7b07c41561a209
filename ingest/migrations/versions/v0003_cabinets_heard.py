"""When each cabinet was first heard: nothing is estimated for a time before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cabinets_heard",
        sa.Column("cabinet_id", sa.String(128), primary_key=True),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
    )
    # what was counted before this table was there
    op.execute(
        "INSERT INTO cabinets_heard (cabinet_id, first_us) SELECT cabinet_id, min(hour_us) FROM energy_hours "
        "WHERE measured_wh + interpolated_wh > 0 GROUP BY cabinet_id"
    )
