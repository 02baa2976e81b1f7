"""Raw events come in: each once under its caller's own id, however often it is sent (document 003)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy.orm import Session

from app.domains.publishers.errors import EventRefused
from app.ledger.upsert import inserting
from app.models.ad_event import EVENT_ID_LENGTH, AdEvent
from app.models.publisher import Publisher

#: What a caller's clock may be ahead of ours.
AHEAD = timedelta(minutes=5)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
#: Of one event; ten million of them still fit a sum of millionths in 64 bits.
MOST_REVENUE = 100_000


def _no_number(value: Any) -> Any:
    """JSON's numbers are floats to many: no money, and no moment."""
    if isinstance(value, int | float):
        raise ValueError("must be a text")
    return value


Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Moment = Annotated[AwareDatetime, BeforeValidator(_no_number), Field(strict=False)]
Amount = Annotated[Decimal, BeforeValidator(_no_number), Field(strict=False, ge=0, le=MOST_REVENUE, decimal_places=6)]


class NewEvent(BaseModel):
    """What a publisher tells of its pages: amounts are texts, ``"0.0125"``."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True, strict=True)

    id: Annotated[str, Field(min_length=1, max_length=EVENT_ID_LENGTH, pattern=r"^[\x21-\x7e]+$")]
    occurred_at: Moment
    requests: Count = 0
    impressions: Count = 0
    clicks: Count = 0
    revenue: Amount = Decimal(0)
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]


def add_events(session: Session, publisher: Publisher, events: Sequence[NewEvent], now: datetime) -> int:
    """How many were new. All or none: raises EventRefused, naming the first that cannot be and why."""
    for number, event in enumerate(events):
        _check(number, event, publisher, now)
    added = inserting(session.connection(), AdEvent).on_conflict_do_nothing().returning(AdEvent.event_id)
    return len(session.execute(added, list(_rows(publisher, events, now))).all()) if events else 0


def _check(number: int, event: NewEvent, publisher: Publisher, now: datetime) -> None:
    if event.currency != publisher.currency:
        raise EventRefused(number, "currency", f"is {event.currency}, and {publisher.id}'s is {publisher.currency}")
    if event.occurred_at > now + AHEAD:
        raise EventRefused(number, "occurredAt", f"is in the future: here it is {now:%Y-%m-%dT%H:%M:%SZ}")
    if event.occurred_at < EARLIEST:
        raise EventRefused(number, "occurredAt", f"is before {EARLIEST:%Y-%m-%d}")


def _rows(publisher: Publisher, events: Iterable[NewEvent], now: datetime) -> Iterable[dict[str, Any]]:
    for event in events:
        yield {
            "publisher_id": publisher.id,
            "event_id": event.id,
            "received_at": now,
            "delay_s": max(int((now - event.occurred_at).total_seconds()), 0),
            **event.model_dump(exclude={"id"}),
        }
