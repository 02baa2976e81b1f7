"""initial"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Towards the new schema."""
    op.create_table(
        "crontab_cursor",
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column("added_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_crontab_cursor")),
    )
    op.create_table(
        "crontab_entry",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("catch_up", sa.String(length=8), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crontab_entry")),
    )
    op.create_table(
        "job_status",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("queue", sa.String(length=255), nullable=False),
        sa.Column("job_id", sa.String(length=255), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("promise_key", sa.String(length=255), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(length=255), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("opts", sa.Text(), nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("delay_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("attempts_made", sa.BigInteger(), nullable=False),
        sa.Column("crashes", sa.BigInteger(), nullable=False),
        sa.Column("repairs", sa.BigInteger(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("cancelled", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("return_value", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("accounts_total", sa.Integer(), nullable=True),
        sa.Column("accounts_processed", sa.Integer(), nullable=True),
        sa.Column("account_errors", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_status")),
        sa.UniqueConstraint("job_id", "queue", "added_ms", name=op.f("uq_job_status_job_id_queue_added_ms")),
        sa.UniqueConstraint("promise_key", name=op.f("uq_job_status_promise_key")),
    )
    with op.batch_alter_table("job_status", schema=None) as batch_op:
        batch_op.create_index("ix_job_status_status_ended_at", ["status", "ended_at"], unique=False)
        batch_op.create_index(
            "ix_job_status_unconfirmed",
            ["queued_at"],
            unique=False,
            postgresql_where=sa.text("confirmed_at IS NULL AND ended_at IS NULL"),
            sqlite_where=sa.text("confirmed_at IS NULL AND ended_at IS NULL"),
        )
        batch_op.create_index("ix_job_status_user_id_id", ["user_id", "id"], unique=False)

    op.create_table(
        "slot_loads",
        sa.Column("kind", sa.Enum("hour", "day", native_enum=False), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("users", sa.Integer(), nullable=False),
        sa.CheckConstraint("users >= 0", name=op.f("ck_slot_loads_users")),
        sa.PrimaryKeyConstraint("kind", "slot", name=op.f("pk_slot_loads")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column(
            "role",
            sa.Enum("user", "viewer", "operator", "admin", name="role", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index(
            "uq_users_email",
            ["email"],
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        )

    op.create_table(
        "workers",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    with op.batch_alter_table("workers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_workers_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "job_attempt",
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("stacktrace", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["job_status.id"], name=op.f("fk_job_attempt_job"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job", "run", name=op.f("pk_job_attempt")),
    )
    op.create_table(
        "seller_accounts",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=2), nullable=False),
        sa.Column("seller_id", sa.String(length=64), nullable=False),
        sa.Column("marketplace_id", sa.String(length=32), nullable=False),
        sa.Column("ads_profile_id", sa.String(length=32), nullable=False),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("state", sa.Enum("active", "needs_reauthorisation", native_enum=False), nullable=False),
        sa.Column("state_reason", sa.Text(), nullable=False),
        sa.Column("last_daily_update", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_weekly_update", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_seller_accounts_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seller_accounts")),
        sa.UniqueConstraint("user_id", "country", "region", name=op.f("uq_seller_accounts_user_id_country_region")),
    )
    op.create_table(
        "unit_costs",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("sku", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_unit_costs_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "sku", name=op.f("pk_unit_costs")),
    )
    op.create_table(
        "user_update_schedules",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("daily_update_hour", sa.SmallInteger(), nullable=False),
        sa.Column("weekly_update_day", sa.SmallInteger(), nullable=False),
        sa.Column("promised_daily_slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promised_weekly_slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_daily_update", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_weekly_update", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "daily_update_hour BETWEEN 0 AND 23", name=op.f("ck_user_update_schedules_daily_update_hour")
        ),
        sa.CheckConstraint(
            "weekly_update_day BETWEEN 0 AND 6", name=op.f("ck_user_update_schedules_weekly_update_day")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_update_schedules_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_user_update_schedules")),
    )
    with op.batch_alter_table("user_update_schedules", schema=None) as batch_op:
        batch_op.create_index(
            "ix_user_update_schedules_daily", ["daily_update_hour", "promised_daily_slot", "user_id"], unique=False
        )
        batch_op.create_index(
            "ix_user_update_schedules_weekly", ["weekly_update_day", "promised_weekly_slot", "user_id"], unique=False
        )

    op.create_table(
        "account_analyses",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("cadence", sa.String(length=8), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["seller_accounts.id"], name=op.f("fk_account_analyses_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "cadence", name=op.f("pk_account_analyses")),
    )
    op.create_table(
        "dataset_updates",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("dataset", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Enum("ok", "partial", "failed", native_enum=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("good_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["seller_accounts.id"], name=op.f("fk_dataset_updates_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "dataset", name=op.f("pk_dataset_updates")),
    )


def downgrade() -> None:
    """Back to the old one."""
    op.drop_table("dataset_updates")
    op.drop_table("account_analyses")
    with op.batch_alter_table("user_update_schedules", schema=None) as batch_op:
        batch_op.drop_index("ix_user_update_schedules_weekly")
        batch_op.drop_index("ix_user_update_schedules_daily")

    op.drop_table("user_update_schedules")
    op.drop_table("unit_costs")
    op.drop_table("seller_accounts")
    op.drop_table("job_attempt")
    with op.batch_alter_table("workers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workers_seen_at"))

    op.drop_table("workers")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_users_email", sqlite_where=sa.text("removed_at IS NULL"), postgresql_where=sa.text("removed_at IS NULL")
        )

    op.drop_table("users")
    op.drop_table("slot_loads")
    with op.batch_alter_table("job_status", schema=None) as batch_op:
        batch_op.drop_index("ix_job_status_user_id_id")
        batch_op.drop_index(
            "ix_job_status_unconfirmed",
            postgresql_where=sa.text("confirmed_at IS NULL AND ended_at IS NULL"),
            sqlite_where=sa.text("confirmed_at IS NULL AND ended_at IS NULL"),
        )
        batch_op.drop_index("ix_job_status_status_ended_at")

    op.drop_table("job_status")
    op.drop_table("crontab_entry")
    op.drop_table("crontab_cursor")
