"""A reader finds what a crash left out, and the cleaning removes what expiry cannot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine

from app import db
from app.broker.connection import connect
from app.domains.cache.clean import Cleaned, clean
from app.domains.cache.keys import EntryKey
from app.domains.cache.read import read
from app.domains.cache.store import Entry, get, put
from app.models.account_analysis import AccountAnalysis
from app.models.seller_account import SellerAccount
from app.models.user import User
from tests.servers import RedisServer, redis_server

KEY = EntryKey("7", "US", "NA", "daily")
NINE = datetime(2026, 1, 1, 9, tzinfo=UTC)
GOOD = Entry(NINE, 3, {"net_sales": "12.50"})


@pytest.fixture
def analysed(database: Engine) -> None:
    """User 7 with one analysed account, and user 8 who was removed."""
    with db.session() as session:
        session.add(User(id="7", email="7@example.com", password_hash=""))
        session.add(User(id="8", email="8@example.com", password_hash="", removed_at=NINE))
        session.flush()
        session.add(SellerAccount(id="a", user_id="7", country="US", region="NA"))
        session.flush()
        session.add(AccountAnalysis(account_id="a", cadence="daily", as_of=NINE, run=3, result={"net_sales": "12.50"}))


def test_a_read_fills_what_a_crash_left_out(analysed: None, redis: Redis) -> None:
    """RULES R8: between the SQL commit and the cache a worker may die."""
    with db.session() as session:
        found = read(redis, session, KEY, ttl_s=60)

    assert found == GOOD
    assert get(redis, KEY) == GOOD


def test_a_read_prefers_the_cache(analysed: None, redis: Redis) -> None:
    """The point of a cache."""
    newer = Entry(NINE.replace(hour=10), 4, {"net_sales": "99.00"})
    put(redis, KEY, newer, ttl_s=60)

    with db.session() as session:
        found = read(redis, session, KEY, ttl_s=60)

    assert found == newer


def test_an_account_never_analysed_reads_as_none(analysed: None, redis: Redis) -> None:
    """Absence is not an empty entry."""
    with db.session() as session:
        found = read(redis, session, KEY._replace(name="weekly"), ttl_s=60)

    assert found is None
    assert redis.dbsize() == 0


def test_a_read_with_redis_away_answers_from_sql(analysed: None, tmp_path: Path) -> None:
    """CONTRACTS S0-20: a Redis failure is handled gracefully."""
    with redis_server(tmp_path) as server:
        away: RedisServer = server

    with db.session() as session:
        found = read(connect(away.url), session, KEY, ttl_s=60)

    assert found == GOOD


def test_cleaning_removes_what_has_no_ttl_and_what_has_no_user(analysed: None, redis: Redis) -> None:
    """CONTRACTS C11: and leaves the good entry, and every key of somebody else."""
    put(redis, KEY, GOOD, ttl_s=60)
    put(redis, KEY._replace(user_id="8"), GOOD, ttl_s=60)
    redis.hset(str(KEY._replace(name="weekly")), "as_of", "1")
    redis.set("budget:a:orders", "20")

    cleaned = clean(redis)

    assert cleaned == Cleaned(seen=3, without_ttl=1, without_user=1)
    assert set(redis.scan_iter()) == {str(KEY), "budget:a:orders"}


def test_cleaning_never_asks_for_all_keys(analysed: None, redis: Redis) -> None:
    """CONTRACTS C11, TRAPS: KEYS stops Redis for everybody; 1,201 entries take several SCANs."""
    for number in range(1_201):
        redis.hset(str(KEY._replace(user_id=f"gone-{number}")), "as_of", "1")
        redis.expire(str(KEY._replace(user_id=f"gone-{number}")), 60)
    redis.config_resetstat()

    cleaned = clean(redis)

    commands = redis.info("commandstats")
    assert cleaned.without_user == 1_201
    assert "cmdstat_keys" not in commands
    assert commands["cmdstat_scan"]["calls"] > 1
