"""The first page: is anyone's data late, and why?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from flask import redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from app import db
from app.alerts.state import firing
from app.auth.guard import current_user, sees_all
from app.clock import utc_now
from app.crontab import emergency
from app.crontab.overdue import overdue
from app.dashboard.forms import Form, read_query
from app.dashboard.people import names_of
from app.dashboard.site import bp, page
from app.dashboard.slots import Bars, day, week
from app.domains.maintenance.statistics import queue_counts, workers
from app.domains.refresh import lateness
from app.domains.slots import stats
from app.ledger import failures
from app.ledger.figures.reading import Figures, QueueSeries, Window, queue_series
from app.models.error_group import ErrorGroup
from app.models.user import Role

#: Where one goes about an alert, by its rule.
SEE = {
    "freshness burn": "dashboard.users",
    "entry overdue": "dashboard.schedule",
    "queue latency": "dashboard.queues",
    "failure rate": "dashboard.failures",
    "poison pill": "dashboard.failures",
    "reconciler": "dashboard.audit",
}

#: Of the errors, and of the jobs of each, as on the page of failures.
MOST_CAUSES, MOST_OF_EACH = 6, 1_000


class Asked(Form):
    """How far back the throughput goes."""

    window: Window = "1h"


class Alarm(NamedTuple):
    """Something that makes data late now or soon, and where to go about it."""

    tone: str
    text: str
    href: str
    label: str


class Throughput(NamedTuple):
    """Ended jobs of all queues: in all, and by time."""

    total: Counter[str]
    points: list[tuple[datetime, Counter[str]]]


@bp.get("/overview")
@page(Role.USER)
def overview() -> str | Answer:
    """Whoever sees only their own things goes there instead."""
    if not sees_all():
        return redirect(url_for("dashboard.user", user_id=current_user().id))
    window, now = read_query(Asked).window, utc_now()
    counts = queue_counts()
    with db.reading() as session:
        living = workers(session, now)
        slots = stats.stats(session)
        stop = emergency.standing(session)
        return render_template(
            "overview.html",
            **_freshness(session, now),
            stop=stop,
            people=names_of(session, [stop.by if stop else None]),
            alarms=list(_alarms(session, counts, living, now)),
            living=living,
            counts=counts,
            slots=slots,
            charts=_charts(slots, living, now),
            window=window,
            throughput=_throughput(queue_series(session, window, now)),
            causes=_causes(session),
        )


def _freshness(session: Session, now: datetime) -> dict[str, Any]:
    return {
        "late": lateness.count_of(session, lateness.late_users(now)),
        "never": lateness.count_of(session, lateness.never_refreshed()),
        "promised": stats.daily_freshness(session, now).users,
        "datasets": lateness.late_by_dataset(session, now),
        "worst": lateness.worst(session, now),
    }


def _alarms(session: Session, counts: dict[str, Any] | None, living: int, now: datetime) -> Iterator[Alarm]:
    """What is wrong with the whole, the gravest first: what stops everything, what fires, what waits for a person."""
    if counts is None:
        yield Alarm("bad", "Redis does not answer: nothing starts until it is back.", "/health", "Health")
    if not living:
        workers_page = url_for("dashboard.workers")
        yield Alarm("bad", "No worker is running, so nothing is refreshed. Start one.", workers_page, "Workers")
    paused = [name for name, of_queue in (counts or {}).items() if of_queue["paused"]]
    if paused:
        names = ", ".join(paused)
        yield Alarm("warn", f"Paused: {names}. Nothing of it starts.", url_for("dashboard.audit"), "By whom")
    alerts = firing(session)
    for alert in alerts:
        yield Alarm("bad", alert.text, url_for(SEE[alert.rule]), "See")
    late_entries = [] if any(alert.rule == "entry overdue" for alert in alerts) else overdue(session, now)
    if late_entries:
        names = ", ".join(one.entry_id for one in late_entries[:3]) + (" …" if len(late_entries) > 3 else "")
        yield Alarm("warn", f"Overdue in the schedule: {names}.", url_for("dashboard.schedule"), "Schedule")
    if revoked := lateness.count_of(session, lateness.revoked_users()):
        who = "One user has" if revoked == 1 else f"{revoked:,} users have"
        listed = url_for("dashboard.users", show="revoked")
        yield Alarm("warn", f"{who} to authorise an account again at Amazon.", listed, "Who")


def _charts(slots: stats.SlotStats, living: int, now: datetime) -> list[Bars]:
    """Users of each slot against what the workers that live now can do in it."""
    busy_s = slots.workers.busy_s
    per_hour = None if not busy_s or not living else living * slots.workers.concurrency * 3_600 / busy_s
    return [day(slots.daily.users, per_hour, now), week(slots.weekly.users, per_hour, now)]


def _causes(session: Session) -> list[tuple[ErrorGroup, failures.Count]]:
    """The errors that were seen last, and how many jobs are failed with each now; those without any left out."""
    latest = session.scalars(failures.groups(MOST_CAUSES))
    counted = [(group, failures.count_failed(session, group.id, MOST_OF_EACH)) for group in latest]
    return [(group, failed) for group, failed in counted if failed.number]


def _throughput(series: list[QueueSeries]) -> Throughput:
    total: Counter[str] = Counter()
    points: dict[datetime, Counter[str]] = {}
    for of_queue in series:
        total.update(_ends(of_queue.total))
        for point in of_queue.points:
            points.setdefault(point.at, Counter()).update(_ends(point.figures))
    return Throughput(total, sorted(points.items()))


def _ends(figures: Figures) -> dict[str, int]:
    ends = ("completed", "partial", "failed", "cancelled")
    return {name: getattr(figures, name) for name in ends}
