"""What the scheduled jobs write: leads, web URLs, mails, snapshots, marketplace participations.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Seven new tables; none that stands is touched."""
    _create_leads()
    _create_records()


def downgrade() -> None:
    """They go; sources and clocks fill most of them again."""
    for table in (
        "marketplace_participations",
        "snapshots",
        "sent_mails",
        "sync_cursors",
        "follow_ups",
        "opportunities",
        "web_urls",
    ):
        op.drop_table(table)


def _create_leads() -> None:
    op.create_table(
        "web_urls",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("listed_slot", AT, nullable=False),
        sa.Column("changed_at", AT, nullable=False),
        sa.Column("removed_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_web_urls"),
    )
    op.create_index("ix_web_urls_listed_slot", "web_urls", ["listed_slot"])
    op.create_table(
        "opportunities",
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(length=254), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("travel_date", AT, nullable=True),
        sa.Column("next_follow_up_at", AT, nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("changed_at", AT, nullable=False),
        sa.Column("opportunity_score", sa.Integer(), nullable=False),
        sa.Column("scored_slot", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_opportunities"),
    )
    for column in ("travel_date", "next_follow_up_at", "created_at"):
        op.create_index(f"ix_opportunities_{column}", "opportunities", [column])
    op.create_table(
        "follow_ups",
        sa.Column("id", KEY, nullable=False),
        sa.Column("opportunity_id", sa.String(length=128), nullable=False),
        sa.Column("owner", sa.String(length=254), nullable=False),
        sa.Column("due_at", AT, nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("closed_at", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_follow_ups"),
        sa.UniqueConstraint("opportunity_id", "due_at", name="uq_follow_ups_opportunity_id_due_at"),
        sa.ForeignKeyConstraint(
            ["opportunity_id"],
            ["opportunities.id"],
            name="fk_follow_ups_opportunity_id_opportunities",
            ondelete="CASCADE",
        ),
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index(
        "ix_follow_ups_open", "follow_ups", ["owner", "due_at"], postgresql_where=still_open, sqlite_where=still_open
    )
    op.create_table(
        "sync_cursors",
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("moved_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_sync_cursors"),
    )


def _create_records() -> None:
    op.create_table(
        "sent_mails",
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("recipient", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sent_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_sent_mails"),
    )
    op.create_index("ix_sent_mails_sent_at", "sent_mails", ["sent_at"])
    op.create_table(
        "snapshots",
        sa.Column("id", KEY, nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("slot", AT, nullable=False),
        sa.Column("taken_at", AT, nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_snapshots"),
        sa.UniqueConstraint("kind", "slot", name="uq_snapshots_kind_slot"),
    )
    op.create_index("ix_snapshots_taken_at", "snapshots", ["taken_at"])
    op.create_table(
        "marketplace_participations",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("marketplace_id", sa.String(length=32), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("is_participating", sa.Boolean(), nullable=False),
        sa.Column("has_suspended_listings", sa.Boolean(), nullable=False),
        sa.Column("seen_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "marketplace_id", name="pk_marketplace_participations"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["seller_accounts.id"],
            name="fk_marketplace_participations_account_id_seller_accounts",
            ondelete="CASCADE",
        ),
    )
