"""Events of publishers that have no pages: the same for the same slot, whoever makes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from app import db
from app.crontab.slots import slot_name
from app.domains.publishers.accounts import all_publishers
from app.domains.publishers.events import NewEvent, add_events
from app.models.publisher import Publisher

EVENTS = 20
SPAN = timedelta(minutes=15)
MICRO = Decimal("0.000001")


def add_demo_events(slot: datetime, now: datetime) -> int:
    """Twenty events of every publisher, of the quarter of an hour before the slot; returns how many were new."""
    with db.session() as session:
        publishers = session.scalars(all_publishers()).all()
        return sum(add_events(session, one, list(_events(one, slot)), now) for one in publishers)


def _events(publisher: Publisher, slot: datetime) -> Iterator[NewEvent]:
    """Ads asked for, most of them shown, few clicked; a thousand that are shown earn 1 to 6 of its currency."""
    chance = Random(f"{publisher.id} {slot_name(slot)}")  # noqa: S311 - no secret
    for number in range(EVENTS):
        requests = chance.randint(50, 500)
        impressions = sum(chance.random() < 0.8 for _ in range(requests))
        clicks = sum(chance.random() < 0.02 for _ in range(impressions))
        yield NewEvent(
            id=f"demo-{slot_name(slot)}-{number}",
            occurred_at=slot - SPAN * chance.random(),
            requests=requests,
            impressions=impressions,
            clicks=clicks,
            revenue=(Decimal(impressions) * chance.randint(1_000, 6_000) / 1_000_000).quantize(MICRO),
            currency=publisher.currency,
        )
