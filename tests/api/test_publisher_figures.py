"""Figures over the API: cached, the same warm as cold, and by a publisher's members alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from app import db
from app.domains.publishers.accounts import add_member
from app.domains.publishers.aggregation.aggregate import roll_up
from app.domains.publishers.buckets import buckets
from app.models.publisher import Publisher
from app.models.user import Role
from app.settings import settings
from tests.api.conftest import Called, Caller
from tests.domains.publishers.conftest import NINE, add_publisher
from tests.domains.publishers.events import add, told
from tests.servers import free_port

PUBLISHERS = "/api/v1/publishers"
DAYS = f"{PUBLISHERS}/pub-1/rollups?granularity=day&startDate=2026-01-01&endDate=2026-01-02"


def aggregate(publisher: Publisher) -> None:
    """The first two days of 2026."""
    with db.session() as session:
        of = buckets("day", date(2026, 1, 1), date(2026, 1, 2), publisher.timezone)
        roll_up(session.connection(), publisher, "day", of, NINE)


@pytest.fixture
def member(as_: Called) -> Caller:
    """A member of pub-1, which has a day of figures; pub-2 is somebody else's."""
    publisher = add_publisher()
    add_publisher("pub-2", is_premium=True, currency="EUR")
    add(told("e-1", NINE, requests=1_600, impressions=1_200, clicks=30, revenue="3.6"))
    aggregate(publisher)
    caller = as_()
    with db.session() as session:
        add_member(session, "pub-1", caller.id)
    return caller


def test_rollups_are_shown_and_a_second_read_is_a_hit(member: Caller) -> None:
    """With the same body, though there is a new event meanwhile: an answer is up to ten minutes old."""
    cold = member.get(DAYS)
    add(told("e-2", datetime(2026, 1, 2, tzinfo=UTC)))
    warm = member.get(DAYS)

    assert cold.get_json()["data"] == {
        "publisherId": "pub-1",
        "granularity": "day",
        "currency": "USD",
        "rollups": [
            {
                "startsAt": "2026-01-01T00:00:00Z",
                "endsAt": "2026-01-02T00:00:00Z",
                "requests": 1_600,
                "impressions": 1_200,
                "clicks": 30,
                "revenue": "3.6",
                "fillRate": "0.75",
                "ctr": "0.025",
                "ecpm": "3",
            }
        ],
    }
    assert (cold.headers["X-Cache"], warm.headers["X-Cache"]) == ("miss", "hit")
    assert warm.data == cold.data


def test_metrics_are_those_of_the_events_as_they_are(member: Caller) -> None:
    """Of an hour that no aggregation has seen."""
    add(told("late", NINE, requests=400, impressions=300, clicks=0, revenue="0.15"))

    found = member.get(f"{PUBLISHERS}/pub-1/metrics/revenue?period=2026-01-01T09").get_json()["data"]

    assert (found["startsAt"], found["endsAt"]) == ("2026-01-01T09:00:00Z", "2026-01-01T10:00:00Z")
    assert (found["figures"]["revenue"], found["figures"]["ecpm"]) == ("3.75", "2.5")


@pytest.mark.parametrize(
    ("path", "status", "fault"),
    [
        ("pub-1/rollups?startDate=2026-01-02&endDate=2026-01-01", 400, "endDate is not before startDate"),
        (
            "pub-1/rollups?granularity=hour&startDate=2026-01-01&endDate=2026-03-01",
            400,
            "by hour, ask for 1 to 31 days",
        ),
        ("pub-1/rollups?startDate=soon&endDate=2026-03-01", 400, "startDate: Value error, not a date: 'soon'"),
        ("pub-1/rollups", 400, "startDate: Field required"),
        ("pub-1/metrics/revenue?period=today", 400, "period: Value error, give an hour '2026-01-31T09'"),
        ("pub-1/metrics/beauty?period=2026-01", 404, "no answer 'metrics:pub-1:beauty:2026-01'"),
        ("pub-2/rollups?startDate=2026-01-01&endDate=2026-01-01", 404, "no publisher 'pub-2'"),
        ("pub-2/metrics/revenue?period=2026-01", 404, "no publisher 'pub-2'"),
    ],
)
def test_a_bad_question_is_told_what_would_do(member: Caller, path: str, status: int, fault: str) -> None:
    """Of another's publisher there is nothing."""
    answer = member.get(f"{PUBLISHERS}/{path}")

    assert (answer.status_code, fault in answer.get_json()["error"]) == (status, True), answer.get_json()


def test_a_caller_lists_their_own_publishers_and_an_operator_all(member: Caller, as_: Called) -> None:
    """Page by page."""
    operator = as_(Role.OPERATOR)

    mine = member.get(PUBLISHERS).get_json()["data"]
    first = operator.get(f"{PUBLISHERS}?limit=1").get_json()["data"]
    second = operator.get(f"{PUBLISHERS}?limit=1&after={first['next']}").get_json()["data"]

    gazette = {"id": "pub-1", "name": "pub-1", "timezone": "UTC", "currency": "USD", "isPremium": False}
    assert mine == {"publishers": [gazette], "next": None}
    assert first["publishers"] == [gazette]
    assert [(one["id"], one["isPremium"]) for one in second["publishers"]] == [("pub-2", True)]


def test_without_redis_figures_are_computed(member: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower, and right."""
    monkeypatch.setenv("CACHE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/1")
    settings.cache_clear()

    answers: list[Any] = [member.get(DAYS) for _ in range(2)]

    assert [(one.status_code, one.headers["X-Cache"]) for one in answers] == [(200, "miss")] * 2
