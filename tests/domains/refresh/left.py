"""What a refresh has left behind of user 7, in SQL; and the names of the cache's entries."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app import db
from app.domains.cache.keys import EntryKey
from app.models.account_analysis import AccountAnalysis
from app.models.dataset_update import DatasetUpdate
from app.models.job_status import JobStatus
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount
from tests.ledger.rows import all_rows

US = EntryKey("7", "US", "NA", "daily")
DE = EntryKey("7", "DE", "EU", "daily")
JP = EntryKey("7", "JP", "FE", "daily")


def account(country: str) -> SellerAccount:
    """The user's account there, as it stands."""
    with db.reading() as session:
        return session.scalars(select(SellerAccount).where(SellerAccount.country == country)).one()


def last_daily_of_user() -> datetime | None:
    """The user's time of the last good daily update."""
    with db.reading() as session:
        return session.get_one(UserUpdateSchedule, "7").last_daily_update


def datasets(country: str) -> dict[str, DatasetUpdate]:
    """What is known of each dataset of that account."""
    with db.reading() as session:
        updates = session.scalars(select(DatasetUpdate).where(DatasetUpdate.account_id == account(country).id))
        return {update.dataset: update for update in updates}


def statuses(country: str) -> dict[str, str]:
    """How the last try of each dataset of that account went."""
    return {name: update.status for name, update in datasets(country).items()}


def kept(country: str, cadence: str = "daily") -> AccountAnalysis:
    """The analysis that stands in SQL."""
    with db.reading() as session:
        return session.get_one(AccountAnalysis, (account(country).id, cadence))


def row_of(job_id: str) -> JobStatus:
    """That job's row."""
    return next(row for row in all_rows() if row.job_id == job_id)
