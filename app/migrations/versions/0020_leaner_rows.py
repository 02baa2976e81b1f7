"""A change of a job's row writes less: two indexes skip the rows without their value, and pages keep room.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

TABLE = "job_status"
USER, OF_A_USER = "ix_job_status_user_id_id", sa.text("user_id IS NOT NULL")
PROMISE, PROMISED = "uq_job_status_promise_key", sa.text("promise_key IS NOT NULL")


def upgrade() -> None:
    """SQLite writes the whole table anew, once; PostgreSQL two indexes."""
    with op.batch_alter_table(TABLE) as job:
        job.drop_constraint(PROMISE, type_="unique")
        job.drop_index(USER)
    op.create_index(PROMISE, TABLE, ["promise_key"], unique=True, postgresql_where=PROMISED, sqlite_where=PROMISED)
    op.create_index(USER, TABLE, ["user_id", "id"], postgresql_where=OF_A_USER, sqlite_where=OF_A_USER)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {TABLE} SET (fillfactor = 70)")


def downgrade() -> None:
    """Every row is in both again."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {TABLE} RESET (fillfactor)")
    op.drop_index(USER, TABLE, postgresql_where=OF_A_USER, sqlite_where=OF_A_USER)
    op.drop_index(PROMISE, TABLE, postgresql_where=PROMISED, sqlite_where=PROMISED)
    with op.batch_alter_table(TABLE) as job:
        job.create_unique_constraint(PROMISE, ["promise_key"])
        job.create_index(USER, ["user_id", "id"])
