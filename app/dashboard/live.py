"""The stream that tells pages that something has changed; they ask for themselves again and see what.

One look a second for all streams of a process, however many there are. Each stream holds a thread of the web server,
so there are few; a page without one asks again later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import redis.exceptions
from flask import Response, abort
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.dashboard.site import bp, page
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.models.audit_entry import AuditEntry
from app.models.cron_session import CronSession
from app.models.job_status import JobStatus
from app.models.user import Role
from app.models.worker import Worker

#: Of each web process, which has 24 threads.
MOST_STREAMS = 12
LOOK_EVERY_S = 1.0
#: Then the browser comes back, and is asked anew who it is.
STREAM_S = 300.0
RETRY_MS = 3_000

Signature = tuple[object, ...]


class Pulse:
    """What the system looks like from afar: anything a page shows changes it. Asked often, it looks once a second."""

    def __init__(self, look: Callable[[], Signature], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._lock = threading.Lock()
        self._seen: Signature = ()
        self._until = float("-inf")

    def now(self) -> Signature:
        """The last look, or a new one."""
        with self._lock:
            if self._clock() >= self._until:
                self._seen = self._look()
                self._until = self._clock() + LOOK_EVERY_S
            return self._seen


def look() -> Signature:
    """The newest event of each queue, and the newest row of each kind; a part that is away is a sign, too."""
    return (*_events(), *_rows())


pulse = Pulse(look)
_free = threading.BoundedSemaphore(MOST_STREAMS)


@bp.get("/stream")
@page(Role.VIEWER)
def stream() -> Response:
    """``changed`` whenever the pulse is another; 503 when all streams are taken."""
    if not _free.acquire(blocking=False):
        abort(503, "all streams of this process are taken; pages update when they are loaded")
    response = Response(events(pulse, time.monotonic, time.sleep), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(_free.release)
    return response


def events(pulse: Pulse, clock: Callable[[], float], wait: Callable[[float], None]) -> Iterator[str]:
    """The stream's text for five minutes."""
    began = clock()
    seen = pulse.now()
    yield f"retry: {RETRY_MS}\n\n"
    while clock() - began < STREAM_S:
        wait(LOOK_EVERY_S)
        if (now := pulse.now()) != seen:
            seen = now
            yield "event: changed\ndata:\n\n"
        else:
            yield ":\n\n"  # a page that has gone is noticed by writing to it


def _events() -> Signature:
    """The newest event of each queue."""
    try:
        streams = [find_queue(name) for name in queues()]
        pipe = streams[0].redis.pipeline(transaction=False)
        for queue in streams:
            pipe.xrevrange(queue.keys["events"], count=1)
        return tuple(entry[0][0] if entry else None for entry in pipe.execute())
    except redis.exceptions.RedisError as error:
        return (type(error).__name__,)


def _rows() -> Signature:
    newest = (
        select(func.max(JobStatus.id)),
        select(func.max(CronSession.id)),
        select(func.max(AuditEntry.id)),
        select(func.count()).select_from(Worker),
    )
    try:
        with db.reading() as session:
            return tuple(session.scalar(statement) for statement in newest)
    except SQLAlchemyError as error:
        return (type(error).__name__,)
