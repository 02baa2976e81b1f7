"""Users have a minute within their hour and their day.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

SCHEDULES = "user_update_schedules"
MINUTES = {"daily_minute": 60, "weekly_minute": 1_440}
COLUMNS = (*MINUTES, "promised_daily_minute", "promised_weekly_minute")


def upgrade() -> None:
    """Everybody keeps the beginning of their slot: nobody's next update comes later. A rebalance spreads them."""
    with op.batch_alter_table(SCHEDULES) as schedules:
        for column in COLUMNS:
            schedules.add_column(sa.Column(column, sa.SmallInteger(), nullable=False, server_default="0"))
        for column, minutes in MINUTES.items():
            schedules.create_check_constraint(op.f(f"ck_{SCHEDULES}_{column}"), f"{column} BETWEEN 0 AND {minutes - 1}")
    with op.batch_alter_table("slot_loads") as counters:
        counters.add_column(sa.Column("minutes", sa.Text(), nullable=False, server_default="[]"))
    loads = sa.table("slot_loads", sa.column("kind"), sa.column("slot"), sa.column("users"), sa.column("minutes"))
    connection = op.get_bind()
    for kind, slot, users in connection.execute(sa.select(loads.c.kind, loads.c.slot, loads.c.users)).all():
        counted = json.dumps([users, *[0] * (59 if kind == "hour" else 1_439)], separators=(",", ":"))
        row = (loads.c.kind == kind) & (loads.c.slot == slot)
        connection.execute(sa.update(loads).where(row).values(minutes=counted))


def downgrade() -> None:
    """All begin with their slot again."""
    with op.batch_alter_table("slot_loads") as loads:
        loads.drop_column("minutes")
    with op.batch_alter_table(SCHEDULES) as schedules:
        for column in MINUTES:
            schedules.drop_constraint(op.f(f"ck_{SCHEDULES}_{column}"), type_="check")
        for column in COLUMNS:
            schedules.drop_column(column)
