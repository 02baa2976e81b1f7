"""/api/v1/publishers: a publisher's rollups and metrics, to its members and to operators (documents 003, C39).

Answers are cached for ten minutes; ``X-Cache`` says ``hit`` or ``miss``. Those that are read most are kept warm.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, Self

from flask import Blueprint, after_this_request
from pydantic import Field, model_validator
from typing_extensions import TypedDict

from app import db
from app.api.input import Page, Query, read_query
from app.api.replies import Answer, ok
from app.api.served import publisher_to_serve
from app.auth.guard import current_user, requires
from app.broker.connection import connect
from app.clock import utc_now
from app.domains.cache import answers
from app.domains.publishers.accounts import all_publishers, publishers_of
from app.domains.publishers.answers import check_range, compute
from app.jobs.payloads import Day, Period
from app.models.publisher import Publisher
from app.models.publisher_metric import MetricType
from app.models.rollup import Granularity
from app.models.user import Role
from app.settings import settings

bp = Blueprint("publisher_figures", __name__, url_prefix="/api/v1/publishers")


class PublishersPage(Page):
    """A page begins after that id."""

    after: str = Field("", max_length=64, pattern=r"^[^\x00]*$")


class ShownPublisher(TypedDict):
    """Its days begin in its zone; its revenue is in one currency."""

    id: str
    name: str
    timezone: str
    currency: str
    isPremium: bool


class Publishers(TypedDict):
    """By id; ``next`` is the ``after`` of the page behind, null on the last."""

    publishers: list[ShownPublisher]
    next: str | None


class Range(Query):
    """Days of the publisher's own zone, both included."""

    granularity: Granularity = "day"
    start_date: Day
    end_date: Day

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        check_range(self.granularity, self.start_date, self.end_date)
        return self


class ShownRollup(TypedDict):
    """Amounts and ratios are texts; a ratio is null where there is nothing to divide by."""

    startsAt: str
    endsAt: str
    requests: int
    impressions: int
    clicks: int
    revenue: str
    fillRate: str | None
    ctr: str | None
    ecpm: str | None


class Rollups(TypedDict):
    """Those that have events, the oldest first."""

    publisherId: str
    granularity: Granularity
    currency: str
    rollups: list[ShownRollup]


class Asked(Query):
    """An hour, a day, a week or a month of the publisher's clock: ``2026-01-31T09``, ``2026-W05``…"""

    period: Period


class Metrics(TypedDict):
    """``figures`` are those of docs/analytics.md, of the events as they are."""

    publisherId: str
    metricType: MetricType
    period: str
    startsAt: str
    endsAt: str
    figures: dict[str, Any]


@bp.get("")
@requires(Role.USER)
def mine() -> Answer[Publishers]:
    """The caller's publishers; an operator sees all."""
    asked, user = read_query(PublishersPage), current_user()
    of_caller = all_publishers() if user.role.includes(Role.OPERATOR) else publishers_of(user.id)
    with db.reading() as session:
        found = session.scalars(of_caller.where(Publisher.id > asked.after).limit(asked.limit)).all()
    following = found[-1].id if len(found) == asked.limit else None
    return ok({"publishers": [_as_dict(one) for one in found], "next": following})


@bp.get("/<key:publisher_id>/rollups")
@requires(Role.USER)
def rollups(publisher_id: str) -> Answer[Rollups]:
    """Its events added up by hour, day, week or month, as the last aggregation has left them."""
    _check_is_served(publisher_id)
    asked = read_query(Range)
    found: Rollups = _read("rollups", publisher_id, asked.granularity, str(asked.start_date), str(asked.end_date))
    return ok(found)


@bp.get("/<key:publisher_id>/metrics/<metric_type>")
@requires(Role.USER)
def metrics(publisher_id: str, metric_type: str) -> Answer[Metrics]:
    """Its performance, revenue or quality in a period, from the events as they are."""
    _check_is_served(publisher_id)
    asked = read_query(Asked)
    found: Metrics = _read("metrics", publisher_id, metric_type, asked.period)
    return ok(found)


def _check_is_served(publisher_id: str) -> None:
    with db.reading() as session:
        publisher_to_serve(session, publisher_id)


def _read(kind: str, *parts: str) -> Any:
    key = answers.answer_key(kind, *parts)
    found = answers.read(connect(settings().cache_redis_url), key, partial(compute, kind, *parts), utc_now())
    said: Literal["hit", "miss"] = "hit" if found.is_hit else "miss"

    @after_this_request
    def tell(response: Any) -> Any:
        response.headers["X-Cache"] = said
        return response

    return found.body


def _as_dict(publisher: Publisher) -> ShownPublisher:
    return {
        "id": publisher.id,
        "name": publisher.name,
        "timezone": publisher.timezone,
        "currency": publisher.currency,
        "isPremium": publisher.is_premium,
    }
