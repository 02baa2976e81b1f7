"""The clock's beat: one job a minute, whoever and however many send it (R22)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from dramatiq import Actor, Message
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.broker.recorder import RecorderUnavailable
from app.clock import utc_now
from app.crontab.table import lines, lines_of_code
from app.jobs.catalog import BEAT
from app.jobs.enqueue import enqueue
from app.jobs.payloads import Nothing

log = logging.getLogger(__name__)


class BeatActor(Actor[Any, Any]):
    """Sends itself under the minute's id, and never fails to: a clock that exits with Redis would miss later beats.

    With its first beat, which periodiq sends as it starts, the clock says in words what there is to come.
    """

    has_told = False

    def send_with_options(self, **options: Any) -> Message[Any]:
        """``scheduled_at`` is the minute, as periodiq gives it. Logs when the queue cannot be reached."""
        scheduled_at = options.get("scheduled_at")
        minute = datetime.fromisoformat(scheduled_at) if scheduled_at else utc_now()
        job_id = beat_id(minute)
        if not BeatActor.has_told:
            BeatActor.has_told = True
            tell(minute)
        try:
            enqueue(BEAT, Nothing(), job_id=job_id)
        except (RedisError, RecorderUnavailable) as error:
            log.warning("%s was not sent, the producer will tick by itself: %s", job_id, error)
        return self.message_with_options().copy(message_id=job_id)


def tell(now: datetime) -> None:
    """Log the crontab, a line an entry: the table, or what the code brings where there is none yet."""
    try:
        with db.reading() as session:
            table = lines(session, now, runs=1)
    except SQLAlchemyError as error:
        log.warning("the crontab's table cannot be read, this is the code's: %s", str(error).splitlines()[0])
        table = []
    for line in table or lines_of_code(now, runs=1):
        log.info("crontab: %s", line)


def beat_id(minute: datetime) -> str:
    """``beat-202601010900``: equal for every clock within the minute."""
    return f"beat-{minute.astimezone(UTC):%Y%m%d%H%M}"
