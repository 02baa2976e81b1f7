"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
% if imports:
${imports}
% endif

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Towards the new schema."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Back to the old one."""
    ${downgrades if downgrades else "pass"}
