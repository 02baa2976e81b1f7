"""Answers about a publisher that cost a look at many rows: each by its kind and the texts it depends on.

So whoever has the key of a cached answer can compute it again (S3-6).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import db
from app.broker.errors import Unrecoverable
from app.domains.publishers.accounts import find_publisher
from app.domains.publishers.buckets import buckets
from app.domains.publishers.metrics.calculate import metrics_of
from app.domains.publishers.metrics.formulas import FORMULAS, shown
from app.models.publisher_metric import MetricType
from app.models.rollup import Granularity, Rollup

#: Days of one answer, so that it is a page's worth.
MOST_DAYS: Mapping[str, int] = {"hour": 31, "day": 800, "week": 4_000, "month": 4_000}


class UnknownAnswer(Unrecoverable):
    """No answer has such a key."""

    def __init__(self, kind: str, parts: tuple[str, ...]) -> None:
        known = "; ".join(f"{name}: {', '.join(of)}" for name, (_, of) in KINDS.items())
        super().__init__(f"no answer {':'.join((kind, *parts))!r}; there are {known}")


def compute(kind: str, *parts: str) -> Any:
    """The answer as plain JSON. Raises UnknownAnswer, PublisherNotFound and NoSuchPeriod."""
    answer, of = KINDS.get(kind, (None, ()))
    if answer is None or len(parts) != len(of):
        raise UnknownAnswer(kind, parts)
    try:
        with db.reading() as session:
            return answer(session, *parts)
    except ValueError:
        raise UnknownAnswer(kind, parts) from None


def check_range(granularity: str, first: date, last: date) -> None:
    """Raises ValueError for what is too long for one answer, and for what ends before it begins."""
    most = MOST_DAYS.get(granularity, 0)
    if not timedelta(0) <= last - first < timedelta(days=most):
        raise ValueError(f"by {granularity}, ask for 1 to {most} days; endDate is not before startDate")


def _rollups(session: Session, publisher_id: str, granularity: str, first: str, last: str) -> dict[str, Any]:
    kind, start, end = cast("Granularity", granularity), date.fromisoformat(first), date.fromisoformat(last)
    check_range(kind, start, end)
    publisher = find_publisher(session, publisher_id)
    of = buckets(kind, start, end, publisher.timezone)
    mine = (Rollup.publisher_id == publisher_id, Rollup.granularity == kind)
    within = (Rollup.starts_at >= of[0].starts_at, Rollup.starts_at <= of[-1].starts_at)
    rows = session.scalars(select(Rollup).where(*mine, *within).order_by(Rollup.starts_at))
    return {
        "publisherId": publisher_id,
        "granularity": granularity,
        "currency": publisher.currency,
        "rollups": [_as_dict(row) for row in rows],
    }


def _as_dict(row: Rollup) -> dict[str, Any]:
    return {
        "startsAt": _iso(row.starts_at),
        "endsAt": _iso(row.ends_at),
        "requests": row.requests,
        "impressions": row.impressions,
        "clicks": row.clicks,
        "revenue": shown(row.revenue),
        "fillRate": shown(row.fill_rate),
        "ctr": shown(row.ctr),
        "ecpm": shown(row.ecpm),
    }


def _metrics(session: Session, publisher_id: str, metric_type: str, period: str) -> dict[str, Any]:
    if metric_type not in FORMULAS:
        raise ValueError(metric_type)
    found = metrics_of(session, find_publisher(session, publisher_id), cast("MetricType", metric_type), period)
    return {
        "publisherId": publisher_id,
        "metricType": metric_type,
        "period": period,
        "startsAt": _iso(found.bucket.starts_at),
        "endsAt": _iso(found.bucket.ends_at),
        "figures": found.figures,
    }


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


#: By kind: what computes it, and the parts of its key.
KINDS: Mapping[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "rollups": (_rollups, ("publisherId", "granularity", "startDate", "endDate")),
    "metrics": (_metrics, ("publisherId", "metricType", "period")),
}
