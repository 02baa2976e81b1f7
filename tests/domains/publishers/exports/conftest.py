"""A publisher with rows to export, and a worker that exports them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from dramatiq import Worker

from app.broker.queue import Queue
from app.domains.publishers.exports.make import export_data
from app.jobs.actor import actor
from app.jobs.catalog import EXPORT_DATA
from app.jobs.engine import broker
from app.jobs.payloads import ExportData
from app.models.ad_event import AdEvent
from app.models.rollup import Rollup
from app.settings import settings
from tests.domains.publishers.conftest import NINE
from tests.jobs import conftest as jobs
from tests.ledger.rows import all_rows
from tests.servers import wait_for

queue = jobs.queue
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def exports(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """EXPORT_DIR, in which there is nothing yet."""
    monkeypatch.setenv("EXPORT_DIR", str(tmp_path / "exports"))
    settings.cache_clear()
    yield tmp_path / "exports"
    settings.cache_clear()


@contextmanager
def exporting(body: Callable[..., Any] | None = None) -> Iterator[None]:
    """A worker on data-export; at the end of the block every job has ended."""
    actor(EXPORT_DATA)(body or (lambda **asked: export_data(ExportData(**asked))))
    worker = Worker(broker(), queues={"data-export"}, worker_threads=2, worker_timeout=50)
    worker.start()
    try:
        yield
        wait_for(lambda: all(row.settled_at for row in all_rows()), "every export to end")
    finally:
        worker.stop()


def rollup(starts_at: datetime, impressions: int = 1_000, **fields: Any) -> Rollup:
    """A day of pub-1: 2,000 requests, 10 clicks, 2.50 dollars."""
    known = {
        "publisher_id": "pub-1",
        "granularity": "day",
        "ends_at": starts_at + DAY,
        "requests": 2_000,
        "clicks": 10,
        "revenue": Decimal("2.50"),
        "currency": "USD",
        "aggregated_at": NINE,
    }
    return Rollup(starts_at=starts_at, impressions=impressions, **{**known, **fields})


def event(event_id: str, occurred_at: datetime = FIRST, **fields: Any) -> AdEvent:
    """An impression of pub-1 that brought a tenth of a cent."""
    known = {
        "publisher_id": "pub-1",
        "received_at": occurred_at,
        "delay_s": 0,
        "requests": 1,
        "impressions": 1,
        "clicks": 0,
        "revenue": Decimal("0.001"),
        "currency": "USD",
    }
    return AdEvent(event_id=event_id, occurred_at=occurred_at, **{**known, **fields})
