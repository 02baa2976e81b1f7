"""One user: when their data is refreshed, how fresh it is, what stands in its way, and what happened so far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import render_template, url_for
from pydantic import Field
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from app import db
from app.auth.acts import act
from app.auth.guard import Forbidden, current_user, sees
from app.broker.connection import connect
from app.clock import utc_now
from app.crontab import emergency
from app.dashboard.forms import Form, read_form, read_query
from app.dashboard.paging import ROWS, Paged, paged
from app.dashboard.site import bp, page, said
from app.domains.accounts.errors import UserNotFound
from app.domains.accounts.sellers import accounts_of, find_account
from app.domains.accounts.users import find_user
from app.domains.amazon.budget import Budget, Left, payer
from app.domains.refresh import lateness
from app.domains.slots.due import next_daily, next_weekly
from app.jobs.payloads import Cadence
from app.jobs.user_updates import enqueue_user
from app.ledger import queries
from app.models.dataset_update import DatasetUpdate
from app.models.job_status import JobStatus
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount
from app.models.user import Role
from app.settings import settings


class Refresh(Form):
    """What to refresh now: every account, or one."""

    cadence: Cadence = "daily"
    account: str = Field("", max_length=8, pattern=r"^([A-Z]{2}/[A-Z]{2})?$")


class Before(Form):
    """Where the page of the history begins."""

    before: int | None = Field(None, ge=1, lt=2**63)


class Slots(NamedTuple):
    """The next turns, in the zone in which times are shown."""

    daily: datetime
    weekly: datetime


class Cell(NamedTuple):
    """One dataset of one account: fresh, late, failed on the last try, or never."""

    state: str
    good_at: datetime | None
    reason: str


@bp.get("/users/<key:user_id>")
@page(Role.USER)
def user(user_id: str) -> str:
    """Oneself, or anyone for a viewer."""
    if not sees(user_id):
        raise UserNotFound(user_id)
    now = utc_now()
    with db.reading() as session:
        whose = find_user(session, user_id)
        accounts = session.scalars(accounts_of(user_id)).all()
        schedule = session.get(UserUpdateSchedule, user_id)
        return render_template(
            "user.html",
            whose=whose,
            accounts=accounts,
            schedule=schedule,
            slots=schedule and _slots(schedule, now),
            datasets=lateness.CYCLE_OF,
            freshness=_freshness(session, accounts, now),
            budgets=_budgets(accounts),
            history=_history(session, user_id),
            can_act=_may_act(user_id),
        )


@bp.post("/users/<key:user_id>/refresh")
@page(Role.USER)
def refresh_user(user_id: str) -> Answer:
    """Enqueue an update now: one's own, or anyone's for an operator."""
    if not sees(user_id):
        raise UserNotFound(user_id)
    if not _may_act(user_id):
        raise Forbidden(current_user().role, Role.OPERATOR)
    asked = read_form(Refresh)
    country, _, region = asked.account.partition("/")
    with db.reading() as session:
        emergency.refuse_while_stopped(session)
        find_user(session, user_id)
        if country:
            find_account(session, user_id, country, region)
    with act("user.refreshed", f"user {user_id}", why=None, details=asked.model_dump()):
        job_id = enqueue_user(user_id, asked.cadence, country=country or None, region=region or None)
    return said(url_for("dashboard.user", user_id=user_id), f"Update {job_id} is on its way.")


def _may_act(user_id: str) -> bool:
    return current_user().id == user_id or current_user().role.includes(Role.OPERATOR)


def _slots(schedule: UserUpdateSchedule, now: datetime) -> Slots:
    zone = ZoneInfo(settings().timezone)
    return Slots(
        next_daily(schedule.daily_update_hour, now, schedule.daily_minute).astimezone(zone),
        next_weekly(schedule.weekly_update_day, now, schedule.weekly_minute).astimezone(zone),
    )


def _freshness(session: Session, accounts: Sequence[SellerAccount], now: datetime) -> dict[tuple[str, str], Cell]:
    """By account and dataset."""
    theirs = select(DatasetUpdate).where(DatasetUpdate.account_id.in_([account.id for account in accounts]))
    return {(one.account_id, one.dataset): _cell(one, now) for one in session.scalars(theirs)}


def _cell(update: DatasetUpdate, now: datetime) -> Cell:
    if update.dataset in lateness.CYCLE_OF and lateness.is_late(update.dataset, update.good_at, now):
        return Cell("late" if update.good_at else "never", update.good_at, update.reason)
    return Cell("failed" if update.status == "failed" else "fresh", update.good_at, update.reason)


def _budgets(accounts: Sequence[SellerAccount]) -> dict[str, list[Left]] | None:
    """What each account's seller may still call, by account; None while Redis is away."""
    budget = Budget(connect(settings().cache_redis_url))
    try:
        return {one.id: budget.left(payer(one.region, one.seller_id, one.id)) for one in accounts}
    except RedisError:
        return None


def _history(session: Session, user_id: str) -> Paged[JobStatus]:
    jobs = session.scalars(queries.jobs_of_user(user_id, ROWS + 1, read_query(Before).before)).all()
    return paged(jobs, lambda job: job.id)
