"""The crontab: every field of an entry, sessions of its runs, and the audit trail.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Entries that stand keep their id, schedule and version; the producer fills in the rest from the code."""
    with op.batch_alter_table("crontab_entry") as entry:
        entry.add_column(sa.Column("data", sa.Text(), nullable=False, server_default="{}"))
        entry.add_column(sa.Column("timeout_s", sa.Integer(), nullable=False, server_default="30"))
        entry.add_column(sa.Column("memory_limit_mb", sa.Integer(), nullable=True))
        entry.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="1"))
        entry.add_column(sa.Column("alert_on_failure", sa.Boolean(), nullable=False, server_default=sa.true()))
        entry.add_column(sa.Column("environments", sa.Text(), nullable=False, server_default="[]"))
        entry.add_column(sa.Column("source", sa.String(length=8), nullable=False, server_default="code"))
        entry.add_column(sa.Column("overridden", sa.Text(), nullable=False, server_default="[]"))
        entry.add_column(sa.Column("changed_by", sa.Text(), nullable=True))
        entry.add_column(sa.Column("changed_at", AT, nullable=True))
    with op.batch_alter_table("crontab_cursor") as cursor:
        cursor.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.execute(
        "UPDATE crontab_cursor SET version ="
        " coalesce((SELECT version FROM crontab_entry WHERE crontab_entry.id = crontab_cursor.entry_id), 1)"
    )
    op.create_table(
        "cron_session",
        sa.Column("id", KEY, nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("job_name", sa.Text(), nullable=False),
        sa.Column("job_id", sa.String(length=255), nullable=True),
        sa.Column("slot", AT, nullable=False),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("start_time", AT, nullable=False),
        sa.Column("end_time", AT, nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("will_retry", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("memory_used", sa.BigInteger(), nullable=True),
        sa.Column("peak_memory", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cron_session"),
    )
    running = sa.text("status = 'RUNNING'")
    op.create_index(
        "uq_cron_session_running",
        "cron_session",
        ["entry_id"],
        unique=True,
        postgresql_where=running,
        sqlite_where=running,
    )
    op.create_index("ix_cron_session_entry_id_start_time", "cron_session", ["entry_id", "start_time"])
    op.create_index("ix_cron_session_status_start_time", "cron_session", ["status", "start_time"])
    op.create_index("ix_cron_session_job_id", "cron_session", ["job_id"])
    op.create_index("ix_cron_session_start_time", "cron_session", ["start_time"])
    op.create_table(
        "audit_entry",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["at"])
    op.create_index("ix_audit_entry_target_id", "audit_entry", ["target", "id"])


def downgrade() -> None:
    """Entries that were made at run time go: the code before knows none."""
    op.drop_table("audit_entry")
    op.drop_table("cron_session")
    with op.batch_alter_table("crontab_cursor") as cursor:
        cursor.drop_column("version")
    op.execute("DELETE FROM crontab_cursor WHERE entry_id IN (SELECT id FROM crontab_entry WHERE source <> 'code')")
    op.execute("DELETE FROM crontab_entry WHERE source <> 'code'")
    with op.batch_alter_table("crontab_entry") as entry:
        for column in (
            "changed_at",
            "changed_by",
            "overridden",
            "source",
            "environments",
            "alert_on_failure",
            "attempts",
            "memory_limit_mb",
            "timeout_s",
            "data",
        ):
            entry.drop_column(column)
