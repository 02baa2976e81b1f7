"""The open jobs of the crontab have an index of their own: whether one is late is asked all the time.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

NAME = "ix_job_status_crontab"
OPEN_OF_CRONTAB = sa.text("queue IN ('cron', 'cron-jobs') AND ended_at IS NULL")


def upgrade() -> None:
    """One look at the table, and no more: next to none of its rows is one."""
    op.create_index(NAME, "job_status", ["queued_at"], postgresql_where=OPEN_OF_CRONTAB, sqlite_where=OPEN_OF_CRONTAB)


def downgrade() -> None:
    """They are looked for among all open jobs again."""
    op.drop_index(NAME, "job_status", postgresql_where=OPEN_OF_CRONTAB, sqlite_where=OPEN_OF_CRONTAB)
