"""What holds up a whole queue: for good, until somebody does something, or only for now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy.orm import Session

from app.broker.queue import Queue
from app.broker.steering import read_settings
from app.jobs.catalog import concurrency
from app.jobs.why.reason import Kind, Reason, clock
from app.ledger import audit
from app.models.audit_entry import AuditEntry
from app.models.emergency_stop import EmergencyStop


def lasting(session: Session, queue: Queue) -> Iterator[Reason]:
    """An emergency stop, a pause, no worker at all."""
    stop = session.get(EmergencyStop, 1)
    if stop is not None:
        text = f"everything is stopped since {clock(stop.at)}; restart the jobs"
        yield Reason(Kind.EMERGENCY_STOP, text, {"since": stop.at}, by=stop.by, said=stop.why)
    if queue.is_paused() and (stop is None or queue.name not in stop.queues):
        yield _paused(session, queue)
    if not queue.get_workers():
        yield Reason(Kind.NO_WORKER, f"no worker listens to queue {queue.name}; start one", {"workers": 0})


def passing(queue: Queue, now: datetime) -> Iterator[Reason]:
    """What ends by itself: a full window, or as many jobs running as may."""
    limits = read_settings(queue)
    if rate := limits["rate"]:
        yield from _rate_limited(queue, rate["max"], rate["duration"], now)
    running = queue.redis.llen(queue.keys["active"])
    most = limits["concurrency"]
    if most is not None and running >= most:
        text = f"{running} of {most} jobs of queue {queue.name} run, the most that may in all workers together"
        yield Reason(Kind.GLOBAL_CONCURRENCY, text, {"running": running, "of": most})
    workers, capacity = places(queue)
    if capacity and running >= capacity:
        text = f"{running} of {capacity} places are taken, in {workers} worker{'s' if workers != 1 else ''}"
        yield Reason(Kind.CONCURRENCY, text, {"running": running, "of": capacity, "workers": workers})


def places(queue: Queue) -> tuple[int, int]:
    """How many workers listen to the queue, and how many of its jobs they hold at once."""
    workers = len(queue.get_workers())
    return workers, workers * concurrency().get(queue.name, 1)


def _paused(session: Session, queue: Queue) -> Reason:
    """By whom the trail knows; a pause past us, by Node or Bull Board, leaves no entry."""
    acts = audit.trail(f"queue {queue.name}", limit=1).where(AuditEntry.action.in_(("queue.paused", "queue.resumed")))
    act = session.scalar(acts)
    if act is None or act.action != "queue.paused":
        text = f"queue {queue.name} is paused, by somebody who left no entry on the audit trail; resume it"
        return Reason(Kind.PAUSED, text, {"since": None})
    text = f"queue {queue.name} is paused since {clock(act.at)}; resume it"
    return Reason(Kind.PAUSED, text, {"since": act.at}, by=act.actor, said=act.why)


def _rate_limited(queue: Queue, most: int, window_ms: int, now: datetime) -> Iterator[Reason]:
    key = queue.keys["limiter"]
    started = int(cast("str | None", queue.redis.get(key)) or 0)
    if started < most:
        return
    left_ms = max(queue.redis.pttl(key), 0)
    frees_at = now + timedelta(milliseconds=left_ms)
    text = f"{started} of {most} starts in {window_ms} ms are used; the next is possible at {clock(frees_at)}"
    yield Reason(Kind.RATE_LIMIT, text, {"started": started, "of": most, "windowMs": window_ms, "until": frees_at})
