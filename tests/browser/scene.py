"""Something for every page: users on time and late, jobs in every state, failures of two kinds, an hour of figures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select

from app import db
from app.clock import utc_now
from app.crontab.adding import trigger
from app.jobs.catalog import PROCESS_USER_DATA, USER_UPDATES
from app.jobs.engine import find_queue
from app.jobs.user_updates import enqueue_user, enqueue_users
from app.ledger.figures.buckets import bucket_of
from app.models.cron_session import CronSession
from app.models.error_group import ErrorGroup
from app.models.job_figure import JobFigure
from app.models.queue_figure import QueueFigure
from tests.acceptance.system import System
from tests.domains.refresh.promised import HOUR, add_promised
from tests.servers import wait_for

DAY = timedelta(days=1)
MINUTES = 60


class Scene(NamedTuple):
    """Ids of what there is."""

    user: str
    failed: str
    delayed: str
    group: str
    session: int


def furnish(system: System) -> Scene:
    """Through the real worker wherever it can be had from it."""
    now = utc_now()
    add_promised("grace", {"orders": 2 * DAY, "ads": 3 * DAY}, now=now, failed="searchOrders: 503 ServiceUnavailable")
    add_promised("edsger", {"orders": 4 * DAY}, now=now, revoked="Amazon says invalid_grant")
    add_promised("barbara", {"orders": 30 * HOUR, "inventory": 9 * DAY}, now=now)
    add_promised("niklaus", {"orders": HOUR, "ads": 2 * HOUR}, now=now)
    ada = system.add_user("ada-lovelace", accounts=3)
    failed = [*enqueue_users(["1042", "1043", "1042"]), enqueue_user(ada, country="BR", region="NA")]
    done = system.refresh(ada)
    delayed = find_queue(USER_UPDATES).add(PROCESS_USER_DATA.name, {"user_id": ada}, delay_ms=3_600_000)
    with db.session() as session:
        run = trigger(session, "sampleJob", by="scene", at=now)
    _measured(now)
    for job_id in (*failed, done):
        system.ended(job_id)
    wait_for(lambda: _has_ended(run), "the entry's run to end")
    with db.reading() as session:
        group = session.scalars(select(ErrorGroup.id).order_by(ErrorGroup.seen.desc())).first()
    return Scene(ada, failed[0], delayed, str(group), run)


def _has_ended(run: int) -> bool:
    with db.reading() as session:
        return session.scalars(select(CronSession.end_time).where(CronSession.id == run)).one() is not None


def _spread(usual_ms: int, slow_ms: int, slow: int) -> dict[str, int]:
    """Twenty usual durations, and so many slow ones."""
    return {bucket_of(usual_ms): 20, bucket_of(slow_ms): slow}


def _measured(now: datetime) -> None:
    """An hour's figures of the main queue, busiest in the middle, as the producer would have counted them."""
    first = now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    with db.session() as session:
        for minute in range(MINUTES):
            at, load = first + timedelta(minutes=minute), 30 - abs(30 - minute)
            session.add(
                JobFigure(
                    width_s=60, at=at, queue=USER_UPDATES, job=PROCESS_USER_DATA.name, completed=20 + load,
                    failed=load // 6, waits=_spread(400, 3_000, load), runs=_spread(2_000, 9_000, load),
                )
            )  # fmt: skip
            session.add(QueueFigure(width_s=60, at=at, queue=USER_UPDATES, waiting=load, oldest_ms=2_000 + 900 * load))
