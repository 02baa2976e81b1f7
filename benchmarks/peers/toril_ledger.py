"""This engine with its ledger on SQLite: every promise, start and end is a committed row."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from app.db import open_engine
from app.ledger.recorder import Ledger
from benchmarks.order import Due
from benchmarks.peers import QUEUE
from benchmarks.peers.toril import add_to, open_broker
from benchmarks.tables import empty_tables

TITLE = "Toril, ledger on SQLite"
CONCURRENCIES = (128, 192)
SHARE = 1.0
CANNOT: dict[str, str] = {}
PACKAGES = ("sqlalchemy",)

engine = open_engine(f"sqlite:///{os.environ['BENCH_DIRECTORY']}/ledger.db")
broker = open_broker(Ledger(engine=lambda: engine, confirm_within_s=1))


def clear() -> None:
    """An empty database."""
    empty_tables(engine)


def worker(concurrency: int) -> list[str]:
    """The dramatiq command on this module."""
    return [sys.executable, "-m", "dramatiq", f"{__name__}:broker", "-p", "1", "-t", str(concurrency)]


def add(job: str, due: Due) -> None:
    """Queue.add."""
    number, delay_s = due
    broker.queue(QUEUE).add("run", {"job": job, "number": number}, delay_ms=int(delay_s * 1000))


def add_bulk(job: str, dues: Sequence[Due]) -> None:
    """Queue.add_bulk."""
    add_to(broker, job, dues)
