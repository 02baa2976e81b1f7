"""Real worker processes with real keepers, on short leases."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from redis import Redis

from app.broker.connection import connect
from app.broker.deathwatch import DeathWatch
from app.broker.keys import QueueKeys, keeper_beat
from app.broker.scripts import scripts
from tests.servers import RedisServer, redis_server, wait_for

PREFIX = "bullmq"
QUEUE = "user-updates"
LOCK_MS = 1_500
#: A lease that is not over while a test waits: what happens before does not come of its end.
LONG_MS = 60_000
HOME = Path(__file__).parents[3]


def is_dead(pid: int) -> bool:
    """Whether this process has ended."""
    watch = DeathWatch(pid)
    try:
        return watch.dead()
    finally:
        watch.close()


class WorkerProcess:
    """A scripted worker (``worker.py``) and its keeper."""

    def __init__(self, url: str, name: str, *, under_master: bool = False, **options: Any) -> None:
        self.name = name
        words = [PREFIX, json.dumps({"url": url, "worker": name, "lock_ms": LOCK_MS} | options)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.broker.keeper.worker", *words, *(["under-master"] if under_master else [])],
            cwd=HOME,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid: int = self.tell("pid")
        self.keeper: int = self.tell("keeper_pid")

    def tell(self, order: str, *words: Any) -> Any:
        """Give one order of ScriptedWorker; its reply, or None if it died of it."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([order, *words]) + "\n")
        self.process.stdin.flush()
        reply = self.process.stdout.readline()
        return json.loads(reply) if reply else None

    def claim(self) -> str:
        """Claim the next job; its id."""
        job_id: str = self.tell("claim", QUEUE)
        assert job_id, "no job to claim"
        return job_id

    def run(self, hard_limit_ms: int | None = None) -> str:
        """Claim the next job and start it; its id."""
        job_id = self.claim()
        self.tell("start", QUEUE, job_id, hard_limit_ms)
        return job_id

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)

    def has_new_keeper(self) -> bool:
        """Whether its keeper is another one than before."""
        return bool(self.tell("keeper_pid") != self.keeper)

    def end(self) -> None:
        """End it, and see its keeper go too."""
        if not is_dead(self.pid):
            self.keeper = self.tell("keeper_pid")
            os.kill(self.pid, signal.SIGKILL)
        self.process.communicate()
        if not is_dead(self.keeper):
            os.kill(self.keeper, signal.SIGCONT)
        wait_for(lambda: is_dead(self.keeper), f"keeper {self.keeper} to follow its worker")


StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def start_worker(redis_url: str) -> Iterator[StartWorker]:
    """Starts a scripted worker; options as those of Leases. Returns when its keeper has reached Redis, or at once."""
    workers: list[WorkerProcess] = []

    def start(url: str = redis_url, *, at_once: bool = False, **options: Any) -> WorkerProcess:
        worker = WorkerProcess(url, f"w{len(workers) + 1}", **options)
        workers.append(worker)
        if not at_once:
            wait_for(lambda: connect(url).exists(keeper_beat(PREFIX, worker.name)), "the keeper to reach Redis")
        return worker

    yield start
    for worker in workers:
        worker.end()


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test, which may kill it. Ask for it before ``start_worker``."""
    with redis_server(tmp_path) as server:
        server.sync_always()
        yield server


class QueueInRedis:
    """The queue as BullMQ's layout shows it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.keys = QueueKeys(PREFIX, QUEUE)

    def add(self, job_id: str, priority: int = 0) -> None:
        """BullMQ's own add."""
        packed = msgpack.packb([self.keys.base, job_id, "update", 1, None, None, None, None, None])
        args = [packed, "{}", msgpack.packb({"priority": priority} if priority else {})]
        if priority:
            parts = ("marker", "meta", "id", "prioritized", "delayed", "completed", "active", "events", "pc")
            scripts(self._redis).run("addPrioritizedJob", self.keys.all(*parts), args)
        else:
            parts = ("wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker")
            scripts(self._redis).run("addStandardJob", self.keys.all(*parts), args)

    def waiting(self) -> list[str]:
        """In the order in which they will be claimed."""
        ids: list[str] = self._redis.lrange(self.keys["wait"], 0, -1)  # type: ignore[assignment]
        return ids[::-1]

    def prioritized(self) -> list[str]:
        """In the order in which they will be claimed."""
        ids: list[str] = self._redis.zrange(self.keys["prioritized"], 0, -1)  # type: ignore[assignment]
        return ids

    def active(self) -> list[str]:
        """The claimed jobs, newest first."""
        ids: list[str] = self._redis.lrange(self.keys["active"], 0, -1)  # type: ignore[assignment]
        return ids

    def lock(self, job_id: str) -> str | None:
        """The token that locks the job."""
        token: str | None = self._redis.get(self.keys.lock(job_id))  # type: ignore[assignment]
        return token

    def crashes(self, job_id: str) -> int:
        """How many were charged to the job."""
        return int(self._field(job_id, "stc") or 0)

    def verdict(self, job_id: str) -> str | None:
        """The reason for which its next claim fails it."""
        return self._field(job_id, "defa")

    def has_marker(self) -> bool:
        """Whether a blocked worker would wake."""
        return self._redis.zscore(self.keys["marker"], "0") is not None

    def events(self, job_id: str) -> list[str]:
        """What listeners were told of the job."""
        entries: list[tuple[str, dict[str, str]]] = self._redis.xrange(self.keys["events"])  # type: ignore[assignment]
        return [fields["event"] for _, fields in entries if fields.get("jobId") == job_id]

    def _field(self, job_id: str, name: str) -> str | None:
        value: str | None = self._redis.hget(self.keys[job_id], name)  # type: ignore[assignment]
        return value


@pytest.fixture
def queue(redis: Redis) -> QueueInRedis:
    """The test's queue, empty."""
    return QueueInRedis(redis)
