"""The users: their slots and how fresh their data is; those who are late, were never refreshed, or must authorise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from flask import render_template
from pydantic import Field
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app import db
from app.clock import utc_now
from app.dashboard.forms import Form, read_query
from app.dashboard.paging import ROWS, paged
from app.dashboard.site import bp, page
from app.domains.accounts.users import present_users
from app.domains.refresh import lateness
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount
from app.models.user import ID_LENGTH, Role, User

Show = Literal["all", "promised", "late", "never", "revoked"]
#: What each list is called, in the order of the tabs.
TITLES: dict[Show, str] = {
    "all": "All",
    "promised": "With slots",
    "late": "Late",
    "never": "Not refreshed yet",
    "revoked": "To authorise again",
}
Dataset = Literal[
    "orders", "transactions", "economics", "ads",
    "performance_v1", "performance_v2", "finances", "inventory", "sales_traffic", "sales_totals",
]  # fmt: skip


class Asked(Form):
    """Which users, and where the page begins."""

    show: Show = "all"
    dataset: Dataset | None = None
    find: str = Field("", max_length=254)
    after: str = Field("", max_length=ID_LENGTH)


@bp.get("/users")
@page(Role.VIEWER)
def users() -> str:
    """A list; the numbers on its tabs count what each holds."""
    asked, now = read_query(Asked), utc_now()
    with db.reading() as session:
        wanted = listed(asked, now).where(User.id > asked.after).limit(ROWS + 1)
        found = session.scalars(wanted).all()
        of_page = paged(found, lambda user: user.id, "after")
        return render_template(
            "users.html",
            asked=asked,
            titles=TITLES,
            datasets=list(lateness.CYCLE_OF),
            counts={show: _count(session, show, now) for show in TITLES},
            paged=of_page,
            **_of_these(session, [user.id for user in of_page.rows], now),
        )


def listed(asked: Asked, now: datetime) -> Select[User]:
    """The present users that were asked for, by id."""
    found = present_users()
    ids = _ids(asked.show, now, asked.dataset)
    if ids is not None:
        found = found.where(User.id.in_(ids))
    if asked.find:
        found = found.where(or_(User.email.icontains(asked.find, autoescape=True), User.id == asked.find))
    return found


def _ids(show: Show, now: datetime, dataset: str | None = None) -> Select[str] | None:
    """The ids of a list; None for all."""
    match show:
        case "all":
            return None
        case "promised":
            return select(UserUpdateSchedule.user_id)
        case "late":
            return lateness.late_users(now, dataset)
        case "never":
            return lateness.never_refreshed()
        case "revoked":
            return lateness.revoked_users()


def _count(session: Session, show: Show, now: datetime) -> int:
    ids = _ids(show, now)
    return lateness.count_of(session, present_users().with_only_columns(User.id) if ids is None else ids)


def _of_these(session: Session, ids: Sequence[str], now: datetime) -> dict[str, Any]:
    """What the rows of a page show beside the users, by their ids."""
    schedules = select(UserUpdateSchedule).where(UserUpdateSchedule.user_id.in_(ids))
    accounts = select(SellerAccount.user_id, func.count()).where(SellerAccount.user_id.in_(ids))
    late = lateness.late_users(now).where(SellerAccount.user_id.in_(ids))
    revoked = lateness.revoked_users().where(SellerAccount.user_id.in_(ids))
    return {
        "schedules": {one.user_id: one for one in session.scalars(schedules)},
        "accounts": dict(session.execute(accounts.group_by(SellerAccount.user_id)).all()),
        "late": set(session.scalars(late)),
        "revoked": set(session.scalars(revoked)),
    }
