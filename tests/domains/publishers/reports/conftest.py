"""Two weeks of a publisher whose figures are known, and a worker that makes reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dramatiq import Worker

from app import db
from app.broker.queue import Queue
from app.domains.accounts.users import register
from app.domains.publishers.accounts import add_member
from app.domains.publishers.reports.make import generate_report
from app.jobs.actor import actor
from app.jobs.catalog import GENERATE_REPORT
from app.jobs.engine import broker
from app.jobs.payloads import GenerateReport
from app.settings import settings
from tests.domains.publishers.conftest import add_publisher
from tests.domains.publishers.events import add, told
from tests.jobs import conftest as jobs

queue = jobs.queue


@pytest.fixture
def folder(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """EXPORT_DIR, in which there is nothing yet."""
    monkeypatch.setenv("EXPORT_DIR", str(tmp_path / "exports"))
    settings.cache_clear()
    yield tmp_path / "exports"
    settings.cache_clear()


@pytest.fixture
def gazette(folder: Path) -> str:
    """In the week from Monday 5 January 1,200 were shown, of 1,600, for 3.60; in the week before 800; two members."""
    add_publisher("gazette", name="Gazette & <Sons>")
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    add(
        told(
            "before",
            at.replace(day=4),
            requests=1_000,
            impressions=800,
            clicks=10,
            revenue="4.8",
            publisher_id="gazette",
        ),
        told("monday", at, requests=1_000, impressions=800, clicks=20, revenue="2.4", publisher_id="gazette"),
        told(
            "sunday",
            at.replace(day=11),
            requests=600,
            impressions=400,
            clicks=10,
            revenue="1.2",
            publisher_id="gazette",
        ),
        told("after", at.replace(day=12), requests=9, impressions=9, clicks=9, revenue="9", publisher_id="gazette"),
    )
    with db.session() as session:
        for name in ("ada", "bob"):
            add_member(session, "gazette", register(session, f"{name}@example.com", "").id)
    return "gazette"


@pytest.fixture
def reporting(folder: Path) -> Iterator[None]:
    """A worker on the queue."""
    actor(GENERATE_REPORT)(lambda **asked: generate_report(GenerateReport(**asked)))
    worker = Worker(broker(), queues={"report-generation"}, worker_threads=2, worker_timeout=50)
    worker.start()
    yield
    worker.stop()
