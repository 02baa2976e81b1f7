"""An attempt says which version of the code ran.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Of earlier attempts it is not known."""
    op.add_column("job_attempt", sa.Column("version", sa.Text(), nullable=True))


def downgrade() -> None:
    """It is forgotten."""
    with op.batch_alter_table("job_attempt") as attempt:
        attempt.drop_column("version")
