"""A job as it stands in Redis, whoever added it, and what can be done with it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from app.broker.errors import BrokerError, JobFailed, JobNotFound, WrongState
from app.broker.options import lengthened

if TYPE_CHECKING:
    from app.broker.queue import Queue

_decode = msgspec.json.Decoder().decode
encode_json = msgspec.json.encode

NOT_IN_STATE = -3


@dataclass(frozen=True, slots=True)
class Malformed:
    """Stands where a field held no JSON; ``text`` is what it held (its first 200 characters)."""

    text: str


def decode_json(text: str | None) -> Any:
    """The value of a JSON field; None where it is absent, Malformed where it is no JSON."""
    if text is None or text == "":
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return Malformed(text[:200])


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot of one job. Times are milliseconds since the epoch, by Redis's clock."""

    queue: Queue
    id: str
    name: str
    data: Any
    opts: Mapping[str, Any]
    timestamp: int
    delay: int
    priority: int
    progress: Any
    attempts_made: int
    attempts_started: int
    crashes: int
    processed_on: int | None
    finished_on: int | None
    has_returned: bool  # a completed job may still show the reason of an earlier attempt
    return_value: Any
    failed_reason: str | None
    deferred_failure: str | None
    stacktrace: tuple[str, ...]
    processed_by: str | None
    scheduler_id: str | None
    parent_key: str | None

    @classmethod
    def from_hash(cls, queue: Queue, job_id: str, fields: Mapping[str, str]) -> Job:
        """Read BullMQ's hash; a field that makes no sense gets its default, except ``data``, which shows it."""
        opts = decode_json(fields.get("opts"))
        stacktrace = decode_json(fields.get("stacktrace"))
        return cls(
            queue=queue,
            id=job_id,
            name=fields.get("name", ""),
            data=decode_json(fields.get("data")),
            opts=lengthened(opts) if isinstance(opts, dict) else {},
            timestamp=integer(fields.get("timestamp")) or 0,
            delay=integer(fields.get("delay")) or 0,
            priority=integer(fields.get("priority")) or 0,
            progress=decode_json(fields.get("progress")) or 0,
            attempts_made=integer(fields.get("atm")) or 0,
            attempts_started=integer(fields.get("ats")) or 0,
            crashes=integer(fields.get("stc")) or 0,
            processed_on=integer(fields.get("processedOn")),
            finished_on=integer(fields.get("finishedOn")),
            has_returned="returnvalue" in fields,
            return_value=decode_json(fields.get("returnvalue")),
            failed_reason=fields.get("failedReason"),
            deferred_failure=fields.get("defa"),
            stacktrace=tuple(str(line) for line in stacktrace) if isinstance(stacktrace, list) else (),
            processed_by=fields.get("pb"),
            scheduler_id=fields.get("rjk"),
            parent_key=fields.get("parentKey"),
        )

    def state(self) -> str | None:
        """Where it is now: one of the queue's STATES; None if it is gone."""
        return self.queue.job_state(self.id)

    def retry(self) -> None:
        """Run an ended job again, from its first attempt. Raises JobNotFound, WrongState."""
        ended = self.queue.job_state(self.id)
        if ended is None:
            raise JobNotFound(self.queue.name, self.id)
        if ended not in ("completed", "failed"):
            raise WrongState(self.queue.name, self.id, ended, "failed or completed")
        self.queue.before_retry([self.id])
        keys = [*self.queue.keys.all(self.id, "events", ended, "wait", "meta", "active", "marker"), *_priority(self)]
        push = "RPUSH" if self.opts.get("lifo") else "LPUSH"
        field = "returnvalue" if ended == "completed" else "failedReason"
        reply = self.queue.run("reprocessJob", keys, [self.id, push, field, ended, "1", "1"])
        self._expect(reply, "failed or completed", ok=1)

    def promote(self) -> None:
        """Start a delayed job as soon as a worker is free. Raises WrongState if it is not delayed."""
        parts = ("delayed", "wait", "paused", "meta", "prioritized", "active", "pc", "events", "marker")
        self._expect(self.queue.run("promote", self.queue.keys.all(*parts), [self.queue.keys[""], self.id]), "delayed")

    def remove(self) -> None:
        """Remove it, unless it runs. Raises JobNotFound, JobLocked."""
        self.queue.remove(self.id)

    def update_progress(self, progress: Any) -> None:
        """Replace the progress. Raises JobNotFound."""
        self.queue.update_progress(self.id, progress)

    def update_data(self, data: Any) -> None:
        """Replace the data. Raises JobNotFound."""
        self.queue.update_data(self.id, data)

    def log(self, line: str) -> int:
        """Add a line to its log; returns how many there are. Raises JobNotFound."""
        return self.queue.log(self.id, line, self.opts.get("keepLogs"))

    def get_logs(self) -> list[str]:
        """Its log lines, oldest first."""
        return self.queue.get_logs(self.id)

    def change_delay(self, delay_ms: int) -> None:
        """A delayed job is due that long from now. Raises WrongState if it is not delayed."""
        keys = self.queue.keys.all("delayed", "meta", "marker", "events")
        args = [delay_ms, self.queue.now_ms(), self.id, self.queue.keys[self.id]]
        self._expect(self.queue.run("changeDelay", keys, args), "delayed")

    def change_priority(self, priority: int) -> None:
        """A waiting job gets another priority; 0 comes before all others. Raises JobNotFound."""
        parts = ("wait", "paused", "meta", "prioritized", "active", "pc", "marker")
        args = [priority, self.queue.keys[""], self.id, 0]
        self._expect(self.queue.run("changePriority", self.queue.keys.all(*parts), args), "waiting")

    def children_values(self) -> dict[str, Any]:
        """What its completed children returned, by their keys."""
        processed: Mapping[str, str] = self.queue.redis.hgetall(f"{self.queue.keys[self.id]}:processed")  # type: ignore[assignment]  # replies are decoded
        return {key: decode_json(value) for key, value in processed.items()}

    def ignored_failures(self) -> dict[str, str]:
        """Why children failed that the job was told to do without, by their keys."""
        failures: dict[str, str] = self.queue.redis.hgetall(f"{self.queue.keys[self.id]}:failed")  # type: ignore[assignment]  # replies are decoded
        return failures

    def cancel(self, reason: str) -> None:
        """End it for good, wherever it is: waiting, delayed or running in any process. Raises JobNotFound."""
        self.queue.cancel(self.id, reason)

    def wait_until_finished(self, timeout_s: float) -> Any:
        """What it returns, as soon as it has. Raises JobFailed with its reason, TimeoutError, JobNotFound."""
        from app.broker.events import wait_for_end

        deadline = time.monotonic() + timeout_s
        return wait_for_end(self, deadline)

    def outcome(self) -> Any:
        """The return value of a completed job. Raises JobFailed for a failed one, BrokerError for one that runs."""
        if self.finished_on is None:
            raise BrokerError(f"job {self.id!r} in queue {self.queue.name!r} has not ended yet")
        if not self.has_returned:
            raise JobFailed(self.queue.name, self.id, self.failed_reason or "")
        return self.return_value

    def _expect(self, reply: int, state: str, ok: int = 0) -> None:
        if reply == NOT_IN_STATE:
            raise WrongState(self.queue.name, self.id, self.state(), state)
        if reply != ok:
            raise JobNotFound(self.queue.name, self.id)


def _priority(job: Job) -> list[str]:
    return job.queue.keys.all("prioritized", "pc")


def integer(text: str | None) -> int | None:
    """The whole number of a field, as any producer may have written it; None where it holds none."""
    if not text:
        return None
    try:
        return int(text) if text.isdecimal() else int(float(text))
    except (ValueError, OverflowError):
        return None
