"""All metrics as Prometheus reads them. A part that is away costs its own metrics, and is counted as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import db
from app.broker.recorder import RecorderUnavailable
from app.clock import utc_now
from app.metrics.counted import Counted, count_budgets, count_users
from app.metrics.jobs import finding_metrics, job_metrics
from app.metrics.standing import ledger_metrics, queue_metrics

log = structlog.get_logger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def from_ledger() -> Iterator[Metric]:
    """What is in SQL."""
    with db.reading() as session:
        yield from job_metrics(session)
        yield from finding_metrics(session)
        yield from ledger_metrics(session, utc_now())


PARTS: dict[str, Callable[[], Iterable[Metric]]] = {
    "ledger": from_ledger,
    "queues": queue_metrics,
    "users": Counted(count_users),
    "budgets": Counted(count_budgets),
}


class Parts(Collector):
    """Each part whole, or not at all."""

    def collect(self) -> Iterator[Metric]:
        """Every part's metrics, and which parts answered."""
        up = GaugeMetricFamily("toril_metrics_up", "1 for each part whose metrics are here.", labels=("part",))
        for name, part in PARTS.items():
            found: list[Metric] = []
            try:
                found = list(part())
            except (RedisError, SQLAlchemyError, RecorderUnavailable) as error:
                log.warning("metrics.away", part=name, error=type(error).__name__)
            up.add_metric((name,), bool(found))
            yield from found
        yield up


def exposition() -> bytes:
    """Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Parts())
    return generate_latest(registry)
