"""Raw events over the API: each once, all or none, by a publisher's members alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app import db
from app.api.publisher_events import MAX_BATCH_BYTES, MOST_EVENTS
from app.clock import utc_now
from app.domains.publishers.accounts import add_member
from app.models.ad_event import AdEvent
from app.models.user import Role
from tests.api.conftest import Called, Caller
from tests.domains.publishers.conftest import add_publisher

EVENTS = "/api/v1/publishers/pub-1/events"
SHOWN = {
    "id": "e-1",
    "occurredAt": "2026-01-01T10:00:00+01:00",
    "requests": 3,
    "impressions": 2,
    "clicks": 1,
    "revenue": "0.012345",
    "currency": "USD",
}


@pytest.fixture
def member(as_: Called) -> Caller:
    """A member of pub-1, whose revenue is in US dollars; pub-2 is somebody else's."""
    add_publisher()
    add_publisher("pub-2")
    caller = as_()
    with db.session() as session:
        add_member(session, "pub-1", caller.id)
    return caller


def kept() -> list[AdEvent]:
    """All events, by publisher and id."""
    with db.reading() as session:
        return list(session.scalars(select(AdEvent).order_by(AdEvent.publisher_id, AdEvent.event_id)))


def test_events_are_added_once_however_often_they_are_sent(member: Caller) -> None:
    """Also twice in one batch; what stands is never changed."""
    other = {**SHOWN, "id": "e-2", "clicks": 0, "revenue": "0"}

    first = member.post(EVENTS, json={"events": [SHOWN, other, SHOWN]})
    again = member.post(EVENTS, json={"events": [{**SHOWN, "clicks": 9}, {**SHOWN, "id": "e-3"}]})

    assert (first.status_code, first.get_json()["data"]) == (201, {"added": 2, "known": 1})
    assert again.get_json()["data"] == {"added": 1, "known": 1}
    one = kept()[0]
    assert [row.event_id for row in kept()] == ["e-1", "e-2", "e-3"]
    assert (one.requests, one.impressions, one.clicks, one.revenue) == (3, 2, 1, Decimal("0.012345"))
    assert one.occurred_at == datetime(2026, 1, 1, 9, tzinfo=UTC)
    assert one.delay_s == int((one.received_at - one.occurred_at).total_seconds())


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"currency": "EUR"}, "events.1.currency: is EUR, and pub-1's is USD"),
        ({"currency": "usd"}, "events.1.currency: String should match pattern '^[A-Z]{3}$'"),
        ({"revenue": 0.1}, "events.1.revenue: Value error, must be a text"),
        ({"revenue": "0.0000001"}, "events.1.revenue: Decimal input should have no more than 6 decimal places"),
        ({"revenue": "-1"}, "events.1.revenue: Input should be greater than or equal to 0"),
        ({"revenue": "NaN"}, "events.1.revenue: Input should be a finite number"),
        ({"clicks": -1}, "events.1.clicks: Input should be greater than or equal to 0"),
        ({"clicks": "1"}, "events.1.clicks: Input should be a valid integer"),
        ({"occurredAt": "2026-01-01T10:00:00"}, "events.1.occurredAt: Input should have timezone info"),
        ({"occurredAt": 1}, "events.1.occurredAt: Value error, must be a text"),
        ({"occurredAt": "1999-12-31T00:00:00Z"}, "events.1.occurredAt: is before 2000-01-01"),
        ({"occurredAt": (utc_now() + timedelta(hours=1)).isoformat()}, "events.1.occurredAt: is in the future"),
        ({"id": "two words"}, "events.1.id: String should match pattern"),
        ({"odd": 1}, "events.1.odd: Extra inputs are not permitted"),
    ],
)
def test_a_batch_with_one_bad_event_adds_none_and_names_its_field(
    member: Caller, changed: dict[str, Any], fault: str
) -> None:
    """The good ones before it wait for the batch that is mended."""
    refused = member.post(EVENTS, json={"events": [SHOWN, {**SHOWN, "id": "e-2", **changed}]})

    assert refused.status_code == 400
    assert refused.get_json()["error"].startswith(fault)
    assert kept() == []


def test_a_batch_may_be_longer_than_other_bodies_and_has_its_own_end(member: Caller) -> None:
    """5,000 events and two megabytes."""
    batch = [{**SHOWN, "id": f"e-{number:04}"} for number in range(MOST_EVENTS)]

    full = member.post(EVENTS, json={"events": batch})
    over = member.post(EVENTS, json={"events": [*batch, SHOWN]})
    long = member.post(EVENTS, data=b" " * (MAX_BATCH_BYTES + 1))
    deep = member.post(EVENTS, data=b"[" * 100_000 + b"]" * 100_000)

    assert (deep.status_code, deep.get_json()["error"]) == (400, "body: nested deeper than 20 levels")
    assert (full.status_code, full.get_json().get("data")) == (201, {"added": MOST_EVENTS, "known": 0})
    assert (over.status_code, long.status_code) == (400, 413)


def test_who_is_no_member_cannot_add_and_does_not_learn_of_the_publisher(member: Caller, as_: Called) -> None:
    """An operator can."""
    others = member.post("/api/v1/publishers/pub-2/events", json={"events": [SHOWN]})
    nobodys = member.post("/api/v1/publishers/pub-3/events", json={"events": [SHOWN]})
    operators = as_(Role.OPERATOR).post(EVENTS, json={"events": [SHOWN]})

    assert (others.status_code, nobodys.status_code, operators.status_code) == (404, 404, 201)
    assert others.get_json()["error"] == "no publisher 'pub-2'"
    assert [row.publisher_id for row in kept()] == ["pub-1"]
