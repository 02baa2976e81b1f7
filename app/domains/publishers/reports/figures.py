"""What a report says: a period's sums beside those of the period before, and its course by hour or by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from app.domains.publishers.buckets import Bucket, buckets
from app.domains.publishers.metrics.formulas import Figure, Sums, performance, revenue
from app.domains.publishers.metrics.sums import sums_of
from app.domains.publishers.periods import Period, period_before, period_of
from app.models.publisher import Publisher
from app.models.report import ReportType
from app.models.rollup import Granularity

#: By what the course of each kind is shown.
STEPS: dict[ReportType, Granularity] = {"daily": "hour", "weekly": "day", "monthly": "day"}


@dataclass(frozen=True, slots=True)
class Step:
    """An hour or a day of the course."""

    label: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class Reported:
    """``figures`` by their names in docs/analytics.md."""

    publisher: Publisher
    kind: ReportType
    period: Period
    figures: dict[str, Figure]
    course: list[Step]

    @property
    def title(self) -> str:
        """One day, or the first and the last."""
        days = str(self.period.first) if self.kind == "daily" else f"{self.period.first} to {self.period.last}"
        return f"{self.publisher.name}: {self.kind} report, {days}"


def gather(session: Session, publisher: Publisher, kind: ReportType, day: date) -> Reported:
    """From the events as they are, by the publisher's clock; every hour or day of the course, with events or not."""
    period, before = period_of(kind, day), period_before(kind, day)
    steps = buckets(STEPS[kind], period.first, period.last, publisher.timezone)
    days_before = buckets("day", *before, publisher.timezone)
    sums = sums_of(session, publisher, [*steps, *days_before])
    course = [sums[step] for step in steps]
    this, last = _sum(course), _sum([sums[day_before] for day_before in days_before])
    figures = performance(this, last) | revenue(this, last)
    labels = [_label(STEPS[kind], step, publisher.timezone) for step in steps]
    return Reported(publisher, kind, period, figures, [Step(*one) for one in zip(labels, course, strict=True)])


def _sum(of: Sequence[Sums]) -> Sums:
    return Sums(
        sum(one.requests for one in of),
        sum(one.impressions for one in of),
        sum(one.clicks for one in of),
        sum((one.revenue for one in of), Sums().revenue),
    )


def _label(granularity: Granularity, step: Bucket, zone: str) -> str:
    return f"{step.wall(zone):%H}" if granularity == "hour" else f"{step.wall(zone):%d}"
