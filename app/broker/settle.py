"""Ended runs in Redis, through BullMQ's own scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack
from redis.client import Pipeline

from app.broker.batches import stacktraces
from app.broker.job import encode_json
from app.broker.keys import QueueKeys
from app.broker.options import keep_jobs
from app.broker.recorder import End, EndKind
from app.broker.scripts import Scripts

GONE = -1
LOCK_MISSING = -2
NOT_ACTIVE = -3
HAS_CHILDREN = -4
LOCK_OF_ANOTHER = -6


@dataclass(frozen=True, slots=True)
class Settlement:
    """The script calls of one batch of ends, queued on one pipeline.

    ``now_ms`` is Redis's time; ``metrics_points`` how many minutes of counts the queues keep, 0 for none.
    """

    scripts: Scripts
    pipe: Pipeline
    now_ms: int
    metrics_points: int = 0

    def settle(self, keys: QueueKeys, end: End, token: str) -> None:
        """Queue the script call for this end. Raises redis.RedisError, and ValueError for a RELEASED one."""
        match end.kind:
            case EndKind.COMPLETED | EndKind.FAILED:
                self._finish(keys, end, token)
            case EndKind.RETRYING | EndKind.PARKED:
                self._delay(keys, end, token)
            case EndKind.RELEASED:
                raise ValueError(f"run of job {end.claim.id!r} was released: hand it back")

    def wake_maxed(self, keys: QueueKeys) -> None:
        """These ends may have made room under the queue's global concurrency."""
        self.scripts.run("wakeMaxed", keys.all("meta", "active", "wait", "prioritized", "marker"), [], self.pipe)

    def _finish(self, keys: QueueKeys, end: End, token: str) -> None:
        claim = end.claim
        target = end.kind.value
        if end.kind is EndKind.COMPLETED:
            field, value, retention = "returnvalue", encode_json(end.return_value).decode(), "removeOnComplete"
        else:
            field, value, retention = "failedReason", end.reason, "removeOnFail"
        finish = {
            "token": token,
            "keepJobs": keep_jobs(claim.opts.get(retention)),
            "lockDuration": 0,
            "attempts": claim.attempts,
            "maxMetricsSize": self.metrics_points or "",
            "fpof": bool(claim.opts.get("failParentOnFailure")),
            "cpof": bool(claim.opts.get("continueParentOnFailure")),
            "idof": bool(claim.opts.get("ignoreDependencyOnFailure")),
            "rdof": bool(claim.opts.get("removeDependencyOnFailure")),
        }
        parts = ("wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused", "meta", "pc")
        script_keys = [*keys.all(*parts), *keys.all(target, claim.id, f"metrics:{target}", "marker")]
        if claim.broken_parent:
            self.scripts.redis.hdel(keys[claim.id], "parent", "parentKey")
        # Never asked to fetch the next job: it would be locked with this claim's token (each claim has its own).
        args = [claim.id, self.now_ms, field, value, target, "", keys[""], msgpack.packb(finish), _error_fields(end)]
        self.scripts.run("moveToFinished", script_keys, args, self.pipe)

    def _delay(self, keys: QueueKeys, end: End, token: str) -> None:
        claim = end.claim
        uses_attempt = end.kind is EndKind.RETRYING
        if uses_attempt and end.due_ms <= end.ended_ms:
            parts: tuple[str, ...] = ("active", "wait", "paused", claim.id, "meta", "events", "delayed", "prioritized")
            script_keys = keys.all(*parts, "pc", "marker", "stalled")
            push = "RPUSH" if claim.opts.get("lifo") else "LPUSH"
            args: list[Any] = [keys[""], self.now_ms, push, claim.id, token, _error_fields(end)]
            self.scripts.run("retryJob", script_keys, args, self.pipe)
            return
        parts = ("marker", "active", "prioritized", "delayed", claim.id, "events", "meta", "stalled", "wait", "limiter")
        skip_attempt = "0" if uses_attempt else "1"
        # A wait that is over by now was one all the same, and its events are a wait's.
        delay_ms = max(end.due_ms - self.now_ms, 1 if uses_attempt else 0)
        args = [keys[""], self.now_ms, claim.id, token, delay_ms, skip_attempt, _error_fields(end), "0"]
        self.scripts.run("moveToDelayed", keys.all(*parts, "pc"), args, self.pipe)


def _error_fields(end: End) -> bytes | str:
    """The reason and the attempts' stack traces, as BullMQ keeps them on the job."""
    if end.kind not in (EndKind.FAILED, EndKind.RETRYING):
        return ""
    traces = encode_json(stacktraces(end)).decode()
    return bytes(msgpack.packb(["failedReason", end.reason, "stacktrace", traces]))
