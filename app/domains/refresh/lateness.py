"""Whose data is late, in which dataset, and why: what the dashboard's first page answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, func, join, or_, select
from sqlalchemy.orm import Session

from app.domains.amazon import datasets
from app.domains.slots.cycle import DAILY, WEEKLY, Cycle
from app.models.dataset_update import DatasetUpdate
from app.models.job_status import JobStatus, Status
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount
from app.models.user import User

#: By dataset, the cycle in which it is promised.
CYCLE_OF: Mapping[str, Cycle] = {
    **dict.fromkeys(datasets.DAILY, DAILY),
    **dict.fromkeys(datasets.WEEKLY, WEEKLY),
}

Kind = Literal["revoked", "failed", "waiting", "running", "unknown"]


@dataclass(frozen=True, slots=True)
class LateDataset:
    """How many users have it older than promised, and the age of the oldest; None while it never came."""

    dataset: str
    cadence: str
    users: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class LateUser:
    """A user, their stalest dataset (``good_at`` None: it never came), how many are late, and the likeliest cause."""

    user_id: str
    email: str
    dataset: str
    good_at: datetime | None
    late: int
    kind: Kind
    why: str


@dataclass(frozen=True, slots=True)
class _Row:
    user_id: str
    update: DatasetUpdate
    account: SellerAccount


def is_late(dataset: str, good_at: datetime | None, now: datetime) -> bool:
    """Whether data as of then is older than promised."""
    return good_at is None or good_at < now - CYCLE_OF[dataset].late_after


def late_by_dataset(session: Session, now: datetime) -> list[LateDataset]:
    """Every dataset, the daily ones first. Whoever was never refreshed at all is not in here: ``never_refreshed``."""
    counted = select(
        DatasetUpdate.dataset, func.count(SellerAccount.user_id.distinct()), func.min(DatasetUpdate.good_at)
    )
    found = session.execute(counted.select_from(_PROMISED).where(_late(now)).group_by(DatasetUpdate.dataset))
    late = {dataset: (users, oldest) for dataset, users, oldest in found}
    return [LateDataset(name, cycle.cadence, *late.get(name, (0, None))) for name, cycle in CYCLE_OF.items()]


def late_users(now: datetime, dataset: str | None = None) -> Select[str]:
    """The ids of users for whom that dataset is late, or any; each once."""
    late = select(SellerAccount.user_id).select_from(_PROMISED).where(_late(now)).distinct()
    return late if dataset is None else late.where(DatasetUpdate.dataset == dataset)


def never_refreshed() -> Select[str]:
    """The ids of users with slots whose first daily refresh has not succeeded yet."""
    return select(UserUpdateSchedule.user_id).where(UserUpdateSchedule.last_daily_update.is_(None))


def revoked_users() -> Select[str]:
    """The ids of users who must authorise an account again; each once."""
    return select(SellerAccount.user_id).where(SellerAccount.state == "needs_reauthorisation").distinct()


def count_of(session: Session, users: Select[str]) -> int:
    """How many ids a statement above gives."""
    return session.scalar(select(func.count()).select_from(users.subquery())) or 0


def worst(session: Session, now: datetime, limit: int = 8) -> list[LateUser]:
    """The users with the oldest data, the oldest first, each with the cause."""
    oldest = func.min(DatasetUpdate.good_at)
    found = session.execute(
        select(SellerAccount.user_id, func.count(DatasetUpdate.dataset.distinct()))
        .select_from(_PROMISED)
        .where(_late(now))
        .group_by(SellerAccount.user_id)
        .order_by(oldest.is_(None), oldest, SellerAccount.user_id)
        .limit(limit)
    ).all()
    ids = [user_id for user_id, _ in found]
    emails = dict(session.execute(select(User.id, User.email).where(User.id.in_(ids))).all())
    rows, jobs = _rows(session, ids, now), _open_jobs(session, ids)
    return [
        _late_user(user_id, emails.get(user_id, user_id), late, rows[user_id], jobs.get(user_id))
        for user_id, late in found
    ]


def cause(rows: Sequence[tuple[SellerAccount, DatasetUpdate]], job: JobStatus | None) -> tuple[Kind, str]:
    """The likeliest reason that these are late: what needs a person first, then what is on its way, then a failure."""
    for account, _ in rows:
        if account.state == "needs_reauthorisation":
            return "revoked", f"{account.country} must be authorised again at Amazon: {account.state_reason}"
    if job is not None and job.status == Status.ACTIVE:
        return "running", f"its update {job.job_id} is running"
    if job is not None:
        return "waiting", f"its update {job.job_id} is {job.status}"
    for account, update in rows:
        if update.status == "failed" and update.reason:
            return "failed", f"{account.country} {update.dataset}: {update.reason}"
    return "unknown", "its last update went well, and no other has begun since"


def _late(now: datetime) -> ColumnElement[bool]:
    """Written by dataset and age, so that an index finds the late ones alone."""
    return or_(
        *(
            and_(DatasetUpdate.dataset.in_(names), or_(DatasetUpdate.good_at < now - cycle.late_after, _NEVER))
            for names, cycle in ((datasets.DAILY, DAILY), (datasets.WEEKLY, WEEKLY))
        )
    )


_NEVER = DatasetUpdate.good_at.is_(None)


#: Updates of accounts of users who have slots: others were promised nothing.
_PROMISED = join(DatasetUpdate, SellerAccount, SellerAccount.id == DatasetUpdate.account_id).join(
    UserUpdateSchedule, UserUpdateSchedule.user_id == SellerAccount.user_id
)


def _rows(session: Session, user_ids: Iterable[str], now: datetime) -> dict[str, list[_Row]]:
    theirs = (
        select(SellerAccount, DatasetUpdate)
        .join(DatasetUpdate, DatasetUpdate.account_id == SellerAccount.id)
        .where(SellerAccount.user_id.in_(user_ids), _late(now))
    )
    rows: dict[str, list[_Row]] = {}
    for account, update in session.execute(theirs):
        rows.setdefault(account.user_id, []).append(_Row(account.user_id, update, account))
    return rows


def _open_jobs(session: Session, user_ids: Iterable[str]) -> dict[str, JobStatus]:
    """By user, the newest job that has not ended."""
    theirs = select(JobStatus).where(JobStatus.user_id.in_(user_ids), JobStatus.ended_at.is_(None))
    return {job.user_id: job for job in session.scalars(theirs.order_by(JobStatus.id)) if job.user_id}


def _late_user(user_id: str, email: str, late: int, rows: list[_Row], job: JobStatus | None) -> LateUser:
    stalest = min(rows, key=lambda row: (row.update.good_at is None, row.update.good_at or 0))
    kind, why = cause([(row.account, row.update) for row in rows], job)
    return LateUser(user_id, email, stalest.update.dataset, stalest.update.good_at, late, kind, why)
