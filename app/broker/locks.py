"""What the holder of locks asks of Redis: renew them, give the jobs back, look for jobs that nobody holds.

Both a worker and its keeper hold locks, so this imports nothing but redis, keys and scripts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from redis import Redis

from app.broker.keys import QueueKeys
from app.broker.scripts import scripts

MAX_STALLED = 1
"""Crashes that a job survives: the second one fails it."""

BY_LOST_HOSTS = 2
"""So many more if its host was lost: nobody is left to say whether it had started, and most that is held has not."""


Key = tuple[str, str, str]
"""Queue, id and token: the token tells two claims of one job apart."""


@dataclass(slots=True)
class HeldJob:
    """A job that this worker has claimed, under the token of that claim."""

    queue: str
    id: str
    token: str
    started: bool = False
    limit_ms: int | None = None
    overdue_at: float | None = None  # time.monotonic(), which a machine's processes share

    @property
    def key(self) -> Key:
        """Names this claim."""
        return self.queue, self.id, self.token

    def start(self, limit_ms: int | None, overdue_at: float | None) -> None:
        """Its actor runs from now on."""
        self.started, self.limit_ms, self.overdue_at = True, limit_ms, overdue_at

    def end(self) -> None:
        """Its run is over; the claim lasts until it is settled."""
        self.started, self.limit_ms, self.overdue_at = False, None, None


@dataclass(frozen=True, slots=True)
class Return:
    """A job on its way back to its queue.

    ``charged``: its worker died while running it. ``verdict``: the reason for which its next claim must fail it.
    """

    id: str
    token: str
    charged: bool = False
    verdict: str = ""


def hand_back(
    redis: Redis,
    prefix: str,
    queue: str,
    jobs: Iterable[Return],
    *,
    crash: str = "",
    max_stalled: int = MAX_STALLED,
) -> list[str]:
    """Put active jobs back to the front of their queue, oldest claim foremost; returns the ids of those that moved.

    A job stays if another token locks it or if it is no longer active. ``crash`` is the reason written to a charged
    job with more than ``max_stalled`` crashes. Source: RULES R18, R21.
    """
    keys = QueueKeys(prefix, queue)
    words = [word for job in jobs for word in (job.id, job.token, "1" if job.charged else "0", job.verdict)]
    if not words:
        return []
    given: list[str] = scripts(redis).run(
        "handBack",
        keys.all("active", "wait", "stalled", "meta", "prioritized", "marker", "events"),
        [keys.base, max_stalled, crash, *words],
    )
    return given


class Renewal(NamedTuple):
    """What could not be renewed, by id. ``lost``: another token locks it. ``absent``: unlocked and no longer active."""

    lost: list[str]
    absent: list[str]


def renew(redis: Redis, prefix: str, queue: str, jobs: Iterable[tuple[str, str]], *, lock_ms: int) -> Renewal:
    """Extend the locks of ``(id, token)``, and take again those that lapsed while the job stayed active.

    Source: RULES R20.
    """
    keys = QueueKeys(prefix, queue)
    words = [word for job in jobs for word in job]
    if not words:
        return Renewal([], [])
    return Renewal(*scripts(redis).run("renew", keys.all("active", "stalled"), [keys.base, lock_ms, *words]))


def claimed_by(redis: Redis, prefix: str, queue: str, worker: str) -> list[tuple[str, str]]:
    """The active jobs locked by a token of that worker (``<worker>:…``), as ``(id, token)``, oldest claim first."""
    keys = QueueKeys(prefix, queue)
    # Replies are decoded, which redis-py's types do not know.
    active: list[str] = redis.lrange(keys["active"], 0, -1)  # type: ignore[assignment]  # replies are decoded
    if not active:
        return []
    tokens: list[str | None] = redis.mget([keys.lock(job_id) for job_id in active])  # type: ignore[assignment]  # replies are decoded
    locked = zip(reversed(active), reversed(tokens), strict=True)
    return [(job_id, token) for job_id, token in locked if token and token.startswith(f"{worker}:")]


def check_stalled(redis: Redis, prefix: str, queue: str, *, every_ms: int, max_stalled: int = MAX_STALLED) -> list[str]:
    """Give back active jobs without a lock that an earlier check has marked; returns their ids.

    Nothing happens if any keeper has checked within the last ``every_ms``. The key that says so is our own: a Node
    worker holds BullMQ's for 30 s. Jobs go to ``wait``, whatever their priority, and all are charged.
    Source: RULES R18a.
    """
    keys = QueueKeys(prefix, queue)
    stalled: list[str] = scripts(redis).run(
        "moveStalledJobsToWait",
        keys.all("stalled", "wait", "active", "keeper:check", "meta", "paused", "marker", "events", "repeat"),
        [max_stalled, keys.base, "keeper", every_ms],
    )
    return stalled
