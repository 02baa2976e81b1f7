"""Figures of jobs and queues by time; tallies.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

AT = sa.DateTime(timezone=True)
COUNTED = ("completed", "partial", "failed", "cancelled", "crashes", "wait_ms", "run_ms")


def upgrade() -> None:
    """Three new tables; none that stands is touched."""
    op.create_table(
        "job_figures",
        sa.Column("width_s", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("queue", sa.String(length=255), nullable=False),
        sa.Column("job", sa.String(length=255), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTED),
        sa.Column("waits", sa.Text(), nullable=False),
        sa.Column("runs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("width_s", "at", "queue", "job", name="pk_job_figures"),
    )
    op.create_table(
        "queue_figures",
        sa.Column("width_s", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("queue", sa.String(length=255), nullable=False),
        sa.Column("waiting", sa.BigInteger(), nullable=False),
        sa.Column("oldest_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("width_s", "at", "queue", name="pk_queue_figures"),
    )
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last_at", AT, nullable=False),
        sa.Column("last_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_tallies"),
    )


def downgrade() -> None:
    """They go; rows that are still there are counted again."""
    for table in ("tallies", "queue_figures", "job_figures"):
        op.drop_table(table)
    op.execute("DELETE FROM sync_cursors WHERE source IN ('job figures', 'queue figures')")
