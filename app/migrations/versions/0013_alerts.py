"""Alerts.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """One new table."""
    op.create_table(
        "alerts",
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("fired_at", AT, nullable=True),
        sa.Column("clear_since", AT, nullable=True),
        sa.Column("resolved_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("rule", "subject", name="pk_alerts"),
    )


def downgrade() -> None:
    """It goes; what is wrong is found again."""
    op.drop_table("alerts")
    op.execute("DELETE FROM sync_cursors WHERE source LIKE 'alert %'")
