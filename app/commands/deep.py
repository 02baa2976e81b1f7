"""``toril doctor --deep``: does every row have its job, once, and somebody who runs it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from app import db
from app.broker.queue import Queue
from app.clock import from_ms
from app.jobs.catalog import queues
from app.jobs.engine import broker
from app.ledger.repairs import OpenRow, open_rows, still_open, unconfirmed
from app.ledger.standing import is_held, look
from app.ledger.workers import living
from app.models.job_status import Status

#: Younger than this, what looks wrong is under way: the reconciler looks every 10 s, at what is 15 s old.
GRACE = timedelta(seconds=30)
AT_ONCE = 1_000
LISTS = ("wait", "paused", "active")
SETS = ("prioritized", "delayed", "waiting-children", "completed", "failed")


def count_lost() -> int:
    """Open rows whose job no queue has, and that nobody runs."""
    return sum(1 for row in _absent() if row.status != Status.ACTIVE)


def count_orphaned() -> int:
    """Running rows whose worker is dead and whose job no queue has, and ids in queues without a job."""
    alive = _alive(_now())
    rows = (row for row in _absent() if row.status == Status.ACTIVE and row.worker not in alive)
    orphans = sum(1 for row in rows if not is_held(broker(), row))
    return orphans + sum(_without_job(queue) for queue in map(broker().queue, queues()))


def count_doubled() -> int:
    """Ids that are in two places at once."""
    return sum(_doubled(queue) for queue in map(broker().queue, queues()))


def count_stuck_flows() -> int:
    """Parents that would wait for ever: for nobody, or for a job that does not exist."""
    return sum(_stuck(queue) for queue in map(broker().queue, queues()))


def _absent() -> Iterator[OpenRow]:
    """Rows that are still open after their job was seen to be absent: whoever ends a job ends its row first."""
    for rows in _open_rows(_now() - GRACE):
        for _, standings in look(broker(), rows):
            absent = [one.row for one in standings if not one.is_there]
            with db.engine().connect() as connection:
                ids = still_open(connection, absent) if absent else set()
            yield from (row for row in absent if row.id in ids)


def _open_rows(before: datetime) -> Iterator[list[OpenRow]]:
    for status in (Status.ACTIVE, Status.WAITING, Status.DELAYED):
        last = 0
        while rows := _read(lambda c, s=status, after=last: open_rows(c, s, AT_ONCE, after)):
            yield [row for row in rows if row.queued_at < before]
            last = rows[-1].id
    seen: OpenRow | None = None
    while rows := _read(lambda c, after=seen: unconfirmed(c, before, AT_ONCE, after)):
        yield rows
        seen = rows[-1]


def _read(query: Any) -> list[OpenRow]:
    with db.engine().connect() as connection:
        found: list[OpenRow] = query(connection)
        return found


def _alive(now: datetime) -> set[str]:
    with db.engine().connect() as connection:
        return living(connection, now - GRACE)


def _now() -> datetime:
    return from_ms(broker().clock.now_ms())


def _ids(queue: Queue) -> Iterator[str]:
    """Every id in every place of the queue, page by page; what moves meanwhile may come twice."""
    for part in (*LISTS, *SETS):
        start = 0
        read = queue.redis.lrange if part in LISTS else queue.redis.zrange
        while ids := list(read(queue.keys[part], start, start + AT_ONCE - 1)):
            yield from map(str, ids)
            start += AT_ONCE


def _doubled(queue: Queue) -> int:
    counts = Counter(_ids(queue))
    return sum(1 for job_id, count in counts.items() if count > 1 and _places(queue, job_id) > 1)


def _without_job(queue: Queue) -> int:
    return sum(1 for page in _pages(set(_ids(queue))) for job_id in _missing(queue, page) if _places(queue, job_id))


def _stuck(queue: Queue) -> int:
    found = 0
    start = 0
    while parents := list(map(str, queue.redis.zrange(queue.keys["waiting-children"], start, start + AT_ONCE - 1))):
        found += sum(1 for parent in parents if _waits_in_vain(queue, parent))
        start += AT_ONCE
    return found


def _waits_in_vain(queue: Queue, parent: str) -> bool:
    children: set[str] = queue.redis.smembers(f"{queue.keys[parent]}:dependencies")  # type: ignore[assignment]  # replies are decoded
    if children and queue.redis.exists(*children) == len(children):
        return False
    # A moment later the last child may have ended, and the parent have gone on.
    return queue.redis.zscore(queue.keys["waiting-children"], parent) is not None


def _missing(queue: Queue, ids: list[str]) -> list[str]:
    with queue.redis.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.exists(queue.keys[job_id])
        return [job_id for job_id, exists in zip(ids, pipe.execute(), strict=True) if not exists]


def _places(queue: Queue, job_id: str) -> int:
    """In how many places the id is, at one moment."""
    with queue.redis.pipeline(transaction=True) as pipe:
        for part in LISTS:
            pipe.lpos(queue.keys[part], job_id, count=0)
        for part in SETS:
            pipe.zscore(queue.keys[part], job_id)
        found = pipe.execute()
    return sum(len(places) for places in found[: len(LISTS)]) + sum(score is not None for score in found[len(LISTS) :])


def _pages(ids: Iterable[str]) -> Iterator[list[str]]:
    left = sorted(ids)
    for start in range(0, len(left), AT_ONCE):
        yield left[start : start + AT_ONCE]
