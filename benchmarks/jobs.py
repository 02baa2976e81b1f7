"""The jobs that every peer runs, and the marks by which they say when they ran.

A mark is one line of the file ``BENCH_MARKS``: the time and the job's number (when it was due), both in ms since the
epoch, and the pid. ``count`` and ``io`` mark only the first and the ``BENCH_TOTAL``-th run, so that marking costs them
nothing. ``peers/bullmq_node.mjs`` has the same jobs.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from functools import lru_cache

IO_S = 0.010

_runs = itertools.count(1)


def run(job: str, number: float) -> None:
    """Run that job in a thread."""
    if job == "io":
        time.sleep(IO_S)
    _end(job, number)
    if job == "hold":
        time.sleep(_held_s())


async def run_async(job: str, number: float) -> None:
    """Run that job in an event loop."""
    if job == "io":
        await asyncio.sleep(IO_S)
    _end(job, number)
    if job == "hold":
        await asyncio.sleep(_held_s())


def _end(job: str, number: float) -> None:
    if job in ("count", "io"):
        run = next(_runs)
        if run in (1, _total()):
            mark(number)
        return
    mark(number)
    if job == "die":
        os.kill(os.getpid(), signal.SIGKILL)


def mark(number: float) -> None:
    """Write one line; whole, whoever else writes."""
    os.write(_marks(), f"{time.time() * 1000:.3f} {number:.3f} {os.getpid()}\n".encode())


@lru_cache
def _marks() -> int:
    return os.open(os.environ["BENCH_MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@lru_cache
def _total() -> int:
    return int(os.environ["BENCH_TOTAL"])


@lru_cache
def _held_s() -> float:
    return float(os.environ["BENCH_HELD_S"])
