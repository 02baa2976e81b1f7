"""The entry module of the worker processes that the crash tests kill: ``dramatiq tests.broker.crashing``."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import dramatiq
from dramatiq.middleware.threading import raise_thread_exception
from dramatiq.worker import WorkerThread

from app.broker.broker import BullMQBroker

broker = BullMQBroker(
    os.environ["REDIS_URL"],
    prefix="test",
    concurrency={"work": 4},
    lock_ms=int(os.environ.get("LOCK_MS", "10000")),
    shutdown_grace_s=1,
)
dramatiq.set_broker(broker)
DIARY = Path(os.environ["DIARY"])


def note(event: str, name: str) -> None:
    """One line a thing that really happened, in a file that no crash takes back."""
    with DIARY.open("a") as diary:
        diary.write(f"{event} {name} {os.getpid()} {time.time()}\n")


@dramatiq.actor(queue_name="work")
def hold(name: str, until: str) -> None:
    """Run until a file exists."""
    note("start", name)
    while not Path(until).exists():
        time.sleep(0.01)
    note("end", name)


@dramatiq.actor(queue_name="work")
def quick(name: str) -> None:
    """Run, and be done."""
    note("start", name)
    note("end", name)


@dramatiq.actor(queue_name="work")
def poison(name: str) -> None:
    """Kill the process that runs it."""
    note("start", name)
    os.kill(os.getpid(), signal.SIGKILL)


@dramatiq.actor(queue_name="work")
def break_settling(name: str) -> None:
    """Bring about an error that the thread which settles ends does not foresee."""
    note("start", name)
    del broker.engine.finisher._settler


@dramatiq.actor(queue_name="work")
def break_idle_thread(name: str) -> None:
    """End a thread that waits for jobs."""
    note("start", name)
    me = threading.current_thread()
    idle = next(t for t in threading.enumerate() if isinstance(t, WorkerThread) and t is not me)
    raise_thread_exception(idle.ident, SystemExit)


@dramatiq.actor(queue_name="work", time_limit=200)
def stuck(name: str) -> None:
    """Wait in C, where no exception arrives."""
    note("start", name)
    time.sleep(120)
