"""The entry module of this suite's worker processes: ``dramatiq tests.faults.actors``."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import dramatiq

from app import clock, log
from app.broker.broker import BullMQBroker
from app.broker.current import RunningJob, current_job
from app.jobs.engine import is_guarded
from app.jobs.presence import Presence
from app.ledger.effect import effect
from app.ledger.recorder import Ledger
from app.settings import settings
from tests.faults import effects
from tests.faults.journal import Journal

QUEUE = "faults"
log.configure("json")
broker = BullMQBroker(
    settings().queue_redis_url,
    prefix=settings().queue_prefix,
    concurrency={QUEUE: int(os.environ["FAULTS_CONCURRENCY"])},
    recorder=Ledger(),
    guarded=lambda: is_guarded(settings().queue_prefix),
    lock_ms=int(os.environ["FAULTS_LOCK_MS"]),
    shutdown_grace_s=settings().shutdown_grace_s,
)
dramatiq.set_broker(broker)
clock.follow(broker.clock.known_ms)
broker.add_middleware(Presence())
journal = Journal(Path(os.environ["FAULTS_JOURNAL"]))

WAYS_TO_DIE: Mapping[str, Callable[[], object]] = MappingProxyType(
    {
        "exit": lambda: os._exit(3),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "segv": lambda: ctypes.string_at(0),
    }
)


class Flake(Exception):
    """This attempt fails on purpose."""


@contextmanager
def journalled() -> Iterator[RunningJob]:
    """The start and the end of a run, as they really were."""
    job = current_job()
    journal.write("start", job.id, detail=f"{job.start.run if job.start else 0}")
    try:
        yield job
    except BaseException as error:
        journal.write("end", job.id, detail=type(error).__name__)
        raise
    journal.write("end", job.id, detail="done")


@dramatiq.actor(queue_name=QUEUE)
def work(ms: int = 10, failures: int = 0) -> None:
    """Take so long, fail so many times, then have one effect."""
    with journalled() as job:
        time.sleep(ms / 1000)
        if job.claim.attempt <= failures:
            raise Flake(f"attempt {job.claim.attempt} of a job that fails {failures} times")
        with effect(job) as outcome:
            effects.leave(outcome.session, job)
        journal.write("effect", job.id)


@dramatiq.actor(queue_name=QUEUE)
def poison(way: str) -> None:
    """Kill the process that runs it."""
    with journalled():
        WAYS_TO_DIE[way]()


@dramatiq.actor(queue_name=QUEUE, time_limit=2_000)
def hog(s: int, after_ms: int) -> None:
    """Sleep in C without letting go of the interpreter: no other thread runs, and no exception arrives."""
    with journalled():
        time.sleep(after_ms / 1000)
        ctypes.PyDLL(None).sleep(s)
