"""Exports and reports of publishers.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Two new tables."""
    _create(
        "exports",
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("start_on", sa.Date(), nullable=False),
        sa.Column("end_on", sa.Date(), nullable=False),
        sa.Column("filters", sa.Text(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
    )
    _create(
        "reports",
        sa.Column("report_type", sa.String(length=8), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=True),
        sa.Column("mailed", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Their files stay where they are."""
    op.drop_table("reports")
    op.drop_table("exports")


def _create(table: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("publisher_id", sa.String(length=40), nullable=False),
        sa.Column("requested_by", sa.String(length=64), nullable=True),
        sa.Column("job_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("started_at", AT, nullable=True),
        sa.Column("completed_at", AT, nullable=True),
        sa.Column("expires_at", AT, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["publisher_id"], ["publishers.id"], name=f"fk_{table}_publisher_id_publishers", ondelete="CASCADE"
        ),
    )
    for names in (["publisher_id", "created_at", "id"], ["created_at", "id"], ["expires_at"]):
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, names)
