"""What measuring needs, as an actor."""

from __future__ import annotations

from app.jobs.actor import actor
from app.jobs.catalog import NO_OP


@actor(NO_OP)
def no_op() -> None:
    """Do nothing, so that what is measured is the way here."""
