"""Job schedulers: jobs that come again, every so often or by a cron pattern, in BullMQ's own keys.

A scheduler has one next job at a time. Whoever claims that job, a worker of ours or one in Node, adds the one after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgpack

from app.broker.cron import next_ms
from app.broker.errors import BrokerError
from app.broker.job import Job, decode_json, encode_json
from app.broker.options import lengthened, shortened

if TYPE_CHECKING:
    from app.broker.queue import Queue

SAME_TIME_TAKEN = -10
EVERY_TIME_TAKEN = -11


@dataclass(frozen=True, slots=True)
class Repeat:
    """When the jobs of a scheduler come: ``every_ms``, or by a cron ``pattern`` in the zone ``tz`` (UTC if not given).

    At most ``limit`` jobs, the first not before ``start_at``, none after ``end_at``. ``offset_ms`` shifts ``every_ms``
    from the multiples of it since the epoch. ``immediately`` adds a job now and then follows the pattern. Raises
    ValueError for what makes no sense.
    """

    every_ms: int | None = None
    pattern: str | None = None
    tz: str | None = None
    limit: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    offset_ms: int | None = None
    immediately: bool = False

    def __post_init__(self) -> None:
        if bool(self.every_ms) == bool(self.pattern):
            raise ValueError(f"a scheduler needs every_ms or a pattern: got {self.every_ms!r} and {self.pattern!r}")
        if self.every_ms is not None and self.every_ms < 1:
            raise ValueError(f"every_ms must be at least 1, it is {self.every_ms}")
        if self.immediately and self.start_at:
            raise ValueError(f"a scheduler cannot start immediately and at {self.start_at}")
        for moment in (self.start_at, self.end_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"naive datetime {moment!r}: give it a time zone")

    def options(self) -> dict[str, Any]:
        """The same in BullMQ's names; ``immediately`` is said only once, and not kept."""
        options = {
            "every": self.every_ms,
            "pattern": self.pattern,
            "tz": self.tz,
            "limit": self.limit,
            "startDate": _ms(self.start_at),
            "endDate": _ms(self.end_at),
            "offset": self.offset_ms,
        }
        return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True, slots=True)
class JobScheduler:
    """A scheduler as it stands in Redis; ``opts`` are those of its jobs. Times are milliseconds since the epoch."""

    id: str
    name: str
    next_ms: int
    iterations: int
    every_ms: int | None = None
    pattern: str | None = None
    tz: str | None = None
    limit: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    offset_ms: int | None = None
    data: Any = None
    opts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_hash(cls, scheduler_id: str, due_ms: int, fields: Mapping[str, str]) -> JobScheduler:
        """Read BullMQ's hash."""
        opts = decode_json(fields.get("opts"))
        return cls(
            id=scheduler_id,
            name=fields.get("name", ""),
            next_ms=due_ms,
            iterations=int(fields.get("ic", 0)),
            every_ms=_integer(fields.get("every")),
            pattern=fields.get("pattern"),
            tz=fields.get("tz"),
            limit=_integer(fields.get("limit")),
            start_ms=_integer(fields.get("startDate")),
            end_ms=_integer(fields.get("endDate")),
            offset_ms=_integer(fields.get("offset")),
            data=decode_json(fields.get("data")),
            opts=lengthened(opts) if isinstance(opts, dict) else {},
        )


def upsert(
    queue: Queue, scheduler_id: str, repeat: Repeat, *, name: str, data: Mapping[str, Any], opts: Mapping[str, Any]
) -> str | None:
    """Add or replace a scheduler; the id of its next job, None if there is none. Raises ValueError, BrokerError."""
    now_ms = queue.now_ms()
    options = repeat.options()
    if options.get("endDate", now_ms) < now_ms:
        raise ValueError(f"scheduler {scheduler_id!r} would end before it starts, at {repeat.end_at}")
    due_ms = _next(options, now_ms, immediately=repeat.immediately)
    if due_ms is None or repeat.limit == 0:
        return None
    parts = ("repeat", "delayed", "wait", "paused", "meta", "prioritized", "marker", "id", "events", "pc", "active")
    args = [
        due_ms,
        msgpack.packb({"name": name, **options}),
        scheduler_id,
        encode_json(data),
        msgpack.packb(shortened(opts)),
        msgpack.packb(_job_options(scheduler_id, opts, {**options, "count": 1}, due_ms, now_ms)),
        now_ms,
        queue.keys[""],
        "",
    ]
    reply = queue.run("addJobScheduler", queue.keys.all(*parts), args)
    if reply in (SAME_TIME_TAKEN, EVERY_TIME_TAKEN):
        raise BrokerError(f"scheduler {scheduler_id!r}: its next times are taken by jobs that have run or run now")
    return str(reply[0])


