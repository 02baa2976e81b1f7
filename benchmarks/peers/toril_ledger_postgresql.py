"""This engine with its ledger on PostgreSQL, in the database ``BENCH_POSTGRES_URL`` (``postgresql+psycopg://…``)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from app.db import open_engine
from app.ledger.recorder import Ledger
from app.models.job_status import JobStatus
from benchmarks.order import Due
from benchmarks.peers import QUEUE
from benchmarks.peers.toril import add_to, open_broker

if "BENCH_POSTGRES_URL" not in os.environ:
    raise ImportError("BENCH_POSTGRES_URL is not set: it takes a PostgreSQL server")

TITLE = "Toril, ledger on PostgreSQL"
CONCURRENCIES = (64, 128, 192)
SHARE = 1.0
CANNOT: dict[str, str] = {}
PACKAGES = ("sqlalchemy", "psycopg")

engine = open_engine(os.environ["BENCH_POSTGRES_URL"])
JobStatus.metadata.create_all(engine, checkfirst=True)
broker = open_broker(Ledger(engine=lambda: engine, confirm_within_s=1))


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
