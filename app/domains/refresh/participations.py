"""Where each seller may sell, asked of Amazon anew (S4-14, C38)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import structlog
from redis import Redis
from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from app import db
from app.clock import utc_now
from app.domains.amazon.errors import AccountRevoked, AmazonError, Wait
from app.domains.amazon.http import take
from app.domains.amazon.operations import GET_MARKETPLACES
from app.domains.refresh.amazon_account import open_amazon
from app.models.marketplace_participation import MarketplaceParticipation
from app.models.seller_account import SellerAccount

log = structlog.get_logger(__name__)

#: As many as fit in a run of ten minutes; the next hour goes on with those that were asked longest ago.
AT_ONCE = 500


@dataclass(slots=True)
class Refreshed:
    """Accounts by what became of them. One that ``waits`` has spent its budget, and is asked the next time."""

    refreshed: int = 0
    waiting: int = 0
    revoked: int = 0
    failed: int = 0


class NothingRefreshed(Exception):
    """Not one account could be asked: Amazon is away, or we are not let in."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"none of {failed} accounts could be refreshed; the log says why")


def longest_ago() -> Select[SellerAccount]:
    """Active accounts, those that were never asked first."""
    seen = func.max(MarketplaceParticipation.seen_at)
    return (
        select(SellerAccount)
        .outerjoin(MarketplaceParticipation, MarketplaceParticipation.account_id == SellerAccount.id)
        .where(SellerAccount.state == "active")
        .group_by(SellerAccount.id)
        .order_by(seen.asc().nulls_first(), SellerAccount.id)
        .limit(AT_ONCE)
    )


def refresh_participations(cache: Redis, holder: str) -> dict[str, int]:
    """Ask for each account, a transaction each; one account's failure does not stop the next.

    Raises NothingRefreshed if every single one failed.
    """
    with db.reading() as session:
        accounts = session.scalars(longest_ago()).all()
    done = Refreshed()
    for account in accounts:
        _refresh(account, cache, holder, done)
    if done.failed and not (done.refreshed or done.waiting or done.revoked):
        raise NothingRefreshed(done.failed)
    return asdict(done)


def _refresh(account: SellerAccount, cache: Redis, holder: str, done: Refreshed) -> None:
    try:
        answer = open_amazon(account, cache, holder, utc_now).call(GET_MARKETPLACES)
        stores = [_participation(store) for store in take(GET_MARKETPLACES.name, answer, "payload")]
    except Wait:
        done.waiting += 1
    except AccountRevoked as error:
        with db.session() as session:
            row = session.get(SellerAccount, account.id)
            if row is not None:
                row.state, row.state_reason = "needs_reauthorisation", str(error)
        done.revoked += 1
    except AmazonError as error:
        log.warning("participations.failed", account=account.id, reason=str(error))
        done.failed += 1
    else:
        with db.session() as session:
            _replace(session, account.id, stores, utc_now())
        done.refreshed += 1


def _participation(store: Mapping[str, Any]) -> dict[str, Any]:
    operation = GET_MARKETPLACES.name
    marketplace = take(operation, store, "marketplace")
    participation = take(operation, store, "participation")
    return {
        "marketplace_id": take(operation, marketplace, "id"),
        "country": take(operation, marketplace, "countryCode"),
        "name": take(operation, marketplace, "name"),
        "currency": take(operation, marketplace, "defaultCurrencyCode"),
        "is_participating": take(operation, participation, "isParticipating"),
        "has_suspended_listings": take(operation, participation, "hasSuspendedListings"),
    }


def _replace(session: Session, account_id: str, stores: list[dict[str, Any]], now: datetime) -> None:
    """What Amazon names now is all there is. An account that went meanwhile has none."""
    if session.scalar(select(SellerAccount.id).where(SellerAccount.id == account_id).with_for_update()) is None:
        return
    session.execute(delete(MarketplaceParticipation).where(MarketplaceParticipation.account_id == account_id))
    session.add_all(MarketplaceParticipation(account_id=account_id, seen_at=now, **store) for store in stores)
