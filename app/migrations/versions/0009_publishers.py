"""Publishers, their members, events, rollups and metrics.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

AT = sa.DateTime(timezone=True)
PUBLISHER = sa.String(length=40)


def upgrade() -> None:
    """Five new tables."""
    op.create_table(
        "publishers",
        sa.Column("id", PUBLISHER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_premium", sa.Boolean(), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_publishers"),
    )
    op.create_table(
        "publisher_members",
        sa.Column("publisher_id", PUBLISHER, nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("publisher_id", "user_id", name="pk_publisher_members"),
        _of_publisher("publisher_members"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_publisher_members_user_id_users", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_publisher_members_user_id", "publisher_members", ["user_id"])
    _create_events()
    _create_figures()


def downgrade() -> None:
    """All that publishers have sent is gone with them."""
    for table in ("publisher_metrics", "rollups", "ad_events", "publisher_members", "publishers"):
        op.drop_table(table)


def _create_events() -> None:
    op.create_table(
        "ad_events",
        sa.Column("publisher_id", PUBLISHER, nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("occurred_at", AT, nullable=False),
        sa.Column("received_at", AT, nullable=False),
        sa.Column("delay_s", sa.Integer(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("impressions", sa.Integer(), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("publisher_id", "event_id", name="pk_ad_events"),
    )
    op.create_index("ix_ad_events_publisher_id_occurred_at", "ad_events", ["publisher_id", "occurred_at"])
    op.create_index("ix_ad_events_received_at", "ad_events", ["received_at"])


def _create_figures() -> None:
    op.create_table(
        "rollups",
        sa.Column("publisher_id", PUBLISHER, nullable=False),
        sa.Column("granularity", sa.String(length=8), nullable=False),
        sa.Column("starts_at", AT, nullable=False),
        sa.Column("ends_at", AT, nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("revenue", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("aggregated_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("publisher_id", "granularity", "starts_at", name="pk_rollups"),
        _of_publisher("rollups"),
    )
    op.create_table(
        "publisher_metrics",
        sa.Column("publisher_id", PUBLISHER, nullable=False),
        sa.Column("metric_type", sa.String(length=16), nullable=False),
        sa.Column("granularity", sa.String(length=8), nullable=False),
        sa.Column("starts_at", AT, nullable=False),
        sa.Column("ends_at", AT, nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("calculated_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("publisher_id", "metric_type", "granularity", "starts_at", name="pk_publisher_metrics"),
        _of_publisher("publisher_metrics"),
    )


def _of_publisher(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["publisher_id"], ["publishers.id"], name=f"fk_{table}_publisher_id_publishers", ondelete="CASCADE"
    )
