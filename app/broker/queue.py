"""One queue, for whoever adds to it, looks at it or steers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgpack
from redis.client import Pipeline

from app.broker.errors import BrokerError, InvalidName, JobLocked, JobNotFound
from app.broker.job import Job, encode_json
from app.broker.keys import QueueKeys
from app.broker.options import Retention
from app.broker.recorder import NewJob
from app.broker.scripts import scripts

if TYPE_CHECKING:
    from app.broker.broker import BullMQBroker

STATES = ("waiting", "prioritized", "delayed", "active", "waiting-children", "completed", "failed")
#: One pipeline carries this many adds: a larger one would hold Redis for longer than a claim should wait.
BULK = 500


class Queue:
    """BullMQ's Queue on a broker's connection. Raises InvalidName for a name with a colon."""

    def __init__(self, name: str, *, broker: BullMQBroker) -> None:
        self.name = name
        self.keys = QueueKeys(broker.prefix, name)
        self._broker = broker
        self._redis = broker.redis
        self._scripts = scripts(broker.redis)

    # --- adding

    def add(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        job_id: str | None = None,
        delay_ms: int = 0,
        priority: int = 0,
        attempts: int = 1,
        backoff: Mapping[str, Any] | None = None,
        remove_on_complete: Retention | None = None,
        remove_on_fail: Retention | None = None,
        opts: Mapping[str, Any] | None = None,
    ) -> str:
        """Add one job; returns its id. An id that exists is left as it is, and returned.

        ``priority`` 0 comes before all others, then 1, 2 …; ``opts`` are further BullMQ options, as they are.
        """
        job = self.new_job(
            name,
            data,
            job_id=job_id,
            delay_ms=delay_ms,
            priority=priority,
            attempts=attempts,
            backoff=backoff,
            remove_on_complete=remove_on_complete,
            remove_on_fail=remove_on_fail,
            opts=opts,
        )
        self.add_bulk([job])
        return job.id

    def new_job(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        job_id: str | None = None,
        delay_ms: int = 0,
        priority: int = 0,
        attempts: int = 1,
        backoff: Mapping[str, Any] | None = None,
        remove_on_complete: Retention | None = None,
        remove_on_fail: Retention | None = None,
        opts: Mapping[str, Any] | None = None,
    ) -> NewJob:
        """A job that is ready to be added, with its id and its time, which name it for ever."""
        if job_id is not None and (not job_id or ":" in job_id):
            raise InvalidName("job id", job_id)
        merged = {
            "attempts": attempts,
            "delay": delay_ms,
            "priority": priority,
            "backoff": backoff,
            "removeOnComplete": remove_on_complete,
            "removeOnFail": remove_on_fail,
            **(opts or {}),
        }
        return NewJob(
            queue=self.name,
            id=job_id or self.next_ids(1)[0],
            name=name,
            data=data,
            added_ms=self._broker.clock.now_ms(),
            attempts=attempts,
            delay_ms=delay_ms,
            priority=priority,
            opts={key: value for key, value in merged.items() if value not in (None, 0)},
        )

    def next_ids(self, count: int) -> list[str]:
        """Fresh ids from the queue's own counter, which BullMQ's producers use too."""
        last = int(self._redis.incrby(self.keys["id"], count))
        return [str(number) for number in range(last - count + 1, last + 1)]

    def add_bulk(self, jobs: Sequence[NewJob]) -> list[str]:
        """Add many jobs; returns the ids of those that were added now. With a recorder, rows come first."""
        recorder = self._broker.recorder
        promised = list(recorder.before_add(jobs) if recorder else jobs)
        return self.add_recorded(promised)

    def add_recorded(self, jobs: Sequence[NewJob]) -> list[str]:
        """Add jobs whose promises are already on record, and confirm them."""
        added: list[str] = []
        for start in range(0, len(jobs), BULK):
            chunk = jobs[start : start + BULK]
            with self._redis.pipeline(transaction=False) as pipe:
                for job in chunk:
                    self._add(pipe, job)
                replies = pipe.execute()
            for job, reply in zip(chunk, replies, strict=True):
                if isinstance(reply, int) and reply < 0:
                    raise BrokerError(f"job {job.id!r} was not added to queue {self.name!r}: code {reply}")
            if self._broker.recorder:
                self._broker.recorder.added(chunk)
            added.extend(job.id for job in chunk)
        return added

    def _add(self, pipe: Pipeline, job: NewJob) -> None:
        header = [self.keys[""], job.id, job.name, job.added_ms, None, None, None, None, None]
        args = [msgpack.packb(header), encode_json(job.data), msgpack.packb(dict(job.opts))]
        if job.delay_ms:
            parts: tuple[str, ...] = ("marker", "meta", "id", "delayed", "completed", "events")
            self._scripts.run("addDelayedJob", self.keys.all(*parts), args, pipe)
        elif job.priority:
            parts = ("marker", "meta", "id", "prioritized", "delayed", "completed", "active", "events", "pc")
            self._scripts.run("addPrioritizedJob", self.keys.all(*parts), args, pipe)
        else:
            parts = ("wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker")
            self._scripts.run("addStandardJob", self.keys.all(*parts), args, pipe)

    # --- looking

    def get_job(self, job_id: str) -> Job | None:
        """A snapshot of the job; None if there is none."""
        fields: dict[str, str] = self._redis.hgetall(self.keys[job_id])  # type: ignore[assignment]  # replies are decoded
        return Job.from_hash(self.name, job_id, fields) if fields else None

    def job_state(self, job_id: str) -> str | None:
        """One of STATES; None for a job that does not exist."""
        parts = ("completed", "failed", "delayed", "active", "wait", "paused", "waiting-children", "prioritized")
        state: str = self._scripts.run("getStateV2", self.keys.all(*parts), [job_id])
        return None if state == "unknown" else state

    def get_job_counts(self) -> dict[str, int]:
        """How many jobs are in each of STATES."""
        stored = ["wait" if state == "waiting" else state for state in STATES]
        return dict(zip(STATES, self._scripts.run("getCounts", [self.keys[""]], stored), strict=True))

    def get_logs(self, job_id: str) -> list[str]:
        """The job's log lines, oldest first."""
        lines: list[str] = self._redis.lrange(self.keys.logs(job_id), 0, -1)  # type: ignore[assignment]  # replies are decoded
        return lines

    def get_workers(self) -> list[dict[str, str]]:
        """The connections that wait for this queue's jobs: Node's and ours, one per worker process."""
        name = self.keys.client_name()
        clients: list[dict[str, str]] = self._redis.client_list()
        return [client for client in clients if client["name"] == name or client["name"].startswith(f"{name}:w:")]

    # --- steering

    def pause(self) -> None:
        """Nothing is claimed any more, by any worker; running jobs finish."""
        self._set_paused(paused=True)

    def resume(self) -> None:
        """Jobs are claimed again."""
        self._set_paused(paused=False)

    def _set_paused(self, *, paused: bool) -> None:
        source, target = ("wait", "paused") if paused else ("paused", "wait")
        keys = self.keys.all(source, target, "meta", "prioritized", "events", "delayed", "marker")
        self._scripts.run("pause", keys, ["paused" if paused else "resumed", "1"])

    def is_paused(self) -> bool:
        """Whether the queue is paused."""
        return bool(self._redis.hexists(self.keys["meta"], "paused"))

    def remove(self, job_id: str) -> None:
        """Remove one job that is not running. Raises JobNotFound or JobLocked."""
        if not self._redis.exists(self.keys[job_id]):
            raise JobNotFound(self.name, job_id)
        if self._redis.exists(self.keys.lock(job_id)):
            raise JobLocked(self.name, job_id)
        if self._broker.recorder:
            self._broker.recorder.before_remove(self.name, [job_id])
        removed = self._scripts.run("removeJob", self.keys.all(job_id, "repeat"), [job_id, 0, self.keys[""]])
        if removed != 1:
            raise JobLocked(self.name, job_id)

    # --- what a running job writes of itself

    def update_progress(self, job_id: str, progress: Any) -> None:
        """Replace the progress and emit ``progress``. Raises JobNotFound."""
        self._must_exist(
            job_id,
            self._scripts.run(
                "updateProgress", self.keys.all(job_id, "events", "meta"), [job_id, encode_json(progress)]
            ),
        )

    def update_data(self, job_id: str, data: Any) -> None:
        """Replace the data. Raises JobNotFound."""
        self._must_exist(job_id, self._scripts.run("updateData", [self.keys[job_id]], [encode_json(data)]))

    def log(self, job_id: str, line: str) -> int:
        """Add a line to the job's log; returns how many it has. Raises JobNotFound."""
        keys = [self.keys[job_id], self.keys.logs(job_id)]
        return self._must_exist(job_id, self._scripts.run("addLog", keys, [job_id, line, ""]))

    def _must_exist(self, job_id: str, reply: int) -> int:
        if reply < 0:
            raise JobNotFound(self.name, job_id)
        return reply
