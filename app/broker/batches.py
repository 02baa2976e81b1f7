"""The hot paths in one script call each: add many jobs, claim many, end many.

They leave the same keys, values and events as BullMQ's own scripts, one job a call, would: a differential test holds it
(``tests/broker/test_batches.py``). What they are not for takes BullMQ's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
from redis.exceptions import ConnectionError, TimeoutError

from app.broker.epoch import ANY
from app.broker.job import encode_json
from app.broker.keys import QueueKeys, epoch
from app.broker.options import keep_jobs, shortened
from app.broker.recorder import End, EndKind, NewJob
from app.broker.scripts import Scripts

ADD = ("wait", "prioritized", "delayed", "active", "events", "meta", "id", "pc", "marker")
CLAIM = ("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta", "pc", "marker")
FINISH = (
    *("wait", "active", "prioritized", "events", "stalled", "meta", "marker", "completed", "failed"),
    *("metrics:completed", "metrics:completed:data", "metrics:failed", "metrics:failed:data"),
)
#: The code of an end that finishMany leaves to moveToFinished.
NOT_FOR_BATCH = 1


def may_be_added(job: NewJob) -> bool:
    """Whether addMany is for this job."""
    return job.parent is None and not job.has_children and not job.opts.get("deduplication")


def add_many(scripts: Scripts, keys: QueueKeys, jobs: Sequence[NewJob]) -> list[str]:
    """Add these jobs; returns the id of each, "" where another job has it. An empty id is given by the queue."""
    ids: list[str] = scripts.run("addMany", keys.all(*ADD), _added(keys, jobs))
    return ids


def add_in_chunks(
    scripts: Scripts, keys: QueueKeys, chunks: Iterable[list[NewJob]]
) -> Iterator[tuple[list[NewJob], set[str]]]:
    """The same, chunk by chunk: the next one is written while Redis works on the last."""
    underway: deque[list[NewJob]] = deque()

    def calls() -> Iterator[list[Any]]:
        for chunk in chunks:
            underway.append(chunk)
            yield _added(keys, chunk)

    for ids in scripts.stream("addMany", keys.all(*ADD), calls()):
        yield underway.popleft(), set(ids)


def _added(keys: QueueKeys, jobs: Sequence[NewJob]) -> list[Any]:
    args: list[Any] = [keys.base]
    for job in jobs:
        opts = shortened(job.opts)
        args += (job.id, job.name, job.added_ms, encode_json(job.data), encode_json(opts), _way_in(job, opts))
    return args


def _way_in(job: NewJob, opts: Mapping[str, Any]) -> str:
    """Empty for a job that simply waits its turn, as most do."""
    lifo = "lifo" in opts
    if not (job.delay_ms or job.priority or lifo or job.attempts_made or job.crashes):
        return ""
    return f"{job.delay_ms} {job.priority} {'R' if lifo else 'L'} {job.attempts_made} {job.crashes}"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What one claim found: job ids and their hashes, and when to look again (ms from now, and since 1970).

    ``closed`` if Redis is not in the epoch that was given, or may not be in it any more.
    """

    jobs: list[tuple[str, dict[str, str]]]
    limited_ms: int
    next_delayed_ms: int
    closed: bool = False


CLOSED = Claimed([], 0, 0, closed=True)


def claim_many(
    scripts: Scripts,
    keys: QueueKeys,
    tokens: Sequence[str],
    *,
    now_ms: int,
    lock_ms: int,
    worker: str,
    within: str = ANY,
) -> Claimed:
    """Claim up to as many jobs as there are tokens, each under its own; ``within`` is the epoch (``EpochGate``)."""
    args = [keys.base, now_ms, lock_ms, worker, within, *tokens]
    reply = scripts.run("claimMany", [*keys.all(*CLAIM), epoch(keys.prefix)], args)
    if reply == "closed":
        return CLOSED
    jobs, limited_ms, next_delayed_ms = reply
    hashes = [(job_id, dict(zip(fields[::2], fields[1::2], strict=True))) for job_id, fields in jobs]
    return Claimed(hashes, int(limited_ms), int(next_delayed_ms))


def claim_one_by_one(
    scripts: Scripts,
    keys: QueueKeys,
    tokens: Sequence[str],
    *,
    now_ms: int,
    lock_ms: int,
    worker: str,
    within: str = ANY,
) -> Claimed:
    """The same through BullMQ's own script. What is claimed when Redis goes away is returned, not lost."""
    if within != ANY and (scripts.redis.get(epoch(keys.prefix)) or "") != within:
        return CLOSED
    jobs: list[tuple[str, dict[str, str]]] = []
    for token in tokens:
        options = msgpack.packb({"token": token, "lockDuration": lock_ms, "name": worker})
        try:
            fields, job_id, limited_ms, next_delayed_ms = scripts.run(
                "moveToActive", keys.all(*CLAIM), [keys.base, now_ms, options]
            )
        except (ConnectionError, TimeoutError):
            if not jobs:
                raise
            return Claimed(jobs, 0, 0, closed=True)  # the connection is gone
        if not fields:
            return Claimed(jobs, int(limited_ms), int(next_delayed_ms))
        jobs.append((job_id, dict(zip(fields[::2], fields[1::2], strict=True))))
        if "stc" in jobs[-1][1]:
            break
    return Claimed(jobs, 0, 0)


def may_be_finished(end: End) -> bool:
    """Whether finishMany is for this end, as far as it can be told without a look at the job."""
    if end.kind not in (EndKind.COMPLETED, EndKind.FAILED):
        return False
    return "limit" not in keep_jobs(end.claim.opts.get(_retention(end)))


def finish_many(
    scripts: Scripts, keys: QueueKeys, ends: Sequence[tuple[End, str]], *, now_ms: int, metrics_points: int = 0
) -> list[int]:
    """End these runs of one queue, each under its claim's token; returns a code for each."""
    args: list[str | int | bytes] = [keys.base, now_ms, metrics_points]
    for end, token in ends:
        claim = end.claim
        completed = end.kind is EndKind.COMPLETED
        value = encode_json(end.return_value) if completed else end.reason
        traces = "" if completed else encode_json(stacktraces(end))
        args += (claim.id, token, end.kind.value, value, claim.attempts, _kept(end), traces)
    codes: list[int] = scripts.run("finishMany", keys.all(*FINISH), args)
    return codes


def stacktraces(end: End) -> list[str]:
    """Those of all failed attempts, this one last; ``stackTraceLimit`` of the job keeps the newest."""
    traces = [*end.claim.stacktrace, end.stacktrace or end.reason]
    limit = end.claim.opts.get("stackTraceLimit")
    return traces[max(len(traces) - limit, 0) :] if isinstance(limit, int) else traces


def _kept(end: End) -> str:
    keep = keep_jobs(end.claim.opts.get(_retention(end)))
    age = keep.get("age")
    return f"{keep.get('count', -1)} {'' if age is None else age}"


def _retention(end: End) -> str:
    return "removeOnComplete" if end.kind is EndKind.COMPLETED else "removeOnFail"
