"""/app/jobs/user: a user's own schedule, accounts and updates by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from flask import Blueprint
from pydantic import Field, model_validator
from sqlalchemy.orm import Session
from typing_extensions import TypedDict

from app import db
from app.api.input import Body, read_body
from app.api.replies import Answer, ok
from app.auth.guard import current_user, requires
from app.clock import utc_now
from app.domains.accounts.marketplaces import Region
from app.domains.accounts.sellers import Seller, accounts_of, find_account, sync_accounts
from app.domains.slots.due import next_daily, next_weekly
from app.jobs.payloads import Cadence
from app.jobs.user_updates import enqueue_user
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import AccountState, SellerAccount
from app.models.user import Role
from app.settings import settings

bp = Blueprint("user_jobs", __name__, url_prefix="/app/jobs/user")

Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class ManualUpdate(Body):
    """What to refresh now: one account, or all of them when none is named."""

    country: Country | None = None
    region: Region | None = None
    update_type: Cadence = "daily"

    @model_validator(mode="after")
    def _both_or_none(self) -> ManualUpdate:
        if (self.country is None) != (self.region is None):
            raise ValueError("country and region name an account together: give both, or neither for all accounts")
        return self


class Account(Body):
    """One account; what is left out stays as it was."""

    country: Country
    region: Region
    seller_id: str = Field("", max_length=64)
    ads_profile_id: str = Field("", max_length=32)
    refresh_token: str = Field("", max_length=4096, repr=False)


class Accounts(Body):
    """All accounts of the user."""

    seller_accounts: list[Account] = Field(max_length=100)

    @model_validator(mode="after")
    def _each_once(self) -> Accounts:
        places = [(account.country, account.region) for account in self.seller_accounts]
        if len(set(places)) < len(places):
            raise ValueError("sellerAccounts names a country twice")
        return self


class ShownAccount(TypedDict):
    """One seller account; its token stays here."""

    country: str
    region: str
    state: AccountState
    stateReason: str | None
    lastDailyUpdate: datetime | None
    lastWeeklyUpdate: datetime | None


class ShownSchedule(TypedDict):
    """Document 000's model."""

    userId: str
    dailyUpdateHour: int | None
    weeklyUpdateDay: int | None
    lastDailyUpdate: datetime | None
    lastWeeklyUpdate: datetime | None
    nextDailyUpdate: datetime | None
    nextWeeklyUpdate: datetime | None
    timezone: str
    sellerAccounts: list[ShownAccount]


class AddedUpdate(TypedDict):
    """The job that refreshes."""

    jobId: str


@bp.get("/schedule")
@requires(Role.USER)
def schedule() -> Answer[ShownSchedule]:
    """When the user's data is refreshed, and when it was."""
    with db.reading() as session:
        return ok(_schedule_of(session, current_user().id))


@bp.post("/manual-update")
@requires(Role.USER)
def update_now() -> Answer[AddedUpdate]:
    """Enqueue an update of one account, or of all; 404 if the user has no such account."""
    wanted = read_body(ManualUpdate)
    user_id = current_user().id
    if wanted.country and wanted.region:
        with db.reading() as session:
            find_account(session, user_id, wanted.country, wanted.region)
    job_id = enqueue_user(user_id, cadence=wanted.update_type, country=wanted.country, region=wanted.region)
    return ok({"jobId": job_id}, status=202)


@bp.put("/update-accounts")
@requires(Role.USER)
def update_accounts() -> Answer[ShownSchedule]:
    """Make the user's accounts exactly those of the list; answers with the schedule."""
    listed = read_body(Accounts).seller_accounts
    user_id = current_user().id
    with db.session() as session:
        sync_accounts(session, user_id, [Seller(**account.model_dump()) for account in listed])
        return ok(_schedule_of(session, user_id))


def _schedule_of(session: Session, user_id: str) -> ShownSchedule:
    """Document 000's model; hours and days are null until the user is verified, the next slots in ``TIMEZONE``."""
    kept = session.get(UserUpdateSchedule, user_id)
    now, zone = utc_now(), ZoneInfo(settings().timezone)
    daily = next_daily(kept.daily_update_hour, now, kept.daily_minute) if kept else None
    weekly = next_weekly(kept.weekly_update_day, now, kept.weekly_minute) if kept else None
    return {
        "userId": user_id,
        "dailyUpdateHour": kept.daily_update_hour if kept else None,
        "weeklyUpdateDay": kept.weekly_update_day if kept else None,
        "lastDailyUpdate": kept.last_daily_update if kept else None,
        "lastWeeklyUpdate": kept.last_weekly_update if kept else None,
        "nextDailyUpdate": daily.astimezone(zone) if daily else None,
        "nextWeeklyUpdate": weekly.astimezone(zone) if weekly else None,
        "timezone": settings().timezone,
        "sellerAccounts": [_shown(account) for account in session.scalars(accounts_of(user_id))],
    }


def _shown(account: SellerAccount) -> ShownAccount:
    return {
        "country": account.country,
        "region": account.region,
        "state": account.state,
        "stateReason": account.state_reason or None,
        "lastDailyUpdate": account.last_daily_update,
        "lastWeeklyUpdate": account.last_weekly_update,
    }
