"""How many jobs go first, and how long that takes if they are like those before them."""

from __future__ import annotations

from math import ceil
from typing import Any

from sqlalchemy.orm import Session

from app.broker.queue import Queue
from app.broker.steering import read_settings
from app.jobs.why.blockers import places
from app.jobs.why.reason import Kind, Reason
from app.ledger.performance import recent_durations

#: Fewer measured jobs than this say nothing.
ENOUGH = 20


def ahead(queue: Queue, job_id: str, state: str) -> int:
    """How many waiting jobs a worker takes before this one; those with a priority come after all without."""
    waiting = queue.keys["wait"]
    if state == "waiting":
        # The oldest is the last of the list.
        with queue.redis.pipeline() as pipe:
            pipe.llen(waiting)
            pipe.lpos(waiting, job_id, rank=-1)
            length, place = pipe.execute()
        return 0 if place is None else length - 1 - place
    with queue.redis.pipeline() as pipe:
        pipe.llen(waiting)
        pipe.zrank(queue.keys["prioritized"], job_id)
        length, place = pipe.execute()
    return 0 if place is None else length + place


def reason(session: Session, queue: Queue, before: int, *, is_held: bool) -> Reason:
    """So many, and an estimate; none while the queue is held up, or while too few jobs were measured."""
    jobs = f"{before} job{'s go' if before != 1 else ' goes'} first"
    numbers: dict[str, Any] = {"ahead": before, "estimateS": None, "measuredJobs": 0}
    if is_held:
        return Reason(Kind.AHEAD, f"{jobs}; no estimate while the queue is held up", numbers)
    measured = recent_durations(session, queue=queue.name)
    numbers["measuredJobs"] = measured.jobs
    if measured.jobs < ENOUGH or measured.mean_ms is None:
        text = f"{jobs}; no estimate: {measured.jobs} jobs of this queue were measured, {ENOUGH} are needed"
        return Reason(Kind.AHEAD, text, numbers)
    seconds = round(_wait_ms(queue, before, measured.mean_ms) / 1_000, 1)
    text = f"{jobs}, about {seconds:g} s at the mean of {measured.mean_ms:.0f} ms of the last {measured.jobs} jobs"
    return Reason(Kind.AHEAD, text, {**numbers, "estimateS": seconds, "meanMs": round(measured.mean_ms)})


def _wait_ms(queue: Queue, before: int, mean_ms: float) -> float:
    """Of as many places as are used at once, one is free every mean / places; a rate limit may be slower."""
    limits = read_settings(queue)
    _, capacity = places(queue)
    running = queue.redis.llen(queue.keys["active"])
    at_once = max(min(capacity, limits["concurrency"] or capacity), 1)
    free = max(at_once - running, 0)
    waits_ms = max(before + 1 - free, 0) * mean_ms / at_once
    if rate := limits["rate"]:
        waits_ms = max(waits_ms, ceil(before / rate["max"]) * rate["duration"])
    return waits_ms
