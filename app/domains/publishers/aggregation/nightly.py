"""Every night, each publisher's day before is aggregated, at one o'clock in its own zone (S3-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.broker.recorder import NewJob
from app.clock import to_ms
from app.domains.publishers.every import for_every_publisher
from app.domains.publishers.priority import place
from app.jobs.catalog import AGGREGATE_EVENTS
from app.jobs.enqueue import enqueue_with, new_job
from app.jobs.payloads import MOST_DAYS, AggregateEvents
from app.models.ad_event import AdEvent
from app.models.publisher import Publisher
from app.models.rollup import GRANULARITIES

DAY = timedelta(days=1)
AT = time(1)
#: Events that were on their way while the last slot was looked at.
OVERLAP = timedelta(hours=1)


def promise_aggregations(slot: datetime) -> int:
    """Each publisher's jobs of one slot, due at its next 01:00; returns how many. The same slot promises them once.

    They cover the day before, and older days that have got events since the slot before.
    """

    def promise(session: Session, publishers: Sequence[Publisher]) -> int:
        jobs = list(_jobs(publishers, _oldest_news(session, publishers, slot), slot))
        enqueue_with(session, jobs)
        return len(jobs)

    return for_every_publisher(promise)


def _oldest_news(session: Session, publishers: Sequence[Publisher], slot: datetime) -> Mapping[str, datetime]:
    """By publisher, when the oldest of the events happened that have come since the slot before."""
    news = (AdEvent.received_at >= slot - DAY - OVERLAP, AdEvent.publisher_id.in_([one.id for one in publishers]))
    oldest = select(AdEvent.publisher_id, func.min(AdEvent.occurred_at)).where(*news).group_by(AdEvent.publisher_id)
    return dict(row for row in session.execute(oldest))


def _jobs(publishers: Sequence[Publisher], oldest: Mapping[str, datetime], slot: datetime) -> Iterator[NewJob]:
    for publisher in publishers:
        due, zone = next_one_oclock(slot, publisher.timezone), ZoneInfo(publisher.timezone)
        last = due.astimezone(zone).date() - DAY
        first = min(last, oldest.get(publisher.id, due).astimezone(zone).date())
        for granularity in GRANULARITIES:
            for start, end in _ranges(first, last, MOST_DAYS[granularity]):
                key = f"aggregate-{slot:%Y%m%d}-{granularity}-{publisher.id}-{end}"
                yield new_job(
                    AGGREGATE_EVENTS,
                    AggregateEvents(publisher_id=publisher.id, start_date=start, end_date=end, granularity=granularity),
                    job_id=key,
                    promise_key=key,
                    delay_ms=to_ms(due) - to_ms(slot),
                    priority=place(publisher),
                )


def next_one_oclock(slot: datetime, zone: str) -> datetime:
    """The first 01:00 there that is not before the slot, in UTC."""
    day = slot.astimezone(ZoneInfo(zone)).date()
    moments = (datetime.combine(day + n * DAY, AT, ZoneInfo(zone)).astimezone(UTC) for n in range(3))
    return next(moment for moment in moments if moment >= slot)


def _ranges(first: date, last: date, most: int) -> Iterator[tuple[date, date]]:
    """The days from first to last, the newest first, so many at a time."""
    end = last
    while end >= first:
        start = max(first, end - (most - 1) * DAY)
        yield start, end
        end = start - DAY
