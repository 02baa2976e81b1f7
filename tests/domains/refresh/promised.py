"""Users with slots, accounts and datasets of a given age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app import db
from app.domains.accounts.users import register
from app.models.dataset_update import DatasetUpdate
from app.models.schedule import UserUpdateSchedule
from app.models.seller_account import SellerAccount

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def add_promised(
    name: str,
    ages: dict[str, timedelta | None],
    *,
    now: datetime = NOON,
    has_slots: bool = True,
    revoked: str = "",
    failed: str = "",
) -> str:
    """A user with one account whose datasets are that old (None: they never came); returns the id.

    ``revoked`` and ``failed`` are reasons: of the account, and of each dataset's last try.
    """
    with db.session() as session:
        user = register(session, f"{name}@example.com", "")
        daily = [age for age in ages.values() if age is not None]
        if has_slots:
            last = now - max(daily) if daily else None
            slots = UserUpdateSchedule(
                user_id=user.id, daily_update_hour=9, weekly_update_day=4, last_daily_update=last
            )
            session.add(slots)
        state = "needs_reauthorisation" if revoked else "active"
        account = SellerAccount(
            user_id=user.id, country="DE", region="EU", state=state, state_reason=revoked, refresh_token="sealed"
        )
        session.add(account)
        session.flush()
        for dataset, age in ages.items():
            good_at = None if age is None else now - age
            status = "failed" if failed else "ok"
            session.add(
                DatasetUpdate(
                    account_id=account.id, dataset=dataset, status=status, reason=failed, good_at=good_at, tried_at=now
                )
            )
        return user.id
