"""The entry module of worker programs that share queues: ``dramatiq tests.broker.sharing``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import dramatiq

from app.broker import grace
from app.broker.broker import BullMQBroker

# An unknown job is offered three more times, 15 s apart: nobody wants to wait for that here.
grace.WAIT_MS = 100

broker = BullMQBroker(os.environ["REDIS_URL"], prefix="test", concurrency={"work": 4}, shutdown_grace_s=1)
dramatiq.set_broker(broker)
DIARY = Path(os.environ["DIARY"])


@dramatiq.actor(queue_name="work")
def work(name: str, ms: int = 0) -> None:
    """Take so long, and write down when it really was."""
    began_at = time.time()
    time.sleep(ms / 1000)
    ended_at = time.time()
    with DIARY.open("a") as diary:
        diary.write(f"start {name} {os.getpid()} {began_at}\nend {name} {os.getpid()} {ended_at}\n")


@dramatiq.actor(queue_name="work")
def double(n: int) -> int:
    """Twice that."""
    if not isinstance(n, int):
        raise TypeError(f"n must be an integer, it is a {type(n).__name__}")
    return n * 2
