"""Late datasets are found by an index.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """By dataset, then by age."""
    op.create_index("ix_dataset_updates_dataset_good_at", "dataset_updates", ["dataset", "good_at"])


def downgrade() -> None:
    """They are found by reading all."""
    op.drop_index("ix_dataset_updates_dataset_good_at", "dataset_updates")