def advance(queue: Queue, job: Job) -> str | None:
    """Add the job that comes after this one, which has been claimed; its id, None if it was the last.

    Nothing happens if that was done before, or the scheduler is gone. Raises ValueError for a pattern that Node reads
    and we do not.
    """
    stored = job.opts.get("repeat")
    repeat = {name: value for name, value in stored.items() if value is not None} if isinstance(stored, dict) else {}
    count = int(repeat.get("count") or 0) + 1
    now_ms = queue.now_ms()
    if count > repeat.get("limit", count) or repeat.get("endDate", now_ms) < now_ms or job.scheduler_id is None:
        return None
    due_ms = _next(repeat, max(now_ms, int(job.opts.get("prevMillis") or 0)))
    if due_ms is None:
        return None
    parts = ("repeat", "delayed", "wait", "paused", "meta", "prioritized", "marker", "id", "events", "pc")
    opts = _job_options(job.scheduler_id, job.opts, {**repeat, "count": count}, due_ms, now_ms)
    args = [
        due_ms,
        job.scheduler_id,
        encode_json(job.data),
        msgpack.packb(opts),
        now_ms,
        queue.keys[""],
        job.id,
    ]
    next_id = queue.run("updateJobScheduler", queue.keys.all(*parts, job.id, "active"), args)
    return str(next_id) if next_id else None


def find(queue: Queue, scheduler_id: str) -> JobScheduler | None:
    """That scheduler; None if there is none."""
    fields, due_ms = queue.run("getJobScheduler", [queue.keys["repeat"]], [scheduler_id])
    if not fields:
        return None
    return JobScheduler.from_hash(scheduler_id, int(due_ms), dict(zip(fields[::2], fields[1::2], strict=True)))


def find_all(queue: Queue, start: int, end: int) -> list[JobScheduler]:
    """Schedulers ``start`` to ``end`` (included), the one that is due next first."""
    due: list[tuple[str, float]] = queue.redis.zrange(queue.keys["repeat"], start, end, withscores=True)  # type: ignore[assignment]  # replies are decoded
    with queue.redis.pipeline(transaction=False) as pipe:
        for scheduler_id, _ in due:
            pipe.hgetall(queue.keys[f"repeat:{scheduler_id}"])
        hashes = pipe.execute()
    return [
        JobScheduler.from_hash(scheduler_id, int(due_ms), fields)
        for (scheduler_id, due_ms), fields in zip(due, hashes, strict=True)
        if fields
    ]


def owner(queue: Queue, job_id: str) -> str | None:
    """The scheduler whose next job this is; None if it is no scheduler's, or has been claimed."""
    scheduler_id: str | None = queue.redis.hget(queue.keys[job_id], "rjk")  # type: ignore[assignment]  # replies are decoded
    due_ms = queue.redis.zscore(queue.keys["repeat"], scheduler_id) if scheduler_id else None
    return scheduler_id if due_ms and job_id == f"repeat:{scheduler_id}:{int(due_ms)}" else None


def remove(queue: Queue, scheduler_id: str) -> bool:
    """Remove a scheduler and its next job; whether there was one. A job that runs goes on."""
    keys = queue.keys.all("repeat", "delayed", "events")
    return bool(queue.run("removeJobScheduler", keys, [scheduler_id, queue.keys[""]]) == 0)


def _next(repeat: Mapping[str, Any], after_ms: int, *, immediately: bool = False) -> int | None:
    """When the next job is due; for ``every`` the script works that out, and this only stands for it."""
    pattern = repeat.get("pattern")
    if pattern is None or immediately:
        return after_ms
    return next_ms(str(pattern), max(after_ms, repeat.get("startDate", 0)), repeat.get("tz"))


def _job_options(
    scheduler_id: str, opts: Mapping[str, Any], repeat: Mapping[str, Any], due_ms: int, now_ms: int
) -> dict[str, Any]:
    """The options of one job: those of the template, and what its claim needs to add the one after it."""
    return {
        **shortened(opts),
        "jobId": f"repeat:{scheduler_id}:{due_ms}",
        "delay": max(due_ms + repeat.get("offset", 0) - now_ms, 0),
        "timestamp": now_ms,
        "prevMillis": due_ms,
        "repeatJobKey": scheduler_id,
        "repeat": dict(repeat),
    }


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _integer(text: str | None) -> int | None:
    return int(text) if text else None
