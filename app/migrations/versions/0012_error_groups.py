"""Failures are grouped by their error. Those of before have no group: their errors were not read when they failed.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import UtcDateTime

revision = "0012"
down_revision = "0011"

GROUPED = sa.text("status = 'failed' AND error_group IS NOT NULL")


def upgrade() -> None:
    """A table of errors; each failed job names its own."""
    op.create_table(
        "error_groups",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("error_class", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_error_groups_last_seen_at_id", "error_groups", ["last_seen_at", "id"])
    op.add_column("job_status", sa.Column("error_group", sa.String(16), nullable=True))
    op.create_index(
        "ix_job_status_error_group",
        "job_status",
        ["error_group", "ended_at", "id"],
        postgresql_where=GROUPED,
        sqlite_where=GROUPED,
    )


def downgrade() -> None:
    """Failures are a list again."""
    op.drop_index("ix_job_status_error_group", "job_status", postgresql_where=GROUPED, sqlite_where=GROUPED)
    op.drop_column("job_status", "error_group")
    op.drop_table("error_groups")
