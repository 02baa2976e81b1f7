"""The bench that every workload runs on: a private Redis, a peer's producer and workers, and their marks."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from redis import Redis

from benchmarks import peers, processes
from benchmarks.order import Order

EVERY_S = 0.01
PRODUCER_TIMEOUT_S = 900


class RunFailed(Exception):
    """This run gave no figures; the reason says why."""


class ProducerFailed(RunFailed):
    """The producer process ended with an error."""

    def __init__(self, error: str) -> None:
        super().__init__(f"the producer failed: {error.strip().splitlines()[-1] if error.strip() else 'silently'}")


class TookTooLong(RunFailed):
    """The marks that were waited for did not come in time."""

    def __init__(self, got: int, wanted: int, within_s: float) -> None:
        super().__init__(f"{got} of {wanted} within {within_s:g} s")


@dataclass(frozen=True)
class Mark:
    """One line that a job wrote: see ``jobs.py``."""

    ran_ms: float
    due_ms: float
    pid: int


class Bench:
    """One run of one peer; empty at its start."""

    def __init__(self, peer: str, redis: psutil.Process, directory: Path) -> None:
        self.peer = peer
        self.client = Redis.from_url(peers.redis_url())
        self.directory = directory
        self._redis = redis
        self._marks = directory / "marks"
        self._marks.unlink(missing_ok=True)
        peers.clear(peer)
        self.client.flushall()

    def close(self) -> None:
        """Let Redis go, and everything in it."""
        self.client.flushall()
        self.client.close()

    def produce(self, order: Order) -> dict[str, float]:
        """Carry out an order in a process of its own; returns its ``seconds`` and ``cpu_s``."""
        command = peers.producer_command(self.peer, order)
        done = subprocess.run(command, capture_output=True, text=True, timeout=PRODUCER_TIMEOUT_S, check=False)
        if done.returncode:
            raise ProducerFailed(done.stderr)
        spent: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return spent

    @contextmanager
    def worker(self, concurrency: int, total: int = 0, held_s: float = 0) -> Iterator[psutil.Process]:
        """One worker process for the length of the block.

        ``total`` is the run that ``count`` and ``io`` mark, ``held_s`` what ``hold`` takes.
        """
        env = os.environ | {
            "BENCH_CONCURRENCY": str(concurrency),
            "BENCH_MARKS": str(self._marks),
            "BENCH_TOTAL": str(total),
            "BENCH_HELD_S": str(held_s),
        }
        command = peers.load(self.peer).worker(concurrency)
        with processes.running(command, env, self.directory / "workers.log") as process:
            yield process

    def marks(self) -> list[Mark]:
        """The jobs' marks so far, in order."""
        with contextlib.suppress(FileNotFoundError):
            lines = self._marks.read_text().splitlines()
            return [Mark(float(ran), float(due), int(pid)) for ran, due, pid in map(str.split, lines)]
        return []

    def wait_for_marks(self, count: int, within_s: float) -> list[Mark]:
        """Return as soon as there are so many. Raises TookTooLong."""
        deadline = time.monotonic() + within_s
        while len(marks := self.marks()) < count:
            if time.monotonic() > deadline:
                raise TookTooLong(len(marks), count, within_s)
            time.sleep(EVERY_S)
        return marks

    def redis_cpu_s(self) -> float:
        """CPU seconds of Redis so far."""
        return processes.cpu_s(self._redis)

    def redis_bytes(self) -> int:
        """Bytes of its data."""
        return int(self.client.info("memory")["used_memory_dataset"])
