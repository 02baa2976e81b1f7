"""Reading through the cache: what expired, or was lost in a crash, is filled again from SQL (RULES R8, C10)."""

from __future__ import annotations

import structlog
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.domains.cache.keys import EntryKey
from app.domains.cache.store import Entry, get, put
from app.models.account_analysis import AccountAnalysis
from app.models.seller_account import SellerAccount

log = structlog.get_logger(__name__)


def last_good(key: EntryKey) -> Select[AccountAnalysis]:
    """The row that the entry is a copy of."""
    return (
        select(AccountAnalysis)
        .join(SellerAccount, SellerAccount.id == AccountAnalysis.account_id)
        .where(
            SellerAccount.user_id == key.user_id,
            SellerAccount.country == key.country,
            SellerAccount.region == key.region,
            AccountAnalysis.cadence == key.name,
        )
    )


def read(redis: Redis, session: Session, key: EntryKey, ttl_s: int) -> Entry | None:
    """The entry from the cache, else from SQL; None when the account has never been analysed.

    With Redis away the answer comes from SQL alone.
    """
    try:
        if entry := get(redis, key):
            return entry
    except RedisError as error:
        log.warning("cache.unavailable", key=str(key), reason=str(error))
        return _from_sql(session, key)

    entry = _from_sql(session, key)
    if entry is not None:
        fill(redis, key, entry, ttl_s)
    return entry


def fill(redis: Redis, key: EntryKey, entry: Entry, ttl_s: int) -> None:
    """Copy into the cache what stands in SQL; a Redis that is away is logged, since the next read fills it again."""
    try:
        put(redis, key, entry, ttl_s)
    except RedisError as error:
        log.warning("cache.unavailable", key=str(key), reason=str(error))


def _from_sql(session: Session, key: EntryKey) -> Entry | None:
    row = session.scalar(last_good(key))
    return None if row is None else Entry(row.as_of, row.run, row.result)
