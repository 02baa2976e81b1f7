"""A seller account's line to Amazon, and the stretch of time that each cadence looks at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from redis import Redis

from app import secrets
from app.domains.amazon.client import Amazon
from app.domains.amazon.seller import Seller
from app.domains.amazon.windows import Window
from app.models.seller_account import SellerAccount

#: Finances lag by 48 hours and orders change for weeks, so every refresh looks at a whole trailing month again.
WINDOW_DAYS = 30


def open_amazon(account: SellerAccount, redis: Redis, holder: str, now: Callable[[], datetime]) -> Amazon:
    """The client for that account. Budgets are reserved for the ``holder``, so that a parked job keeps its own."""
    seller = Seller(
        account_id=account.id,
        seller_id=account.seller_id,
        region=account.region,
        country=account.country,
        marketplace_id=account.marketplace_id,
        ads_profile_id=account.ads_profile_id or None,
        refresh_token=secrets.unseal(account.refresh_token),
    )
    return Amazon(seller, redis=redis, cipher=secrets, holder=holder, now=now)


def window_of(as_of: datetime) -> Window:
    """The month up to the moment at which the job first asked: equal in all its runs, so that reports stay valid."""
    return Window.trailing(as_of, WINDOW_DAYS)
