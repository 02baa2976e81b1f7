"""The pages of failed jobs have indexes of their own, which only failures pay for.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

FAILED = sa.text("status IN ('failed', 'partial')")
INDEXES = {
    "ix_job_status_failed": ["ended_at", "id"],
    "ix_job_status_failed_user": ["user_id", "ended_at", "id"],
}


def upgrade() -> None:
    """One look at the table, and no more: they hold few of its rows."""
    for name, columns in INDEXES.items():
        op.create_index(name, "job_status", columns, postgresql_where=FAILED, sqlite_where=FAILED)


def downgrade() -> None:
    """Those pages become sorts again."""
    for name in INDEXES:
        op.drop_index(name, "job_status", postgresql_where=FAILED, sqlite_where=FAILED)
