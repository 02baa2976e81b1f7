"""Rows know whose child a job is, so that flows come back whole.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

HAS_PARENT = sa.text("parent_key IS NOT NULL")


def upgrade() -> None:
    """Jobs that stand have no parent on record: their flows are as safe as Redis until they end."""
    with op.batch_alter_table("job_status") as job:
        job.add_column(sa.Column("parent_key", sa.Text(), nullable=True))
        job.create_index(
            "ix_job_status_parent_key", ["parent_key"], postgresql_where=HAS_PARENT, sqlite_where=HAS_PARENT
        )


def downgrade() -> None:
    """Back to rows without families."""
    with op.batch_alter_table("job_status") as job:
        job.drop_index("ix_job_status_parent_key", postgresql_where=HAS_PARENT, sqlite_where=HAS_PARENT)
        job.drop_column("parent_key")
