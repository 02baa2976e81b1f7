"""The system's own upkeep, and what measuring needs, as actors."""

from __future__ import annotations

from app.broker.current import current_job
from app.clock import utc_now
from app.domains.maintenance import hygiene
from app.jobs.actor import actor
from app.jobs.ages import moment
from app.jobs.catalog import CLEAN_UP, NO_OP
from app.jobs.payloads import CleanupKind


@actor(CLEAN_UP)
def clean_up(*, kind: CleanupKind, older_than: str | None = None, dry_run: bool = False) -> dict[str, int]:
    """Remove what is old of that kind, or tell in the job's log what would go."""
    now = utc_now()
    before = None if older_than is None else moment(older_than, now)
    return hygiene.clean_up(kind, now, before, dry_run=dry_run, tell=current_job().log)


@actor(NO_OP)
def no_op() -> None:
    """Do nothing, so that what is measured is the way here."""
