"""What happens in a queue, as it happens: BullMQ's event stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from redis import Redis

from app.broker.errors import JobNotFound
from app.broker.job import Job, decode_json

if TYPE_CHECKING:
    from app.broker.queue import Queue

#: Fields that hold JSON, by event.
JSON_FIELDS = {"progress": "data", "completed": "returnvalue"}
ENDS = ("completed", "failed", "removed")
ONE_READ_S = 5.0
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """One event: ``added``, ``waiting``, ``active``, ``progress``, ``completed``, ``failed``, ``delayed`` …"""

    id: str
    name: str
    job_id: str | None
    fields: dict[str, Any]


class QueueEvents:
    """The events of one queue, from the moment this is made (or after ``last_id``). Not thread-safe."""

    def __init__(self, queue: Queue, last_id: str | None = None) -> None:
        self._key = queue.keys["events"]
        self._redis = queue.redis
        self._last_id = last_id or _newest(queue.redis, self._key)

    def read(self, timeout_s: float = ONE_READ_S) -> list[Event]:
        """The events since the last read, oldest first; waits for the first one, at most that long."""
        block_ms = max(int(timeout_s * 1000), 1)
        reply: Any = self._redis.xread({self._key: self._last_id}, count=AT_ONCE, block=block_ms)
        entries = reply[0][1] if reply else []
        if entries:
            self._last_id = entries[-1][0]
        return [_event(entry_id, fields) for entry_id, fields in entries]

    def __iter__(self) -> Iterator[Event]:
        """Every event from now on, for ever."""
        while True:
            yield from self.read()


def wait_for_end(job: Job, deadline: float) -> Any:
    """The job's return value, once it has ended; see ``Job.wait_until_finished``. ``deadline`` by time.monotonic()."""
    # Listen first, then look: an end between the two is in the stream.
    events = QueueEvents(job.queue)
    while True:
        now = job.queue.get_job(job.id)
        if now is None:
            raise JobNotFound(job.queue.name, job.id)
        if now.finished_on is not None:
            return now.outcome()
        _wait_for_news(events, job, deadline)


def _wait_for_news(events: QueueEvents, job: Job, deadline: float) -> None:
    while (left_s := deadline - time.monotonic()) > 0:
        news = events.read(min(left_s, ONE_READ_S))
        if any(event.job_id == job.id and event.name in ENDS for event in news):
            return
    raise TimeoutError(f"job {job.id!r} in queue {job.queue.name!r} has not ended in that time")


def _newest(redis: Redis, key: str) -> str:
    entries = cast("list[tuple[str, dict[str, str]]]", redis.xrevrange(key, count=1))
    return entries[0][0] if entries else "0-0"


def _event(entry_id: str, fields: dict[str, str]) -> Event:
    name = fields["event"]
    values: dict[str, Any] = {key: value for key, value in fields.items() if key != "event"}
    if (field := JSON_FIELDS.get(name)) in values:
        values[field] = decode_json(values[field])
    return Event(entry_id, name, fields.get("jobId"), values)
