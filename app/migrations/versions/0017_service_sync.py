"""Hosting services, and what their status APIs say.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Two new tables."""
    op.create_table(
        "hosting_services",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status_url", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hosting_services"),
    )
    op.create_index("ix_hosting_services_is_active_is_shared_id", "hosting_services", ["is_active", "is_shared", "id"])
    op.create_table(
        "service_logs",
        sa.Column("id", KEY, nullable=False),
        sa.Column("service_id", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("response_ms", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.String(length=255), nullable=False),
        sa.Column("seen_at", AT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_logs"),
        sa.UniqueConstraint("service_id", "record_id", name="uq_service_logs_service_id_record_id"),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["hosting_services.id"],
            name="fk_service_logs_service_id_hosting_services",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_service_logs_service_id_id", "service_logs", ["service_id", "id"])
    op.create_index("ix_service_logs_seen_at", "service_logs", ["seen_at"])


def downgrade() -> None:
    """They go, with the services' keys."""
    op.drop_table("service_logs")
    op.drop_table("hosting_services")
