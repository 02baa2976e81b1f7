"""One queue, for whoever adds to it, looks at it or steers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Literal, Unpack

from app.broker import schedulers, told
from app.broker.adding import queue_add, queue_counts
from app.broker.batches import add_in_chunks, add_many, may_be_added
from app.broker.cancel import cancel
from app.broker.errors import BrokerError, InvalidName, JobLocked, JobNotFound, NextOfScheduler
from app.broker.job import Job, encode_json
from app.broker.job_options import JobOptions, documented
from app.broker.keys import QueueKeys
from app.broker.recorder import NewJob
from app.broker.schedulers import JobScheduler, Repeat
from app.broker.scripts import scripts
from app.broker.steering import set_limits, set_paused

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

State = Literal["waiting", "prioritized", "delayed", "active", "waiting-children", "completed", "failed"]
STATES: tuple[State, ...] = ("waiting", "prioritized", "delayed", "active", "waiting-children", "completed", "failed")
NOT_STARTED: tuple[State, ...] = ("waiting", "prioritized", "delayed")
#: One pipeline carries this many adds: a larger one would hold Redis for longer than a claim should wait.
BULK = 500
#: One script call moves or removes this many jobs, for the same reason.
STEP = 1_000
NEVER_MS = 2**53


class Queue:
    """BullMQ's Queue on a broker's connection. Raises InvalidName for a name with a colon."""

    def __init__(self, name: str, *, broker: BullMQBroker) -> None:
        self.name = name
        self.keys = QueueKeys(broker.prefix, name)
        self.redis = broker.redis
        self._broker = broker
        self._scripts = scripts(broker.redis)

    def run(self, script: str, keys: list[str], args: list[Any]) -> Any:
        """The reply of one script call on this queue."""
        return self._scripts.run(script, keys, args)

    def now_ms(self) -> int:
        """Redis's time."""
        return self._broker.clock.now_ms()

    # --- adding

    def add(
        self, name: str, data: Mapping[str, Any], *, job_id: str | None = None, **options: Unpack[JobOptions]
    ) -> str:
        """Add one job; returns its id. An id that exists is left as it is, and returned. Raises InvalidName."""
        job = self._job(_checked(job_id), name, data, options)
        if self._broker.recorder is None and self._at_once([job]):
            (given,) = add_many(self._scripts, self.keys, [job])
            if given:
                told.added([replace(job, id=given)])
            return given or job.id
        job = job if job.id else replace(job, id=self.next_ids(1)[0])
        self.add_bulk([job])
        return job.id

    def new_job(
        self, name: str, data: Mapping[str, Any], *, job_id: str | None = None, **options: Unpack[JobOptions]
    ) -> NewJob:
        """A job that is ready to be added, with its id and its time, which name it for ever. Raises InvalidName."""
        return self._job(_checked(job_id) or self.next_ids(1)[0], name, data, options)

    def _job(self, job_id: str, name: str, data: Mapping[str, Any], options: JobOptions) -> NewJob:
        return NewJob(
            queue=self.name,
            id=job_id,
            name=name,
            data=data,
            added_ms=self.now_ms(),
            attempts=options.get("attempts", 1),
            delay_ms=options.get("delay_ms", 0),
            priority=options.get("priority", 0),
            opts=documented(options),
        )

    def next_ids(self, count: int) -> list[str]:
        """Fresh ids from the queue's own counter, which BullMQ's producers use too."""
        last = int(self.redis.incrby(self.keys["id"], count))
        return [str(number) for number in range(last - count + 1, last + 1)]

    def add_bulk(self, jobs: Iterable[NewJob]) -> list[str]:
        """Add many jobs; returns the ids of those that were added now. With a recorder, rows come first.

        Without one, a generator is read as the adds go on.
        """
        recorder = self._broker.recorder
        return self.add_recorded(recorder.before_add(list(jobs)) if recorder else jobs)

    def add_recorded(self, jobs: Iterable[NewJob]) -> list[str]:
        """Add jobs whose promises are already on record, and confirm them."""
        added: list[str] = []
        for chunk, standing in self._add(jobs):
            if recorder := self._broker.recorder:
                recorder.added([job for job in chunk if job.id in standing])
                if others := [job for job in chunk if job.id not in standing]:
                    recorder.not_added(others)
            told.added(job for job in chunk if job.id in standing)
            added.extend(job.id for job in chunk if job.id in standing)
        return added

    def _add(self, jobs: Iterable[NewJob]) -> Iterator[tuple[list[NewJob], set[str]]]:
        """Add them chunk by chunk; with each come the ids under which Redis now holds these very jobs.

        Another job may have the id already, or deduplication may keep another in its place.
        """
        for at_once, chunks in groupby(_chunks(jobs), key=self._at_once):
            if at_once:
                yield from add_in_chunks(self._scripts, self.keys, chunks)
            else:
                yield from ((chunk, self._add_one_by_one(chunk)) for chunk in chunks)

    def _at_once(self, jobs: Sequence[NewJob]) -> bool:
        return self._broker.batched and all(map(may_be_added, jobs))

    def _add_one_by_one(self, jobs: Sequence[NewJob]) -> set[str]:
        """BullMQ's own scripts, in one round trip."""
        come_back = any(job.attempts_made or job.crashes for job in jobs)  # not to be claimed without what is behind
        with self.redis.pipeline(transaction=come_back) as pipe:
            for job in jobs:
                queue_add(self._scripts, pipe, self.keys, job)
                queue_counts(pipe, self.keys, job)
            replies = pipe.execute()
        standing = set()
        for job, reply, timestamp in zip(jobs, replies[::2], replies[1::2], strict=True):
            if isinstance(reply, int) and reply < 0:
                raise BrokerError(f"job {job.id!r} was not added to queue {self.name!r}: code {reply}")
            if reply == job.id and timestamp in (None, str(job.added_ms)):
                standing.add(job.id)  # None: it was run, and trimmed, before we looked
        return standing

    # --- looking

    def get_job(self, job_id: str) -> Job | None:
        """A snapshot of the job; None if there is none."""
        fields: dict[str, str] = self.redis.hgetall(self.keys[job_id])  # type: ignore[assignment]  # replies are decoded
        return Job.from_hash(self, job_id, fields) if fields else None

    def get_jobs(self, states: Sequence[State], start: int = 0, end: int = 99, *, asc: bool = False) -> list[Job]:
        """Jobs in these states, ``start`` to ``end`` (included) of each, newest first unless ``asc``."""
        ids = [job_id for state in states for job_id in self._ids(state, start, end, asc=asc)]
        with self.redis.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hgetall(self.keys[job_id])
            return [
                Job.from_hash(self, job_id, fields)
                for job_id, fields in zip(ids, pipe.execute(), strict=True)
                if fields
            ]

    def _ids(self, state: State, start: int, end: int, *, asc: bool) -> list[str]:
        args = [start, end, "1" if asc else "0", _stored(state)]
        (ids,) = self.run("getRanges", [self.keys[""]], args)
        in_a_list = state in ("waiting", "active")
        return list(reversed(ids)) if asc and in_a_list else list(ids)

    def job_state(self, job_id: str) -> State | None:
        """One of STATES; None for a job that does not exist."""
        parts = ("completed", "failed", "delayed", "active", "wait", "paused", "waiting-children", "prioritized")
        state = self.run("getStateV2", self.keys.all(*parts), [job_id])
        return None if state == "unknown" else state

    def get_job_counts(self) -> dict[State, int]:
        """How many jobs are in each of STATES."""
        counts = self.run("getCounts", [self.keys[""]], [_stored(state) for state in STATES])
        return dict(zip(STATES, counts, strict=True))

    def count(self) -> int:
        """How many jobs have not been started: waiting, prioritized, delayed, or waiting for children."""
        counts = self.get_job_counts()
        return sum(counts[state] for state in (*NOT_STARTED, "waiting-children"))

    def get_logs(self, job_id: str) -> list[str]:
        """The job's log lines, oldest first."""
        lines: list[str] = self.redis.lrange(self.keys.logs(job_id), 0, -1)  # type: ignore[assignment]  # replies are decoded
        return lines

    def get_workers(self) -> list[dict[str, str]]:
        """The connections that wait for this queue's jobs: Node's and ours, one per worker process."""
        name = self.keys.client_name()
        clients: list[dict[str, str]] = self.redis.client_list()
        return [client for client in clients if client["name"] == name or client["name"].startswith(f"{name}:w:")]

    def get_metrics(self, state: Literal["completed", "failed"], start: int = 0, end: int = -1) -> dict[str, Any]:
        """Ends per minute, the newest first: {count, previous_ms, points}. Kept by workers that were told to."""
        keys = self.keys.all(f"metrics:{state}", f"metrics:{state}:data")
        (count, previous_ms, _), points, _ = self.run("getMetrics", keys, [start, end])
        return {"count": int(count or 0), "previous_ms": int(previous_ms or 0), "points": [int(p) for p in points]}

    # --- steering

    def pause(self) -> None:
        """Nothing is claimed any more, by any worker; running jobs finish."""
        self._before_setting("paused", True)
        set_paused(self, paused=True)

    def resume(self) -> None:
        """Jobs are claimed again."""
        self._before_setting("paused", None)
        set_paused(self, paused=False)

    def is_paused(self) -> bool:
        """Whether the queue is paused."""
        return bool(self.redis.hexists(self.keys["meta"], "paused"))

    def set_global_concurrency(self, limit: int | None) -> None:
        """At most this many jobs run at once in all workers together; None for no such limit."""
        if limit is not None and limit < 1:
            raise ValueError(f"global concurrency must be at least 1, it is {limit}; to stop the queue, pause it")
        self._before_setting("concurrency", limit)
        set_limits(self, {"concurrency": limit})

    def set_rate_limit(self, limit: int | None, duration_ms: int = 1_000) -> None:
        """At most this many jobs start in any window of that length, in all workers together; None for no limit."""
        if limit is not None and (limit < 1 or duration_ms < 1):
            raise ValueError(f"a rate limit needs at least 1 job in at least 1 ms, got {limit} in {duration_ms} ms")
        rate = None if limit is None else {"max": limit, "duration": duration_ms}
        self._before_setting("rate", rate)
        set_limits(self, rate or {"max": None, "duration": None})

    def _before_setting(self, name: str, value: Any) -> None:
        if self._broker.recorder:
            self._broker.recorder.before_setting(self.name, name, value)

    def drain(self, *, delayed: bool = False) -> None:
        """Remove every job that waits, on request the delayed ones too; running and ended jobs stay."""
        states: tuple[State, ...] = NOT_STARTED if delayed else ("waiting", "prioritized")
        for state in states:
            for ids in self._pages(state):
                self._before_remove(ids)
        parts = ("wait", "paused", "delayed", "prioritized", "repeat")
        self.run("drain", self.keys.all(*parts), [self.keys[""], "1" if delayed else "0"])

    def clean(self, grace_ms: int, limit: int = 0, state: State = "completed") -> list[str]:
        """Remove jobs of that state that are older than the grace; returns their ids. ``limit`` 0 is all.

        The age of an ended job counts from its end, of any other from its add.
        """
        before_ms = self.now_ms() - grace_ms
        removed: list[str] = []
        while not limit or len(removed) < limit:
            step = min(STEP, limit - len(removed)) if limit else STEP
            keys = self.keys.all(_stored(state), "events", "repeat")
            ids = self.run("cleanJobsInSet", keys, [self.keys[""], before_ms, step, _stored(state)])
            if not ids:
                break
            self._before_remove(ids)  # only the script knows which; for a moment they are merely absent
            removed.extend(ids)
        return removed

    def obliterate(self, *, force: bool = False) -> None:
        """Remove the queue with all its jobs. Raises BrokerError while jobs run, unless forced."""
        set_paused(self, paused=True)
        for state in STATES:
            for ids in self._pages(state):
                self._before_remove(ids)
        while (left := self.run("obliterate", self.keys.all("meta", ""), [STEP, "force" if force else ""])) != 0:
            if left < 0:
                raise BrokerError(f"queue {self.name!r} has running jobs; wait for them, or obliterate it by force")

    def retry_jobs(self, state: Literal["failed", "completed"] = "failed", before_ms: int | None = None) -> None:
        """Run every job of that state again that ended before that moment (Redis's time; now if it is not given)."""
        until_ms = before_ms or self.now_ms()
        for ids in self._pages(state):
            self.before_retry(ids)
        self._move_to_wait(state, until_ms)

    def promote_jobs(self) -> None:
        """Start every delayed job as soon as a worker is free."""
        self._move_to_wait("delayed", NEVER_MS)

    def _move_to_wait(self, state: State, until_ms: int) -> None:
        parts = ("", "events", state, "wait", "paused", "meta", "active", "marker")
        while self.run("moveJobsToWait", self.keys.all(*parts), [STEP, until_ms, state]):
            pass

    def remove(self, job_id: str) -> None:
        """Remove one job that is not running. Raises JobNotFound, JobLocked, NextOfScheduler."""
        if not self.redis.exists(self.keys[job_id]):
            raise JobNotFound(self.name, job_id)
        if self.redis.exists(self.keys.lock(job_id)):
            raise JobLocked(self.name, job_id)
        if scheduler_id := schedulers.owner(self, job_id):
            raise NextOfScheduler(job_id, scheduler_id)
        self._before_remove([job_id])
        if self.run("removeJob", self.keys.all(job_id, "repeat"), [job_id, 0, self.keys[""]]) != 1:
            raise JobLocked(self.name, job_id)

    def cancel(self, job_id: str, reason: str) -> None:
        """End one job for good, wherever it is, with this reason. Raises JobNotFound, WrongState if it has ended."""
        cancel(self._broker, self, job_id, reason)

    def before_retry(self, job_ids: Sequence[str]) -> None:
        """Tell the record that these ended jobs run again."""
        if self._broker.recorder:
            self._broker.recorder.before_retry(self.name, job_ids)

    def _before_remove(self, job_ids: Sequence[str]) -> None:
        if self._broker.recorder:
            self._broker.recorder.before_remove(self.name, job_ids)

    def _pages(self, state: State) -> Iterator[list[str]]:
        """All ids of a state, a page at a time, for the record; nothing without one."""
        start = 0
        while self._broker.recorder and (ids := self._ids(state, start, start + STEP - 1, asc=True)):
            yield ids
            start += STEP

    # --- jobs that come again

    def upsert_job_scheduler(
        self,
        scheduler_id: str,
        repeat: Repeat,
        *,
        name: str | None = None,
        data: Mapping[str, Any] | None = None,
        opts: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Add or replace a scheduler of jobs; the id of the next one, None if there is none.

        ``name`` is the scheduler's id where it is not given; ``opts`` are BullMQ's, for each job. A scheduler lives in
        Redis only, and the record sees its jobs when they are claimed. Raises ValueError for a pattern or a zone that
        does not exist, BrokerError if all its next times are taken.
        """
        return schedulers.upsert(
            self, scheduler_id, repeat, name=name or scheduler_id, data=data or {}, opts=opts or {}
        )

    def get_job_scheduler(self, scheduler_id: str) -> JobScheduler | None:
        """One scheduler; None if there is none."""
        return schedulers.find(self, scheduler_id)

    def get_job_schedulers(self, start: int = 0, end: int = -1) -> list[JobScheduler]:
        """Schedulers ``start`` to ``end`` (included), the one that is due next first."""
        return schedulers.find_all(self, start, end)

    def remove_job_scheduler(self, scheduler_id: str) -> bool:
        """Remove a scheduler and its next job; whether there was one. A job that runs goes on."""
        return schedulers.remove(self, scheduler_id)

    # --- what a running job writes of itself

    def update_progress(self, job_id: str, progress: Any) -> None:
        """Replace the progress and emit ``progress``. Raises JobNotFound."""
        keys = self.keys.all(job_id, "events", "meta")
        self._must_exist(job_id, self.run("updateProgress", keys, [job_id, encode_json(progress)]))
        told.progressed(self.name, job_id, progress)

    def update_data(self, job_id: str, data: Any) -> None:
        """Replace the data. Raises JobNotFound."""
        self._must_exist(job_id, self.run("updateData", [self.keys[job_id]], [encode_json(data)]))

    def log(self, job_id: str, line: str, keep: int | None = None) -> int:
        """Add a line to the job's log; the newest ``keep`` stay. Returns how many it has. Raises JobNotFound."""
        keys = [self.keys[job_id], self.keys.logs(job_id)]
        return self._must_exist(job_id, self.run("addLog", keys, [job_id, line, keep or ""]))

    def _must_exist(self, job_id: str, reply: int) -> int:
        if reply < 0:
            raise JobNotFound(self.name, job_id)
        return reply


def _stored(state: State) -> str:
    return "wait" if state == "waiting" else state


def _chunks(jobs: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    left = iter(jobs)
    while chunk := list(islice(left, BULK)):
        yield chunk


def _checked(job_id: str | None) -> str:
    if job_id is not None and (not job_id or ":" in job_id):
        raise InvalidName("job id", job_id)
    return job_id or ""
