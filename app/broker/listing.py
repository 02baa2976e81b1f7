"""A state's jobs page by page, while jobs come and go: a page begins behind the last job of the one before."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.broker.job import Job
from app.broker.queue import Queue, State

#: Redis keeps these in lists, the next one at the end; all others in sorted sets.
IN_A_LIST = {"waiting": "wait", "active": "active"}
#: What has ended is listed latest first; all others in the order in which they go on.
LATEST_FIRST = ("completed", "failed")

#: LPOS and LRANGE in one step: between two, the list would move on.
_NEXT_OF_LIST = """
local last, count = ARGV[1], tonumber(ARGV[2])
local at = last ~= '' and redis.call('LPOS', KEYS[1], last, 'RANK', -1)
if not at then return redis.call('LRANGE', KEYS[1], -count, -1) end
if at == 0 then return {} end
return redis.call('LRANGE', KEYS[1], math.max(at - count, 0), at - 1)
"""
_CURSOR = re.compile(r"(\d{1,17}(?:\.\d{1,17})?)-(.+)", re.DOTALL)


class InvalidCursor(ValueError):
    """It is none that a page gave."""

    def __init__(self, cursor: str) -> None:
        super().__init__(f"no cursor {cursor[:64]!r}: take the one that the page before gave")


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs of one state, and the cursor of those behind them; None if these were the last."""

    jobs: list[Job]
    following: str | None


def page(queue: Queue, state: State, limit: int, cursor: str | None = None) -> Page:
    """The first ``limit`` jobs of that state, or those behind the cursor. Raises InvalidCursor.

    No job that stays in its place is left out, whatever leaves the state or enters it between two pages. Of the waiting
    and the active, a cursor whose own job has gone on begins anew: with the waiting, those before it went first.
    """
    last = None if cursor is None else _last(cursor)
    places = _of_list(queue, state, limit, last) if state in IN_A_LIST else _of_set(queue, state, limit, last)
    with queue.redis.pipeline(transaction=False) as pipe:
        for _, job_id in places:
            pipe.hgetall(queue.keys[job_id])
        found = zip(places, pipe.execute(), strict=True)
    jobs = [Job.from_hash(queue, job_id, fields) for (_, job_id), fields in found if fields]
    return Page(jobs, f"{places[-1][0]:.17g}-{places[-1][1]}" if len(places) == limit else None)


def _last(cursor: str) -> tuple[float, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidCursor(cursor)
    return float(found[1]), found[2]


def _of_list(queue: Queue, state: State, limit: int, last: tuple[float, str] | None) -> list[tuple[float, str]]:
    after = last[1] if last else ""
    script = queue.redis.register_script(_NEXT_OF_LIST)
    ids: list[str] = script(keys=[queue.keys[IN_A_LIST[state]]], args=[after, limit])
    return [(0, job_id) for job_id in reversed(ids)]


def _of_set(queue: Queue, state: State, limit: int, last: tuple[float, str] | None) -> list[tuple[float, str]]:
    key, latest_first = queue.keys[state], state in LATEST_FIRST
    if last is None:
        return _scored(queue.redis.zrange(key, 0, limit - 1, desc=latest_first, withscores=True))
    score = last[0]
    equals = int(queue.redis.zcount(key, score, score))
    end = "-inf" if latest_first else "+inf"
    found = _scored(
        queue.redis.zrange(
            key, score, end, desc=latest_first, byscore=True, offset=0, num=limit + equals, withscores=True
        )
    )
    # Of equal scores Redis orders by the id's bytes, and so do strings of Python.
    behind = [place for place in found if (place < last if latest_first else place > last)]
    return behind[:limit]


def _scored(replies: Any) -> list[tuple[float, str]]:
    return [(float(score), job_id) for job_id, score in replies]
