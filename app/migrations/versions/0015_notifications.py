"""Notifications, their channels and deliveries; failures that nobody has been told of.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four new tables. Nobody is told of what failed before."""
    op.create_table(
        "notifications",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_at", "notifications", ["at"])
    op.create_table(
        "notification_channels",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sealed_url", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_notification_channels"),
        sa.UniqueConstraint("name", name="uq_notification_channels_name"),
    )
    op.create_table(
        "deliveries",
        sa.Column("notification", KEY, nullable=False, autoincrement=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("sent_at", AT, nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("notification", "channel", name="pk_deliveries"),
        sa.ForeignKeyConstraint(
            ["notification"], ["notifications.id"], name="fk_deliveries_notification_notifications", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "untold_failures",
        sa.Column("job", KEY, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("job", name="pk_untold_failures"),
        sa.ForeignKeyConstraint(
            ["job"], ["job_status.id"], name="fk_untold_failures_job_job_status", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    """They go, with the channels' addresses."""
    for table in ("untold_failures", "deliveries", "notification_channels", "notifications"):
        op.drop_table(table)
