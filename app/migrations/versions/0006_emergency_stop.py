"""An emergency stop remembers what is to go on after it.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing is stopped."""
    op.create_table(
        "emergency_stop",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_emergency_stop_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_stop")),
    )


def downgrade() -> None:
    """What is stopped stays so: queues paused, entries off."""
    op.drop_table("emergency_stop")
