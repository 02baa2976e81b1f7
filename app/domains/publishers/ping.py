"""Whether rollups can be read, and keep up with the events (S3-19)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.clock import utc_now
from app.models.ad_event import AdEvent
from app.models.rollup import Rollup
from app.pings import answers_as

#: A slot each night promises what came since, and is due within a day; after that, and two hours, it is behind.
BEHIND = timedelta(hours=50)


class RollupsBehind(Exception):
    """Events of days ago are in no rollup: the aggregation has failed, or does not run."""


@answers_as(lambda: "analytics_rollups")
def ping() -> None:
    """Raises RollupsBehind, and what the database raises."""
    with db.reading() as session:
        check_is_current(session, utc_now())


def check_is_current(session: Session, now: datetime) -> None:
    """The newest event that must be in a rollup by now is in one."""
    due = select(AdEvent).where(AdEvent.received_at < now - BEHIND).order_by(AdEvent.received_at.desc()).limit(1)
    event = session.scalar(due)
    if event is None:
        return
    mine = (Rollup.publisher_id == event.publisher_id, Rollup.granularity == "hour")
    last = select(Rollup).where(*mine, Rollup.starts_at <= event.occurred_at).order_by(Rollup.starts_at.desc()).limit(1)
    rollup = session.scalar(last)
    if rollup is None or rollup.ends_at <= event.occurred_at:
        raise RollupsBehind(f"no rollup of {event.publisher_id} has its event of {event.occurred_at:%Y-%m-%d %H:%M}")
