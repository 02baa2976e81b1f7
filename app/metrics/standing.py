"""How things stand at this moment: queues, workers, entries, alerts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.broker.backlog import backlog
from app.crontab.overdue import overdue
from app.jobs.catalog import queues
from app.jobs.engine import find_queue
from app.ledger.workers import SILENT_FOR, living
from app.models.alert import Alert, AlertState


def queue_metrics() -> Iterator[Metric]:
    """A few commands a queue, however long it is. Raises redis.RedisError."""
    jobs = GaugeMetricFamily("toril_queue_jobs", "Jobs of a queue by state.", labels=("queue", "state"))
    paused = GaugeMetricFamily("toril_queue_paused", "1 while nothing is claimed.", labels=("queue",))
    oldest = GaugeMetricFamily(
        "toril_queue_oldest_waiting_seconds", "For how long the oldest waiting job could have run.", labels=("queue",)
    )
    for name in queues():
        queue = find_queue(name)
        for state, count in queue.get_job_counts().items():
            jobs.add_metric((name, state), count)
        paused.add_metric((name,), queue.is_paused())
        oldest.add_metric((name,), backlog(queue, queue.now_ms()).oldest_ms / 1_000)
    yield from (jobs, paused, oldest)


def ledger_metrics(session: Session, now: datetime) -> Iterator[Metric]:
    """Small tables, and the index of the open rows."""
    workers = GaugeMetricFamily("toril_workers", "Processes that were heard of within 15 s.")
    workers.add_metric((), len(living(session.connection(), now - SILENT_FOR)))
    late = GaugeMetricFamily("toril_entries_overdue", "Crontab entries whose slot is late.")
    late.add_metric((), len(overdue(session, now)))
    alerts = GaugeMetricFamily("toril_alerts_firing", "Alerts that fire now.", labels=("rule",))
    firing = select(Alert.rule, func.count()).where(Alert.state == AlertState.FIRING).group_by(Alert.rule)
    for rule, count in session.execute(firing):
        alerts.add_metric((rule,), count)
    yield from (workers, late, alerts)
